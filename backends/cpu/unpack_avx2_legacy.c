/* unpack_avx2_legacy.c - the formats with blocks of 32, as in quant_legacy.c. */
#include "unpack_avx2.h"

#include <immintrin.h>
#include <string.h>

static inline float f16_at(const uint8_t *p)
{
	return _cvtsh_ss(quant_u16(p));
}

/* 16 bytes to 32 nibbles: the low ones, then the high ones. */
static inline __m256i nibbles(const uint8_t *qs)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)qs);
	__m256i both = _mm256_set_m128i(_mm_srli_epi16(v, 4), v);

	return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/* Bit 4 where the bit of the element is set in the 32 at qh. */
static inline __m256i fifth_bits(const uint8_t *qh)
{
	const __m256i spread = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202,
	                                          0x0303030303030303);
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
	int32_t bits;
	__m256i v;

	memcpy(&bits, qh, sizeof(bits));
	v = _mm256_shuffle_epi8(_mm256_set1_epi32(bits), spread);
	v = _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
	return _mm256_and_si256(v, _mm256_set1_epi8(16));
}

static inline void store_block(struct quant_chunk *out, uint32_t b, __m256i q)
{
	_mm256_storeu_si256((__m256i *)(void *)(out->q + 32 * b), q);
}

void unpack_avx2_q8_0(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 34) {
		out->d[b] = f16_at(src);
		store_block(out, b, _mm256_loadu_si256((const __m256i *)(const void *)(src + 2)));
	}
}

void unpack_avx2_q4_0(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 18) {
		out->d[b] = f16_at(src);
		store_block(out, b, nibbles(src + 2));
	}
}

void unpack_avx2_q4_1(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 20) {
		out->d[b] = f16_at(src);
		out->m[b] = -f16_at(src + 2);
		store_block(out, b, nibbles(src + 4));
	}
}

void unpack_avx2_q5_0(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 22) {
		out->d[b] = f16_at(src);
		store_block(out, b, _mm256_or_si256(nibbles(src + 6), fifth_bits(src + 2)));
	}
}

void unpack_avx2_q5_1(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 24) {
		out->d[b] = f16_at(src);
		out->m[b] = -f16_at(src + 2);
		store_block(out, b, _mm256_or_si256(nibbles(src + 8), fifth_bits(src + 4)));
	}
}

void unpack_avx2_iq4_nl(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	const __m256i values = _mm256_broadcastsi128_si256(
		_mm_loadu_si128((const __m128i *)(const void *)quant_iq4_values));

	for (uint32_t b = 0; b < n / 32; b++, src += 18) {
		out->d[b] = f16_at(src);
		store_block(out, b, _mm256_shuffle_epi8(values, nibbles(src + 2)));
	}
}

void unpack_avx2_mxfp4(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	const __m256i values = _mm256_broadcastsi128_si256(_mm_loadu_si128(
		(const __m128i *)(const void *)quant_mxfp4_values));

	for (uint32_t b = 0; b < n / 32; b++, src += 17) {
		out->d[b] = quant_e8m0_half(src[0]);
		store_block(out, b, _mm256_shuffle_epi8(values, nibbles(src + 1)));
	}
}
