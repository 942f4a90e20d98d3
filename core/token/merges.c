/* merges.c - the merge rules of a BPE vocabulary: a table from pairs of symbols
 * to the rank of their rule and the symbol they become. */
#include "token/tok_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/err.h"

#define KEY "tokenizer.ggml.merges"

struct tok_merge {
	int32_t left, right;
	uint32_t rank; /* plus one; 0: free */
	int32_t sym;
};

static struct tok_merge *slot_of(const struct tok_merges *m, int32_t left, int32_t right)
{
	uint64_t h =
		((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t i = (uint32_t)(h >> 32) & m->mask;

	while (m->slot[i].rank && (m->slot[i].left != left || m->slot[i].right != right))
		i = (i + 1) & m->mask;
	return &m->slot[i];
}

bool tok_merge_find(const struct tok_merges *m, int32_t left, int32_t right, uint32_t *rank,
		    int32_t *sym)
{
	const struct tok_merge *s = slot_of(m, left, right);

	if (!s->rank)
		return false;
	*rank = s->rank - 1;
	*sym = s->sym;
	return true;
}

void tok_merges_finish(struct tok_merges *m)
{
	free(m->slot);
}

/* The symbol of a word; a string outside the vocabulary becomes a new one. */
static int symbol(struct tok *t, const char *word, size_t n, int32_t *sym)
{
	uint32_t found = tok_words_find(&t->words, word, n);
	int rc = ZINC_OK;

	if (found == TOK_NONE) {
		rc = tok_words_add(&t->words, word, n, &found);
		if (!rc)
			rc = tok_words_index(&t->words, found);
	}
	*sym = (int32_t)found;
	return rc;
}

/* One side of a rule as a word; false: no text can ever contain it. */
static bool undo(const struct tok *t, const char *text, size_t n, char *dst, size_t *out_n)
{
	size_t len = 0;

	if (t->spec.kind == ZINC_TOK_BPE_BYTES)
		return tok_alphabet_undo(text, n, dst, out_n);
	for (size_t i = 0; i < n;) {
		bool block = n - i >= 3 && !memcmp(text + i, "\xe2\x96\x81", 3);

		if (text[i] == ' ')
			return false;
		dst[len++] = block ? ' ' : text[i];
		i += block ? 3 : 1;
	}
	*out_n = len;
	return true;
}

static int add_rule(struct tok *t, const struct gguf_str *s, uint32_t rank, char *buf,
		    struct zinc_err *err)
{
	const char *blank = s->n > 2 ? memchr(s->ptr + 1, ' ', (size_t)s->n - 1) : NULL;
	int32_t left, right, sym;
	struct tok_merge *slot;
	size_t nl, nr;

	if (!blank || blank == s->ptr + s->n - 1 || s->n > TOK_MAX_WORD)
		return err_set(err, ZINC_E_INVALID,
			       KEY " entry %" PRIu32 " is no pair of words with a blank between",
			       rank);
	if (!undo(t, s->ptr, (size_t)(blank - s->ptr), buf, &nl) ||
	    !undo(t, blank + 1, (size_t)(s->ptr + s->n - blank - 1), buf + nl, &nr))
		return ZINC_OK;
	if (symbol(t, buf, nl, &left) || symbol(t, buf + nl, nr, &right) ||
	    symbol(t, buf, nl + nr, &sym))
		return tok_no_memory(err);
	slot = slot_of(&t->merges, left, right);
	if (!slot->rank)
		*slot = (struct tok_merge){left, right, rank + 1, sym};
	tok_seam_add(t, buf[nl - 1], buf[nl]);
	return ZINC_OK;
}

/* Symbols of one-byte characters; with bytes as characters each needs one. */
static int load_chars(struct tok *t)
{
	bool bytes = t->spec.kind == ZINC_TOK_BPE_BYTES;

	for (unsigned b = 0; b < 256; b++) {
		char c = (char)b;
		uint32_t found = tok_words_find(&t->words, &c, 1);

		t->char_sym[b] = (int32_t)found;
		if (!bytes)
			continue;
		if (found < t->n_vocab)
			t->byte_id[b] = (int32_t)found;
		if (symbol(t, &c, 1, &t->char_sym[b]))
			return ZINC_E_NO_MEMORY;
	}
	return ZINC_OK;
}

int tok_merges_load(struct tok *t, struct zinc_err *err)
{
	const struct gguf_kv *kv = gguf_find(t->file, KEY);
	uint32_t room = 16;
	char *buf;
	int rc = ZINC_OK;

	if (!kv || kv->type != GGUF_ARRAY || !kv->strs)
		return err_set(err, ZINC_E_INVALID, KEY " is missing or no list of strings");
	if (kv->n > INT32_MAX / 4)
		return err_set(err, ZINC_E_INVALID, KEY " has %" PRIu64 " entries, too many",
			       kv->n);
	while (room < 2 * kv->n)
		room *= 2;
	t->merges.slot = calloc(room, sizeof(*t->merges.slot));
	t->merges.mask = room - 1;
	buf = malloc(TOK_MAX_WORD);
	if (!t->merges.slot || !buf)
		rc = tok_no_memory(err);
	for (uint32_t i = 0; i < kv->n && !rc; i++)
		rc = add_rule(t, &kv->strs[i], i, buf, err);
	free(buf);
	if (!rc && load_chars(t))
		rc = tok_no_memory(err);
	return rc;
}
