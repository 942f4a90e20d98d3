/* rows_avx2.h - packed rows with AVX2, 8 rows a vector. */
#ifndef CPU_ROWS_AVX2_H
#define CPU_ROWS_AVX2_H

#include <immintrin.h>

#include "linear.h"

#define ROWS_INLINE __attribute__((always_inline)) static inline

/* Half of the rows of a packed block. */
struct rows {
	const uint8_t *w;
	uint32_t first; /* row: 0 or 8 */
};

typedef __m256i rows_words;
typedef __m256 rows_floats;

#define rows_set8 _mm256_set1_epi8
#define rows_set16 _mm256_set1_epi16
#define rows_set32 _mm256_set1_epi32
#define rows_and _mm256_and_si256
#define rows_or _mm256_or_si256
#define rows_xor _mm256_xor_si256
#define rows_plus8 _mm256_add_epi8
#define rows_less8 _mm256_sub_epi8
#define rows_left16 _mm256_slli_epi16
#define rows_right16 _mm256_srli_epi16
#define rows_down16 _mm256_srai_epi16
#define rows_left32 _mm256_slli_epi32
#define rows_right32 _mm256_srli_epi32
#define rows_shuffle _mm256_shuffle_epi8
#define rows_float _mm256_cvtepi32_ps

ROWS_INLINE __m256i rows_word(struct rows r, uint32_t i)
{
	const uint8_t *p = r.w + 4 * (i * LIN_ROWS + r.first);

	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

ROWS_INLINE __m256i rows_lanes(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return _mm256_setr_epi32((int)a, (int)b, (int)c, (int)d, (int)a, (int)b, (int)c, (int)d);
}

ROWS_INLINE __m256i rows_where(__m256i v, __m256i bit, char n)
{
	v = _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
	return _mm256_and_si256(v, _mm256_set1_epi8(n));
}

ROWS_INLINE __m256i rows_table(const void *values, __m256i at)
{
	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(values)), at);
}

ROWS_INLINE __m256 rows_f16_low(__m256i v)
{
	v = _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
	return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(v),
	                                        _mm256_extracti128_si256(v, 1)));
}

ROWS_INLINE __m256 rows_f16_tail(struct rows r, uint32_t n_words)
{
	const uint8_t *p = r.w + 4 * LIN_ROWS * n_words + 2 * r.first;

	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

ROWS_INLINE __m256 rows_e8m0_tail(struct rows r, uint32_t n_words)
{
	const uint8_t *p = r.w + 4 * LIN_ROWS * n_words + r.first;
	__m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
	__m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
	__m256i tiny = _mm256_sllv_epi32(_mm256_set1_epi32(0x200000), e);

	return _mm256_castsi256_ps(_mm256_blendv_epi8(
		normal, tiny, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e)));
}

ROWS_INLINE __m256 rows_negative(__m256 v)
{
	return _mm256_xor_ps(v, _mm256_set1_ps(-0.0f));
}

#include "rows.h"

#endif
