/* linear_neon_q8.c - class Q8 with the instructions of every AArch64. */
#include <arm_neon.h>

/* Two products of two bytes each fit 16 bits. */
static inline int32x4_t dot4(int32x4_t sum, int8x16_t w, int8x16_t x)
{
	int16x8_t lo = vmull_s8(vget_low_s8(w), vget_low_s8(x)), hi = vmull_high_s8(w, x);

	return vpadalq_s16(sum, vpaddq_s16(lo, hi));
}

#define DOT4 dot4
#define LIN_ISA lin_neon
#include "linear_neon_q8.h"
