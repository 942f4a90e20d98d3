/* truncate.c - the stages that drop unlikely candidates: typical, top-p, min-p.
 * (Top-k is part of collecting them.) Each leaves at least one. */
#include "sample/chain.h"

#include <math.h>

/* A candidate's weight: its probability times a common factor. */
static double weight(float logit, float max)
{
	return sample_exp((double)logit - max);
}

static float max_logit(const struct cands *s)
{
	float max = s->c[0].logit;

	for (size_t i = 1; i < s->n; i++)
		max = s->c[i].logit > max ? s->c[i].logit : max;
	return max;
}

struct mass {
	float max;
	double sum, goal;
};

static int mass_reached(void *ctx, const struct cand *c)
{
	struct mass *m = ctx;

	m->sum += weight(c->logit, m->max);
	return m->sum >= m->goal;
}

void cands_typical(struct cands *s, float p)
{
	struct mass m = {.max = max_logit(s)};
	double total = 0.0, mean = 0.0;

	/* Surprise is log Z - l and entropy log Z - E[l], so how far a token is
	 * from typical is |E[l] - l|; log Z drops out. */
	for (size_t i = 0; i < s->n; i++) {
		double w = weight(s->c[i].logit, m.max);

		total += w;
		mean += w * s->c[i].logit;
	}
	mean /= total;
	for (size_t i = 0; i < s->n; i++)
		s->c[i].key = -(float)fabs(mean - s->c[i].logit);
	m.goal = p * total;
	s->n = cands_best_first(s, s->n, mass_reached, &m);
	for (size_t i = 0; i < s->n; i++)
		s->c[i].key = s->c[i].logit;
}

void cands_top_p(struct cands *s, float p)
{
	struct mass m = {.max = max_logit(s)};

	for (size_t i = 0; i < s->n; i++)
		m.goal += weight(s->c[i].logit, m.max);
	m.goal *= p;
	s->n = cands_best_first(s, s->n, mass_reached, &m);
}

void cands_min_p(struct cands *s, float p)
{
	float max = max_logit(s);
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (weight(s->c[i].logit, max) >= p)
			s->c[kept++] = s->c[i];
	s->n = kept;
}
