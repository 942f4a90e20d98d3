/* engine.c - making an engine: plan, check against the device, allocate, load. */
#include "run/engine.h"

#include <stdlib.h>
#include <string.h>

#include "model/dtype.h"
#include "run/bench.h"
#include "run/engine_priv.h"
#include "util/err.h"
#include "util/log.h"

enum { DEFAULT_CTX = 8192, DEFAULT_CHUNK = 512, DEFAULT_CHUNK_GPU = 2048, ALL_LOGITS_CHUNK = 128, MAX_SEQS = 256 };

static int read_batched(struct engine_config *c, struct zinc_err *err)
{
	const char *v = getenv("ZINC_BATCHED_PREFILL");

	if (!v || !strcmp(v, "on"))
		c->batched = RUN_BATCHED_ON;
	else if (!strcmp(v, "off"))
		c->batched = RUN_BATCHED_OFF;
	else if (!strcmp(v, "validate"))
		c->batched = RUN_BATCHED_VALIDATE;
	else
		return err_set(err, ZINC_E_INVALID,
		               "ZINC_BATCHED_PREFILL=%s: must be on, off or validate", v);
	return ZINC_OK;
}

static int read_profile(struct engine_config *c, const char *name, struct zinc_err *err)
{
	const char *v = getenv(name);

	if (!v || !strcmp(v, "0"))
		return ZINC_OK;
	if (strcmp(v, "1"))
		return err_set(err, ZINC_E_INVALID, "%s=%s: must be 0 or 1", name, v);
	c->profile = true;
	return ZINC_OK;
}

int engine_config_init(struct engine_config *c, struct zinc_err *err)
{
	int rc;

	memset(c, 0, sizeof(*c));
	c->kv_type = ZINC_F16;
	rc = read_batched(c, err);
	if (!rc)
		rc = read_profile(c, "ZINC_PROFILE", err);
	return rc ? rc : read_profile(c, "ZINC_PREFILL_PROFILE", err);
}

/* Defaults filled in, limits checked. */
static int settle_config(struct engine *e, struct zinc_err *err)
{
	struct engine_config *c = &e->cfg;
	uint32_t trained = e->model->info.n_ctx_train;

	if (!c->n_ctx)
		c->n_ctx = trained && trained < DEFAULT_CTX ? trained : DEFAULT_CTX;
	if (trained && c->n_ctx > trained)
		return err_set(err, ZINC_E_INVALID, "--ctx %u is more than the model's %u positions",
		               c->n_ctx, trained);
	if (!c->max_seqs)
		c->max_seqs = 1;
	if (c->max_seqs > MAX_SEQS)
		return err_set(err, ZINC_E_INVALID, "%u sequences: at most %d", c->max_seqs, MAX_SEQS);
	if (!c->chunk)
		c->chunk = e->info.dev_class == ZINC_DEV_DGPU ? DEFAULT_CHUNK_GPU : DEFAULT_CHUNK;
	if (c->chunk > ENGINE_CHUNK_MAX)
		return err_set(err, ZINC_E_INVALID, "--chunk %u: at most %d", c->chunk,
		               ENGINE_CHUNK_MAX);
	c->all_logits |= c->hidden;
	if (c->all_logits && c->chunk > ALL_LOGITS_CHUNK)
		c->chunk = ALL_LOGITS_CHUNK;
	if (c->all_logits || c->batched == RUN_BATCHED_VALIDATE)
		c->n_best = 0;
	if (c->n_best > ENGINE_BEST_MAX)
		return err_set(err, ZINC_E_INVALID, "the %u largest logits: at most %d", c->n_best,
		               ENGINE_BEST_MAX);
	if (c->chunk / c->max_seqs >= c->n_ctx)
		c->chunk = c->n_ctx * c->max_seqs;
	if (c->chunk < c->max_seqs)
		c->chunk = c->max_seqs;
	if (c->kv_type != ZINC_F32 && c->kv_type != ZINC_F16 && c->kv_type != ZINC_BF16 &&
	    c->kv_type != ZINC_Q8_0)
		return err_set(err, ZINC_E_INVALID, "--kv-type %s: must be f32, f16, bf16 or q8_0",
		               dtype_name(c->kv_type));
	return ZINC_OK;
}

