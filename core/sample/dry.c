/* dry.c - the DRY penalty against repeating whole phrases. */
#include "sample/chain.h"
#include "sample/sample.h"

#include <float.h>
#include <stdbool.h>

static bool is_breaker(const struct sample_config *c, int32_t id)
{
	size_t lo = 0, hi = c->n_dry_breakers;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->dry_breakers[mid] == id)
			return true;
		if (c->dry_breakers[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* Counted from the end: 0 is the newest token. */
static int32_t back(struct window w, size_t i)
{
	return w.id[w.n - 1 - i];
}

/* z[i]: how many tokens, read backwards from position i, equal those read
 * backwards from the newest (the Z-function, linear time). */
static void match_lengths(struct window w, uint32_t *z)
{
	size_t left = 0, right = 0; /* the match that reaches furthest: [left, right) */

	z[0] = (uint32_t)w.n;
	for (size_t i = 1; i < w.n; i++) {
		size_t len = 0;

		if (i < right)
			len = z[i - left] < right - i ? z[i - left] : right - i;
		while (i + len < w.n && back(w, len) == back(w, i + len))
			len++;
		if (i + len > right) {
			left = i;
			right = i + len;
		}
		z[i] = (uint32_t)len;
	}
}

static float penalty(const struct sample_config *c, uint32_t len)
{
	double p = c->dry_multiplier;

	for (uint32_t i = c->dry_allowed_length; i < len && p < FLT_MAX; i++)
		p *= c->dry_base;
	return p < FLT_MAX ? (float)p : FLT_MAX;
}

void dry_apply(const struct sample_config *c, struct window w, float *logits, uint32_t *mark,
	       uint32_t *z)
{
	uint32_t limit = 0; /* tokens since the last breaker */

	while (limit < w.n && !is_breaker(c, back(w, limit)))
		limit++;
	if (limit < c->dry_allowed_length)
		return;
	match_lengths(w, z);
	for (size_t i = 1; i < w.n; i++) {
		uint32_t len = z[i] < limit ? z[i] : limit;
		int32_t next = back(w, i - 1);

		if (len >= c->dry_allowed_length && len > mark[next])
			mark[next] = len;
	}
	for (size_t i = 0; i < w.n; i++) {
		int32_t id = w.id[i];

		if (mark[id] && !is_breaker(c, id))
			logits[id] -= penalty(c, mark[id]);
		mark[id] = 0;
	}
}
