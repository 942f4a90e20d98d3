/* linear_plain.c - the kernels of the matrix product in plain C: the ones that
 * say what the others compute. A tile here keeps its rows one after another. */
#include "linear.h"

#include <math.h>
#include <string.h>

#define ROWS 8u
#define LANES 8u

static quant_unpack_fn *unpack(uint32_t dtype)
{
	return quant_format(dtype)->unpack;
}

static void fill(uint32_t dtype, const uint8_t *w, uint64_t stride, uint32_t blocks,
                 struct lin_tile *tile)
{
	quant_unpack_fn *unpack_row = unpack(dtype);

	for (uint32_t r = 0; r < ROWS; r++) {
		struct quant_chunk chunk;

		unpack_row(w + r * stride, 32 * blocks, &chunk);
		memcpy(tile->q + r * LIN_CHUNK, chunk.q, 32 * blocks);
		memcpy(tile->d + r * 16, chunk.d, sizeof(chunk.d));
		memcpy(tile->m + r * 16, chunk.m, sizeof(chunk.m));
	}
}

static int32_t dot_unsigned(const uint8_t *q, const int8_t *x, uint32_t n)
{
	int32_t s = 0;

	for (uint32_t i = 0; i < n; i++)
		s += q[i] * x[i];
	return s;
}

static int32_t dot_signed(const uint8_t *q, const int8_t *x)
{
	int32_t s = 0;

	for (uint32_t i = 0; i < 32; i++)
		s += (int8_t)q[i] * x[i];
	return s;
}

static float add_sub32(float acc, const struct lin_q8_step *s, uint32_t r, uint32_t b,
                       const struct lin_act *x)
{
	const uint8_t *q = s->tile->q + r * LIN_CHUNK + 32 * b;
	const int8_t *xq = x->q + 32 * b;
	int32_t dot = s->format->is_signed ? dot_signed(q, xq) : dot_unsigned(q, xq, 32);

	dot -= s->format->off * (x->sum[2 * b] + x->sum[2 * b + 1]);
	acc += (float)dot * s->tile->d[r * 16 + b] * x->d[b];
	if (s->format->has_min)
		acc -= s->tile->m[r * 16 + b] * x->ds[b];
	return acc;
}

static float add_sub16(float acc, const struct lin_q8_step *s, uint32_t r, uint32_t b,
                       const struct lin_act *x)
{
	const uint8_t *q = s->tile->q + r * LIN_CHUNK + 32 * b;
	const float *d = s->tile->d + r * 16 + 2 * b, *m = s->tile->m + r * 16 + 2 * b;
	int32_t dot0 = dot_unsigned(q, x->q + 32 * b, 16);
	int32_t dot1 = dot_unsigned(q + 16, x->q + 32 * b + 16, 16);

	dot0 -= s->format->off * x->sum[2 * b];
	dot1 -= s->format->off * x->sum[2 * b + 1];
	acc += ((float)dot0 * d[0] + (float)dot1 * d[1]) * x->d[b];
	if (s->format->has_min)
		acc -= ((float)x->sum[2 * b] * m[0] + (float)x->sum[2 * b + 1] * m[1]) * x->d[b];
	return acc;
}

static void dot_q8(const struct lin_q8_step *s)
{
	for (uint32_t c = 0; c < s->n_cols; c++) {
		const struct lin_act *x = s->x[c] + s->chunk;

		for (uint32_t r = 0; r < ROWS; r++) {
			float acc = s->acc[c * ROWS + r];

			for (uint32_t b = 0; b < s->blocks; b++)
				acc = s->format->sub == 32 ? add_sub32(acc, s, r, b, x)
				                           : add_sub16(acc, s, r, b, x);
			s->acc[c * ROWS + r] = acc;
		}
	}
}

static void dot_f32(const struct lin_f32_step *s)
{
	for (uint32_t c = 0; c < s->n_cols; c++) {
		const float *x = s->x[c] + s->k0;

		for (uint32_t r = 0; r < LIN_F32_ROWS; r++) {
			float *acc = s->acc + (c * LIN_F32_ROWS + r) * LANES;

			for (uint32_t i = 0; i < s->n; i++)
				acc[i % LANES] += s->w[r][i] * x[i];
		}
	}
}

/* One block of 32, or less at the end of a row. */
static void quantise_block(const float *x, uint32_t n, struct lin_act *y, uint32_t b)
{
	int8_t *q = y->q + 32 * b;
	float amax = 0.0f, inverse = 0.0f;
	int32_t sum[2] = {0, 0};

	for (uint32_t i = 0; i < n; i++)
		amax = fabsf(x[i]) > amax || x[i] != x[i] ? fabsf(x[i]) : amax;
	/* An infinity or a NaN makes the whole block NaN; a tiny block is 0. */
	if (!(amax <= 3.4e38f))
		amax = NAN;
	else if (amax < 1e-30f)
		amax = 0.0f;
	else
		inverse = 127.0f / amax;
	for (uint32_t i = 0; i < 32; i++) {
		q[i] = i < n && inverse > 0.0f ? (int8_t)lrintf(x[i] * inverse) : 0;
		sum[i / 16] += q[i];
	}
	y->d[b] = amax / 127.0f;
	y->ds[b] = y->d[b] * (float)(sum[0] + sum[1]);
	y->sum[2 * b] = (int16_t)sum[0];
	y->sum[2 * b + 1] = (int16_t)sum[1];
}

static void quantise(const float *x, uint32_t k, struct lin_act *y)
{
	for (uint32_t k0 = 0; k0 < k; k0 += LIN_CHUNK, y++)
		for (uint32_t b = 0; b < 8; b++) {
			uint32_t at = k0 + 32 * b;
			uint32_t n = at >= k ? 0 : k - at < 32 ? k - at : 32;

			quantise_block(x + (n ? at : 0), n, y, b);
		}
}

const struct lin_isa lin_plain = {
	.rows = ROWS,
	.lanes = LANES,
	.unpack = unpack,
	.fill = fill,
	.dot_q8 = dot_q8,
	.expand = quant_chunk_to_f32,
	.widen = quant_to_f32,
	.dot_f32 = dot_f32,
	.quantise = quantise,
};
