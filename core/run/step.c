/* step.c - one step: which tokens of which sequences, and the run. */
#include "run/engine_priv.h"
#include "util/clock.h"
#include "util/err.h"

/* Tokens a step may take from one sequence. */
static uint32_t seq_limit(const struct engine *e)
{
	return e->cfg.batched == RUN_BATCHED_OFF ? 1 : e->cfg.chunk;
}

static void add_item(struct engine *e, struct seq *s, uint32_t n)
{
	struct step_item *it = &e->items[e->n_items++];
	bool all = e->cfg.all_logits && (s->on_logits || s->on_hidden);

	it->seq = s;
	it->n = n;
	it->n_out = all ? n : n == s->n_waiting;
}

/* Sequences that decode first, then prompts as far as the chunk reaches. */
static uint32_t choose_items(struct engine *e)
{
	uint32_t left = e->cfg.chunk;

	e->n_items = 0;
	for (int prompts = 0; prompts < 2; prompts++) {
		for (uint32_t k = 0; k < e->n_slots && left; k++) {
			struct seq *s = e->seqs[(e->next_seq + k) % e->n_slots];
			uint32_t n;

			if (!s || !s->n_waiting || (s->n_waiting > 1) != prompts)
				continue;
			if (s->engine->cfg.batched == RUN_BATCHED_VALIDATE && !s->shadow)
				continue;
			n = s->n_waiting < seq_limit(e) ? s->n_waiting : seq_limit(e);
			n = n < left ? n : left;
			add_item(e, s, n);
			left -= n;
		}
	}
	e->next_seq = (e->next_seq + 1) % e->n_slots;
	return e->cfg.chunk - left;
}

static int fill_batch(struct engine *e, struct zinc_err *err)
{
	batch_reset(&e->batch);
	for (uint32_t i = 0; i < e->n_items; i++) {
		struct step_item *it = &e->items[i];
		struct seq *s = it->seq;
		int rc = kv_extend(&e->kv, s->index, s->pos, it->n, err);

		if (rc)
			return rc;
		it->first_out = e->batch.n_out;
		it->first_tok = e->batch.n_tokens;
		batch_add(&e->batch, s->index, s->pos, s->waiting + s->head, it->n, it->n_out);
	}
	return ZINC_OK;
}

/* With taps, a recording whose token and output rows are equally many cannot
 * tell them apart: then every row is an output row. */
static void settle_out_rows(struct engine *e, uint32_t bucket)
{
	if (!e->env.taps || e->rec[bucket].graph->shape.max_out != 1u << bucket)
		return;
	batch_read_all(&e->batch);
	for (uint32_t i = 0; i < e->n_items; i++)
		e->items[i].first_out = e->items[i].first_tok + e->items[i].n - e->items[i].n_out;
}

/* While the device runs a chunk of a prompt, the host records what the next one needs.
 * What goes wrong here goes wrong there again, and is told then. */
static void prepare_next(struct engine *e)
{
	struct recording *r;
	uint32_t left = 0;

	if (e->packing || e->cfg.batched != RUN_BATCHED_ON)
		return;
	for (uint32_t i = 0; i < e->n_slots; i++)
		left += e->seqs[i] ? e->seqs[i]->n_waiting : 0;
	for (uint32_t i = 0; i < e->n_items; i++)
		left -= e->items[i].n;
	if (left)
		recording_get(e, engine_bucket(left < e->cfg.chunk ? left : e->cfg.chunk), &r, NULL);
}

int step_run(struct engine *e, struct zinc_err *err)
{
	uint32_t params[ZINC_SLOT_COUNT] = {0};
	struct recording *r;
	uint32_t bucket;
	int rc = fill_batch(e, err);

	if (rc)
		return rc;
	bucket = engine_bucket(e->batch.n_tokens);
	rc = recording_get(e, bucket, &r, err);
	if (rc)
		return rc;
	settle_out_rows(e, bucket);
	rc = batch_upload(&e->batch, &e->kv, &e->mem, err);
	if (rc)
		return rc;
	params[ZINC_SLOT_N_TOKENS] = e->batch.n_tokens;
	params[ZINC_SLOT_N_SEQS] = e->batch.n_seqs;
	params[ZINC_SLOT_N_OUT] = e->batch.n_out;
	rc = engine_start(e, r->cmd, params, err);
	if (rc)
		return rc;
	prepare_next(e);
	rc = engine_finish(e, err);
	if (rc)
		return rc;
	rc = results_deliver(e, r->graph, err);
	if (!rc && e->cfg.profile)
		profile_add(&e->profile, e, r);
	return rc;
}

int engine_step(struct engine *e, uint32_t *n_done, struct zinc_err *err)
{
	uint32_t n = choose_items(e);
	double start;
	int rc;

	if (n_done)
		*n_done = n;
	if (!n)
		return ZINC_OK;
	engine_pack_step(e);
	start = clock_seconds();
	rc = step_run(e, err);
	engine_pack_stepped(e, clock_seconds() - start);
	if (!rc && e->cfg.batched == RUN_BATCHED_VALIDATE)
		rc = validate_step(e, err);
	return rc;
}
