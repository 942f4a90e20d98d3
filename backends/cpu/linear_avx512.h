/* linear_avx512.h - the files of the AVX-512 kernels. A test compiles them with SIMDe,
 * to run them on machines without AVX-512. */
#ifndef CPU_LINEAR_AVX512_H
#define CPU_LINEAR_AVX512_H

#ifdef LIN_SIMDE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

/* Missing there. */
static inline simde__m512 simde_cvtepi32_ps(simde__m512i v)
{
	simde__m512i_private from = simde__m512i_to_private(v);
	simde__m512_private to;

	for (int i = 0; i < 16; i++)
		to.f32[i] = (float)from.i32[i];
	return simde__m512_from_private(to);
}
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps simde_cvtepi32_ps

static inline __m512 simde_cvtph_ps(__m256i v)
{
	return simde_mm512_insertf32x8(
		simde_mm512_castps256_ps512(_mm256_cvtph_ps(_mm256_castsi256_si128(v))),
		_mm256_cvtph_ps(_mm256_extracti128_si256(v, 1)), 1);
}
#define _mm512_cvtph_ps simde_cvtph_ps

static inline __m256i simde_cvtepi32_epi16(simde__m512i v)
{
	simde__m512i_private from = simde__m512i_to_private(v);
	int16_t to[16];

	for (int i = 0; i < 16; i++)
		to[i] = (int16_t)from.i32[i];
	return _mm256_loadu_si256((const __m256i *)(const void *)to);
}
#define _mm512_cvtepi32_epi16 simde_cvtepi32_epi16

static inline simde__m512i simde_cvtepu8_epi32(__m128i v)
{
	simde__m512i_private to;
	uint8_t from[16];

	_mm_storeu_si128((__m128i *)(void *)from, v);
	for (int i = 0; i < 16; i++)
		to.i32[i] = from[i];
	return simde__m512i_from_private(to);
}
#define _mm512_cvtepu8_epi32 simde_cvtepu8_epi32
#else
#include <immintrin.h>
#endif

#include "linear_avx2.h"

/* Four activations, for every row. */
static inline __m512i lin_avx512_four(const int8_t *q)
{
	int32_t four;

	__builtin_memcpy(&four, q, sizeof(four));
	return _mm512_set1_epi32(four);
}

/* The two sums of 16 activations of block b times -first and -second, for every
 * row: what an offset takes from a dot. */
static inline __m512i lin_avx512_less(const struct lin_act *x, uint32_t b, int32_t first,
                                      int32_t second)
{
	int32_t factors = (int32_t)((uint32_t)-second << 16 | ((uint32_t)-first & 0xffff)), two;

	__builtin_memcpy(&two, x->sum + 2 * b, sizeof(two));
	return _mm512_dpwssd_epi32(_mm512_setzero_si512(), _mm512_set1_epi32(two),
	                           _mm512_set1_epi32(factors));
}

/* Scales that stand in both halves of a word, as numbers. */
static inline __m512 lin_avx512_scale(__m512i both)
{
	/* the low half times 1: SIMDe has no shift for this */
	return _mm512_cvtepi32_ps(_mm512_dpwssd_epi32(_mm512_setzero_si512(), both,
	                                              _mm512_set1_epi32(1)));
}

void lin_avx512_fill(uint32_t dtype, const uint8_t *packed, uint32_t blocks,
                     struct lin_tile *tile);
void lin_avx512_column(const struct lin_column *c);
uint32_t lin_avx512_columns_at_once(uint32_t dtype);
uint32_t lin_avx512_most_columns(uint32_t dtype);

#endif
