/* fill_avx2.c - packed rows to a tile of class Q8, 8 rows at a time: words of
 * packed blocks are vectors already, which only have to be taken apart.
 *
 * For one column the quants need no tile at all: they are multiplied as they
 * come, and only the scales are stored. */
#include "linear_avx2.h"

#include <immintrin.h>

#define ALWAYS_INLINE __attribute__((always_inline)) static inline

/* Half of the rows of a chunk. Passed by value, so that its fields stay in
 * registers past stores that might alias them. */
struct half {
	const uint8_t *w;
	uint32_t rows; /* the first: 0 or 8 */
	uint32_t blocks;
	uint8_t flip;  /* xored to signed quants */
	uint8_t *q;
	float *d, *m;
	int32_t *s;
	bool column;             /* multiply with x, store no q         */
	const struct lin_act *x;
	__m256i *dot;            /* of each 16 elements                 */
	uint32_t depth;          /* products that fit 16 bits; 1: signed */
};

ALWAYS_INLINE __m256i word(struct half h, uint32_t i)
{
	const uint8_t *p = h.w + 4 * (i * LIN_ROWS + h.rows);

	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

ALWAYS_INLINE __m256 f16_of_low(__m256i v)
{
	v = _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
	return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(v),
	                                        _mm256_extracti128_si256(v, 1)));
}

ALWAYS_INLINE __m256 f16_of_high(__m256i v)
{
	return f16_of_low(_mm256_srli_epi32(v, 16));
}

/* The F16 factors behind the words. */
ALWAYS_INLINE __m256 f16_tail(struct half h, uint32_t n_words)
{
	const uint8_t *p = h.w + 4 * LIN_ROWS * n_words + 2 * h.rows;

	return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

ALWAYS_INLINE __m256 e8m0_tail(struct half h, uint32_t n_words)
{
	const uint8_t *p = h.w + 4 * LIN_ROWS * n_words + h.rows;
	float v[8];

	for (uint32_t i = 0; i < 8; i++)
		v[i] = quant_e8m0_half(p[i]);
	return _mm256_loadu_ps(v);
}

ALWAYS_INLINE __m256i product(struct half h, uint32_t k4, __m256i w)
{
	int32_t four;
	__m256i x;

	__builtin_memcpy(&four, h.x->q + 4 * k4, sizeof(four));
	x = _mm256_set1_epi32(four);
	if (h.depth == 1)
		return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
	return _mm256_maddubs_epi16(w, x);
}

/* The dots of 16 elements with the column. */
ALWAYS_INLINE __m256i dot16(struct half h, uint32_t k4, const __m256i q[4])
{
	const __m256i ones = _mm256_set1_epi16(1);
	__m256i p[4];

	for (uint32_t i = 0; i < 4; i++)
		p[i] = product(h, k4 + i, q[i]);
	if (h.depth == 1)
		for (uint32_t i = 0; i < 4; i++)
			p[i] = _mm256_madd_epi16(p[i], ones);
	if (h.depth == 1)
		return _mm256_add_epi32(_mm256_add_epi32(p[0], p[1]), _mm256_add_epi32(p[2], p[3]));
	p[0] = _mm256_add_epi16(p[0], p[1]);
	p[2] = _mm256_add_epi16(p[2], p[3]);
	if (h.depth == 2)
		return _mm256_add_epi32(_mm256_madd_epi16(p[0], ones),
		                        _mm256_madd_epi16(p[2], ones));
	return _mm256_madd_epi16(_mm256_add_epi16(p[0], p[2]), ones);
}

/* 16 elements of each row, from 4 k4 on. */
ALWAYS_INLINE void put(struct half h, uint32_t k4, const __m256i q[4])
{
	if (h.column) {
		h.dot[k4 / 4] = dot16(h, k4, q);
		return;
	}
	for (uint32_t i = 0; i < 4; i++)
		_mm256_store_si256((__m256i *)(void *)(h.q + 4 * LIN_ROWS * (k4 + i)), q[i]);
}

ALWAYS_INLINE void put_factor(float *base, uint32_t sub, __m256 v)
{
	_mm256_store_ps(base + sub * LIN_ROWS, v);
}

/* Integers of 32 bits as scales: in both halves of a lane; for a column floats. */
ALWAYS_INLINE void put_scale(struct half h, uint32_t sub, __m256i v)
{
	if (h.column) {
		put_factor((float *)(void *)h.s, sub, _mm256_cvtepi32_ps(v));
		return;
	}
	v = _mm256_or_si256(_mm256_and_si256(v, _mm256_set1_epi32(0xffff)),
	                    _mm256_slli_epi32(v, 16));
	_mm256_store_si256((__m256i *)(void *)(h.s + sub * LIN_ROWS), v);
}

/* Byte i of each lane as an integer of 32 bits. */
ALWAYS_INLINE __m256i byte_of(__m256i v, uint32_t i)
{
	const __m256i first = _mm256_set_epi32(12, 8, 4, 0, 12, 8, 4, 0);
	const __m256i zeros = _mm256_set1_epi32((int)0x80808000u);

	__m256i at = _mm256_add_epi32(first, _mm256_set1_epi32((int)i));

	return _mm256_shuffle_epi8(v, _mm256_or_si256(at, zeros));
}

ALWAYS_INLINE __m256i signed_byte_of(__m256i v, uint32_t i)
{
	return _mm256_srai_epi32(_mm256_slli_epi32(v, 24 - 8 * (int)i), 24);
}

ALWAYS_INLINE __m256i mask8(__m256i v, int mask)
{
	return _mm256_and_si256(v, _mm256_set1_epi8((char)mask));
}

ALWAYS_INLINE __m256i low_nibbles(__m256i v)
{
	return mask8(v, 15);
}

ALWAYS_INLINE __m256i high_nibbles(__m256i v)
{
	return mask8(_mm256_srli_epi16(v, 4), 15);
}

/* 16 in each byte of a row whose bit 4 g + byte is set in its 32 bits. */
ALWAYS_INLINE __m256i fifth_bits(__m256i bits, uint32_t g)
{
	const __m256i first = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0,
	                                        0x04040404, 0x08080808, 0x0c0c0c0c);
	const __m256i bit = _mm256_set1_epi32((int)(0x08040201u << 4 * (g & 1)));
	__m256i at = _mm256_add_epi8(first, _mm256_set1_epi8((char)(g / 2)));
	__m256i v = _mm256_shuffle_epi8(bits, at);

	v = _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
	return mask8(v, 16);
}

