/* rows_avx512.h - packed rows with AVX-512, all 16 of a group in a vector. */
#ifndef CPU_ROWS_AVX512_H
#define CPU_ROWS_AVX512_H

#include "linear_avx512.h"

/* Emulated vectors are functions of their own: they would be compiled for hours. */
#ifdef LIN_SIMDE
#define ROWS_INLINE __attribute__((noinline)) static
#else
#define ROWS_INLINE __attribute__((always_inline)) static inline
#endif

enum { ROWS_AHEAD = 24576 };

/* A packed block. */
struct rows {
	const uint8_t *w;
};

typedef __m512i rows_words;
typedef __m512 rows_floats;

#define rows_set8 _mm512_set1_epi8
#define rows_set16 _mm512_set1_epi16
#define rows_set32 _mm512_set1_epi32
#define rows_and _mm512_and_si512
#define rows_or _mm512_or_si512
#define rows_xor _mm512_xor_si512
#define rows_plus8 _mm512_add_epi8
#define rows_less8 _mm512_sub_epi8
#define rows_left16 _mm512_slli_epi16
#define rows_right16 _mm512_srli_epi16
#define rows_down16 _mm512_srai_epi16
#define rows_left32 _mm512_slli_epi32
#define rows_right32 _mm512_srli_epi32
#define rows_shuffle _mm512_shuffle_epi8
#define rows_float _mm512_cvtepi32_ps

ROWS_INLINE __m512i rows_word(struct rows r, uint32_t i)
{
	return _mm512_loadu_si512(r.w + 4 * i * LIN_ROWS);
}

ROWS_INLINE __m512i rows_lanes(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return _mm512_set4_epi32((int)d, (int)c, (int)b, (int)a);
}

ROWS_INLINE __m512i rows_where(__m512i v, __m512i bit, char n)
{
	return _mm512_maskz_mov_epi8(_mm512_test_epi8_mask(v, bit), _mm512_set1_epi8(n));
}

ROWS_INLINE __m512i rows_table(const void *values, __m512i at)
{
	return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128(values)), at);
}

ROWS_INLINE __m512 rows_f16_low(__m512i v)
{
	return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));
}

ROWS_INLINE __m512 rows_f16_tail(struct rows r, uint32_t n_words)
{
	const uint8_t *p = r.w + 4 * LIN_ROWS * n_words;

	return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

ROWS_INLINE __m512 rows_e8m0_tail(struct rows r, uint32_t n_words)
{
	const uint8_t *p = r.w + 4 * LIN_ROWS * n_words;
	__m512i e = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
	__m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
	__m512i tiny = _mm512_sllv_epi32(_mm512_set1_epi32(0x200000), e);
	__mmask16 is_tiny = _mm512_cmpgt_epi32_mask(_mm512_set1_epi32(2), e);

	return _mm512_castsi512_ps(_mm512_mask_blend_epi32(is_tiny, normal, tiny));
}

ROWS_INLINE __m512 rows_negative(__m512 v)
{
	return _mm512_xor_ps(v, _mm512_set1_ps(-0.0f));
}

#include "rows.h"

/* As in column_avx2.c: asks for what comes ROWS_AHEAD bytes later, to the second level,
 * a share of the lines at each word of a block of the type, which has `bytes` a row and
 * 64 words or 8, where that word is used. */
ROWS_INLINE __m512i rows_fetch(const uint32_t bytes, const bool is_256, struct rows r,
                               const uint32_t word, __m512i q)
{
#ifndef LIN_SIMDE
	const uint32_t lines = (LIN_ROWS * bytes + 63) / 64, n_words = is_256 ? 64 : 8;
	const uint32_t end = lines * (word + 1) / n_words;

#pragma GCC unroll 4
	for (uint32_t i = lines * word / n_words; i < end; i++)
		__asm__("prefetcht1 %1" : "+v"(q) : "m"(r.w[ROWS_AHEAD + 64 * i]));
#endif
	return q;
}

/* Quants as VNNI takes them: 128 is added to signed ones. */
ROWS_INLINE __m512i rows_unsigned(const uint32_t dtype, struct rows r, const uint32_t b,
                                  const uint32_t i)
{
	const bool is_signed = dtype == ZINC_Q8_0 || dtype == ZINC_IQ4_NL || dtype == ZINC_IQ4_XS;
	__m512i v = rows_quants(dtype, r, b, i);

	return is_signed ? _mm512_xor_si512(v, _mm512_set1_epi8((char)0x80)) : v;
}

#endif
