/* vocab.c - from the file's vocabulary to words, types, byte tokens and the
 * special tokens that are cut out of a text first. */
#include "token/tok_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/err.h"

#define KEY_TOKENS "tokenizer.ggml.tokens"
#define KEY_TYPES "tokenizer.ggml.token_type"

static const char lower_block[] = "\xe2\x96\x81"; /* U+2581 */

struct loader {
	struct tok *t;
	const struct gguf_kv *tokens;
	bool have_types;
	char *buf; /* one word, TOK_MAX_WORD bytes */
};

static int check_keys(struct loader *l, const struct gguf_kv **types, struct zinc_err *err)
{
	const struct gguf *g = l->t->file;

	l->tokens = gguf_find(g, KEY_TOKENS);
	if (!l->tokens || l->tokens->type != GGUF_ARRAY || !l->tokens->strs || l->tokens->n == 0)
		return err_set(err, ZINC_E_INVALID,
			       KEY_TOKENS " is missing or no list of strings: the file has no "
					  "vocabulary");
	if (l->tokens->n > INT32_MAX / 2)
		return err_set(err, ZINC_E_INVALID, KEY_TOKENS " has %" PRIu64 " entries, too many",
			       l->tokens->n);
	*types = gguf_find(g, KEY_TYPES);
	if (*types && ((*types)->type != GGUF_ARRAY || (*types)->n != l->tokens->n))
		return err_set(err, ZINC_E_INVALID,
			       KEY_TYPES " is no list as long as " KEY_TOKENS " (%" PRIu64 ")",
			       l->tokens->n);
	l->have_types = *types != NULL;
	return ZINC_OK;
}

static int load_types(struct loader *l, const struct gguf_kv *types, struct zinc_err *err)
{
	struct tok *t = l->t;
	int64_t v;

	t->type = malloc(t->n_vocab);
	if (!t->type)
		return tok_no_memory(err);
	memset(t->type, TOK_NORMAL, t->n_vocab);
	for (uint32_t i = 0; types && i < t->n_vocab; i++) {
		if (gguf_kv_i64(types, i, &v) || v < 0 || v > TOK_BYTE)
			return err_set(err, ZINC_E_INVALID,
				       KEY_TYPES " entry %" PRIu32 " is no token type", i);
		t->type[i] = v ? (uint8_t)v : TOK_NORMAL;
	}
	return ZINC_OK;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "<0x41>" */
static bool byte_token(const struct gguf_str *s, uint8_t *byte)
{
	if (s->n != 6 || memcmp(s->ptr, "<0x", 3) || s->ptr[5] != '>' || hex(s->ptr[3]) < 0 ||
	    hex(s->ptr[4]) < 0)
		return false;
	*byte = (uint8_t)(hex(s->ptr[3]) * 16 + hex(s->ptr[4]));
	return true;
}

static size_t undo_block(const struct gguf_str *s, char *dst)
{
	size_t n = 0;

	for (uint64_t i = 0; i < s->n;) {
		bool block = s->n - i >= 3 && !memcmp(s->ptr + i, lower_block, 3);

		dst[n++] = block ? ' ' : s->ptr[i];
		i += block ? 3 : 1;
	}
	return n;
}

/* Writes the word of an entry to l->buf; *plain: text can be made of it. */
static size_t word_of(struct loader *l, uint32_t id, bool *plain)
{
	const struct gguf_str *s = &l->tokens->strs[id];
	uint8_t type = l->t->type[id], byte;
	size_t n = (size_t)s->n;

	*plain = false;
	if (type == TOK_BYTE || !l->have_types)
		if (byte_token(s, &byte)) {
			l->t->byte_id[byte] = (int32_t)id;
			l->buf[0] = (char)byte;
			return 1;
		}
	memcpy(l->buf, s->ptr, n);
	if (type == TOK_CONTROL || type == TOK_UNKNOWN || type == TOK_BYTE)
		return n;
	if (l->t->spec.kind == ZINC_TOK_BPE_BYTES) {
		*plain = type == TOK_USER_DEFINED || tok_alphabet_undo(s->ptr, n, l->buf, &n);
		if (!*plain)
			memcpy(l->buf, s->ptr, n = (size_t)s->n);
		return n;
	}
	/* Text has no blanks where U+2581 stands for them, so an entry with a
	 * real blank can only be cut out whole. */
	*plain = !memchr(s->ptr, ' ', n);
	return undo_block(s, l->buf);
}

/* Which words may come out of merging? The score-based algorithms would find
 * any word, so they are kept to ordinary ones; merge rules name theirs. */
static bool may_find(const struct tok *t, uint32_t id, bool user_defined)
{
	if (t->type[id] == TOK_NORMAL)
		return !user_defined;
	if (t->spec.kind != ZINC_TOK_BPE_BYTES && t->spec.kind != ZINC_TOK_BPE_CHARS)
		return false;
	return t->type[id] == (user_defined ? TOK_USER_DEFINED : TOK_UNUSED);
}

static int load_words(struct loader *l, struct zinc_err *err)
{
	struct tok *t = l->t;
	uint8_t *plain = calloc(t->n_vocab, 1);
	uint32_t sym;
	int rc = plain ? ZINC_OK : ZINC_E_NO_MEMORY;

	for (uint32_t i = 0; i < t->n_vocab && !rc; i++) {
		bool findable;
		size_t n;

		if (l->tokens->strs[i].n > TOK_MAX_WORD) {
			free(plain);
			return err_set(err, ZINC_E_INVALID,
				       KEY_TOKENS " entry %" PRIu32 " is longer than %d bytes", i,
				       TOK_MAX_WORD);
		}
		n = word_of(l, i, &findable);
		plain[i] = findable;
		if (n * 3 > t->max_piece)
			t->max_piece = n * 3; /* each byte may come out as U+FFFD */
		rc = tok_words_add(&t->words, l->buf, n, &sym);
	}
	/* Of equal words the last is found: ordinary tokens go before others. */
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < t->n_vocab && !rc; i++)
			if (plain[i] && may_find(t, i, pass == 0))
				rc = tok_words_index(&t->words, i);
	free(plain);
	return rc ? tok_no_memory(err) : ZINC_OK;
}

