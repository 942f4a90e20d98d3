/* words.c - the words of a vocabulary, found by their bytes. */
#include "token/tok_impl.h"

#include <stdlib.h>
#include <string.h>

struct tok_word_slot {
	uint32_t hash;
	uint32_t sym; /* plus one; 0: free */
};

static uint32_t hash(const char *p, size_t n)
{
	const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t h = n * k, v;

	for (; n >= sizeof(v); n -= sizeof(v), p += sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		h = (h ^ v) * k;
		h ^= h >> 32;
	}
	if (n) {
		v = 0;
		memcpy(&v, p, n);
		h = (h ^ v) * k;
		h ^= h >> 32;
	}
	h *= k;
	return (uint32_t)(h >> 32);
}

int tok_words_add(struct tok_words *w, const char *bytes, size_t n, uint32_t *sym)
{
	size_t used = w->n ? w->off[w->n] : 0, off_room = w->room;
	void *p = w->bytes, *off = w->off;

	if (used + n > UINT32_MAX || w->n >= INT32_MAX - 2)
		return ZINC_E_NO_MEMORY;
	if (!tok_reserve(&p, &w->bytes_room, used + n + 8, 1))
		return ZINC_E_NO_MEMORY;
	w->bytes = p;
	if (!tok_reserve(&off, &off_room, (size_t)w->n + 2, sizeof(*w->off)))
		return ZINC_E_NO_MEMORY;
	w->off = off;
	w->room = (uint32_t)off_room;
	if (n)
		memcpy(w->bytes + used, bytes, n);
	w->off[w->n] = (uint32_t)used;
	w->off[w->n + 1] = (uint32_t)(used + n);
	*sym = w->n++;
	return ZINC_OK;
}

/* The slot of the word, or the free one where it belongs. */
static struct tok_word_slot *slot_of(const struct tok_words *w, const char *bytes, size_t n,
				     uint32_t h)
{
	for (uint32_t i = h & w->mask;; i = (i + 1) & w->mask) {
		struct tok_word_slot *s = &w->slot[i];
		uint32_t len;
		const char *word;

		if (!s->sym)
			return s;
		if (s->hash != h)
			continue;
		word = tok_word(w, s->sym - 1, &len);
		if (len == n && !memcmp(word, bytes, n))
			return s;
	}
}

static int grow(struct tok_words *w)
{
	uint32_t room = w->slot ? (w->mask + 1) * 2 : 1024;
	struct tok_word_slot *old = w->slot, *slot = calloc(room, sizeof(*slot));

	if (!slot)
		return ZINC_E_NO_MEMORY;
	for (uint32_t i = 0; old && i <= w->mask; i++) {
		uint32_t at = old[i].hash & (room - 1);

		if (!old[i].sym)
			continue;
		while (slot[at].sym)
			at = (at + 1) & (room - 1);
		slot[at] = old[i];
	}
	free(old);
	w->slot = slot;
	w->mask = room - 1;
	return ZINC_OK;
}

int tok_words_index(struct tok_words *w, uint32_t sym)
{
	struct tok_word_slot *s;
	const char *word;
	uint32_t n, h;

	if (!w->slot || w->n_used >= (w->mask + 1) / 2)
		if (grow(w))
			return ZINC_E_NO_MEMORY;
	word = tok_word(w, sym, &n);
	if (n == 0)
		return ZINC_OK;
	h = hash(word, n);
	s = slot_of(w, word, n, h);
	if (!s->sym)
		w->n_used++;
	*s = (struct tok_word_slot){h, sym + 1};
	if (n > w->max_len)
		w->max_len = n;
	return ZINC_OK;
}

uint32_t tok_words_find(const struct tok_words *w, const char *bytes, size_t n)
{
	if (n == 0 || n > w->max_len)
		return TOK_NONE;
	return slot_of(w, bytes, n, hash(bytes, n))->sym - 1;
}

void tok_words_finish(struct tok_words *w)
{
	free(w->bytes);
	free(w->off);
	free(w->slot);
}
