/* enc.c - rows of F32 to any type that can be written, and source rows to F32. */
#include "model/enc.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "model/half.h"

struct encoder {
	void (*block)(const float *x, uint8_t *dst);
	uint32_t elems, bytes;
	float limit; /* largest magnitude that certainly fits */
};

static void block_f16(const float *x, uint8_t *dst)
{
	uint16_t h = half_f32_to_f16(*x);

	memcpy(dst, &h, sizeof(h));
}

#define F16_MAX 65504.0f

static const struct encoder encoders[] = {
	[ZINC_F16] = {block_f16, 1, 2, F16_MAX},
	[ZINC_Q8_0] = {enc_block_q8_0, 32, 34, F16_MAX * 127},
	[ZINC_Q4_0] = {enc_block_q4_0, 32, 18, F16_MAX * 7},
	[ZINC_Q5_0] = {enc_block_q5_0, 32, 22, F16_MAX * 15},
	[ZINC_Q5_1] = {enc_block_q5_1, 32, 24, F16_MAX},
	[ZINC_Q4_K] = {enc_block_q4_k, 256, 144, F16_MAX * 63},
	[ZINC_Q5_K] = {enc_block_q5_k, 256, 176, F16_MAX * 63},
	[ZINC_Q6_K] = {enc_block_q6_k, 256, 210, F16_MAX * 127},
};

static const struct encoder *find(uint32_t dtype)
{
	if (dtype >= sizeof(encoders) / sizeof(encoders[0]) || !encoders[dtype].block)
		return NULL;
	return &encoders[dtype];
}

bool enc_supports(uint32_t dtype)
{
	return find(dtype) != NULL;
}

enum enc_result enc_row(uint32_t dtype, const float *x, uint8_t *dst, uint64_t n)
{
	const struct encoder *e = find(dtype);
	float largest = 0;

	for (uint64_t i = 0; i < n; i++) {
		if (!isfinite(x[i]))
			return ENC_NOT_FINITE;
		largest = fmaxf(largest, fabsf(x[i]));
	}
	if (largest > e->limit)
		return ENC_TOO_LARGE;
	for (uint64_t i = 0; i < n; i += e->elems, dst += e->bytes)
		e->block(x + i, dst);
	return ENC_OK;
}

bool enc_load_row(uint32_t dtype, const uint8_t *src, float *x, uint64_t n)
{
	uint16_t h;

	switch (dtype) {
	case ZINC_F32:
		memcpy(x, src, n * sizeof(*x));
		return true;
	case ZINC_F16:
	case ZINC_BF16:
		for (uint64_t i = 0; i < n; i++) {
			memcpy(&h, src + 2 * i, sizeof(h));
			x[i] = dtype == ZINC_F16 ? half_f16_to_f32(h) : half_bf16_to_f32(h);
		}
		return true;
	default:
		return false;
	}
}