/* Blocks of 32 nibbles. */
struct nibble_format {
	uint32_t bytes;            /* of a block                                  */
	uint32_t n_words, qs;      /* of a block; where its nibbles start         */
	bool has_min, fifth, e8m0; /* fifth: bits in the word before the nibbles  */
	const void *table;         /* of 16 values, or NULL                       */
};

ALWAYS_INLINE void fill_nibbles(struct half h, const struct nibble_format t)
{
	const __m256i flip = _mm256_set1_epi8((char)h.flip);
	__m256i table = _mm256_setzero_si256(), bits = table, low[4], high[4];

	if (t.table)
		table = _mm256_broadcastsi128_si256(_mm_loadu_si128(t.table));
	for (uint32_t b = 0; b < h.blocks; b++, h.w += LIN_ROWS * t.bytes) {
		put_factor(h.d, b, t.has_min ? f16_of_low(word(h, 0))
		                             : t.e8m0 ? e8m0_tail(h, t.n_words)
		                                      : f16_tail(h, t.n_words));
		if (t.has_min)
			put_factor(h.m, b, _mm256_xor_ps(f16_of_high(word(h, 0)),
			                                 _mm256_set1_ps(-0.0f)));
		if (t.fifth)
			bits = word(h, t.qs - 1);
		for (uint32_t i = 0; i < 4; i++) {
			low[i] = low_nibbles(word(h, t.qs + i));
			high[i] = high_nibbles(word(h, t.qs + i));
			if (t.fifth) {
				low[i] = _mm256_or_si256(low[i], fifth_bits(bits, i));
				high[i] = _mm256_or_si256(high[i], fifth_bits(bits, 4 + i));
			}
			if (t.table) {
				low[i] = _mm256_shuffle_epi8(table, low[i]);
				high[i] = _mm256_shuffle_epi8(table, high[i]);
				low[i] = _mm256_xor_si256(low[i], flip);
				high[i] = _mm256_xor_si256(high[i], flip);
			}
		}
		put(h, 8 * b, low);
		put(h, 8 * b + 4, high);
	}
}

