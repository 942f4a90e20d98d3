/* candidates.c - collecting, ordering and drawing candidates.
 *
 * A vocabulary has up to some 260,000 tokens and a chain keeps a few dozen, so
 * nothing here sorts all of them: a heap gives the best ones one by one. */
#include "sample/chain.h"

#include <math.h>
#include <stdbool.h>

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

void cands_collect(struct cands *out, const float *logits, size_t n, uint32_t top_k)
{
	size_t room = top_k && top_k < n ? top_k : n;
	float floor_logit = -INFINITY; /* below the worst of a full set of top_k */

	out->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct cand c = {logits[i], logits[i], (int32_t)i};

		if (!(logits[i] > floor_logit))
			continue;
		if (logits[i] == INFINITY) {
			collect_equal(out, logits, n, INFINITY);
			out->n = out->n < room ? out->n : room;
			return;
		}
		if (out->n < room) {
			out->c[out->n++] = c;
			if (out->n < room || room == n)
				continue;
			heapify(out->c, room, false);
		} else {
			out->c[0] = c;
			sift_down(out->c, room, 0, false);
		}
		floor_logit = out->c[0].logit;
	}
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
