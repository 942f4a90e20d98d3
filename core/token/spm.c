/* spm.c - SentencePiece BPE: the adjacent pair whose concatenation is the token
 * of highest score merges first (Kudo and Richardson, "SentencePiece", 2018).
 * With scores turned into ranks, this is the merging of bpe.c. */
#include "token/tok_impl.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "token/utf8.h"
#include "util/err.h"

#define KEY "tokenizer.ggml.scores"

struct scored {
	float score;
	uint32_t id;
};

static int by_score(const void *pa, const void *pb)
{
	const struct scored *a = pa, *b = pb;

	return a->score < b->score ? 1 : a->score > b->score ? -1 : 0;
}

static int load_scores(const struct tok *t, struct scored *list, struct zinc_err *err)
{
	const struct gguf_kv *kv = gguf_find(t->file, KEY);

	if (!kv || kv->n != t->n_vocab)
		return err_set(err, ZINC_E_INVALID,
			       KEY " is missing or not as long as the vocabulary (%" PRIu32 ")",
			       t->n_vocab);
	for (uint32_t i = 0; i < t->n_vocab; i++) {
		list[i].id = i;
		if (gguf_kv_f32(kv, i, &list[i].score) || !isfinite(list[i].score))
			return err_set(err, ZINC_E_INVALID,
				       KEY " entry %" PRIu32 " is no finite number", i);
	}
	return ZINC_OK;
}

/* Characters that are neighbours inside some token may be joined by a merge. */
static void load_seams(struct tok *t)
{
	for (uint32_t i = 0; i < t->n_vocab; i++) {
		uint32_t n, at = 0;
		const char *word = tok_word(&t->words, i, &n);
		unsigned len;

		if (t->type[i] != TOK_NORMAL)
			continue;
		while (at < n) {
			if (utf8_next(word + at, n - at, &len) != UTF8_VALID)
				len = 1;
			at += len;
			if (at < n)
				tok_seam_add(t, word[at - 1], word[at]);
		}
	}
}

static void load_chars(struct tok *t)
{
	for (unsigned b = 0; b < 256; b++) {
		char c = (char)b;

		t->char_sym[b] = (int32_t)tok_words_find(&t->words, &c, 1);
	}
}

int tok_spm_load(struct tok *t, struct zinc_err *err)
{
	struct scored *list = malloc(t->n_vocab * sizeof(*list));
	uint32_t rank = 0;
	int rc;

	t->rank = malloc(t->n_vocab * sizeof(*t->rank));
	if (!list || !t->rank) {
		free(list);
		return tok_no_memory(err);
	}
	rc = load_scores(t, list, err);
	if (!rc) {
		qsort(list, t->n_vocab, sizeof(*list), by_score);
		for (uint32_t i = 0; i < t->n_vocab; i++) {
			if (i && list[i].score < list[i - 1].score)
				rank = i;
			t->rank[list[i].id] = rank;
		}
		load_seams(t);
		load_chars(t);
	}
	free(list);
	return rc;
}

int tok_spm(const struct tok *t, struct tok_work *w, const char *text, size_t n)
{
	return tok_merge_text(t, w, text, n);
}
