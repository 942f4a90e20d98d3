# The matrix product of the CPU backend: sources, and the instruction sets that
# single files are compiled for. Include it in each directory that builds them:
# source properties reach no further.
set(CPU_LINEAR_DIR "${CMAKE_CURRENT_LIST_DIR}")
set(CPU_LINEAR_SOURCES
	quant.c quant_legacy.c quant_k.c
	linear.c linear_isa.c linear_run.c linear_tile.c linear_plain.c
	quant_act.c embed.c pack.c pack_bits.c)
set(CPU_LINEAR_AVX2 linear_avx2.c linear_avx2_q8.c fill_avx2.c column_avx2.c
	unpack_avx2_k.c unpack_avx2_legacy.c)
set(CPU_LINEAR_AVX512 linear_avx512.c fill_avx512.c column_avx512.c)
list(TRANSFORM CPU_LINEAR_SOURCES PREPEND "${CPU_LINEAR_DIR}/")
list(TRANSFORM CPU_LINEAR_AVX2 PREPEND "${CPU_LINEAR_DIR}/")
list(TRANSFORM CPU_LINEAR_AVX512 PREPEND "${CPU_LINEAR_DIR}/")

# Class Q8 promises the same bits from every instruction set: no contraction.
set_source_files_properties(${CPU_LINEAR_SOURCES} PROPERTIES COMPILE_OPTIONS "-ffp-contract=off")
set_source_files_properties(${CPU_LINEAR_AVX2} PROPERTIES
	COMPILE_OPTIONS "-ffp-contract=off;-mavx2;-mfma;-mf16c")
set(CPU_LINEAR_AVX512_FLAGS -mavx2 -mfma -mf16c
	-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni)
set_source_files_properties(${CPU_LINEAR_AVX512} PROPERTIES
	COMPILE_OPTIONS "-ffp-contract=off;${CPU_LINEAR_AVX512_FLAGS}")
# All types for each number of columns, unrolled: with a check before each access the
# compiler takes minutes and gigabytes. Addresses are still checked.
if(ZINC_SANITIZE)
	set(CPU_LINEAR_LESS -O1 -fno-var-tracking -fno-sanitize=undefined)
	set_property(SOURCE "${CPU_LINEAR_DIR}/column_avx2.c" "${CPU_LINEAR_DIR}/column_avx512.c"
		APPEND PROPERTY COMPILE_OPTIONS ${CPU_LINEAR_LESS})
endif()

set(CPU_LINEAR_NEON "${CPU_LINEAR_DIR}/linear_neon.c" "${CPU_LINEAR_DIR}/linear_neon_q8.c")
set(CPU_LINEAR_DOTPROD "${CPU_LINEAR_DIR}/linear_neon_dotprod.c")
set_source_files_properties(${CPU_LINEAR_NEON} PROPERTIES COMPILE_OPTIONS "-ffp-contract=off")
set_source_files_properties(${CPU_LINEAR_DOTPROD} PROPERTIES
	COMPILE_OPTIONS "-ffp-contract=off;-march=armv8.2-a+dotprod")

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
	list(APPEND CPU_LINEAR_SOURCES ${CPU_LINEAR_AVX2} ${CPU_LINEAR_AVX512})
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
	list(APPEND CPU_LINEAR_SOURCES ${CPU_LINEAR_NEON} ${CPU_LINEAR_DOTPROD})
endif()
