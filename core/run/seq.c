/* seq.c - sequences: their queue of waiting tokens and their place in the
 * caches. */
#include <stdlib.h>
#include <string.h>

#include "run/engine_priv.h"
#include "util/err.h"

static int clear_state(struct seq *s, struct zinc_err *err)
{
	uint32_t params[ZINC_SLOT_COUNT] = {0};

	params[ZINC_SLOT_USER0] = ZINC_STATE_ZERO;
	params[ZINC_SLOT_USER1] = s->index;
	return engine_submit(s->engine, s->engine->clear_cmd, params, err);
}

static int find_slot(const struct engine *e, uint32_t *index, struct zinc_err *err)
{
	for (*index = 0; *index < e->n_slots; (*index)++)
		if (!e->seqs[*index])
			return ZINC_OK;
	return err_set(err, ZINC_E_NO_MEMORY, "all %u sequences are in use", e->cfg.max_seqs);
}

static void seq_free(struct seq *s)
{
	free(s->waiting);
	free(s->logits);
	free(s->hidden);
	free(s);
}

int seq_create(struct engine *e, bool shadow, struct seq **out, struct zinc_err *err)
{
	size_t hidden = (size_t)(e->model->info.n_layer + 1) * e->model->info.n_embd;
	struct seq *s;
	uint32_t index;
	int rc = find_slot(e, &index, err);

	if (rc)
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory for a sequence");
	s->engine = e;
	s->index = index;
	s->waiting = malloc(e->cfg.n_ctx * sizeof(*s->waiting));
	s->logits = malloc(e->model->info.n_vocab * sizeof(*s->logits));
	if (e->cfg.batched == RUN_BATCHED_VALIDATE)
		s->hidden = calloc(hidden, sizeof(*s->hidden));
	if (!s->waiting || !s->logits || (e->cfg.batched == RUN_BATCHED_VALIDATE && !s->hidden)) {
		seq_free(s);
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory for a sequence");
	}
	rc = clear_state(s, err);
	if (rc) {
		seq_free(s);
		return rc;
	}
	e->seqs[index] = s;
	if (e->cfg.batched == RUN_BATCHED_VALIDATE && !shadow) {
		rc = seq_create(e, true, &s->shadow, err);
		if (rc) {
			engine_seq_destroy(e, s);
			return rc;
		}
	}
	*out = s;
	return ZINC_OK;
}

int engine_seq_create(struct engine *e, struct seq **out, struct zinc_err *err)
{
	return seq_create(e, false, out, err);
}

void engine_seq_destroy(struct engine *e, struct seq *s)
{
	if (!s)
		return;
	engine_seq_destroy(e, s->shadow);
	kv_release(&e->kv, s->index);
	e->seqs[s->index] = NULL;
	seq_free(s);
}

int engine_seq_push(struct engine *e, struct seq *s, const int32_t *ids, uint32_t n,
                    struct zinc_err *err)
{
	uint32_t used = s->pos + s->n_waiting;

	if (n > e->cfg.n_ctx - used)
		return err_set(err, ZINC_E_INVALID,
		               "%u tokens do not fit: the context holds %u and %u are in use; "
		               "raise --ctx or shorten the prompt", n, e->cfg.n_ctx, used);
	for (uint32_t i = 0; i < n; i++)
		if (ids[i] < 0 || (uint32_t)ids[i] >= e->model->info.n_vocab)
			return err_set(err, ZINC_E_INVALID,
			               "token id %d is outside the vocabulary of %u", ids[i],
			               e->model->info.n_vocab);
	if (s->head) {
		memmove(s->waiting, s->waiting + s->head, s->n_waiting * sizeof(*s->waiting));
		s->head = 0;
	}
	memcpy(s->waiting + s->n_waiting, ids, n * sizeof(*ids));
	s->n_waiting += n;
	if (n)
		s->has_logits = false;
	return ZINC_OK;
}

void engine_seq_on_logits(struct seq *s, engine_logits_fn *fn, void *ctx)
{
	s->on_logits = fn;
	s->logits_ctx = ctx;
}

void engine_seq_on_hidden(struct seq *s, engine_hidden_fn *fn, void *ctx)
{
	s->on_hidden = fn;
	s->hidden_ctx = ctx;
}

uint32_t engine_seq_pos(const struct seq *s)
{
	return s->pos;
}

uint32_t engine_seq_waiting(const struct seq *s)
{
	return s->n_waiting;
}
