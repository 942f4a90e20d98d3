/* candidates.c - collecting, ordering and drawing candidates.
 *
 * A vocabulary has up to some 260,000 tokens and a chain keeps a few dozen, so
 * nothing here sorts all of them: a heap gives the best ones one by one. */
#include "sample/chain.h"

#include <math.h>
#include <stdbool.h>

enum { BLOCK = 128 }; /* logits passed over at once when none is among the best */

static bool better(const struct cand *a, const struct cand *b)
{
	return a->key > b->key || (a->key == b->key && a->id < b->id);
}

/* Restores the heap below i. best_on_top: each parent is better than its
 * children, otherwise worse. */
static void sift_down(struct cand *c, size_t n, size_t i, bool best_on_top)
{
	struct cand moving = c[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n && better(&c[child + 1], &c[child]) == best_on_top)
			child++;
		if (better(&c[child], &moving) != best_on_top)
			break;
		c[i] = c[child];
		i = child;
	}
	c[i] = moving;
}

static void heapify(struct cand *c, size_t n, bool best_on_top)
{
	for (size_t i = n / 2; i-- > 0;)
		sift_down(c, n, i, best_on_top);
}

static void collect_equal(struct cands *out, const float *logits, size_t n, float value)
{
	out->n = 0;
	for (size_t i = 0; i < n; i++)
		if (logits[i] == value)
			out->c[out->n++] = (struct cand){0.0f, 0.0f, (int32_t)i};
}

float logits_max(const float *x, size_t n)
{
	enum { LANES = 16 };
	float lane[LANES], max = -INFINITY;
	size_t i = 0;

	/* Written so that the compiler can keep the lanes in vector registers;
	 * a NaN is larger than nothing. */
	for (int k = 0; k < LANES; k++)
		lane[k] = -INFINITY;
	for (; i + LANES <= n; i += LANES)
		for (int k = 0; k < LANES; k++)
			lane[k] = x[i + k] > lane[k] ? x[i + k] : lane[k];
	for (; i < n; i++)
		max = x[i] > max ? x[i] : max;
	for (int k = 0; k < LANES; k++)
		max = lane[k] > max ? lane[k] : max;
	return max;
}

/* One more for the `room` best; returns the logit that the next must exceed. */
static float keep_best(struct cands *out, size_t room, struct cand c)
{
	if (out->n < room) {
		out->c[out->n++] = c;
		if (out->n < room)
			return -INFINITY;
		heapify(out->c, room, false);
	} else {
		out->c[0] = c;
		sift_down(out->c, room, 0, false);
	}
	return out->c[0].logit;
}

static void collect_best(struct cands *out, const float *logits, size_t n, size_t room)
{
	float least = -INFINITY;

	for (size_t block = 0; block < n; block += BLOCK) {
		size_t end = block + BLOCK < n ? block + BLOCK : n;

		if (!(logits_max(logits + block, end - block) > least))
			continue;
		for (size_t i = block; i < end; i++)
			if (logits[i] > least)
				least = keep_best(out, room,
						  (struct cand){logits[i], logits[i], (int32_t)i});
	}
}

void cands_collect(struct cands *out, const float *logits, size_t n, uint32_t top_k)
{
	out->n = 0;
	if (logits_max(logits, n) == INFINITY) {
		collect_equal(out, logits, n, INFINITY);
		if (top_k && top_k < out->n)
			out->n = top_k;
		return;
	}
	if (top_k && top_k < n) {
		collect_best(out, logits, n, top_k);
	} else {
		for (size_t i = 0; i < n; i++)
			if (logits[i] > -INFINITY)
				out->c[out->n++] = (struct cand){logits[i], logits[i], (int32_t)i};
	}
	if (top_k)
		cands_best_first(out, out->n, NULL, NULL);
}

void cands_collect_of(struct cands *out, const int32_t *ids, size_t n, const float *logits,
		      uint32_t top_k)
{
	size_t kept = 0;

	out->n = 0;
	for (size_t i = 0; i < n; i++) {
		float l = logits[ids[i]];

		if (l > -INFINITY)
			out->c[out->n++] = (struct cand){l, l, ids[i]};
	}
	out->n = cands_best_first(out, top_k, NULL, NULL);
	for (; kept < out->n && out->c[kept].logit == INFINITY; kept++)
		out->c[kept].logit = out->c[kept].key = 0.0f;
	out->n = kept ? kept : out->n;
}

size_t cands_best_first(struct cands *s, size_t k, cands_enough_fn *enough, void *ctx)
{
	size_t found = 0, left = s->n;

	/* The heap shrinks at its far end, where the found ones gather in
	 * reverse; then they change places. */
	heapify(s->c, s->n, true);
	while (found < k && left > 0) {
		struct cand best = s->c[0];

		s->c[0] = s->c[--left];
		sift_down(s->c, left, 0, true);
		s->c[left] = best;
		found++;
		if (enough && enough(ctx, &best))
			break;
	}
	for (size_t i = 0, j = s->n - 1; s->n && i < j; i++, j--) {
		struct cand t = s->c[i];

		s->c[i] = s->c[j];
		s->c[j] = t;
	}
	return found;
}

int32_t cands_draw(const struct cands *s, float temperature, double u)
{
	float max = s->c[0].logit;
	double sum = 0.0, at = 0.0;
	size_t last = 0;

	for (size_t i = 1; i < s->n; i++)
		max = s->c[i].logit > max ? s->c[i].logit : max;
	for (size_t i = 0; i < s->n; i++)
		sum += sample_exp(((double)s->c[i].logit - max) / temperature);
	for (size_t i = 0; i < s->n; i++) {
		double w = sample_exp(((double)s->c[i].logit - max) / temperature);

		if (w == 0.0)
			continue;
		at += w;
		last = i;
		if (u * sum < at)
			break;
	}
	return s->c[last].id;
}
