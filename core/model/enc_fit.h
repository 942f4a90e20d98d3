/* enc_fit.h - scales and minima of least weighted squared error.
 *
 * Rounding makes the error a function with many minima. The search tries a
 * range of starting scales; for each it rounds x to integers and solves the
 * linear least squares problem for those integers; the best solution stays. */
#ifndef CORE_MODEL_ENC_FIT_H
#define CORE_MODEL_ENC_FIT_H

#include <stdint.h>

enum { ENC_FIT_MAX = 32 }; /* elements of one fit at most */

/* x[i] = scale * q[i] - min, 0 <= q[i] <= q_max, scale and min not negative. */
struct enc_affine {
	float scale, min;
};

/* Weights: larger values matter more, none is free. */
void enc_weights(const float *x, int n, float *w);

struct enc_affine enc_fit_affine(const float *x, const float *w, int n, int q_max);

/* x[i] = scale * q[i], -half <= q[i] < half; the scale may be negative, which
 * puts the longer side where the largest value is. */
float enc_fit_scale(const float *x, const float *w, int n, int half);

/* The integers for given scales, and the weighted squared error they leave. */
float enc_round_affine(const float *x, const float *w, int n, int q_max, struct enc_affine a,
                       uint8_t *q);
float enc_round_scale(const float *x, const float *w, int n, int half, float scale, int8_t *q);

/* A scale as F16: to nearest, but upwards where F16 is so coarse (below its
 * normal range) that the largest value would no longer fit. */
uint16_t enc_half_scale(float scale);

#endif
