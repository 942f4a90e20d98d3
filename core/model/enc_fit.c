/* enc_fit.c - the searches for scales and minima. */
#include "model/enc_fit.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "model/half.h"

/* Starts: the scale that spans the values, and STEPS finer and coarser ones on
 * either side, up to one step of q away. */
enum { STEPS = 10 };

struct sums {
	float w, wq, wqq, wx, wqx;
};

void enc_weights(const float *x, int n, float *w)
{
	float square = 0;

	for (int i = 0; i < n; i++)
		square += x[i] * x[i];
	square = sqrtf(square / (float)n);
	for (int i = 0; i < n; i++)
		w[i] = square + fabsf(x[i]);
}

/* y to the nearest of lo, lo + 1, ... hi. */
static inline int nearest(float y, int lo, int hi)
{
	y = y < (float)lo ? (float)lo : y;
	y = y > (float)hi ? (float)hi : y;
	return (int)(y - (float)lo + 0.5f) + lo;
}

static struct sums sum_affine(const float *x, const float *w, int n, int q_max, float inverse,
                              float low)
{
	struct sums s = {0};

	for (int i = 0; i < n; i++) {
		float q = (float)nearest((x[i] - low) * inverse, 0, q_max);

		s.w += w[i];
		s.wq += w[i] * q;
		s.wqq += w[i] * q * q;
		s.wx += w[i] * x[i];
		s.wqx += w[i] * q * x[i];
	}
	return s;
}

/* The best scale and minimum for the integers that were summed; false when
 * they leave none (all q equal). */
static bool solve_affine(const struct sums *s, struct enc_affine *a)
{
	double det = (double)s->w * s->wqq - (double)s->wq * s->wq;
	double scale, offset;

	if (!(s->wqq > 0))
		return false;
	if (det <= 1e-6 * s->w * s->wqq)
		return false;
	scale = ((double)s->w * s->wqx - (double)s->wx * s->wq) / det;
	offset = ((double)s->wqq * s->wx - (double)s->wq * s->wqx) / det;
	if (offset > 0) {
		offset = 0;
		scale = s->wqx / s->wqq;
	}
	a->scale = (float)scale;
	a->min = (float)-offset;
	return scale > 0;
}

/* The squared error, but for the sum of w x^2, which no choice changes. */
static double rest_affine(const struct sums *s, const struct enc_affine *a)
{
	double scale = a->scale, min = a->min;

	return scale * (scale * s->wqq - 2 * (double)s->wqx - 2 * min * s->wq) +
	       min * (min * s->w + 2 * (double)s->wx);
}

struct enc_affine enc_fit_affine(const float *x, const float *w, int n, int q_max)
{
	float low = 0, high = x[0], range;
	struct enc_affine best = {0, 0};
	double best_rest = DBL_MAX;

	for (int i = 0; i < n; i++) {
		low = x[i] < low ? x[i] : low;
		high = x[i] > high ? x[i] : high;
	}
	range = high - low;
	best.min = -low;
	if (range < FLT_MIN)
		return best;
	best.scale = range / (float)q_max;
	for (int i = -STEPS; i <= STEPS; i++) {
		float inverse = ((float)q_max + (float)i / STEPS) / range;
		struct sums s = sum_affine(x, w, n, q_max, inverse, low);
		struct enc_affine a;
		double rest;

		if (!solve_affine(&s, &a))
			continue;
		rest = rest_affine(&s, &a);
		if (rest < best_rest) {
			best_rest = rest;
			best = a;
		}
	}
	return best;
}

static struct sums sum_scale(const float *x, const float *w, int n, int half, float inverse)
{
	struct sums s = {0};

	for (int i = 0; i < n; i++) {
		float q = (float)nearest(x[i] * inverse, -half, half - 1);

		s.wqq += w[i] * q * q;
		s.wqx += w[i] * q * x[i];
	}
	return s;
}

float enc_fit_scale(const float *x, const float *w, int n, int half)
{
	float extreme = 0, scale, gain = 0;

	for (int i = 0; i < n; i++)
		extreme = fabsf(x[i]) > fabsf(extreme) ? x[i] : extreme;
	if (fabsf(extreme) < FLT_MIN)
		return 0;
	scale = -extreme / (float)half;
	/* The largest value goes to the longer side, -half, or to half - 1. */
	for (int side = 0; side < 2; side++) {
		float at = side ? (float)(half - 1) : (float)-half;

		for (int i = -STEPS; i <= STEPS; i++) {
			float inverse = (at + (float)i / STEPS) / extreme;
			struct sums s = sum_scale(x, w, n, half, inverse);

			/* The error is the sum of w x^2 less wqx^2 / wqq. */
			if (s.wqq > 0 && s.wqx * s.wqx > gain * s.wqq) {
				gain = s.wqx * s.wqx / s.wqq;
				scale = s.wqx / s.wqq;
			}
		}
	}
	return scale;
}

float enc_round_affine(const float *x, const float *w, int n, int q_max, struct enc_affine a,
                       uint8_t *q)
{
	float inverse = a.scale > 0 ? 1 / a.scale : 0, sum = 0;

	for (int i = 0; i < n; i++) {
		int l = nearest((x[i] + a.min) * inverse, 0, q_max);
		float e = x[i] - (a.scale * (float)l - a.min);

		q[i] = (uint8_t)l;
		sum += w[i] * e * e;
	}
	return sum;
}

float enc_round_scale(const float *x, const float *w, int n, int half, float scale, int8_t *q)
{
	float inverse = scale != 0 ? 1 / scale : 0, sum = 0;

	for (int i = 0; i < n; i++) {
		int l = nearest(x[i] * inverse, -half, half - 1);
		float e = x[i] - scale * (float)l;

		q[i] = (int8_t)l;
		sum += w[i] * e * e;
	}
	return sum;
}

uint16_t enc_half_scale(float scale)
{
	uint16_t h = half_f32_to_f16(scale);

	/* Below 2^-14 neighbours are far apart; a scale rounded down there would
	 * cut off the largest values, or everything. */
	if (fabsf(scale) < 0x1p-14f && fabsf(half_f16_to_f32(h)) < fabsf(scale))
		h++;
	return h;
}