static int open_device(struct engine *e, struct zinc_err *err)
{
	const struct zinc_backend *b = e->backend;
	uint32_t n = 0;
	int rc = b->dev_count(e->plug->self, &n, err);

	if (rc)
		return rc;
	if (e->cfg.device >= n)
		return err_set(err, ZINC_E_NO_DEVICE, "backend %s has %u devices, not a number %u",
		               e->plug->entry->id, n, e->cfg.device);
	e->info.struct_size = sizeof(e->info);
	rc = b->dev_info(e->plug->self, e->cfg.device, &e->info);
	if (rc)
		return err_set(err, rc, "backend %s: device %u gives no information",
		               e->plug->entry->id, e->cfg.device);
	rc = b->dev_open(e->plug->self, e->cfg.device, &e->dev, err);
	if (rc)
		return rc;
	/* An open device may know better how much memory is free. */
	b->dev_info(e->plug->self, e->cfg.device, &e->info);
	e->mem = (struct memory){b, e->dev, &e->ledger};
	e->ledger.budget = e->info.mem_budget;
	return ZINC_OK;
}

static uint32_t numerics_mask(uint32_t numerics)
{
	uint32_t f32 = 1u << ZINC_NUM_F32, strict = f32 | 1u << ZINC_NUM_Q8 | 1u << ZINC_NUM_F16;

	switch (numerics) {
	case RUN_NUM_F32: return f32;
	case RUN_NUM_STRICT: return strict;
	default: return (1u << ZINC_NUM_COUNT) - 1;
	}
}

static void set_graph_inputs(struct engine *e)
{
	e->env = (struct graph_env){
		.weights = e->weights.views, .consts = e->weights.consts, .states = e->kv.views,
		.tables = e->batch.tables, .blocks = e->batch.blocks, .n_weights = e->weights.n,
		.n_consts = e->weights.n_consts, .n_states = e->kv.n_states,
		.taps = e->cfg.hidden || e->cfg.batched == RUN_BATCHED_VALIDATE};
	e->target = (struct graph_target){
		.backend = e->backend, .dev = e->dev, .name = e->plug->entry->id,
		.numerics_mask = numerics_mask(e->cfg.numerics), .temp_align = e->info.buf_align};
}

static int plan_memory(struct engine *e, struct zinc_err *err)
{
	const struct engine_config *c = &e->cfg;
	struct kv_config kc = {c->n_ctx, e->n_slots, c->chunk, c->kv_type};
	int rc = weights_plan(&e->weights, e->model, &e->mem, c->pack == RUN_PACK_OFF, err);

	if (!rc)
		rc = kv_plan(&e->kv, &kc, e->model, &e->mem, err);
	if (!rc)
		rc = batch_plan(&e->batch, &e->kv, &e->mem, 1u << (e->n_buckets - 1), e->max_out, err);
	if (rc)
		return rc;
	set_graph_inputs(e);
	engine_pack_plan(e);
	return recording_plan(e, err);
}

static int plan(struct engine *e, struct zinc_err *err)
{
	int rc = open_device(e, err);

	if (!rc)
		rc = settle_config(e, err);
	if (rc)
		return rc;
	e->n_slots = e->cfg.max_seqs * (e->cfg.batched == RUN_BATCHED_VALIDATE ? 2 : 1);
	e->n_buckets = engine_bucket(e->cfg.chunk) + 1;
	e->max_out = e->cfg.all_logits ? 1u << (e->n_buckets - 1) : 1u << engine_bucket(e->n_slots);
	return plan_memory(e, err);
}

int engine_plan(const struct engine_config *c, struct model *m, const struct plug *backend,
                struct engine **out, struct zinc_err *err)
{
	struct engine *e = calloc(1, sizeof(*e));
	int rc;

	if (!e)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory for the engine");
	e->cfg = *c;
	e->model = m;
	e->plug = backend;
	e->backend = backend->table->backend;
	rc = plan(e, err);
	if (rc) {
		engine_destroy(e);
		return rc;
	}
	*out = e;
	return ZINC_OK;
}

static int allocate_host(struct engine *e, struct zinc_err *err)
{
	e->seqs = calloc(e->n_slots, sizeof(*e->seqs));
	e->items = calloc(2 * (size_t)e->n_slots, sizeof(*e->items));
	e->row = malloc(e->model->info.n_embd * sizeof(*e->row));
	e->best = calloc((size_t)e->max_out * 2 * e->cfg.n_best + 1, sizeof(*e->best));
	if (!e->seqs || !e->items || !e->row || !e->best)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory for the engine");
	return ZINC_OK;
}

