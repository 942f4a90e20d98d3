/* ref_rows.c - references of activations, norms and rotations. */
#include <math.h>
#include <zinc/op.h>

#include "ref.h"

double ref_sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

double ref_silu(double x)
{
	return x * ref_sigmoid(x);
}

double ref_gelu_tanh(double x)
{
	return x / 2 * (1 + tanh(sqrt(2 / acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

double ref_glu(uint32_t act, double gate, double up, double limit)
{
	if (limit != 0) {
		gate = fmin(gate, limit);
		up = fmax(-limit, fmin(up, limit));
	}
	return (act == ZINC_ACT_SILU ? ref_silu(gate) : ref_gelu_tanh(gate)) * up;
}

void ref_rmsnorm(const struct ref_norm *r, double *y, double *sum)
{
	double squares = 0;

	for (size_t i = 0; i < r->n; i++) {
		y[i] = (double)r->x[i] + (r->residual ? r->residual[i] : 0);
		if (sum)
			sum[i] = y[i];
		squares += y[i] * y[i];
	}
	for (size_t i = 0; i < r->n; i++) {
		y[i] /= sqrt(squares / (double)r->n + r->eps);
		if (r->weight)
			y[i] *= r->weight[i];
		if (r->gate)
			y[i] *= ref_silu(r->gate[i]);
		if (r->after)
			y[i] += r->after[i];
	}
}

void ref_rope_head(const struct ref_rope *r, double *x)
{
	for (uint32_t i = 0; i < r->n_rot / 2; i++) {
		uint32_t iu = r->mode == ZINC_ROPE_NEOX ? i : 2 * i;
		uint32_t iv = r->mode == ZINC_ROPE_NEOX ? i + r->n_rot / 2 : 2 * i + 1;
		double angle = r->pos[i] * r->freqs[i] / (r->factors ? r->factors[i] : 1);
		double u = x[iu], v = x[iv];

		x[iu] = u * cos(angle) - v * sin(angle);
		x[iv] = v * cos(angle) + u * sin(angle);
	}
}
