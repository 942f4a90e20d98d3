/* rows_avx2.h - packed rows with AVX2, 8 rows a vector: words of packed blocks
 * are vectors already, which only have to be taken apart.
 *
 * The type is a constant wherever these are called from, and so is the block
 * inside a chunk of a type with blocks of 256: what is left of each is a handful of
 * instructions. */
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

ROWS_INLINE __m256i rows_word(struct rows r, uint32_t i)
{
	const uint8_t *p = r.w + 4 * (i * LIN_ROWS + r.first);

	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

ROWS_INLINE __m256i rows_mask(__m256i v, int mask)
{
	return _mm256_and_si256(v, _mm256_set1_epi8((char)mask));
}

/* The low nibbles of each byte, or the high ones. */
ROWS_INLINE __m256i rows_nibbles(__m256i v, bool high)
{
	return rows_mask(high ? _mm256_srli_epi16(v, 4) : v, 15);
}

/* Bits `from` and up of each byte moved to bit `to`; what comes from the neighbour
 * byte is masked away. */
ROWS_INLINE __m256i rows_bits(__m256i v, int from, int to, int mask)
{
	return rows_mask(from > to ? _mm256_srli_epi16(v, from - to)
	                           : _mm256_slli_epi16(v, to - from), mask << to);
}

/* 16 in each byte of a row whose bit 4 i + byte is set in its 32 bits. */
ROWS_INLINE __m256i rows_fifth(__m256i bits, uint32_t i)
{
	const __m256i first = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0,
	                                        0x04040404, 0x08080808, 0x0c0c0c0c);
	const __m256i bit = _mm256_set1_epi32((int)(0x08040201u << 4 * (i & 1)));
	__m256i at = _mm256_add_epi8(first, _mm256_set1_epi8((char)(i / 2)));
	__m256i v = _mm256_shuffle_epi8(bits, at);

	v = _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
	return rows_mask(v, 16);
}

ROWS_INLINE __m256i rows_table(const void *values, __m256i nibbles)
{
	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(values)), nibbles);
}

/* Elements 4 i to 4 i + 3 of block b of 32, a word per row; r starts at the block of
 * the type, which holds all 8 blocks where it has 256 elements. */
ROWS_INLINE __m256i rows_quants(const uint32_t dtype, struct rows r, const uint32_t b,
                                const uint32_t i)
{
	const uint32_t quad = b / 4, in = b % 4, word = i % 4;
	const bool odd = b % 2, high = i >= 4;

	switch (dtype) {
	case ZINC_Q4_K: return rows_nibbles(rows_word(r, 4 + 8 * (b / 2) + i), odd);
	case ZINC_Q5_K:
		return _mm256_or_si256(rows_nibbles(rows_word(r, 12 + 8 * (b / 2) + i), odd),
		                       rows_bits(rows_word(r, 4 + i), (int)b, 4, 1));
	case ZINC_Q6_K:
		return _mm256_or_si256(
			rows_nibbles(rows_word(r, 16 * quad + 8 * odd + i), in >= 2),
			rows_bits(rows_word(r, 32 + 8 * quad + i), 2 * (int)in, 4, 3));
	case ZINC_Q2_K: return rows_bits(rows_word(r, 4 + 8 * quad + i), 2 * (int)in, 0, 3);
	case ZINC_Q3_K:
		return _mm256_or_si256(rows_bits(rows_word(r, 8 + 8 * quad + i), 2 * (int)in, 0, 3),
		                       rows_bits(rows_word(r, i), (int)b, 2, 1));
	case ZINC_IQ4_XS:
		return rows_table(quant_iq4_values,
		                  rows_nibbles(rows_word(r, 2 + 4 * b + word), high));
	case ZINC_Q8_0: return rows_word(r, i);
	case ZINC_Q4_0: return rows_nibbles(rows_word(r, word), high);
	case ZINC_Q4_1: return rows_nibbles(rows_word(r, 1 + word), high);
	case ZINC_Q5_0:
		return _mm256_or_si256(rows_nibbles(rows_word(r, 1 + word), high),
		                       rows_fifth(rows_word(r, 0), i));
	case ZINC_Q5_1:
		return _mm256_or_si256(rows_nibbles(rows_word(r, 2 + word), high),
		                       rows_fifth(rows_word(r, 1), i));
	case ZINC_IQ4_NL:
		return rows_table(quant_iq4_values, rows_nibbles(rows_word(r, word), high));
	default:
		return rows_table(quant_mxfp4_values, rows_nibbles(rows_word(r, word), high));
	}
}

ROWS_INLINE __m256 rows_f16_low(__m256i v)
{
	v = _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
	return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(v),
	                                        _mm256_extracti128_si256(v, 1)));
}

ROWS_INLINE __m256 rows_f16_high(__m256i v)
{
	return rows_f16_low(_mm256_srli_epi32(v, 16));
}

/* The F16 factors behind the words. */
ROWS_INLINE __m256 rows_f16_tail(struct rows r, uint32_t n_words)
{
	const uint8_t *p = r.w + 4 * LIN_ROWS * n_words + 2 * r.first;

	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/* quant_e8m0_half() of 8 rows. */
ROWS_INLINE __m256 rows_e8m0_tail(struct rows r, uint32_t n_words)
{
	const uint8_t *p = r.w + 4 * LIN_ROWS * n_words + r.first;
	__m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
	__m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
	__m256i tiny = _mm256_sllv_epi32(_mm256_set1_epi32(0x200000), e);

	return _mm256_castsi256_ps(_mm256_blendv_epi8(
		normal, tiny, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e)));
}

