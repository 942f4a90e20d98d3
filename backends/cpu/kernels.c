/* kernels.c - the table of kernels of an instruction set. */
#include "kernels.h"

extern const struct cpu_kernels kernels_plain, kernels_avx2, kernels_avx512, kernels_neon;

const struct cpu_kernels *cpu_kernels_of(enum cpu_isa isa)
{
#if defined(__x86_64__)
	if (isa == CPU_ISA_AVX512)
		return &kernels_avx512;
	if (isa == CPU_ISA_AVX2)
		return &kernels_avx2;
#elif defined(__aarch64__)
	if (isa >= CPU_ISA_NEON)
		return &kernels_neon;
#endif
	(void)isa;
	return &kernels_plain;
}
