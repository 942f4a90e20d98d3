/* linear_isa.c - which kernels of the matrix product serve an instruction set. */
#include "linear.h"
#include "linear_neon.h"

const struct lin_isa *lin_isa_of(enum cpu_isa isa)
{
#if defined(__x86_64__)
	static const struct lin_isa *const table[CPU_ISA_COUNT] = {
		[CPU_ISA_PLAIN] = &lin_plain,
		[CPU_ISA_AVX2] = &lin_avx2,
		[CPU_ISA_AVX512] = &lin_avx512,
	};

	return table[isa];
#elif defined(__aarch64__)
	static const struct lin_isa *const table[CPU_ISA_COUNT] = {
		[CPU_ISA_PLAIN] = &lin_plain,
		[CPU_ISA_NEON] = &lin_neon,
		[CPU_ISA_DOTPROD] = &lin_neon_dotprod,
	};

	return table[isa];
#else
	(void)isa;
	return &lin_plain;
#endif
}
