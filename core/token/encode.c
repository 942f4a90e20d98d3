/* encode.c - text to ids: special tokens are cut out, what is between them goes
 * through the spec's algorithm. */
#include "token/tok_impl.h"

#include <stdlib.h>
#include <string.h>

#include "util/err.h"

/* The blank in front belongs to a text that begins, not to one that goes on. */
static bool wants_prefix(const struct tok *t, const struct tok_ids *out)
{
	enum tok_type last;

	if (!(t->spec.flags & ZINC_TOK_SPACE_PREFIX))
		return false;
	if (!out->n)
		return true;
	last = tok_type_of(t, out->id[out->n - 1]);
	return last == TOK_CONTROL || last == TOK_USER_DEFINED;
}

static int encode_plain(const struct tok *t, struct tok_work *w, const char *text, size_t n)
{
	int rc;

	if (!n)
		return ZINC_OK;
	rc = tok_normalize(t, w, wants_prefix(t, w->out), &text, &n);
	if (rc)
		return rc;
	switch (t->spec.kind) {
	case ZINC_TOK_BPE_BYTES: return tok_bpe_bytes(t, w, text, n);
	case ZINC_TOK_BPE_CHARS: return tok_bpe_chars(t, w, text, n);
	case ZINC_TOK_SPM: return tok_spm(t, w, text, n);
	default: return tok_unigram(t, w, text, n);
	}
}

static int encode_all(const struct tok *t, struct tok_work *w, const char *text, size_t n,
		      const struct tok_prefix *special)
{
	size_t done = 0, i = 0;
	int rc;

	while (i < n) {
		uint8_t c = (uint8_t)text[i];
		uint32_t id = 0;
		size_t len = special->first[c] < special->first[c + 1]
				     ? tok_prefix_longest(special, &t->words, text + i, n - i, &id)
				     : 0;

		if (!len) {
			i++;
			continue;
		}
		rc = encode_plain(t, w, text + done, i - done);
		if (rc)
			return rc;
		if (tok_ids_push(w->out, (int32_t)id))
			return tok_no_memory(w->err);
		done = i += len;
	}
	return encode_plain(t, w, text + done, n - done);
}

int tok_encode(const struct tok *t, const char *text, size_t n, bool parse_special,
	       struct tok_ids *out, struct zinc_err *err)
{
	struct tok_work w = {.out = out, .err = err};
	size_t before = out->n;
	int rc;

	if (n > TOK_MAX_TEXT / 4)
		return err_set(err, ZINC_E_INVALID,
			       "a text of %zu bytes is too long to be tokenized", n);
	tok_cache_begin(&w, n);
	rc = encode_all(t, &w, text, n, parse_special ? &t->special : &t->blanks);
	if (rc)
		out->n = before;
	tok_split_work_finish(&w);
	free(w.node);
	free(w.heap);
	free(w.best);
	free(w.buf);
	free(w.cache);
	return rc;
}

int tok_add_bos_eos(const struct tok *t, struct tok_ids *ids)
{
	const struct zinc_tok_spec *s = &t->spec;
	int rc;

	if (s->flags & ZINC_TOK_ADD_BOS && (!ids->n || ids->id[0] != s->bos)) {
		rc = tok_ids_push(ids, s->bos);
		if (rc)
			return rc;
		memmove(ids->id + 1, ids->id, (ids->n - 1) * sizeof(*ids->id));
		ids->id[0] = s->bos;
	}
	if (s->flags & ZINC_TOK_ADD_EOS && (!ids->n || ids->id[ids->n - 1] != s->eos))
		return tok_ids_push(ids, s->eos);
	return ZINC_OK;
}
