# The matrix product of the CPU backend, on every instruction set of this
# machine; AVX-512 by SIMDe as well, where its headers are installed.
include("${PROJECT_SOURCE_DIR}/backends/cpu/linear.cmake")

set(LINEAR_HARNESS linear_host.c linear_case.c linear_check.c)
set(LINEAR_TESTS test_linear test_linear_rows)

function(linear_program name)
	target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/backends/cpu")
	target_link_libraries(${name} PRIVATE Threads::Threads)
endfunction()

foreach(test IN LISTS LINEAR_TESTS)
	zinc_test(${test} ${test}.c ${LINEAR_HARNESS} ${CPU_LINEAR_SOURCES})
	linear_program(${test})
endforeach()

include(CheckIncludeFile)
check_include_file(simde/x86/avx512.h HAVE_SIMDE)
if(HAVE_SIMDE AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
	# The same file, compiled for AVX2 with the wider vectors emulated.
	set(emulated "${CMAKE_CURRENT_BINARY_DIR}/linear_avx512_simde.c")
	file(CONFIGURE OUTPUT "${emulated}" CONTENT "#include \"linear_avx512.c\"\n")
	set_source_files_properties("${emulated}" PROPERTIES
		COMPILE_OPTIONS "-ffp-contract=off;-mavx2;-mfma;-mf16c;-w;-Wno-psabi")
	set(sources ${CPU_LINEAR_SOURCES})
	list(REMOVE_ITEM sources ${CPU_LINEAR_AVX512})
	foreach(test IN LISTS LINEAR_TESTS)
		zinc_test(${test}_simde ${test}.c ${LINEAR_HARNESS} ${sources} "${emulated}")
		linear_program(${test}_simde)
		target_compile_definitions(${test}_simde PRIVATE LIN_SIMDE)
	endforeach()
endif()

# Not a test: `cmake --build . --target linear_bench`.
add_executable(linear_bench EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/tests/bench/linear_bench.c"
	linear_host.c linear_case.c ${CPU_LINEAR_SOURCES})
target_link_libraries(linear_bench PRIVATE zinc_headers zinc_flags PkgConfig::CMOCKA m)
target_include_directories(linear_bench PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
linear_program(linear_bench)