static bool only_blanks(const struct tok *t, uint32_t id)
{
	uint32_t n;
	const char *word = tok_word(&t->words, id, &n);

	for (uint32_t i = 0; i < n; i++)
		if (!strchr(" \t\n\r\v\f", word[i]) || !word[i])
			return false;
	return n > 0;
}

/* Is this token cut out of a text whole? blanks: even out of a user's text. */
static bool is_cut_out(const struct tok *t, uint32_t id, bool blanks)
{
	switch (t->type[id]) {
	case TOK_USER_DEFINED: return !blanks || only_blanks(t, id);
	case TOK_CONTROL:
	case TOK_UNKNOWN: return !blanks;
	default: return false;
	}
}

static int load_special(struct tok *t, struct tok_prefix *p, bool blanks)
{
	uint32_t *ids, n = 0;

	for (uint32_t i = 0; i < t->n_vocab; i++)
		n += is_cut_out(t, i, blanks);
	ids = malloc((n + 1) * sizeof(*ids));
	if (!ids)
		return ZINC_E_NO_MEMORY;
	n = 0;
	for (uint32_t i = 0; i < t->n_vocab; i++)
		if (is_cut_out(t, i, blanks))
			ids[n++] = i;
	tok_prefix_init(p, &t->words, ids, n);
	return ZINC_OK;
}

int tok_vocab_load(struct tok *t, struct zinc_err *err)
{
	struct loader l = {.t = t};
	const struct gguf_kv *types = NULL;
	int rc = check_keys(&l, &types, err);

	if (rc)
		return rc;
	t->n_vocab = (uint32_t)l.tokens->n;
	memset(t->byte_id, -1, sizeof(t->byte_id));
	rc = load_types(&l, types, err);
	if (rc)
		return rc;
	l.buf = malloc(TOK_MAX_WORD);
	if (!l.buf)
		return tok_no_memory(err);
	rc = load_words(&l, err);
	free(l.buf);
	if (rc)
		return rc;
	if (load_special(t, &t->special, false) || load_special(t, &t->blanks, true))
		return tok_no_memory(err);
	return ZINC_OK;
}
