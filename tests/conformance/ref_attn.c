/* ref_attn.c - reference of attention: all scores, then softmax, then values. */
#include <math.h>
#include <stdlib.h>

#include "op_check.h"
#include "ref.h"

static double score(const struct ref_attn *r, uint32_t j)
{
	double s = 0, squares = 0;

	for (uint32_t l = 0; l < r->n_lanes; l++) {
		double term = (double)r->q[l] * r->k[j * r->k_step + l];

		s += term;
		squares += term * term;
	}
	s *= r->scale;
	if (r->score_size)
		*r->score_size = fmax(*r->score_size, sqrt(squares) * r->scale);
	return r->softcap != 0 ? r->softcap * tanh(s / r->softcap) : s;
}

/* p: the weights of the keys from `first` on, which add up to `sum`. */
static void size_terms(const struct ref_attn *r, uint32_t first, const double *p, double sum,
                       const double *out)
{
	for (uint32_t l = 0; l < r->v_lanes; l++) {
		double squares = 0, factor = r->gate ? ref_sigmoid(r->gate[l]) : 1;

		for (uint32_t j = first; j <= r->pos; j++) {
			double term = p[j] / sum * (fabs(r->v[j * r->v_step + l]) + fabs(out[l]));

			squares += term * term;
		}
		r->terms[l] = sqrt(squares) * factor;
	}
}

void ref_attn_query(const struct ref_attn *r, double *out)
{
	uint32_t first = r->window && r->pos + 1 > r->window ? r->pos + 1 - r->window : 0;
	double *s = must_calloc(r->pos + 1, sizeof(*s)), top = -INFINITY, sum = 0;

	if (r->score_size)
		*r->score_size = 0;
	for (uint32_t j = first; j <= r->pos; j++) {
		s[j] = score(r, j);
		top = fmax(top, s[j]);
	}
	for (uint32_t l = 0; l < r->v_lanes; l++)
		out[l] = 0;
	for (uint32_t j = first; j <= r->pos; j++) {
		s[j] = exp(s[j] - top);
		sum += s[j];
		for (uint32_t l = 0; l < r->v_lanes; l++)
			out[l] += s[j] * r->v[j * r->v_step + l];
	}
	for (uint32_t l = 0; l < r->v_lanes; l++)
		out[l] /= sum;
	if (r->terms)
		size_terms(r, first, s, sum, out);
	for (uint32_t l = 0; l < r->v_lanes && r->gate; l++)
		out[l] *= ref_sigmoid(r->gate[l]);
	free(s);
}
