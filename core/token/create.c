/* create.c - building a tokenizer from a file and a spec, and asking it about
 * its tokens. */
#include "token/tok_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/err.h"
#include "util/log.h"

#define KEY_SUPPRESS "tokenizer.ggml.suppress_tokens"

static int check_spec(const struct zinc_tok_spec *s, struct zinc_err *err)
{
	if (s->kind < ZINC_TOK_BPE_BYTES || s->kind > ZINC_TOK_UNIGRAM)
		return err_set(err, ZINC_E_UNSUPPORTED, "tokenizer kind %" PRIu32 " is unknown",
			       s->kind);
	if (s->n_patterns > ZINC_TOK_MAX_PATTERNS || s->n_stop > ZINC_TOK_MAX_STOP ||
	    s->n_stop_text > ZINC_TOK_MAX_STOP || s->n_suppress_text > ZINC_TOK_MAX_STOP)
		return err_set(err, ZINC_E_INVALID,
			       "a list in the tokenizer's description overflows");
	return ZINC_OK;
}

static bool in_vocab(const struct tok *t, int64_t id)
{
	return id >= 0 && id < t->n_vocab;
}

static int check_ids(struct tok *t, struct zinc_err *err)
{
	struct zinc_tok_spec *s = &t->spec;
	const struct {
		const char *key;
		int32_t id;
	} ids[] = {
		{"tokenizer.ggml.bos_token_id", s->bos},
		{"tokenizer.ggml.eos_token_id", s->eos},
		{"tokenizer.ggml.unknown_token_id", s->unk},
		{"tokenizer.ggml.padding_token_id", s->pad},
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (ids[i].id != -1 && !in_vocab(t, ids[i].id))
			return err_set(err, ZINC_E_INVALID,
				       "%s is %" PRId32 ", outside the vocabulary of %" PRIu32,
				       ids[i].key, ids[i].id, t->n_vocab);
	for (uint32_t i = 0; i < s->n_stop; i++)
		if (!in_vocab(t, s->stop[i]))
			return err_set(err, ZINC_E_INVALID,
				       "stop token %" PRId32
				       " is outside the vocabulary of %" PRIu32,
				       s->stop[i], t->n_vocab);
	if (s->flags & ZINC_TOK_ADD_BOS && s->bos < 0)
		return err_set(err, ZINC_E_INVALID,
			       "prompts shall begin with BOS, but the file has no %s", ids[0].key);
	if (s->flags & ZINC_TOK_ADD_EOS && s->eos < 0)
		return err_set(err, ZINC_E_INVALID,
			       "prompts shall end with EOS, but the file has no %s", ids[1].key);
	for (uint32_t i = 0; s->unk < 0 && i < t->n_vocab; i++)
		if (t->type[i] == TOK_UNKNOWN)
			s->unk = (int32_t)i;
	return ZINC_OK;
}

static int add_stop(struct tok *t, int32_t id, const char *text, struct zinc_err *err)
{
	struct zinc_tok_spec *s = &t->spec;

	if (tok_is_stop(t, id))
		return ZINC_OK;
	if (s->n_stop == ZINC_TOK_MAX_STOP)
		return err_set(err, ZINC_E_INVALID, "%s would be one stop token too many", text);
	s->stop[s->n_stop++] = id;
	return ZINC_OK;
}

static int suppress(struct tok *t, int64_t id, const char *where, struct zinc_err *err)
{
	if (!in_vocab(t, id))
		return err_set(err, ZINC_E_INVALID,
			       "%s names token %" PRId64 ", outside the vocabulary of %" PRIu32,
			       where, id, t->n_vocab);
	t->suppressed[t->n_suppressed++] = (int32_t)id;
	return ZINC_OK;
}

static int resolve_texts(struct tok *t, struct zinc_err *err)
{
	const struct zinc_tok_spec *s = &t->spec;
	int rc = ZINC_OK;

	for (uint32_t i = 0; i < s->n_stop_text && !rc; i++) {
		int32_t id = tok_find(t, s->stop_text[i], strlen(s->stop_text[i]));

		if (id >= 0)
			rc = add_stop(t, id, s->stop_text[i], err);
	}
	for (uint32_t i = 0; i < s->n_suppress_text && !rc; i++) {
		int32_t id = tok_find(t, s->suppress_text[i], strlen(s->suppress_text[i]));

		if (id >= 0)
			rc = suppress(t, id, s->suppress_text[i], err);
	}
	return rc;
}

static int load_suppressed(struct tok *t, struct zinc_err *err)
{
	const struct gguf_kv *kv = gguf_find(t->file, KEY_SUPPRESS);
	uint64_t n = kv ? kv->n : 0;
	int rc = ZINC_OK;

	if (n > t->n_vocab || t->spec.n_suppress > t->n_vocab)
		return err_set(err, ZINC_E_INVALID, KEY_SUPPRESS " is longer than the vocabulary");
	t->suppressed = malloc((size_t)(n + t->spec.n_suppress + ZINC_TOK_MAX_STOP) *
			       sizeof(*t->suppressed));
	if (!t->suppressed)
		return tok_no_memory(err);
	for (uint64_t i = 0; i < n && !rc; i++) {
		int64_t id;

		if (gguf_kv_i64(kv, i, &id))
			return err_set(err, ZINC_E_INVALID,
				       KEY_SUPPRESS " is no list of token ids");
		rc = suppress(t, id, KEY_SUPPRESS, err);
	}
	for (uint32_t i = 0; i < t->spec.n_suppress && !rc; i++)
		rc = suppress(t, t->spec.suppress[i], "the architecture", err);
	return rc;
}

static int load(struct tok *t, struct zinc_err *err)
{
	int rc = tok_vocab_load(t, err);

	if (!rc)
		rc = check_ids(t, err);
	if (!rc)
		rc = load_suppressed(t, err);
	if (!rc)
		rc = resolve_texts(t, err);
	if (rc)
		return rc;
	switch (t->spec.kind) {
	case ZINC_TOK_BPE_BYTES:
		rc = tok_split_create(&t->spec, &t->split, err);
		return rc ? rc : tok_merges_load(t, err);
	case ZINC_TOK_BPE_CHARS: return tok_merges_load(t, err);
	case ZINC_TOK_SPM: return tok_spm_load(t, err);
	default: return tok_unigram_load(t, err);
	}
}

int tok_create(const struct gguf *g, const struct zinc_tok_spec *spec, struct tok **out,
	       struct zinc_err *err)
{
	int rc = check_spec(spec, err);
	struct tok *t;

	*out = NULL;
	if (rc)
		return rc;
	t = calloc(1, sizeof(*t));
	if (!t)
		return tok_no_memory(err);
	t->spec = *spec;
	t->file = g;
	rc = load(t, err);
	if (rc) {
		tok_destroy(t);
		return rc;
	}
	t->spec.suppress = t->suppressed;
	t->spec.n_suppress = (uint32_t)t->n_suppressed;
	if (spec->notice)
		log_once(ZINC_LOG_WARN, "%s", spec->notice);
	*out = t;
	return ZINC_OK;
}

void tok_destroy(struct tok *t)
{
	if (!t)
		return;
	tok_split_destroy(t->split);
	tok_prefix_finish(&t->special);
	tok_prefix_finish(&t->blanks);
	tok_prefix_finish(&t->pieces);
	tok_merges_finish(&t->merges);
	tok_words_finish(&t->words);
	free(t->suppressed);
	free(t->rank);
	free(t->score);
	free(t->type);
	free(t);
}

uint32_t tok_n_vocab(const struct tok *t)
{
	return t->n_vocab;
}

const struct zinc_tok_spec *tok_spec(const struct tok *t)
{
	return &t->spec;
}

enum tok_type tok_type_of(const struct tok *t, int32_t id)
{
	return in_vocab(t, id) ? (enum tok_type)t->type[id] : TOK_UNKNOWN;
}

int32_t tok_find(const struct tok *t, const char *text, size_t n)
{
	const struct gguf_kv *kv = gguf_find(t->file, "tokenizer.ggml.tokens");

	for (uint32_t i = 0; i < t->n_vocab; i++)
		if (kv->strs[i].n == n && !memcmp(kv->strs[i].ptr, text, n))
			return (int32_t)i;
	return -1;
}

bool tok_is_stop(const struct tok *t, int32_t id)
{
	const struct zinc_tok_spec *s = &t->spec;

	if (id < 0)
		return false;
	for (uint32_t i = 0; i < s->n_stop; i++)
		if (s->stop[i] == id)
			return true;
	return id == s->eos;
}

const int32_t *tok_suppressed(const struct tok *t, size_t *n)
{
	*n = t->n_suppressed;
	return t->suppressed;
}
