/* quant.c - the table of block formats, and rows to and from F32. */
#include "quant.h"

#include <math.h>
#include <string.h>

static const struct quant_format formats[] = {
	[ZINC_F32] = {.elems = 1, .bytes = 4},
	[ZINC_F16] = {.elems = 1, .bytes = 2},
	[ZINC_BF16] = {.elems = 1, .bytes = 2},
	[ZINC_Q8_0] = {32, 34, 32, 0, true, false, false, quant_unpack_q8_0},
	[ZINC_Q4_0] = {32, 18, 32, 8, false, false, false, quant_unpack_q4_0},
	[ZINC_Q4_1] = {32, 20, 32, 0, false, true, false, quant_unpack_q4_1},
	[ZINC_Q5_0] = {32, 22, 32, 16, false, false, false, quant_unpack_q5_0},
	[ZINC_Q5_1] = {32, 24, 32, 0, false, true, false, quant_unpack_q5_1},
	[ZINC_Q2_K] = {256, 84, 16, 0, false, true, true, quant_unpack_q2_k},
	[ZINC_Q3_K] = {256, 110, 16, 4, false, false, true, quant_unpack_q3_k},
	[ZINC_Q4_K] = {256, 144, 32, 0, false, true, true, quant_unpack_q4_k},
	[ZINC_Q5_K] = {256, 176, 32, 0, false, true, true, quant_unpack_q5_k},
	[ZINC_Q6_K] = {256, 210, 16, 32, false, false, true, quant_unpack_q6_k},
	[ZINC_IQ4_NL] = {32, 18, 32, 0, true, false, false, quant_unpack_iq4_nl},
	[ZINC_IQ4_XS] = {256, 136, 32, 0, true, false, true, quant_unpack_iq4_xs},
	[ZINC_MXFP4] = {32, 17, 32, 12, false, false, false, quant_unpack_mxfp4},
};

const struct quant_format *quant_format(uint32_t dtype)
{
	if (dtype >= sizeof(formats) / sizeof(formats[0]) || !formats[dtype].elems)
		return NULL;
	return &formats[dtype];
}

uint32_t quant_block_elems(uint32_t dtype)
{
	return quant_format(dtype)->elems;
}

uint32_t quant_block_bytes(uint32_t dtype)
{
	return quant_format(dtype)->bytes;
}

uint64_t quant_row_bytes(uint32_t dtype, uint64_t n)
{
	const struct quant_format *f = quant_format(dtype);

	return n / f->elems * f->bytes;
}

static float f32_of_bits(uint32_t u)
{
	float f;

	memcpy(&f, &u, sizeof(f));
	return f;
}

static uint32_t bits_of_f32(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof(u));
	return u;
}

float quant_f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = h >> 10 & 31, man = h & 0x3ff;

	if (exp == 31)
		return f32_of_bits(sign | 0x7f800000 | man << 13);
	if (exp)
		return f32_of_bits(sign | (exp + 112) << 23 | man << 13);
	return f32_of_bits(sign | bits_of_f32((float)man * 0x1p-24f));
}

uint16_t quant_f32_to_f16(float f)
{
	uint32_t u = bits_of_f32(f), sign = u >> 16 & 0x8000;

	u &= 0x7fffffff;
	if (u > 0x7f800000)
		return (uint16_t)(sign | 0x7e00 | (u >> 13 & 0x3ff));
	if (u >= 0x477ff000)
		return (uint16_t)(sign | 0x7c00);
	/* Below the normal range, the sum with 0.5 rounds at the last bit kept. */
	if (u < 0x38800000)
		return (uint16_t)(sign | (bits_of_f32(f32_of_bits(u) + 0.5f) - 0x3f000000));
	return (uint16_t)(sign | (u - 0x38000000 + 0xfff + (u >> 13 & 1)) >> 13);
}

static uint16_t f32_to_bf16(float f)
{
	uint32_t u = bits_of_f32(f);

	if ((u & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(u >> 16 | 0x40);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

float quant_e8m0_half(uint8_t e)
{
	return f32_of_bits(e < 2 ? UINT32_C(0x00200000) << e : (uint32_t)(e - 1) << 23);
}

void quant_chunk_to_f32(const struct quant_chunk *c, const struct quant_format *f, float *dst,
                        uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		int32_t q = f->is_signed ? (int8_t)c->q[i] : c->q[i] - f->off;
		float w = c->d[i / f->sub] * (float)q;

		dst[i] = f->has_min ? w - c->m[i / f->sub] : w;
	}
}

void quant_to_f32(uint32_t dtype, const void *src, float *dst, uint64_t n)
{
	const struct quant_format *f = quant_format(dtype);
	const uint8_t *p = src;
	struct quant_chunk c;

	if (dtype == ZINC_F32) {
		memcpy(dst, src, n * sizeof(float));
	} else if (dtype == ZINC_F16) {
		for (uint64_t i = 0; i < n; i++)
			dst[i] = quant_f16_to_f32(quant_u16(p + 2 * i));
	} else if (dtype == ZINC_BF16) {
		for (uint64_t i = 0; i < n; i++)
			dst[i] = f32_of_bits((uint32_t)quant_u16(p + 2 * i) << 16);
	} else {
		for (uint64_t i = 0; i < n; i += QUANT_CHUNK) {
			uint32_t part = n - i < QUANT_CHUNK ? (uint32_t)(n - i) : QUANT_CHUNK;

			f->unpack(p + i / f->elems * f->bytes, part, &c);
			quant_chunk_to_f32(&c, f, dst + i, part);
		}
	}
}

/* One Q8_0 block; a block with an infinity or a NaN becomes NaN as a whole. */
static void block_to_q8_0(const float *src, uint8_t *dst)
{
	float amax = 0.0f, inverse;
	uint16_t d;

	for (int i = 0; i < 32; i++)
		amax = fabsf(src[i]) > amax || src[i] != src[i] ? fabsf(src[i]) : amax;
	if (!(amax <= 3.4e38f)) {
		d = 0x7e00;
		inverse = 0.0f;
	} else {
		d = quant_f32_to_f16(amax / 127.0f);
		inverse = amax > 1e-30f ? 127.0f / amax : 0.0f;
	}
	memcpy(dst, &d, sizeof(d));
	for (int i = 0; i < 32; i++)
		dst[2 + i] = inverse > 0.0f ? (uint8_t)(int8_t)lrintf(src[i] * inverse) : 0;
}

void quant_from_f32(uint32_t dtype, const float *src, void *dst, uint64_t n)
{
	uint8_t *p = dst;
	uint16_t *h = dst;

	if (dtype == ZINC_F32)
		memcpy(dst, src, n * sizeof(float));
	for (uint64_t i = 0; i < n && dtype == ZINC_F16; i++)
		h[i] = quant_f32_to_f16(src[i]);
	for (uint64_t i = 0; i < n && dtype == ZINC_BF16; i++)
		h[i] = f32_to_bf16(src[i]);
	for (uint64_t i = 0; i < n && dtype == ZINC_Q8_0; i += 32)
		block_to_q8_0(src + i, p + i / 32 * 34);
}
