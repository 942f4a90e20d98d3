# The matrix product of the CPU backend, on every instruction set of this
# machine; AVX-512 by SIMDe as well, where its headers are installed.
include("${PROJECT_SOURCE_DIR}/backends/cpu/linear.cmake")

set(LINEAR_HARNESS linear_host.c linear_case.c linear_check.c)
set(LINEAR_TESTS test_linear test_linear_rows)

# linear_tests(SUFFIX SOURCES...): the kernels and the harness compiled once, both
# tests on top of them.
function(linear_tests suffix)
	set(lib linear_under_test${suffix})
	add_library(${lib} STATIC ${LINEAR_HARNESS} ${ARGN})
	target_include_directories(${lib} PUBLIC "${PROJECT_SOURCE_DIR}/backends/cpu"
		"${PROJECT_SOURCE_DIR}/tests")
	target_link_libraries(${lib} PUBLIC zinc_headers PkgConfig::CMOCKA Threads::Threads
		PRIVATE zinc_flags)
	foreach(test IN LISTS LINEAR_TESTS)
		zinc_test(${test}${suffix} ${test}.c LIBS ${lib})
	endforeach()
endfunction()

linear_tests("" ${CPU_LINEAR_SOURCES})

include(CheckIncludeFile)
check_include_file(simde/x86/avx512.h HAVE_SIMDE)
if(HAVE_SIMDE AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
	# The same files, compiled for AVX2 with the wider vectors emulated.
	set(emulated)
	foreach(file IN LISTS CPU_LINEAR_AVX512)
		get_filename_component(name "${file}" NAME)
		set(copy "${CMAKE_CURRENT_BINARY_DIR}/simde_${name}")
		file(CONFIGURE OUTPUT "${copy}" CONTENT "#include \"${name}\"\n")
		list(APPEND emulated "${copy}")
	endforeach()
	set_source_files_properties(${emulated} PROPERTIES
		COMPILE_OPTIONS "-ffp-contract=off;-mavx2;-mfma;-mf16c;-w;-Wno-psabi")
	set(sources ${CPU_LINEAR_SOURCES})
	list(REMOVE_ITEM sources ${CPU_LINEAR_AVX512})
	linear_tests(_simde ${sources} ${emulated})
	target_compile_definitions(linear_under_test_simde PUBLIC LIN_SIMDE)
endif()

# Not a test: `cmake --build . --target linear_bench`.
add_executable(linear_bench EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/tests/bench/linear_bench.c"
	linear_host.c linear_case.c ${CPU_LINEAR_SOURCES})
target_link_libraries(linear_bench PRIVATE zinc_headers zinc_flags PkgConfig::CMOCKA m)
target_include_directories(linear_bench PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
target_include_directories(linear_bench PRIVATE "${PROJECT_SOURCE_DIR}/backends/cpu")
target_link_libraries(linear_bench PRIVATE Threads::Threads)
