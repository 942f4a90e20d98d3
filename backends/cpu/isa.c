/* isa.c - instruction set detection.
 *
 * A CPU flag alone is not enough: the kernel must also save the wide registers
 * when it switches threads, which it says in XCR0 (Intel SDM vol. 1, 13.3). */
#include "isa.h"

#include <string.h>

#if defined(__aarch64__)
static const char *const names[CPU_ISA_COUNT] = {"plain", "neon", "dotprod"};
#else
static const char *const names[CPU_ISA_COUNT] = {"plain", "avx2", "avx512"};
#endif

const char *isa_name(enum cpu_isa isa)
{
	return names[isa];
}

bool isa_by_name(const char *name, enum cpu_isa *out)
{
	for (int i = 0; i < CPU_ISA_COUNT; i++) {
		if (!strcmp(name, names[i])) {
			*out = (enum cpu_isa)i;
			return true;
		}
	}
	return false;
}

#if defined(__x86_64__)
#include <cpuid.h>

enum {
	XCR0_AVX = 0x06,   /* XMM and YMM                          */
	XCR0_AVX512 = 0xe6 /* those, mask registers, both ZMM halves */
};

static uint32_t xcr0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo;
}

static bool all_bits(uint32_t word, uint32_t bits)
{
	return (word & bits) == bits;
}

enum cpu_isa isa_detect(void)
{
	const uint32_t leaf1 = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
	const uint32_t leaf7 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
	uint32_t a, b, c, d, state;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !all_bits(c, leaf1))
		return CPU_ISA_PLAIN;
	state = xcr0();
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !all_bits(b, bit_AVX2) ||
	    !all_bits(state, XCR0_AVX))
		return CPU_ISA_PLAIN;
	if (all_bits(b, leaf7) && all_bits(c, bit_AVX512VNNI) && all_bits(state, XCR0_AVX512))
		return CPU_ISA_AVX512;
	return CPU_ISA_AVX2;
}
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

enum cpu_isa isa_detect(void)
{
	return getauxval(AT_HWCAP) & HWCAP_ASIMDDP ? CPU_ISA_DOTPROD : CPU_ISA_NEON;
}
#else
enum cpu_isa isa_detect(void)
{
	return CPU_ISA_PLAIN;
}
#endif
