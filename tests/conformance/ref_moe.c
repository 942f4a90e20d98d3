/* ref_moe.c - reference of the router. */
#include <math.h>
#include <stdlib.h>
#include <zinc/op.h>

#include "op_check.h"
#include "ref.h"

static void softmax(double *p, uint32_t n)
{
	double top = -INFINITY, sum = 0;

	for (uint32_t i = 0; i < n; i++)
		top = fmax(top, p[i]);
	for (uint32_t i = 0; i < n; i++)
		sum += p[i] = exp(p[i] - top);
	for (uint32_t i = 0; i < n; i++)
		p[i] /= sum;
}

/* Takes the k largest of key one after the other; the first of equals wins. */
static void take_largest(const double *key, uint32_t n, uint32_t k, bool *chosen)
{
	for (uint32_t s = 0; s < k; s++) {
		uint32_t best = n;

		for (uint32_t e = 0; e < n; e++)
			if (!chosen[e] && (best == n || key[e] > key[best]))
				best = e;
		chosen[best] = true;
	}
}

/* The chosen by descending p, lower id first among equals. */
static void order(const bool *chosen, const double *p, uint32_t n, int32_t *ids)
{
	uint32_t have = 0;

	for (uint32_t e = 0; e < n; e++) {
		uint32_t at = have;

		if (!chosen[e])
			continue;
		for (; at > 0 && p[e] > p[ids[at - 1]]; at--)
			ids[at] = ids[at - 1];
		ids[at] = (int32_t)e;
		have++;
	}
}

void ref_route_token(const struct ref_route *r, int32_t *ids, double *weights)
{
	double *p = must_calloc(r->n_expert, sizeof(*p));
	double *key = must_calloc(r->n_expert, sizeof(*key)), sum = 0;
	bool *chosen = must_calloc(r->n_expert, sizeof(*chosen));

	for (uint32_t e = 0; e < r->n_expert; e++)
		p[e] = r->gating == ZINC_GATING_SIGMOID ? ref_sigmoid(r->logits[e]) : r->logits[e];
	if (r->gating == ZINC_GATING_SOFTMAX)
		softmax(p, r->n_expert);
	for (uint32_t e = 0; e < r->n_expert; e++)
		key[e] = p[e] + (r->bias ? r->bias[e] : 0);
	take_largest(key, r->n_expert, r->k, chosen);
	order(chosen, p, r->n_expert, ids);
	for (uint32_t s = 0; s < r->k; s++)
		weights[s] = p[ids[s]];
	if (r->gating == ZINC_GATING_SOFTMAX_TOPK)
		softmax(weights, r->k);
	for (uint32_t s = 0; s < r->k; s++)
		sum += weights[s];
	for (uint32_t s = 0; s < r->k; s++) {
		weights[s] *= (r->renorm ? 1 / sum : 1) * (r->scale != 0 ? r->scale : 1);
		weights[s] *= r->expert_scale ? r->expert_scale[ids[s]] : 1;
	}
	free(chosen);
	free(key);
	free(p);
}
