/* recording.c - one recorded command list per bucket of tokens. */
#include <string.h>

#include "run/engine_priv.h"
#include "util/err.h"
#include "util/log.h"

uint32_t engine_bucket(uint32_t n_tokens)
{
	uint32_t b = 0;

	while ((1u << b) < n_tokens)
		b++;
	return b;
}

static struct zinc_shape shape_of(const struct engine *e, uint32_t bucket)
{
	struct zinc_shape s = {.struct_size = sizeof(s), .max_tokens = 1u << bucket,
	                       .max_seqs = e->n_slots, .max_out = e->max_out};

	if (s.max_out > s.max_tokens)
		s.max_out = s.max_tokens;
	return s;
}

static int find_best(const struct engine *e, struct zinc_graph *g, struct zinc_err *err)
{
	uint32_t n = e->cfg.n_best, n_tokens;

	if (!n)
		return ZINC_OK;
	n_tokens = model_n_tokens(e->model);
	return graph_best(g, n < n_tokens ? n : n_tokens, n_tokens, err);
}

static int build(struct engine *e, uint32_t bucket, struct zinc_graph **out, struct zinc_err *err)
{
	struct zinc_shape shape = shape_of(e, bucket);
	struct zinc_graph *g;
	int rc = graph_create(&e->env, e->model->arch, e->model->arch_model, &shape, &g, err);

	if (rc)
		return rc;
	rc = find_best(e, g, err);
	if (!rc)
		rc = graph_lower(g, &e->target, err);
	if (!rc)
		rc = graph_place(g, &e->target, err);
	if (rc) {
		graph_destroy(g);
		return rc;
	}
	*out = g;
	return ZINC_OK;
}

static int build_all(struct engine *e, struct zinc_err *err)
{
	for (uint32_t b = 0; b < e->n_buckets; b++) {
		int rc;

		graph_destroy(e->rec[b].graph);
		e->rec[b].graph = NULL;
		rc = build(e, b, &e->rec[b].graph, err);
		if (rc)
			return rc;
	}
	return ZINC_OK;
}

bool recording_uses(const struct engine *e, uint32_t classes)
{
	for (uint32_t b = 0; b < e->n_buckets; b++) {
		const struct zinc_graph *g = e->rec[b].graph;

		for (uint32_t i = 0; i < g->n_ops; i++)
			if (classes & 1u << g->ops[i].impl->variants[g->ops[i].variant].numerics)
				return true;
	}
	return false;
}

/* Rounding makes whole steps of last-bit differences, which would hide what
 * validation looks for: to 8 bits in every model, to 16 bits where a step can tip a
 * token to another expert. */
static uint32_t hiding_classes(const struct engine *e)
{
	return RUN_8BIT_CLASSES | (e->model->info.n_expert ? RUN_16BIT_CLASSES : 0);
}

int recording_size(struct engine *e, struct zinc_err *err)
{
	int rc = build_all(e, err);

	if (!rc && e->cfg.batched == RUN_BATCHED_VALIDATE && recording_uses(e, RUN_FREE_CLASSES) &&
	    recording_uses(e, hiding_classes(e))) {
		log_once(ZINC_LOG_WARN, "validate: some of this backend's ops order sums their own "
		                        "way, so %s inputs are off in this run; "
		                        "--numerics=strict validates 8-bit ones",
		         e->model->info.n_expert ? "8-bit and 16-bit" : "8-bit");
		e->target.numerics_mask &= ~hiding_classes(e);
		rc = build_all(e, err);
	}
	for (uint32_t b = 0; b < e->n_buckets && !rc; b++) {
		const struct zinc_graph *g = e->rec[b].graph;

		e->temp_bytes = g->temp_bytes > e->temp_bytes ? g->temp_bytes : e->temp_bytes;
		e->scratch_bytes = g->scratch_bytes > e->scratch_bytes ? g->scratch_bytes
		                                                       : e->scratch_bytes;
	}
	return rc;
}

int recording_plan(struct engine *e, struct zinc_err *err)
{
	int rc = recording_size(e, err);

	ledger_plan(&e->ledger, LEDGER_TEMPS, e->temp_bytes);
	ledger_plan(&e->ledger, LEDGER_SCRATCH, e->scratch_bytes);
	return rc;
}

