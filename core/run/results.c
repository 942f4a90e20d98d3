/* results.c - what a step leaves on the device, given to its sequences. The best
 * logits and what callbacks ask for are read at once, whole rows of logits when
 * somebody wants them. */
#include <string.h>

#include "run/engine_priv.h"
#include "util/err.h"

static int read_row(struct engine *e, const struct zinc_view *v, uint32_t row, float *out)
{
	uint64_t off = graph_mem(v)->off + v->off + row * v->nb[1];

	return e->backend->buf_read(e->temps.buf, off, out, v->ne[0] * sizeof(float));
}

/* A tap's row of this item's token i; the last block's tap has output rows
 * only, and an item without that row gives false. */
static bool tap_row(const struct graph_tap *tap, const struct zinc_shape *shape,
                    const struct step_item *it, uint32_t i, uint32_t *row)
{
	if (tap->view.ne[1] == shape->max_tokens) {
		*row = it->first_tok + i;
		return true;
	}
	*row = it->first_out + i - (it->n - it->n_out);
	return i >= it->n - it->n_out;
}

static int deliver_hidden(struct engine *e, const struct zinc_graph *g, const struct step_item *it)
{
	struct seq *s = it->seq;
	uint32_t n_embd = e->model->info.n_embd;

	for (uint32_t k = 0; k < g->n_taps; k++) {
		const struct graph_tap *tap = &g->taps[k];
		uint32_t first = s->on_hidden ? 0 : it->n - 1;

		for (uint32_t i = first; i < it->n; i++) {
			uint32_t row;

			if (!tap_row(tap, &g->shape, it, i, &row))
				continue;
			if (read_row(e, &tap->view, row, e->row))
				return ZINC_E_DEVICE_LOST;
			if (s->on_hidden)
				s->on_hidden(s->hidden_ctx, s, s->pos + i, tap->layer, e->row,
				             n_embd);
			if (s->hidden && tap->layer <= e->model->info.n_layer)
				memcpy(s->hidden + (size_t)tap->layer * n_embd, e->row,
				       n_embd * sizeof(float));
		}
	}
	return ZINC_OK;
}

static int read_logits(struct seq *s)
{
	int rc = ZINC_OK;

	if (!s->logits_read)
		rc = read_row(s->engine, &s->result->logits, s->result_row, s->logits);
	s->logits_read = !rc;
	return rc;
}

/* With callbacks every output row, else only where it lies. In validation the
 * shadow's steps overwrite the rows. */
static int deliver_logits(struct engine *e, const struct zinc_graph *g, const struct step_item *it)
{
	struct seq *s = it->seq;

	s->result = g;
	s->result_step = e->n_steps;
	for (uint32_t i = 0; i < it->n_out; i++) {
		s->result_row = it->first_out + i;
		s->logits_read = false;
		if (!s->on_logits && e->cfg.batched != RUN_BATCHED_VALIDATE)
			continue;
		if (read_logits(s))
			return ZINC_E_DEVICE_LOST;
		if (s->on_logits)
			s->on_logits(s->logits_ctx, s, s->pos + it->n - it->n_out + i, s->logits);
	}
	return ZINC_OK;
}

static int read_best(struct engine *e, const struct zinc_graph *g)
{
	uint64_t off;

	if (!g->best.buf || !e->batch.n_out)
		return ZINC_OK;
	off = graph_mem(&g->best)->off + g->best.off;
	return e->backend->buf_read(e->temps.buf, off, e->best, e->batch.n_out * g->best.nb[1]);
}

int results_deliver(struct engine *e, const struct zinc_graph *g, struct zinc_err *err)
{
	bool lost;

	e->n_steps++;
	lost = read_best(e, g) != ZINC_OK;
	for (uint32_t i = 0; i < e->n_items && !lost; i++) {
		struct step_item *it = &e->items[i];
		struct seq *s = it->seq;

		lost = deliver_logits(e, g, it) || (g->n_taps && deliver_hidden(e, g, it));
		s->pos += it->n;
		s->head += it->n;
		s->n_waiting -= it->n;
		s->has_logits = it->n_out > 0 && !s->n_waiting;
	}
	return lost ? err_set(err, ZINC_E_DEVICE_LOST, "%s: reading results failed", e->info.name)
	            : ZINC_OK;
}

bool engine_seq_ready(const struct seq *s)
{
	return s->has_logits && !s->n_waiting;
}

bool results_fresh(const struct seq *s)
{
	return engine_seq_ready(s) && s->result_step == s->engine->n_steps;
}

uint32_t engine_seq_best(const struct seq *s, const int32_t **ids, const float **logits)
{
	uint32_t n;

	if (!results_fresh(s) || !s->result->best.buf)
		return 0;
	n = s->result->best.ne[0] / 2;
	*ids = s->engine->best + (size_t)s->result_row * 2 * n;
	*logits = (const float *)(const void *)(*ids + n);
	return n;
}

int engine_seq_logits(struct seq *s, const float **out, struct zinc_err *err)
{
	if (!engine_seq_ready(s) || (!s->logits_read && !results_fresh(s)))
		return err_set(err, ZINC_E_INVALID, "the sequence has no logits to read: tokens wait, "
		                                    "or another step has run since");
	if (read_logits(s))
		return err_set(err, ZINC_E_DEVICE_LOST, "%s: reading logits failed",
		               s->engine->info.name);
	*out = s->logits;
	return ZINC_OK;
}
