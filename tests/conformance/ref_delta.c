/* ref_delta.c - reference of the gated delta rule, token by token. */
#include <math.h>
#include <stdlib.h>

#include "op_check.h"
#include "ref.h"

static void unit(const float *x, uint32_t n, double eps, double scale, double *out)
{
	double squares = 0;

	for (uint32_t i = 0; i < n; i++)
		squares += (double)x[i] * x[i];
	for (uint32_t i = 0; i < n; i++)
		out[i] = x[i] * scale / (eps != 0 ? sqrt(squares + eps) : 1);
}

static void step(const struct ref_delta *r, uint32_t t, const double *q, const double *k,
                 double *state, double *y, double *y_size)
{
	double decay = exp(r->a * log1p(exp(r->alpha[t * r->gate_step] + r->dt)));
	double b = ref_sigmoid(r->beta[t * r->gate_step]);

	for (uint32_t c = 0; c < r->d_v; c++) {
		double stored = 0, u, o = 0, size = 0;

		for (uint32_t i = 0; i < r->d_k; i++) {
			state[i * r->d_v + c] *= decay;
			stored += state[i * r->d_v + c] * k[i];
		}
		u = b * (r->v[t * r->v_step + c] - stored);
		for (uint32_t i = 0; i < r->d_k; i++) {
			state[i * r->d_v + c] += k[i] * u;
			o += state[i * r->d_v + c] * q[i];
			size += fabs(state[i * r->d_v + c] * q[i]);
		}
		y[c] = o;
		y_size[c] = size;
	}
}

void ref_delta_head(const struct ref_delta *r, double *state, double *y, double *y_size,
                    size_t y_step)
{
	double *q = must_calloc(r->d_k, sizeof(*q)), *k = must_calloc(r->d_k, sizeof(*k));

	for (uint32_t t = 0; t < r->n; t++) {
		unit(r->q + t * r->qk_step, r->d_k, r->l2_eps, r->q_scale, q);
		unit(r->k + t * r->qk_step, r->d_k, r->l2_eps, 1, k);
		step(r, t, q, k, state, y + t * y_step, y_size + t * y_step);
	}
	free(k);
	free(q);
}