/* Byte i of each lane in both halves of it. */
ROWS_INLINE __m256i rows_spread(__m256i v, const uint32_t i, const bool is_signed)
{
	const __m256i first = _mm256_set_epi32(0x800c800c, 0x80088008, 0x80048004, 0x80008000,
	                                       0x800c800c, 0x80088008, 0x80048004, 0x80008000);
	const __m256i top = _mm256_or_si256(_mm256_slli_epi16(first, 8), _mm256_set1_epi16(0x80));
	const __m256i at = _mm256_set1_epi32((int)(i << 16 | i));

	if (!is_signed)
		return _mm256_shuffle_epi8(v, _mm256_add_epi8(first, at));
	/* the byte on top, then down with its sign */
	v = _mm256_shuffle_epi8(v, _mm256_add_epi8(top, _mm256_slli_epi16(at, 8)));
	return _mm256_srai_epi16(v, 8);
}

/* Byte i of each lane as a number. */
ROWS_INLINE __m256 rows_number(__m256i v, const uint32_t i)
{
	const __m256i first = _mm256_set_epi32((int)0x8080800c, (int)0x80808008, (int)0x80808004,
	                                       (int)0x80808000, (int)0x8080800c, (int)0x80808008,
	                                       (int)0x80808004, (int)0x80808000);

	return _mm256_cvtepi32_ps(_mm256_shuffle_epi8(
		v, _mm256_add_epi8(first, _mm256_set1_epi32((int)i))));
}

/* The 6 bits of four scales, or minima, of Q4_K and Q5_K: word 1 holds those of the
 * first scales, word 2 those of the first minima, word 3 and the top bits of both the
 * rest (quant_k4_scales()). */
ROWS_INLINE __m256i rows_six_bits(struct rows r, const bool minima, const bool second)
{
	__m256i v = rows_word(r, minima ? 2 : 1);

	if (!second)
		return rows_mask(v, 0x3f);
	return _mm256_or_si256(rows_nibbles(rows_word(r, 3), minima),
	                       rows_mask(_mm256_srli_epi32(v, 2), 0x30));
}

/* Scales 4 i to 4 i + 3 of Q3_K, in words 24 to 26: quant_k3_scales(). */
ROWS_INLINE __m256i rows_scales_q3_k(struct rows r, const uint32_t i)
{
	__m256i low = rows_nibbles(rows_word(r, 24 + i % 2), i >= 2);
	__m256i v = _mm256_or_si256(low, rows_bits(rows_word(r, 26), 2 * (int)i, 4, 3));

	return _mm256_sub_epi8(v, _mm256_set1_epi8(32));
}

/* Scale i of IQ4_XS in byte 0: word 0 holds d and the high bits, word 1 the low ones. */
ROWS_INLINE __m256i rows_scale_iq4_xs(struct rows r, const int i)
{
	__m256i high = _mm256_srli_epi32(rows_word(r, 0), 16 + 2 * i);
	__m256i low = _mm256_srli_epi32(rows_word(r, 1), 4 * i);

	high = _mm256_slli_epi32(_mm256_and_si256(high, _mm256_set1_epi32(3)), 4);
	low = _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi32(15)), high);
	return _mm256_sub_epi8(low, _mm256_set1_epi8(32));
}

/* The integer scale of sub-block i of a type with blocks of 256, in both halves of
 * each row's word. */
ROWS_INLINE __m256i rows_scale(const uint32_t dtype, struct rows r, const uint32_t i)
{
	switch (dtype) {
	case ZINC_Q4_K:
	case ZINC_Q5_K: return rows_spread(rows_six_bits(r, false, i >= 4), i % 4, false);
	case ZINC_Q6_K: return rows_spread(rows_word(r, 48 + i / 4), i % 4, true);
	case ZINC_Q2_K:
		return rows_spread(rows_nibbles(rows_word(r, i / 4), false), i % 4, false);
	case ZINC_Q3_K: return rows_spread(rows_scales_q3_k(r, i / 4), i % 4, true);
	default: return rows_spread(rows_scale_iq4_xs(r, (int)i), 0, true);
	}
}

/* The integer minimum of sub-block i, likewise, as a number. */
ROWS_INLINE __m256 rows_minimum(const uint32_t dtype, struct rows r, const uint32_t i)
{
	if (dtype == ZINC_Q2_K)
		return rows_number(rows_nibbles(rows_word(r, i / 4), true), i % 4);
	return rows_number(rows_six_bits(r, true, i >= 4), i % 4);
}

/* The factor of the type's block. */
ROWS_INLINE __m256 rows_factor(const uint32_t dtype, struct rows r)
{
	switch (dtype) {
	case ZINC_Q4_K:
	case ZINC_Q5_K:
	case ZINC_IQ4_XS:
	case ZINC_Q4_1:
	case ZINC_Q5_1: return rows_f16_low(rows_word(r, 0));
	case ZINC_Q2_K: return rows_f16_low(rows_word(r, 20));
	case ZINC_Q6_K: return rows_f16_tail(r, 52);
	case ZINC_Q3_K: return rows_f16_tail(r, 27);
	case ZINC_Q8_0: return rows_f16_tail(r, 8);
	case ZINC_Q5_0: return rows_f16_tail(r, 5);
	case ZINC_MXFP4: return rows_e8m0_tail(r, 4);
	default: return rows_f16_tail(r, 4);
	}
}

/* What is subtracted: dmin of a type with integer minima, else the minimum. */
ROWS_INLINE __m256 rows_offset(const uint32_t dtype, struct rows r)
{
	switch (dtype) {
	case ZINC_Q4_K:
	case ZINC_Q5_K: return rows_f16_high(rows_word(r, 0));
	case ZINC_Q2_K: return rows_f16_high(rows_word(r, 20));
	default: return _mm256_xor_ps(rows_f16_high(rows_word(r, 0)), _mm256_set1_ps(-0.0f));
	}
}

#endif
