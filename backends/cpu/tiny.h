/* tiny.h - numbers too small for F32's normal form count as 0 while work is done:
 * where an activation leaves a few of them, some processors take a hundred times
 * as long for every product they meet. */
#ifndef CPU_TINY_H
#define CPU_TINY_H

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>

/* What to give to tiny_restore() when the work is done. */
static inline uint64_t tiny_flush(void)
{
	uint32_t before = _mm_getcsr();

	_mm_setcsr(before | 0x8040); /* results (FTZ) and inputs (DAZ) */
	return before;
}

static inline void tiny_restore(uint64_t before)
{
	_mm_setcsr((uint32_t)before);
}

#elif defined(__aarch64__)

static inline uint64_t tiny_flush(void)
{
	uint64_t before;

	__asm__ volatile("mrs %0, fpcr" : "=r"(before));
	__asm__ volatile("msr fpcr, %0" : : "r"(before | 1u << 24)); /* FZ: both */
	return before;
}

static inline void tiny_restore(uint64_t before)
{
	__asm__ volatile("msr fpcr, %0" : : "r"(before));
}

#else

static inline uint64_t tiny_flush(void)
{
	return 0;
}

static inline void tiny_restore(uint64_t before)
{
	(void)before;
}

#endif
#endif
