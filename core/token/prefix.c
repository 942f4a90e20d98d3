/* prefix.c - which words does a text start with? A sorted list of words,
 * narrowed byte by byte. */
#include "token/tok_impl.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *pa, const void *pb, void *ctx)
{
	const struct tok_words *w = ctx;
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb, na, nb;
	const char *wa = tok_word(w, a, &na), *wb = tok_word(w, b, &nb);
	int d = memcmp(wa, wb, na < nb ? na : nb);

	if (d)
		return d;
	if (na != nb)
		return na < nb ? -1 : 1;
	return a < b ? -1 : a > b;
}

void tok_prefix_init(struct tok_prefix *p, const struct tok_words *w, uint32_t *ids, uint32_t n)
{
	uint32_t i = 0, len;

	p->id = ids;
	p->n = n;
	if (n)
		qsort_r(ids, n, sizeof(*ids), compare, (void *)(uintptr_t)w);
	/* Empty words sort to the front and match nothing. */
	while (i < n && w->off[ids[i]] == w->off[ids[i] + 1])
		i++;
	for (unsigned b = 0; b < 256; b++) {
		p->first[b] = i;
		while (i < n && (uint8_t)tok_word(w, ids[i], &len)[0] == b)
			i++;
	}
	p->first[256] = i;
}

void tok_prefix_finish(struct tok_prefix *p)
{
	free(p->id);
}

struct tok_walk tok_walk_begin(const struct tok_prefix *p, uint8_t first)
{
	return (struct tok_walk){p->first[first], p->first[first + 1], 1};
}

/* The first index in [lo, hi) whose word has a byte >= b at this depth. */
static uint32_t lower(const struct tok_prefix *p, const struct tok_words *w, uint32_t lo,
		      uint32_t hi, uint32_t depth, unsigned b)
{
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2, n;
		const char *word = tok_word(w, p->id[mid], &n);

		if (n > depth && (uint8_t)word[depth] >= b)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

bool tok_walk_step(const struct tok_prefix *p, const struct tok_words *w, struct tok_walk *k,
		   uint8_t byte)
{
	k->lo = lower(p, w, k->lo, k->hi, k->depth, byte);
	k->hi = lower(p, w, k->lo, k->hi, k->depth, byte + 1u);
	k->depth++;
	return k->lo < k->hi;
}

uint32_t tok_walk_id(const struct tok_prefix *p, const struct tok_words *w,
		     const struct tok_walk *k)
{
	uint32_t n;

	if (k->lo >= k->hi)
		return TOK_NONE;
	tok_word(w, p->id[k->lo], &n);
	return n == k->depth ? p->id[k->lo] : TOK_NONE;
}

size_t tok_prefix_longest(const struct tok_prefix *p, const struct tok_words *w, const char *text,
			  size_t n, uint32_t *id)
{
	struct tok_walk k = tok_walk_begin(p, (uint8_t)text[0]);
	size_t best = 0;

	while (k.lo < k.hi) {
		uint32_t found = tok_walk_id(p, w, &k);

		if (found != TOK_NONE) {
			best = k.depth;
			*id = found;
		}
		if (k.depth >= n || !tok_walk_step(p, w, &k, (uint8_t)text[k.depth]))
			break;
	}
	return best;
}
