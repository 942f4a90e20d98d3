/* enc_legacy.c - encoders of the formats with blocks of 32: an F16 scale,
 * perhaps an F16 minimum, and integers of 4, 5 or 8 bits. Element i < 16 of a
 * block is the low nibble of byte i, element i + 16 its high nibble; fifth bits
 * are 32 bits in front, bit i for element i. */
#include <math.h>
#include <string.h>

#include "model/enc.h"
#include "model/enc_fit.h"
#include "model/half.h"

enum { BLOCK = 32 };

static void put_u16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void put_nibbles(uint8_t *dst, const uint8_t *q)
{
	for (int i = 0; i < BLOCK / 2; i++)
		dst[i] = (uint8_t)((q[i] & 15) | (q[i + BLOCK / 2] & 15) << 4);
}

static void put_fifth_bits(uint8_t *dst, const uint8_t *q)
{
	memset(dst, 0, BLOCK / 8);
	for (int i = 0; i < BLOCK; i++)
		dst[i / 8] |= (uint8_t)(q[i] >> 4 << i % 8);
}

/* 254 steps are so fine that a search gains next to nothing. */
void enc_block_q8_0(const float *x, uint8_t *dst)
{
	float largest = 0, scale, inverse;
	uint16_t h;

	for (int i = 0; i < BLOCK; i++)
		largest = fmaxf(largest, fabsf(x[i]));
	h = enc_half_scale(largest / 127);
	scale = half_f16_to_f32(h);
	inverse = scale > 0 ? 1 / scale : 0;
	put_u16(dst, h);
	for (int i = 0; i < BLOCK; i++) {
		float q = fminf(fmaxf(roundf(x[i] * inverse), -127), 127);

		dst[2 + i] = (uint8_t)(int8_t)q;
	}
}

/* The scale, and the integers made unsigned, of Q4_0 and Q5_0. */
static uint16_t fit_signed(const float *x, int half, uint8_t *q)
{
	float w[BLOCK];
	int8_t l[BLOCK];
	uint16_t h;

	enc_weights(x, BLOCK, w);
	h = enc_half_scale(enc_fit_scale(x, w, BLOCK, half));
	enc_round_scale(x, w, BLOCK, half, half_f16_to_f32(h), l);
	for (int i = 0; i < BLOCK; i++)
		q[i] = (uint8_t)(l[i] + half);
	return h;
}

void enc_block_q4_0(const float *x, uint8_t *dst)
{
	uint8_t q[BLOCK];

	put_u16(dst, fit_signed(x, 8, q));
	put_nibbles(dst + 2, q);
}

void enc_block_q5_0(const float *x, uint8_t *dst)
{
	uint8_t q[BLOCK];

	put_u16(dst, fit_signed(x, 16, q));
	put_fifth_bits(dst + 2, q);
	put_nibbles(dst + 6, q);
}

void enc_block_q5_1(const float *x, uint8_t *dst)
{
	struct enc_affine a;
	float w[BLOCK];
	uint8_t q[BLOCK];
	uint16_t scale, min;

	enc_weights(x, BLOCK, w);
	a = enc_fit_affine(x, w, BLOCK, 31);
	scale = enc_half_scale(a.scale);
	min = half_f32_to_f16(-a.min);
	a.scale = half_f16_to_f32(scale);
	a.min = -half_f16_to_f32(min);
	enc_round_affine(x, w, BLOCK, 31, a, q);
	put_u16(dst, scale);
	put_u16(dst + 2, min);
	put_fifth_bits(dst + 4, q);
	put_nibbles(dst + 8, q);
}