ALWAYS_INLINE void fill_q8_0(struct half h)
{
	const __m256i flip = _mm256_set1_epi8((char)h.flip);
	__m256i q[4];

	for (uint32_t b = 0; b < h.blocks; b++, h.w += LIN_ROWS * 34) {
		put_factor(h.d, b, f16_tail(h, 8));
		for (uint32_t i = 0; i < 8; i += 4) {
			for (uint32_t j = 0; j < 4; j++)
				q[j] = _mm256_xor_si256(word(h, i + j), flip);
			put(h, 8 * b + i, q);
		}
	}
}

/* Word 0 holds d and dmin, words 1 to 3 the packed scales: quant_k4_scales() for
 * 8 rows at once. */
ALWAYS_INLINE void fill_k4_header(struct half h)
{
	__m256i s0 = word(h, 1), s1 = word(h, 2), s2 = word(h, 3), scale[2], min[2];

	put_factor(h.d, 0, f16_of_low(word(h, 0)));
	put_factor(h.d, 1, f16_of_high(word(h, 0)));
	scale[0] = mask8(s0, 0x3f);
	min[0] = mask8(s1, 0x3f);
	scale[1] = _mm256_or_si256(low_nibbles(s2), mask8(_mm256_srli_epi32(s0, 2), 0x30));
	min[1] = _mm256_or_si256(high_nibbles(s2), mask8(_mm256_srli_epi32(s1, 2), 0x30));
	for (uint32_t i = 0; i < 8; i++) {
		put_scale(h, i, byte_of(scale[i / 4], i % 4));
		put_factor(h.m, i, _mm256_cvtepi32_ps(byte_of(min[i / 4], i % 4)));
	}
}

ALWAYS_INLINE void fill_q4_k(struct half h)
{
	__m256i low[4], high[4];

	fill_k4_header(h);
#pragma GCC unroll 8
	for (uint32_t j = 0; j < 8; j++) {
		uint32_t k4 = j / 2 * 16 + j % 2 * 4;

		for (uint32_t i = 0; i < 4; i++) {
			low[i] = low_nibbles(word(h, 4 + 4 * j + i));
			high[i] = high_nibbles(word(h, 4 + 4 * j + i));
		}
		put(h, k4, low);
		put(h, k4 + 8, high);
	}
}

ALWAYS_INLINE void fill_q5_k(struct half h)
{
	__m256i low[4], high[4];

	fill_k4_header(h);
#pragma GCC unroll 8
	for (uint32_t j = 0; j < 8; j++) {
		uint32_t k4 = j / 2 * 16 + j % 2 * 4;
		int shift = (int)(j / 2 * 2);

		for (uint32_t i = 0; i < 4; i++) {
			__m256i bits = _mm256_srli_epi16(word(h, 4 + j % 2 * 4 + i), shift);
			__m256i v = word(h, 12 + 4 * j + i);

			low[i] = _mm256_or_si256(low_nibbles(v),
			                         mask8(_mm256_slli_epi16(bits, 4), 16));
			high[i] = _mm256_or_si256(high_nibbles(v),
			                          mask8(_mm256_slli_epi16(bits, 3), 16));
		}
		put(h, k4, low);
		put(h, k4 + 8, high);
	}
}

ALWAYS_INLINE void fill_q6_k(struct half h)
{
	put_factor(h.d, 0, f16_tail(h, 52));
	for (uint32_t i = 0; i < 16; i++)
		put_scale(h, i, signed_byte_of(word(h, 48 + i / 4), i % 4));
#pragma GCC unroll 4
	for (uint32_t j = 0; j < 4; j++) {
		uint32_t at = j / 2 * 16 + j % 2 * 4, k4 = j / 2 * 32 + j % 2 * 4;
		__m256i q[4][4];

		for (uint32_t i = 0; i < 4; i++) {
			__m256i a = word(h, at + i), b = word(h, at + 8 + i);
			__m256i bits = word(h, 32 + j / 2 * 8 + j % 2 * 4 + i);

			q[0][i] = _mm256_or_si256(low_nibbles(a),
			                          mask8(_mm256_slli_epi16(bits, 4), 0x30));
			q[1][i] = _mm256_or_si256(low_nibbles(b),
			                          mask8(_mm256_slli_epi16(bits, 2), 0x30));
			q[2][i] = _mm256_or_si256(high_nibbles(a), mask8(bits, 0x30));
			q[3][i] = _mm256_or_si256(high_nibbles(b),
			                          mask8(_mm256_srli_epi16(bits, 2), 0x30));
		}
		for (uint32_t i = 0; i < 4; i++)
			put(h, k4 + 8 * i, q[i]);
	}
}

