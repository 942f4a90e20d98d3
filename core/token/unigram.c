/* unigram.c - SentencePiece unigram: the segmentation of highest total score,
 * by dynamic programming over the text (Kudo, "Subword Regularization", 2018). */
#include "token/tok_impl.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "token/utf8.h"
#include "util/err.h"

#define KEY "tokenizer.ggml.scores"

/* SentencePiece rates an unknown character this much below the worst token. */
static const float unknown_penalty = 10.0f;

int tok_unigram_load(struct tok *t, struct zinc_err *err)
{
	const struct gguf_kv *kv = gguf_find(t->file, KEY);
	uint32_t *ids = malloc(t->n_vocab * sizeof(*ids)), n = 0;
	float worst = 0;

	t->score = malloc(t->n_vocab * sizeof(*t->score));
	if (!ids || !t->score) {
		free(ids);
		return tok_no_memory(err);
	}
	for (uint32_t i = 0; i < t->n_vocab; i++) {
		if (!kv || kv->n != t->n_vocab || gguf_kv_f32(kv, i, &t->score[i]) ||
		    !isfinite(t->score[i])) {
			free(ids);
			return err_set(
				err, ZINC_E_INVALID,
				KEY " is missing, not as long as the vocabulary, or entry %" PRIu32
				    " is no finite number",
				i);
		}
		if (t->type[i] != TOK_NORMAL)
			continue;
		if (t->score[i] < worst)
			worst = t->score[i];
		ids[n++] = i;
	}
	t->unk_score = worst - unknown_penalty;
	tok_prefix_init(&t->pieces, &t->words, ids, n);
	return ZINC_OK;
}

static void offer(struct tok_best *b, double score, size_t from, int32_t id)
{
	if (score > b->score)
		*b = (struct tok_best){score, (uint32_t)from, id};
}

/* Every token that starts at byte i, and the unknown character where no token
 * is exactly that character. */
static void extend(const struct tok *t, struct tok_best *best, const char *text, size_t n, size_t i)
{
	struct tok_walk k = tok_walk_begin(&t->pieces, (uint8_t)text[i]);
	bool known = false;
	unsigned len;

	if (utf8_next(text + i, n - i, &len) != UTF8_VALID)
		len = 1;
	while (k.lo < k.hi) {
		uint32_t id = tok_walk_id(&t->pieces, &t->words, &k);

		if (id != TOK_NONE) {
			offer(&best[i + k.depth], best[i].score + (double)t->score[id], i,
			      (int32_t)id);
			known = known || k.depth == len;
		}
		if (k.depth >= n - i ||
		    !tok_walk_step(&t->pieces, &t->words, &k, (uint8_t)text[i + k.depth]))
			break;
	}
	if (!known)
		offer(&best[i + len], best[i].score + (double)t->unk_score, i, -1);
}

/* Turns the links backwards: best[i].from becomes the end of the piece at i. */
static void reverse(struct tok_best *best, size_t n)
{
	uint32_t end = (uint32_t)n, next = 0;
	int32_t id = -1;

	for (;;) {
		uint32_t from = best[end].from;
		int32_t piece = best[end].id;

		best[end].from = next;
		best[end].id = id;
		if (end == 0)
			return;
		next = end;
		id = piece;
		end = from;
	}
}

int tok_unigram(const struct tok *t, struct tok_work *w, const char *text, size_t n)
{
	void *best = w->best;
	int rc = ZINC_OK;

	if (!tok_reserve(&best, &w->best_room, n + 1, sizeof(*w->best)))
		return tok_no_memory(w->err);
	w->best = best;
	for (size_t i = 0; i <= n; i++)
		w->best[i] = (struct tok_best){i ? -INFINITY : 0, 0, -1};
	for (size_t i = 0; i < n; i++)
		if (w->best[i].score > (double)-INFINITY)
			extend(t, w->best, text, n, i);
	reverse(w->best, n);
	for (size_t i = 0; i < n && !rc; i = w->best[i].from) {
		if (w->best[i].id >= 0)
			rc = tok_ids_push(w->out, w->best[i].id) ? tok_no_memory(w->err) : ZINC_OK;
		else
			rc = tok_emit_unknown(t, w, text + i, w->best[i].from - i);
	}
	return rc;
}