/* Without memory for packed copies an engine that can run on the mapped file does. */
static int load_weights(struct engine *e, struct zinc_err *err)
{
	bool room;
	int rc = weights_alloc(&e->weights, &e->mem, err);

	room = !rc;
	if (rc && e->cfg.pack == RUN_PACK_BACKGROUND) {
		log_msg(ZINC_LOG_WARN, "%s; weights stay as the file has them, which is slower",
		        err->msg);
		weights_show(&e->weights, e->model, 0);
		recording_forget(e);
		rc = ZINC_OK;
	}
	if (!rc)
		rc = weights_load(&e->weights, e->model, &e->mem, e->cfg.progress,
		                  e->cfg.progress_ctx, err);
	return rc || !room ? rc : engine_pack_start(e, err);
}

static int load(struct engine *e, struct zinc_err *err)
{
	int rc = ledger_check(&e->ledger, err);

	if (!rc)
		rc = allocate_host(e, err);
	if (!rc)
		rc = kv_load(&e->kv, &e->mem, err);
	if (!rc)
		rc = batch_load(&e->batch, &e->kv, &e->mem, err);
	if (!rc)
		rc = memory_alloc(&e->mem, LEDGER_TEMPS, ZINC_MEM_DEVICE, e->temp_bytes, &e->temps,
		                  err);
	if (!rc)
		rc = memory_alloc(&e->mem, LEDGER_SCRATCH, ZINC_MEM_DEVICE, e->scratch_bytes,
		                  &e->scratch, err);
	if (!rc)
		rc = load_weights(e, err);
	if (!rc && e->backend->tl_create(e->dev, 0, &e->timeline))
		rc = err_set(err, ZINC_E_NO_MEMORY, "%s: no timeline", e->info.name);
	return rc ? rc : recording_clear_list(e, err);
}

int engine_create(const struct engine_config *c, struct model *m, const struct plug *backend,
                  struct engine **out, struct zinc_err *err)
{
	struct engine *e;
	int rc = engine_plan(c, m, backend, &e, err);

	if (rc)
		return rc;
	rc = load(e, err);
	if (rc) {
		engine_destroy(e);
		return rc;
	}
	*out = e;
	return ZINC_OK;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	for (uint32_t i = 0; i < e->n_slots && e->seqs; i++)
		if (e->seqs[i] && (e->seqs[i]->shadow || e->cfg.batched != RUN_BATCHED_VALIDATE))
			engine_seq_destroy(e, e->seqs[i]);
	recording_finish(e);
	pack_finish(&e->pack);
	if (e->dev) {
		memory_free(&e->mem, &e->temps);
		memory_free(&e->mem, &e->scratch);
		batch_finish(&e->batch, &e->mem);
		kv_finish(&e->kv, &e->mem);
		weights_finish(&e->weights, &e->mem);
		e->backend->tl_free(e->timeline);
		e->backend->dev_close(e->dev);
	}
	free(e->seqs);
	free(e->items);
	free(e->row);
	free(e->best);
	free(e);
}

const struct ledger *engine_ledger(const struct engine *e)
{
	return &e->ledger;
}

const char *engine_device_name(const struct engine *e)
{
	return e->info.name;
}

uint32_t engine_n_ctx(const struct engine *e)
{
	return e->cfg.n_ctx;
}

void engine_print_plan(const struct engine *e, bool json, FILE *out)
{
	if (json)
		fprintf(out, "{\"decode\":");
	else
		fprintf(out, "\ndecode (1 token)\n");
	graph_print(e->rec[0].graph, json, out);
	if (json)
		fprintf(out, ",\"prefill\":");
	else
		fprintf(out, "\nprefill (%u tokens)\n", 1u << (e->n_buckets - 1));
	graph_print(e->rec[e->n_buckets - 1].graph, json, out);
	if (json)
		fprintf(out, "}\n");
}

void engine_print_profile(struct engine *e, const struct bench_peaks *peaks, FILE *out)
{
	profile_print(&e->profile, peaks ? peaks->bytes_per_s : 0, peaks ? peaks->ops_per_s : 0,
	              out);
}
