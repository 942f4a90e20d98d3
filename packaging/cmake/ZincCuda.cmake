# zinc_cuda_images(OUT): compiles every cuda/*/*.cu to a fat binary and makes one
# source with their bytes and a table of them. OUT gets that source.
set(ZINC_CUDA_ARCHS "native" CACHE STRING "Compute capabilities to compile kernels for, the last one also as PTX: a list like 80;86;89;90, as packages have it, or native: those of this machine's GPUs, 89 where it has none")
set(ZINC_CUDA_FLAGS "-lineinfo" CACHE STRING "Flags for nvcc; -lineinfo is for profilers, and puts the path of the build into the kernels")
option(ZINC_CUDA_IMAGES "Compile the kernels with nvcc; OFF leaves a plugin that only the emulated driver of the tests can use" ON)

# The capabilities of the GPUs here: "89".
function(zinc_cuda_native out)
	execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
		OUTPUT_VARIABLE caps ERROR_QUIET RESULT_VARIABLE rc)
	string(REGEX MATCHALL "[0-9]+\\.[0-9]+" caps "${caps}")
	string(REPLACE "." "" caps "${caps}")
	list(REMOVE_DUPLICATES caps)
	list(SORT caps)
	if(NOT rc EQUAL 0 OR NOT caps)
		set(caps 89)
	endif()
	set(${out} ${caps} PARENT_SCOPE)
endfunction()

function(zinc_cuda_flags out)
	set(flags)
	set(archs ${ZINC_CUDA_ARCHS})
	if(archs STREQUAL "native")
		zinc_cuda_native(archs)
	endif()
	foreach(arch IN LISTS archs)
		list(APPEND flags -gencode=arch=compute_${arch},code=sm_${arch})
	endforeach()
	list(GET archs -1 last)
	list(APPEND flags -gencode=arch=compute_${last},code=compute_${last})
	set(${out} ${flags} PARENT_SCOPE)
endfunction()

function(zinc_cuda_images out)
	file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cuda/*/*.cu")
	file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/cuda/*/*.cuh" "${PROJECT_SOURCE_DIR}/cuda/*/*.h")
	zinc_cuda_flags(arch_flags)
	set(table "")
	set(blobs "")
	set(n 0)
	set(images)
	if(NOT ZINC_CUDA_IMAGES)
		set(sources)
		set(n 1)
		set(table "\t{\"none\", \"no kernels in this build\"},\n")
	endif()
	foreach(source IN LISTS sources)
		get_filename_component(family "${source}" DIRECTORY)
		get_filename_component(family "${family}" NAME)
		get_filename_component(name "${source}" NAME_WE)
		set(image "${CMAKE_CURRENT_BINARY_DIR}/${family}_${name}.fatbin")
		add_custom_command(OUTPUT "${image}"
			COMMAND sh ${PROJECT_SOURCE_DIR}/packaging/cmake/nvcc_image.sh "${image}.log"
				${CUDAToolkit_NVCC_EXECUTABLE} -O3 -std=c++17 ${ZINC_CUDA_FLAGS} --fatbin ${arch_flags}
				-Xfatbin=--compress-all -I${PROJECT_SOURCE_DIR}/cuda -I${PROJECT_SOURCE_DIR}/cuda/common
				-o "${image}" "${source}"
			DEPENDS "${source}" ${headers} ${PROJECT_SOURCE_DIR}/packaging/cmake/nvcc_image.sh
			COMMENT "Compiling kernels ${family}/${name}" VERBATIM)
		list(APPEND images "${image}")
		string(APPEND blobs "__asm__(\".section .rodata\\n.balign 16\\n.hidden ada_image_${family}_${name}\\n\"\n"
			"\t\".global ada_image_${family}_${name}\\nada_image_${family}_${name}:\\n\"\n"
			"\t\".incbin \\\"${image}\\\"\\n.previous\");\n"
			"extern const unsigned char ada_image_${family}_${name}[];\n")
		string(APPEND table "\t{\"${family}/${name}\", ada_image_${family}_${name}},\n")
		math(EXPR n "${n} + 1")
	endforeach()
	file(CONFIGURE OUTPUT images.c CONTENT "#include \"images.h\"\n\n@blobs@\nconst struct ada_image ada_images[] = {\n@table@};\nconst uint32_t ada_n_images = @n@;\n" @ONLY)
	set_source_files_properties("${CMAKE_CURRENT_BINARY_DIR}/images.c" PROPERTIES OBJECT_DEPENDS "${images}")
	set(${out} "${CMAKE_CURRENT_BINARY_DIR}/images.c" PARENT_SCOPE)
endfunction()