ALWAYS_INLINE void fill_q2_k(struct half h)
{
	put_factor(h.d, 0, f16_of_low(word(h, 20)));
	put_factor(h.d, 1, f16_of_high(word(h, 20)));
	for (uint32_t i = 0; i < 16; i++) {
		__m256i v = word(h, i / 4);

		put_scale(h, i, byte_of(low_nibbles(v), i % 4));
		put_factor(h.m, i, _mm256_cvtepi32_ps(byte_of(high_nibbles(v), i % 4)));
	}
	for (uint32_t j = 0; j < 16; j++) {
		uint32_t at = 4 + j / 8 * 8 + j % 2 * 4;
		int shift = (int)(j % 8 / 2 * 2);
		__m256i q[4];

		for (uint32_t i = 0; i < 4; i++)
			q[i] = mask8(_mm256_srli_epi16(word(h, at + i), shift), 3);
		put(h, 4 * j, q);
	}
}

/* Words 0 to 7 hold third bits, 8 to 23 pairs of bits, 24 to 26 the scales of
 * quant_k3_scales(). */
ALWAYS_INLINE void fill_q3_k(struct half h)
{
	put_factor(h.d, 0, f16_tail(h, 27));
	for (int i = 0; i < 4; i++) {
		__m256i low = _mm256_srli_epi32(word(h, 24 + i % 2), i / 2 * 4);
		__m256i high = _mm256_srli_epi32(word(h, 26), 2 * i);
		__m256i v = _mm256_or_si256(low_nibbles(low), _mm256_slli_epi16(mask8(high, 3), 4));

		v = _mm256_sub_epi8(v, _mm256_set1_epi8(32));
		for (uint32_t j = 0; j < 4; j++)
			put_scale(h, (uint32_t)(4 * i) + j, signed_byte_of(v, j));
	}
	for (uint32_t j = 0; j < 16; j++) {
		int bit = (int)(j / 2);
		int shift = (int)(j % 8 / 2 * 2);
		__m256i q[4];

		for (uint32_t i = 0; i < 4; i++) {
			__m256i third = _mm256_srli_epi16(word(h, j % 2 * 4 + i), bit);
			__m256i v = word(h, 8 + j / 8 * 8 + j % 2 * 4 + i);

			v = _mm256_srli_epi16(v, shift);
			q[i] = _mm256_or_si256(mask8(v, 3), _mm256_slli_epi16(mask8(third, 1), 2));
		}
		put(h, 4 * j, q);
	}
}

/* Word 0 holds d and the high bits of the scales, word 1 their low ones. */
ALWAYS_INLINE void fill_iq4_xs(struct half h)
{
	const __m256i flip = _mm256_set1_epi8((char)h.flip);
	const __m256i table = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)quant_iq4_values));
	__m256i low[4], high[4];

	put_factor(h.d, 0, f16_of_low(word(h, 0)));
	for (int i = 0; i < 8; i++) {
		__m256i bits = _mm256_srli_epi32(word(h, 0), 16 + 2 * i);
		__m256i v = _mm256_srli_epi32(word(h, 1), 4 * i);

		bits = _mm256_slli_epi32(_mm256_and_si256(bits, _mm256_set1_epi32(3)), 4);
		v = _mm256_or_si256(_mm256_and_si256(v, _mm256_set1_epi32(15)), bits);
		put_scale(h, (uint32_t)i, _mm256_sub_epi32(v, _mm256_set1_epi32(32)));
	}
	for (uint32_t b = 0; b < 8; b++) {
		for (uint32_t i = 0; i < 4; i++) {
			__m256i v = word(h, 2 + 4 * b + i);

			low[i] = _mm256_shuffle_epi8(table, low_nibbles(v));
			high[i] = _mm256_shuffle_epi8(table, high_nibbles(v));
			low[i] = _mm256_xor_si256(low[i], flip);
			high[i] = _mm256_xor_si256(high[i], flip);
		}
		put(h, 8 * b, low);
		put(h, 8 * b + 4, high);
	}
}

static const struct nibble_format q4_0 = {.bytes = 18, .n_words = 4};
static const struct nibble_format q4_1 = {.bytes = 20, .n_words = 5, .qs = 1, .has_min = true};
static const struct nibble_format q5_0 = {.bytes = 22, .n_words = 5, .qs = 1, .fifth = true};
static const struct nibble_format q5_1 = {.bytes = 24, .n_words = 6, .qs = 2, .has_min = true,
                                          .fifth = true};
