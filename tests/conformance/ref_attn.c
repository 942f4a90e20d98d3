/* ref_attn.c - reference of attention: all scores, then softmax, then values. */
#include <math.h>
#include <stdlib.h>

#include "op_check.h"
#include "ref.h"

static double score(const struct ref_attn *r, uint32_t j)
{
	double s = 0;

	for (uint32_t l = 0; l < r->n_lanes; l++)
		s += (double)r->q[l] * r->k[j * r->k_step + l];
	s *= r->scale;
	return r->softcap != 0 ? r->softcap * tanh(s / r->softcap) : s;
}

void ref_attn_query(const struct ref_attn *r, double *out)
{
	uint32_t first = r->window && r->pos + 1 > r->window ? r->pos + 1 - r->window : 0;
	double *s = must_calloc(r->pos + 1, sizeof(*s)), top = -INFINITY, sum = 0;

	for (uint32_t j = first; j <= r->pos; j++) {
		s[j] = score(r, j);
		top = fmax(top, s[j]);
	}
	for (uint32_t l = 0; l < r->v_lanes; l++)
		out[l] = 0;
	for (uint32_t j = first; j <= r->pos; j++) {
		double p = exp(s[j] - top);

		sum += p;
		for (uint32_t l = 0; l < r->v_lanes; l++)
			out[l] += p * r->v[j * r->v_step + l];
	}
	for (uint32_t l = 0; l < r->v_lanes; l++)
		out[l] = out[l] / sum * (r->gate ? ref_sigmoid(r->gate[l]) : 1);
	free(s);
}
