# Sets shader_pack: ZINC_SHADER_PACK, or what the shaders of shaders/variants.ini
# are compiled and packed to. A section's `needs` are probed on the compiler; `chain`
# has a shader compiled twice.
set(shader_pack "${CMAKE_CURRENT_BINARY_DIR}/shaders.pack")
if(ZINC_SHADER_PACK)
	set(shader_pack "${ZINC_SHADER_PACK}")
	return()
endif()

set(shader_dir "${PROJECT_SOURCE_DIR}/shaders")
set(shader_flags --target-env=vulkan1.2 -O)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${shader_dir}/variants.ini")

# glslc_knows(FEATURE RESULT): compiles a shader that requires the extension.
function(glslc_knows feature result)
	string(MD5 key "${glslc}")
	set(var "ZINC_GLSLC_KNOWS_${feature}_${key}")
	if(NOT DEFINED ${var})
		set(probe "${CMAKE_CURRENT_BINARY_DIR}/probe_${feature}.comp")
		file(WRITE "${probe}" "#version 460\n#extension ${feature} : require\nvoid main() {}\n")
		execute_process(COMMAND "${glslc}" ${shader_flags} -o "${probe}.spv" "${probe}"
			RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
		if(failed)
			set(${var} OFF CACHE INTERNAL "")
		else()
			set(${var} ON CACHE INTERNAL "")
		endif()
	endif()
	set(${result} ${${var}} PARENT_SCOPE)
endfunction()

set(shader_files "")
set(shader_args "variants.ini=${shader_dir}/variants.ini")
set(shader "")
set(shaders "")
set(chained "")
file(STRINGS "${shader_dir}/variants.ini" lines)
foreach(line IN LISTS lines)
	if(line MATCHES "^\\[(.+)\\]$")
		set(shader "${CMAKE_MATCH_1}")
		list(APPEND shaders "${shader}")
	elseif(line MATCHES "^needs *= *(.+)$")
		string(REPLACE " " ";" needs "${CMAKE_MATCH_1}")
		foreach(feature IN LISTS needs)
			glslc_knows(${feature} known)
			if(NOT known)
				message(STATUS "shader ${shader} is left out: ${glslc} lacks ${feature} "
					"(sh packaging/glslc.sh DIR, then -DZINC_GLSLC=DIR/glslc)")
				list(REMOVE_ITEM shaders "${shader}")
			endif()
		endforeach()
	elseif(line MATCHES "^chain *= *yes$")
		list(APPEND chained "${shader}")
	endif()
endforeach()

# compile_shader(SHADER NAME [FLAGS...]): puts it into the pack under NAME.
macro(compile_shader shader name)
	set(source "${shader_dir}/${shader}.comp")
	set(spirv "${CMAKE_CURRENT_BINARY_DIR}/${name}.spv")
	get_filename_component(folder "${spirv}" DIRECTORY)
	file(MAKE_DIRECTORY "${folder}")
	add_custom_command(OUTPUT "${spirv}"
		COMMAND "${glslc}" ${shader_flags} ${ARGN} -MD -MF "${spirv}.d" -o "${spirv}" "${source}"
		DEPENDS "${source}" DEPFILE "${spirv}.d" COMMENT "Shader ${name}" VERBATIM)
	list(APPEND shader_files "${spirv}")
	list(APPEND shader_args "${name}=${spirv}")
endmacro()

foreach(shader IN LISTS shaders)
	compile_shader("${shader}" "${shader}")
	if(shader IN_LIST chained)
		compile_shader("${shader}" "${shader}.chain" -DCHAIN)
	endif()
endforeach()

add_executable(pack_tool pack_tool.c)
set_target_properties(pack_tool PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}")
target_link_libraries(pack_tool PRIVATE zinc_flags PkgConfig::ZSTD)
add_custom_command(OUTPUT "${shader_pack}" COMMAND pack_tool "${shader_pack}" ${shader_args}
	DEPENDS pack_tool ${shader_files} "${shader_dir}/variants.ini" COMMENT "Shader pack" VERBATIM)