static int build_fitting(struct engine *e, uint32_t bucket, struct zinc_err *err)
{
	struct zinc_graph *g;
	int rc = build(e, bucket, &g, err);

	if (rc)
		return rc;
	if (g->temp_bytes > e->temp_bytes || g->scratch_bytes > e->scratch_bytes) {
		graph_destroy(g);
		return err_set(err, ZINC_E_NO_MEMORY,
		               "%u tokens need more temporaries than were planned: a bug in the "
		               "memory plan", 1u << bucket);
	}
	e->rec[bucket].graph = g;
	return ZINC_OK;
}

int recording_get(struct engine *e, uint32_t bucket, struct recording **out, struct zinc_err *err)
{
	struct recording *r = &e->rec[bucket];
	int rc = r->graph ? ZINC_OK : build_fitting(e, bucket, err);

	*out = r;
	/* Planned for are all weights packed, and none. */
	if (rc && engine_pack_retreat(e))
		rc = build_fitting(e, bucket, err);
	if (rc || r->cmd)
		return rc;
	return graph_record(r->graph, &e->target, e->temps.buf, e->scratch.buf,
	                    e->cfg.profile ? ZINC_CMD_PROFILE : 0, &r->cmd, err);
}

static const struct zinc_op_impl *find_state_copy(const struct engine *e)
{
	for (uint32_t i = 0; i < e->backend->n_ops; i++)
		if (e->backend->ops[i]->op == ZINC_OP_STATE_COPY)
			return e->backend->ops[i];
	return NULL;
}

int recording_clear_list(struct engine *e, struct zinc_err *err)
{
	const struct zinc_op_impl *impl = find_state_copy(e);
	struct zinc_op_state_copy d = {.struct_size = sizeof(d)};
	int rc = e->backend->cmd_begin(e->dev, 0, NULL, &e->clear_cmd, err);

	if (rc)
		return rc;
	d.src = zinc_slot(ZINC_SLOT_USER0, ZINC_STATE_ZERO);
	d.dst = zinc_slot(ZINC_SLOT_USER1, e->n_slots - 1);
	for (uint32_t i = 0; i < e->kv.n_states; i++) {
		const struct kv_state *s = &e->kv.states[i];

		if (s->kind != ZINC_STATE_FIXED)
			continue;
		d.pool = s->view[0];
		d.pool.dtype = ZINC_U8;
		d.pool.ne[0] *= sizeof(float);
		d.pool.nb[0] = 1;
		d.pool.buf = s->mem[0].buf;
		d.pool.off = s->mem[0].off;
		if (!impl || impl->supports(e->dev, &d, 0))
			return err_set(err, ZINC_E_UNSUPPORTED, "backend %s lacks state_copy",
			               e->plug->entry->id);
		impl->record(e->clear_cmd, &d, 0);
	}
	return e->backend->cmd_end(e->clear_cmd, err);
}

void recording_forget(struct engine *e)
{
	for (uint32_t b = 0; b < ENGINE_BUCKETS; b++) {
		e->backend->cmd_free(e->rec[b].cmd);
		graph_destroy(e->rec[b].graph);
		e->rec[b] = (struct recording){0};
	}
}

void recording_finish(struct engine *e)
{
	recording_forget(e);
	e->backend->cmd_free(e->clear_cmd);
}

int engine_start(struct engine *e, struct zinc_cmd *cmd, const uint32_t *params,
                 struct zinc_err *err)
{
	struct zinc_point done = {e->timeline, ++e->timeline_value};
	struct zinc_submit s = {.struct_size = sizeof(s), .cmds = &cmd, .n_cmds = 1,
	                        .signal = &done, .n_signal = 1, .params = params};

	return e->backend->submit(e->dev, &s, err);
}

int engine_finish(struct engine *e, struct zinc_err *err)
{
	int rc = e->backend->tl_wait(e->timeline, e->timeline_value, UINT64_MAX);

	return rc ? err_set(err, rc, "%s: the device did not finish a step: %s", e->info.name,
	                    err_name(rc)) : ZINC_OK;
}

int engine_submit(struct engine *e, struct zinc_cmd *cmd, const uint32_t *params,
                  struct zinc_err *err)
{
	int rc = engine_start(e, cmd, params, err);

	return rc ? rc : engine_finish(e, err);
}
