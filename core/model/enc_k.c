/* enc_k.c - encoders of Q4_K and Q5_K: 256 elements in eight blocks of 32 with
 * x = d * scale * q - dmin * min, where d and dmin are F16, scale and min have
 * six bits for each block, and q has four or five bits. */
#include <string.h>

#include "model/enc.h"
#include "model/enc_fit.h"
#include "model/half.h"

enum { BLOCK = 32, N_BLOCKS = 8, SUPER = BLOCK * N_BLOCKS, SCALE_MAX = 63 };

struct super {
	const float *x;
	float w[SUPER];
	int q_max;
	uint16_t d, dmin;
	uint8_t scale[N_BLOCKS], min[N_BLOCKS];
	uint8_t q[SUPER];
	float error;
};

static int six_bits(float y)
{
	int v = (int)(y + 0.5f);

	return v > SCALE_MAX ? SCALE_MAX : v;
}

static struct enc_affine block_affine(const struct super *s, int scale, int min)
{
	struct enc_affine a = {half_f16_to_f32(s->d) * (float)scale,
	                       half_f16_to_f32(s->dmin) * (float)min};

	return a;
}

/* The neighbours of the rounded scale and minimum may fit better together. */
static float round_block(struct super *s, int b, const struct enc_affine *fit)
{
	float d = half_f16_to_f32(s->d), dmin = half_f16_to_f32(s->dmin);
	int scale0 = d > 0 ? six_bits(fit->scale / d) : 0;
	int min0 = dmin > 0 ? six_bits(fit->min / dmin) : 0;
	const float *x = s->x + b * BLOCK, *w = s->w + b * BLOCK;
	uint8_t q[BLOCK];
	float best = -1;

	for (int scale = scale0 - 1; scale <= scale0 + 1; scale++) {
		for (int min = min0 - 1; min <= min0 + 1; min++) {
			float error;

			if (scale < 0 || scale > SCALE_MAX || min < 0 || min > SCALE_MAX)
				continue;
			error = enc_round_affine(x, w, BLOCK, s->q_max,
			                         block_affine(s, scale, min), q);
			if (best >= 0 && error >= best)
				continue;
			best = error;
			s->scale[b] = (uint8_t)scale;
			s->min[b] = (uint8_t)min;
			memcpy(s->q + b * BLOCK, q, BLOCK);
		}
	}
	return best;
}

static void round_all(struct super *s, const struct enc_affine *fit)
{
	s->error = 0;
	for (int b = 0; b < N_BLOCKS; b++)
		s->error += round_block(s, b, &fit[b]);
}

/* d and dmin of least squares for the integers as they are. */
static void solve_factors(const struct super *s, float *d, float *dmin)
{
	double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0, det;

	for (int i = 0; i < SUPER; i++) {
		double a = (double)s->scale[i / BLOCK] * s->q[i], b = s->min[i / BLOCK];

		aa += s->w[i] * a * a;
		ab += s->w[i] * a * b;
		bb += s->w[i] * b * b;
		ax += s->w[i] * a * s->x[i];
		bx += s->w[i] * b * s->x[i];
	}
	det = aa * bb - ab * ab;
	if (!(det > 1e-9 * aa * bb))
		return;
	*d = (float)((ax * bb - bx * ab) / det);
	*dmin = (float)((ax * ab - bx * aa) / det);
}

static void refine(struct super *s, const struct enc_affine *fit)
{
	struct super next = *s;
	float d = half_f16_to_f32(s->d), dmin = half_f16_to_f32(s->dmin);

	solve_factors(s, &d, &dmin);
	if (!(d > 0) || !(dmin >= 0))
		return;
	next.d = enc_half_scale(d);
	next.dmin = enc_half_scale(dmin);
	round_all(&next, fit);
	if (next.error < s->error)
		*s = next;
}

static void fit_super(struct super *s)
{
	struct enc_affine fit[N_BLOCKS];
	float scale_max = 0, min_max = 0;

	for (int b = 0; b < N_BLOCKS; b++) {
		enc_weights(s->x + b * BLOCK, BLOCK, s->w + b * BLOCK);
		fit[b] = enc_fit_affine(s->x + b * BLOCK, s->w + b * BLOCK, BLOCK, s->q_max);
		scale_max = fit[b].scale > scale_max ? fit[b].scale : scale_max;
		min_max = fit[b].min > min_max ? fit[b].min : min_max;
	}
	s->d = enc_half_scale(scale_max / SCALE_MAX);
	s->dmin = enc_half_scale(min_max / SCALE_MAX);
	round_all(s, fit);
	refine(s, fit);
}

/* Twelve bytes: six bits of scale and of min for blocks 0 to 3, whose upper two
 * bits are free; blocks 4 to 7 have their lower four bits behind, and their
 * upper two in those places. */
static void put_scales(uint8_t *dst, const struct super *s)
{
	for (int b = 0; b < 4; b++) {
		dst[b] = (uint8_t)(s->scale[b] | s->scale[b + 4] >> 4 << 6);
		dst[b + 4] = (uint8_t)(s->min[b] | s->min[b + 4] >> 4 << 6);
		dst[b + 8] = (uint8_t)((s->scale[b + 4] & 15) | (s->min[b + 4] & 15) << 4);
	}
}

/* Of each 64 elements the first 32 are low nibbles, the others high ones. */
static void put_nibbles(uint8_t *dst, const uint8_t *q)
{
	for (int i = 0; i < SUPER / 2; i++) {
		const uint8_t *pair = q + i / BLOCK * 2 * BLOCK + i % BLOCK;

		dst[i] = (uint8_t)((pair[0] & 15) | (pair[BLOCK] & 15) << 4);
	}
}

static void put_head(uint8_t *dst, const struct super *s)
{
	memcpy(dst, &s->d, 2);
	memcpy(dst + 2, &s->dmin, 2);
	put_scales(dst + 4, s);
}

void enc_block_q4_k(const float *x, uint8_t *dst)
{
	struct super s = {.x = x, .q_max = 15};

	fit_super(&s);
	put_head(dst, &s);
	put_nibbles(dst + 16, s.q);
}

/* The fifth bits: byte i holds those of elements i, i + 32, i + 64, ... */
void enc_block_q5_k(const float *x, uint8_t *dst)
{
	struct super s = {.x = x, .q_max = 31};

	fit_super(&s);
	put_head(dst, &s);
	memset(dst + 16, 0, BLOCK);
	for (int i = 0; i < SUPER; i++)
		dst[16 + i % BLOCK] |= (uint8_t)(s.q[i] >> 4 << i / BLOCK);
	put_nibbles(dst + 48, s.q);
}
