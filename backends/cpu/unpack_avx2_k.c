/* unpack_avx2_k.c - the formats with blocks of 256, as in quant_k.c. */
#include "unpack_avx2.h"

#include <immintrin.h>
#include <string.h>

static inline __m256i load(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline __m256i low_nibbles(__m256i v)
{
	return _mm256_and_si256(v, _mm256_set1_epi8(15));
}

static inline __m256i high_nibbles(__m256i v)
{
	return low_nibbles(_mm256_srli_epi16(v, 4));
}

static inline void store(struct quant_chunk *out, uint32_t at, __m256i q)
{
	_mm256_storeu_si256((__m256i *)(void *)(out->q + at), q);
}

static inline __m256 f16_set1(const uint8_t *p)
{
	return _mm256_broadcastss_ps(_mm_cvtph_ps(_mm_cvtsi32_si128(quant_u16(p))));
}

/* Eight times a factor, from the low bytes of v. */
static inline void store_unsigned(float *dst, __m256 d, __m128i v)
{
	_mm256_storeu_ps(dst, _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v))));
}

static inline void store_signed(float *dst, __m256 d, __m128i v)
{
	_mm256_storeu_ps(dst, _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v))));
}

static inline __m128i load_scales(const int8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* quant_k4_scales() on four bytes at a time */
static inline void k4_header(const uint8_t *src, struct quant_chunk *out)
{
	uint32_t s[3], low = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x30303030;
	uint32_t scale_high, min_high;

	memcpy(s, src + 4, sizeof(s));
	scale_high = (s[2] & four) | (s[0] >> 2 & two);
	min_high = (s[2] >> 4 & four) | (s[1] >> 2 & two);
	store_unsigned(out->d, f16_set1(src),
	               _mm_cvtsi64_si128((long long)((uint64_t)scale_high << 32 | (s[0] & low))));
	store_unsigned(out->m, f16_set1(src + 2),
	               _mm_cvtsi64_si128((long long)((uint64_t)min_high << 32 | (s[1] & low))));
}

void unpack_avx2_q4_k(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	(void)n;
	k4_header(src, out);
	for (uint32_t j = 0; j < 4; j++) {
		__m256i v = load(src + 16 + 32 * j);

		store(out, 64 * j, low_nibbles(v));
		store(out, 64 * j + 32, high_nibbles(v));
	}
}

void unpack_avx2_q5_k(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	const __m256i bit4 = _mm256_set1_epi8(16);
	__m256i high = load(src + 16);

	(void)n;
	k4_header(src, out);
	for (uint32_t j = 0; j < 4; j++) {
		__m256i v = load(src + 48 + 32 * j);
		__m256i h0 = _mm256_and_si256(_mm256_slli_epi16(high, 4), bit4);
		__m256i h1 = _mm256_and_si256(_mm256_slli_epi16(high, 3), bit4);

		store(out, 64 * j, _mm256_or_si256(low_nibbles(v), h0));
		store(out, 64 * j + 32, _mm256_or_si256(high_nibbles(v), h1));
		high = _mm256_srli_epi16(high, 2);
	}
}

void unpack_avx2_q6_k(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	const __m256i pair = _mm256_set1_epi8(0x30);
	__m256 d = f16_set1(src + 208);
	__m128i scale = load_scales((const int8_t *)src + 192);

	(void)n;
	store_signed(out->d, d, scale);
	store_signed(out->d + 8, d, _mm_unpackhi_epi64(scale, scale));
	for (uint32_t half = 0; half < 2; half++) {
		__m256i a = load(src + 64 * half), b = load(src + 64 * half + 32);
		__m256i h = load(src + 128 + 32 * half);
		__m256i h0 = _mm256_and_si256(_mm256_slli_epi16(h, 4), pair);
		__m256i h1 = _mm256_and_si256(_mm256_slli_epi16(h, 2), pair);
		__m256i h2 = _mm256_and_si256(h, pair);
		__m256i h3 = _mm256_and_si256(_mm256_srli_epi16(h, 2), pair);

		store(out, 128 * half, _mm256_or_si256(low_nibbles(a), h0));
		store(out, 128 * half + 32, _mm256_or_si256(low_nibbles(b), h1));
		store(out, 128 * half + 64, _mm256_or_si256(high_nibbles(a), h2));
		store(out, 128 * half + 96, _mm256_or_si256(high_nibbles(b), h3));
	}
}

void unpack_avx2_q2_k(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	__m128i s = _mm_loadu_si128((const __m128i *)(const void *)src);
	__m128i scale = _mm_and_si128(s, _mm_set1_epi8(15));
	__m128i min = _mm_and_si128(_mm_srli_epi16(s, 4), _mm_set1_epi8(15));
	__m256 d = f16_set1(src + 80), dmin = f16_set1(src + 82);

	(void)n;
	store_unsigned(out->d, d, scale);
	store_unsigned(out->d + 8, d, _mm_unpackhi_epi64(scale, scale));
	store_unsigned(out->m, dmin, min);
	store_unsigned(out->m + 8, dmin, _mm_unpackhi_epi64(min, min));
	for (uint32_t half = 0; half < 2; half++) {
		__m256i v = load(src + 16 + 32 * half);

		for (uint32_t j = 0; j < 4; j++) {
			store(out, 128 * half + 32 * j, _mm256_and_si256(v, _mm256_set1_epi8(3)));
			v = _mm256_srli_epi16(v, 2);
		}
	}
}

void unpack_avx2_q3_k(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	const __m256i one = _mm256_set1_epi8(1);
	__m256 d = f16_set1(src + 108);
	__m256i high = load(src);
	int8_t scale[16];

	(void)n;
	quant_k3_scales(src + 96, scale);
	store_signed(out->d, d, load_scales(scale));
	store_signed(out->d + 8, d, _mm_loadl_epi64((const __m128i *)(const void *)(scale + 8)));
	for (uint32_t half = 0; half < 2; half++) {
		__m256i v = load(src + 32 + 32 * half);

		for (uint32_t j = 0; j < 4; j++) {
			__m256i low = _mm256_and_si256(v, _mm256_set1_epi8(3));
			__m256i h = _mm256_slli_epi16(_mm256_and_si256(high, one), 2);

			store(out, 128 * half + 32 * j, _mm256_or_si256(low, h));
			v = _mm256_srli_epi16(v, 2);
			high = _mm256_srli_epi16(high, 1);
		}
	}
}

void unpack_avx2_iq4_xs(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	const __m256i values = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)quant_iq4_values));
	int8_t scale[8];

	(void)n;
	quant_iq4_xs_scales(quant_u16(src + 2), src + 4, scale);
	store_signed(out->d, f16_set1(src),
	             _mm_loadl_epi64((const __m128i *)(const void *)scale));
	for (uint32_t b = 0; b < 8; b++) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(src + 8 + 16 * b));
		__m256i q = low_nibbles(_mm256_set_m128i(_mm_srli_epi16(v, 4), v));

		store(out, 32 * b, _mm256_shuffle_epi8(values, q));
	}
}

quant_unpack_fn *unpack_avx2(uint32_t dtype)
{
	static quant_unpack_fn *const table[] = {
		[ZINC_Q8_0] = unpack_avx2_q8_0,     [ZINC_Q4_0] = unpack_avx2_q4_0,
		[ZINC_Q4_1] = unpack_avx2_q4_1,     [ZINC_Q5_0] = unpack_avx2_q5_0,
		[ZINC_Q5_1] = unpack_avx2_q5_1,     [ZINC_Q2_K] = unpack_avx2_q2_k,
		[ZINC_Q3_K] = unpack_avx2_q3_k,     [ZINC_Q4_K] = unpack_avx2_q4_k,
		[ZINC_Q5_K] = unpack_avx2_q5_k,     [ZINC_Q6_K] = unpack_avx2_q6_k,
		[ZINC_IQ4_NL] = unpack_avx2_iq4_nl, [ZINC_IQ4_XS] = unpack_avx2_iq4_xs,
		[ZINC_MXFP4] = unpack_avx2_mxfp4,
	};

	return table[dtype];
}