static const struct nibble_format iq4_nl = {.bytes = 18, .n_words = 4, .table = quant_iq4_values};
static const struct nibble_format mxfp4 = {.bytes = 17, .n_words = 4, .e8m0 = true,
                                           .table = quant_mxfp4_values};

ALWAYS_INLINE void fill_half(uint32_t dtype, struct half h)
{
	switch (dtype) {
	case ZINC_Q4_K: fill_q4_k(h); break;
	case ZINC_Q5_K: fill_q5_k(h); break;
	case ZINC_Q6_K: fill_q6_k(h); break;
	case ZINC_Q8_0: fill_q8_0(h); break;
	case ZINC_Q4_0: fill_nibbles(h, q4_0); break;
	case ZINC_Q4_1: fill_nibbles(h, q4_1); break;
	case ZINC_Q5_0: fill_nibbles(h, q5_0); break;
	case ZINC_Q5_1: fill_nibbles(h, q5_1); break;
	case ZINC_IQ4_NL: fill_nibbles(h, iq4_nl); break;
	case ZINC_MXFP4: fill_nibbles(h, mxfp4); break;
	case ZINC_Q2_K: fill_q2_k(h); break;
	case ZINC_Q3_K: fill_q3_k(h); break;
	default: fill_iq4_xs(h); break;
	}
}

void lin_avx2_fill_flipped(uint32_t dtype, const uint8_t *packed, uint32_t blocks, uint8_t flip,
                           struct lin_tile *tile)
{
	for (uint32_t r = 0; r < LIN_ROWS; r += 8)
		fill_half(dtype, (struct half){.w = packed, .rows = r, .blocks = blocks,
		                               .flip = flip, .q = tile->q + 4 * r,
		                               .d = tile->d + r, .m = tile->m + r,
		                               .s = tile->s + r});
}

void lin_avx2_fill(uint32_t dtype, const uint8_t *packed, uint32_t blocks, struct lin_tile *tile)
{
	lin_avx2_fill_flipped(dtype, packed, blocks, 0, tile);
}

/* Sums of one column: a chunk's dots of 8 rows added up as linear_avx2_q8.c does. */
ALWAYS_INLINE __m256 row_factors(const float *v, uint32_t i)
{
	return _mm256_load_ps(v + i * LIN_ROWS);
}

ALWAYS_INLINE __m256 scale_of(struct half h, uint32_t i)
{
	return row_factors((const float *)(const void *)h.s, i);
}

ALWAYS_INLINE __m256 dot_less(struct half h, uint32_t i, int32_t off)
{
	return _mm256_cvtepi32_ps(_mm256_sub_epi32(h.dot[i],
	                                           _mm256_set1_epi32(off * h.x->sum[i])));
}

ALWAYS_INLINE __m256 add_factors(struct half h, __m256 sum, int32_t off, const bool has_min)
{
	for (uint32_t b = 0; b < h.blocks; b++) {
		__m256 d = _mm256_mul_ps(row_factors(h.d, b), _mm256_broadcast_ss(h.x->d + b));
		int32_t less = off * (h.x->sum[2 * b] + h.x->sum[2 * b + 1]);
		__m256i t = _mm256_add_epi32(h.dot[2 * b], h.dot[2 * b + 1]);

		t = _mm256_sub_epi32(t, _mm256_set1_epi32(less));
		sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(t), d, sum);
		if (has_min)
			sum = _mm256_fnmadd_ps(row_factors(h.m, b),
			                       _mm256_broadcast_ss(h.x->ds + b), sum);
	}
	return sum;
}

