/* linear_avx2_q8.h - how class Q8 turns integer dots into sums, for 8 rows: the
 * part that every AVX2 path must do in the same order. */
#ifndef CPU_LINEAR_AVX2_Q8_H
#define CPU_LINEAR_AVX2_Q8_H

#include <immintrin.h>

#include "linear.h"

#define ALWAYS_INLINE __attribute__((always_inline)) static inline

enum quant_kind { UNSIGNED_OFFSET, UNSIGNED_MIN, SIGNED };

static inline enum quant_kind quant_kind_of(const struct quant_format *f)
{
	return f->is_signed ? SIGNED : f->has_min ? UNSIGNED_MIN : UNSIGNED_OFFSET;
}

/* Four activations, for every row. */
static inline __m256i act_q(const struct lin_act *x, uint32_t k4)
{
	int32_t four;

	__builtin_memcpy(&four, x->q + 4 * k4, sizeof(four));
	return _mm256_set1_epi32(four);
}

/* The two sums of 16 activations of block b, for every row. */
static inline __m256i act_sums(const struct lin_act *x, uint32_t b)
{
	int32_t two;

	__builtin_memcpy(&two, x->sum + 2 * b, sizeof(two));
	return _mm256_set1_epi32(two);
}

/* d and m: the 8 rows' factors of block b. */
ALWAYS_INLINE __m256 add_sub32(__m256 sum, __m256i dot, const float *d, const float *m,
                               const struct lin_act *x, uint32_t b, int32_t off,
                               const enum quant_kind kind)
{
	__m256 v;

	if (kind == UNSIGNED_OFFSET)
		dot = _mm256_add_epi32(dot, _mm256_madd_epi16(act_sums(x, b),
		                                              _mm256_set1_epi16((short)-off)));
	v = _mm256_mul_ps(_mm256_cvtepi32_ps(dot), _mm256_load_ps(d));
	sum = _mm256_add_ps(sum, _mm256_mul_ps(v, _mm256_broadcast_ss(x->d + b)));
	if (kind != UNSIGNED_MIN)
		return sum;
	return _mm256_sub_ps(sum, _mm256_mul_ps(_mm256_load_ps(m),
	                                        _mm256_broadcast_ss(x->ds + b)));
}

/* Two halves with factors of their own (8 rows each), added, times the
 * activation's scale. */
ALWAYS_INLINE __m256 halves(const float *factor, __m256i v0, __m256i v1, __m256 xd)
{
	__m256 a = _mm256_mul_ps(_mm256_cvtepi32_ps(v0), _mm256_load_ps(factor));
	__m256 c = _mm256_mul_ps(_mm256_cvtepi32_ps(v1), _mm256_load_ps(factor + 8));

	return _mm256_mul_ps(_mm256_add_ps(a, c), xd);
}

/* d and m: the factors of both halves of block b. */
ALWAYS_INLINE __m256 add_sub16(__m256 sum, __m256i dot0, __m256i dot1, const float *d,
                               const float *m, const struct lin_act *x, uint32_t b, int32_t off,
                               const enum quant_kind kind)
{
	__m256i sums = act_sums(x, b), v_off = _mm256_set1_epi32(off);
	__m256i sum0 = _mm256_madd_epi16(sums, _mm256_set1_epi32(1));
	__m256i sum1 = _mm256_madd_epi16(sums, _mm256_set1_epi32(1 << 16));
	__m256 xd = _mm256_broadcast_ss(x->d + b);

	if (kind == UNSIGNED_OFFSET) {
		dot0 = _mm256_sub_epi32(dot0, _mm256_mullo_epi32(sum0, v_off));
		dot1 = _mm256_sub_epi32(dot1, _mm256_mullo_epi32(sum1, v_off));
	}
	sum = _mm256_add_ps(sum, halves(d, dot0, dot1, xd));
	return kind == UNSIGNED_MIN ? _mm256_sub_ps(sum, halves(m, sum0, sum1, xd)) : sum;
}

#endif
