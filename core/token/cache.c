/* cache.c - ids of segments met before in the same text. Words repeat, and a
 * look here costs a fraction of merging one again. Lives as long as one
 * tok_encode() call, so threads share nothing. */
#include "token/tok_impl.h"

#include <stdlib.h>
#include <string.h>

enum {
	MIN_TEXT = 2048, /* shorter texts do not repay clearing the table */
	MAX_SLOTS = 4096,
	MAX_IDS = 6
};

/* Holds a segment of up to 16 bytes, padded with zeros. */
struct tok_cached {
	uint64_t key[2];
	uint8_t len; /* 0: free */
	uint8_t n_ids;
	int32_t id[MAX_IDS];
};

void tok_cache_begin(struct tok_work *w, size_t text_bytes)
{
	size_t slots = 256;

	if (text_bytes < MIN_TEXT)
		return;
	while (slots < MAX_SLOTS && slots < text_bytes / 16)
		slots *= 2;
	/* Without memory for it there is simply no cache. */
	w->cache = calloc(slots, sizeof(*w->cache));
	w->cache_mask = (uint32_t)slots - 1;
}

static struct tok_cached *slot_of(const struct tok_work *w, const char *text, size_t n,
				  uint64_t key[2])
{
	uint64_t h;

	key[0] = key[1] = 0;
	memcpy(key, text, n);
	h = (key[0] ^ n) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 32 ^ key[1]) * UINT64_C(0xd6e8feb86659fd93);
	return &w->cache[(uint32_t)(h >> 40) & w->cache_mask];
}

bool tok_cache_emit(struct tok_work *w, const char *text, size_t n, int *rc)
{
	const struct tok_cached *c;
	uint64_t key[2];

	if (!w->cache || n > sizeof(key))
		return false;
	c = slot_of(w, text, n, key);
	if (c->len != n || c->key[0] != key[0] || c->key[1] != key[1])
		return false;
	*rc = ZINC_OK;
	for (unsigned i = 0; i < c->n_ids && !*rc; i++)
		*rc = tok_ids_push(w->out, c->id[i]);
	if (*rc)
		tok_no_memory(w->err);
	return true;
}

void tok_cache_store(const struct tok *t, struct tok_work *w, const char *text, size_t n,
		     size_t first_id)
{
	size_t n_ids = w->out->n - first_id;
	struct tok_cached *c;
	uint64_t key[2];

	if (!w->cache || n > sizeof(key) || n_ids == 0 || n_ids > MAX_IDS)
		return;
	/* What becomes of an unknown character depends on the one before it. */
	for (size_t i = first_id; i < w->out->n; i++)
		if (w->out->id[i] == t->spec.unk)
			return;
	c = slot_of(w, text, n, key);
	c->key[0] = key[0];
	c->key[1] = key[1];
	c->len = (uint8_t)n;
	c->n_ids = (uint8_t)n_ids;
	memcpy(c->id, w->out->id + first_id, n_ids * sizeof(*c->id));
}