/* Returns part, and low where the type has minima. */
ALWAYS_INLINE __m256 add_scales(struct half h, int32_t off, const uint32_t sub,
                                const bool has_min, __m256 *low)
{
	__m256 part = _mm256_setzero_ps(), t, v;

	*low = part;
	for (uint32_t b = 0; b < 8; b++) {
		__m256 xd = _mm256_broadcast_ss(h.x->d + b);

		if (sub == 32) {
			__m256i both = _mm256_add_epi32(h.dot[2 * b], h.dot[2 * b + 1]);

			t = _mm256_mul_ps(_mm256_cvtepi32_ps(both), scale_of(h, b));
		} else {
			t = _mm256_mul_ps(dot_less(h, 2 * b, off), scale_of(h, 2 * b));
			t = _mm256_fmadd_ps(dot_less(h, 2 * b + 1, off), scale_of(h, 2 * b + 1), t);
		}
		part = _mm256_fmadd_ps(t, xd, part);
		if (has_min && sub == 32)
			*low = _mm256_fmadd_ps(row_factors(h.m, b),
			                       _mm256_broadcast_ss(h.x->ds + b), *low);
		if (has_min && sub == 16) {
			v = _mm256_mul_ps(row_factors(h.m, 2 * b),
			                  _mm256_set1_ps((float)h.x->sum[2 * b]));
			v = _mm256_fmadd_ps(row_factors(h.m, 2 * b + 1),
			                    _mm256_set1_ps((float)h.x->sum[2 * b + 1]), v);
			*low = _mm256_fmadd_ps(v, xd, *low);
		}
	}
	return part;
}

/* One type, all of K. */
ALWAYS_INLINE void column_of(const uint32_t dtype, const uint32_t depth, const int32_t off,
                             const uint32_t sub, const bool has_min, const bool has_scales,
                             const struct lin_column *c)
{
	_Alignas(64) float d[LIN_ROWS * 8], m[LIN_ROWS * 16];
	_Alignas(64) int32_t s[LIN_ROWS * 16];
	__m256 sum[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()}, low;
	const uint32_t chunk = LIN_ROWS * LIN_CHUNK / quant_format(dtype)->elems *
	                       quant_format(dtype)->bytes;
	struct half h = {.w = c->packed, .column = true, .x = c->x, .depth = depth};
	__m256i dot[16];

	for (uint32_t k = 0; k < c->k; k += LIN_CHUNK, h.x++, h.w += chunk) {
		h.blocks = c->k - k < LIN_CHUNK ? (c->k - k) / 32 : 8;
		/* the hardware's own prefetch stops at the borders of pages */
		for (uint32_t i = 0; i < chunk; i += 64)
			__builtin_prefetch(h.w + 2 * chunk + i, 0, 2);
		for (uint32_t i = 0; i < 2; i++) {
			struct half part = h;

			part.rows = 8 * i;
			part.d = d + 8 * i;
			part.m = m + 8 * i;
			part.s = s + 8 * i;
			part.dot = dot;
			fill_half(dtype, part);
			if (!has_scales) {
				sum[i] = add_factors(part, sum[i], off, has_min);
				continue;
			}
			sum[i] = _mm256_fmadd_ps(add_scales(part, off, sub, has_min, &low),
			                         row_factors(part.d, 0), sum[i]);
			if (has_min)
				sum[i] = _mm256_fnmadd_ps(row_factors(part.d, 1), low, sum[i]);
		}
	}
	_mm256_storeu_ps(c->acc, sum[0]);
	_mm256_storeu_ps(c->acc + 8, sum[1]);
}

void lin_avx2_column(const struct lin_column *c)
{
	switch (c->dtype) {
	case ZINC_Q4_K: column_of(ZINC_Q4_K, 4, 0, 32, true, true, c); break;
	case ZINC_Q5_K: column_of(ZINC_Q5_K, 4, 0, 32, true, true, c); break;
	case ZINC_Q6_K: column_of(ZINC_Q6_K, 2, 32, 16, false, true, c); break;
	case ZINC_Q8_0: column_of(ZINC_Q8_0, 1, 0, 32, false, false, c); break;
	case ZINC_Q4_0: column_of(ZINC_Q4_0, 4, 8, 32, false, false, c); break;
	case ZINC_Q4_1: column_of(ZINC_Q4_1, 4, 0, 32, true, false, c); break;
	case ZINC_Q5_0: column_of(ZINC_Q5_0, 4, 16, 32, false, false, c); break;
	case ZINC_Q5_1: column_of(ZINC_Q5_1, 4, 0, 32, true, false, c); break;
	case ZINC_IQ4_NL: column_of(ZINC_IQ4_NL, 1, 0, 32, false, false, c); break;
	case ZINC_MXFP4: column_of(ZINC_MXFP4, 4, 12, 32, false, false, c); break;
	case ZINC_Q2_K: column_of(ZINC_Q2_K, 4, 0, 16, true, true, c); break;
	case ZINC_Q3_K: column_of(ZINC_Q3_K, 4, 4, 16, false, true, c); break;
	default: column_of(ZINC_IQ4_XS, 1, 0, 32, false, true, c); break;
	}
}
