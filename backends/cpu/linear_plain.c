/* linear_plain.c - the kernels of the matrix product in plain C: the ones that
 * say what the others compute. */
#include "linear.h"

#include <math.h>
#include <string.h>

static void pack_words(const uint8_t *w, uint64_t stride, uint32_t n, uint8_t *packed)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t r = 0; r < LIN_ROWS; r++)
			memcpy(packed + 4 * (i * LIN_ROWS + r), w + r * stride + 4 * i, 4);
}

static quant_unpack_fn *unpack(uint32_t dtype)
{
	return quant_format(dtype)->unpack;
}

static void fill_row(uint32_t dtype, const uint8_t *row, uint32_t blocks, uint32_t r,
                     struct lin_tile *tile)
{
	const struct quant_format *f = quant_format(dtype);
	uint32_t n_sub = blocks * 32 / f->sub;
	struct quant_chunk c;
	struct quant_scales s;

	f->unpack(row, 32 * blocks, &c);
	for (uint32_t i = 0; i < 32 * blocks; i++)
		tile->q[i / 4 * 4 * LIN_ROWS + 4 * r + i % 4] = c.q[i];
	for (uint32_t i = 0; i < n_sub && !f->has_scales; i++) {
		tile->d[i * LIN_ROWS + r] = c.d[i];
		tile->m[i * LIN_ROWS + r] = c.m[i];
	}
	if (!f->has_scales)
		return;
	quant_scales(dtype, row, &s);
	tile->d[r] = s.d;
	tile->d[LIN_ROWS + r] = s.dmin;
	for (uint32_t i = 0; i < n_sub; i++) {
		tile->s[i * LIN_ROWS + r] = s.scale[i];
		tile->m[i * LIN_ROWS + r] = s.min[i];
	}
}

static void fill(uint32_t dtype, const uint8_t *packed, uint32_t blocks, struct lin_tile *tile)
{
	uint8_t row[LIN_CHUNK_BYTES];

	for (uint32_t r = 0; r < LIN_ROWS; r++) {
		lin_unpack_row(dtype, packed, r, 32 * blocks, row);
		fill_row(dtype, row, blocks, r, tile);
	}
}

/* Elements [k0, k0 + n) of row r times x, less the offset. */
static int32_t dot(const struct lin_q8_step *s, const struct lin_act *x, uint32_t r, uint32_t k0,
                   uint32_t n)
{
	int32_t sum = 0;

	for (uint32_t k = k0; k < k0 + n; k++) {
		uint8_t q = s->tile->q[k / 4 * 4 * LIN_ROWS + 4 * r + k % 4];

		sum += (s->format->is_signed ? (int8_t)q : q - s->format->off) * x->q[k];
	}
	return sum;
}

static float add_factors(float acc, const struct lin_q8_step *s, const struct lin_act *x,
                         uint32_t r)
{
	for (uint32_t b = 0; b < s->blocks; b++) {
		uint32_t at = b * LIN_ROWS + r;

		acc = fmaf((float)dot(s, x, r, 32 * b, 32), s->tile->d[at] * x->d[b], acc);
		if (s->format->has_min)
			acc = fmaf(-s->tile->m[at], x->ds[b], acc);
	}
	return acc;
}

static float low_of(const struct lin_q8_step *s, const struct lin_act *x, uint32_t r)
{
	float low = 0.0f;

	for (uint32_t b = 0; b < s->blocks; b++) {
		const float *m = s->tile->m + (s->format->sub == 16 ? 2 * b : b) * LIN_ROWS + r;

		if (s->format->sub == 16)
			low = fmaf((float)x->sum[2 * b] * m[0] +
			                   (float)x->sum[2 * b + 1] * m[LIN_ROWS],
			           x->d[b], low);
		else
			low = fmaf(m[0], x->ds[b], low);
	}
	return low;
}

static float add_scales(float acc, const struct lin_q8_step *s, const struct lin_act *x, uint32_t r)
{
	uint32_t sub = s->format->sub;
	float part = 0.0f;

	for (uint32_t b = 0; b < s->blocks; b++) {
		int32_t t = 0;

		for (uint32_t k = 32 * b; k < 32 * b + 32; k += sub)
			t += dot(s, x, r, k, sub) * s->tile->s[k / sub * LIN_ROWS + r];
		part = fmaf((float)t, x->d[b], part);
	}
	acc = fmaf(part, s->tile->d[r], acc);
	if (s->format->has_min)
		acc = fmaf(-s->tile->d[LIN_ROWS + r], low_of(s, x, r), acc);
	return acc;
}

static void dot_q8(const struct lin_q8_step *s)
{
	for (uint32_t c = 0; c < s->n_cols; c++) {
		const struct lin_act *x = s->x[c] + s->chunk;

		for (uint32_t r = 0; r < LIN_ROWS; r++) {
			float *acc = s->acc + c * LIN_ROWS + r;

			*acc = s->format->has_scales ? add_scales(*acc, s, x, r)
			                             : add_factors(*acc, s, x, r);
		}
	}
}

static void transpose(const float *const *rows, uint32_t n, float *dst)
{
	for (uint32_t k = 0; k < n; k++)
		for (uint32_t r = 0; r < LIN_ROWS; r++)
			dst[k * LIN_ROWS + r] = rows[r][k];
}

static void dot_f32(const struct lin_f32_step *s)
{
	for (uint32_t c = 0; c < s->n_cols; c++)
		for (uint32_t k0 = 0; k0 < s->n; k0 += LIN_F32_BLOCK) {
			uint32_t end = s->n - k0 < LIN_F32_BLOCK ? s->n : k0 + LIN_F32_BLOCK;
			float part[LIN_ROWS] = {0};

			for (uint32_t k = k0; k < end; k++)
				for (uint32_t r = 0; r < LIN_ROWS; r++)
					part[r] += s->w[k * LIN_ROWS + r] * s->x[c][s->k0 + k];
			for (uint32_t r = 0; r < LIN_ROWS; r++)
				s->acc[c * LIN_ROWS + r] += part[r];
		}
}

/* One block of 32, or less at the end of a row. */
static void quantise_block(const float *x, uint32_t n, struct lin_act *y, uint32_t b)
{
	int8_t *q = y->q + 32 * b;
	float amax = 0.0f, inverse = 0.0f;
	int32_t sum[2] = {0, 0}, pairs[4] = {0};

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
		pairs[i / 16 * 2 + i / 2 % 2] += q[i];
	}
	y->d[b] = amax / 127.0f;
	y->ds[b] = y->d[b] * (float)(sum[0] + sum[1]);
	y->sum[2 * b] = (int16_t)sum[0];
	y->sum[2 * b + 1] = (int16_t)sum[1];
	for (uint32_t i = 0; i < 4; i++)
		y->mid[4 * b + i] = (int16_t)(32 * pairs[i]);
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
	.pack_words = pack_words,
	.pack_bits = lin_pack_bits,
	.unpack = unpack,
	.fill = fill,
	.dot_q8 = dot_q8,
	.expand = quant_chunk_to_f32,
	.widen = quant_to_f32,
	.transpose = transpose,
	.dot_f32 = dot_f32,
	.quantise = quantise,
};
