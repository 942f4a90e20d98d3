/* bench.c - timing an engine. */
#include "run/bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "graph/cost.h"
#include "run/engine_priv.h"
#include "util/err.h"

/* One case while it runs. */
struct run {
	struct engine *e;
	const struct bench_case *c;
	struct seq **seqs;
	int32_t *ids;
	uint64_t rng;
	double seconds; /* of the measured part of the last repetition */
	uint64_t bytes, flops;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Random ids, so that experts are chosen as by a text with all its words. */
static const int32_t *draw(struct run *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		r->rng = r->rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
		r->ids[i] = (int32_t)((r->rng >> 33) % r->e->model->info.n_vocab);
	}
	return r->ids;
}

static uint32_t live_rows(const struct graph_op *o, uint32_t n_tokens, uint32_t n_out)
{
	const struct zinc_u32 *n = graph_live(o);

	if (!n)
		return 1;
	return n->slot == ZINC_SLOT_N_TOKENS ? n_tokens : n->slot == ZINC_SLOT_N_OUT ? n_out : n->imm;
}

/* A step of n_tokens, each of which sees about `keys` positions. */
static void count_step(struct run *r, uint32_t n_tokens, uint32_t keys)
{
	const struct zinc_graph *g = r->e->rec[engine_bucket(n_tokens)].graph;
	uint32_t n_out = r->c->n_seqs;

	for (uint32_t i = 0; i < g->n_ops; i++) {
		struct graph_cost cost = graph_cost(&g->ops[i],
		                                    live_rows(&g->ops[i], n_tokens, n_out), keys);

		r->bytes += cost.bytes;
		r->flops += cost.flops;
	}
}

/* Steps until nothing waits; costs are counted where `count`. */
static int drain(struct run *r, bool count, struct zinc_err *err)
{
	uint32_t done = 1;
	int rc = ZINC_OK;

	while (!rc && done) {
		rc = engine_step(r->e, &done, err);
		if (!rc && done && count)
			count_step(r, done, engine_seq_pos(r->seqs[0]) - done / r->c->n_seqs / 2);
	}
	return rc;
}

static int push_all(struct run *r, uint32_t n, struct zinc_err *err)
{
	int rc = ZINC_OK;

	for (uint32_t s = 0; s < r->c->n_seqs && !rc; s++)
		rc = engine_seq_push(r->e, r->seqs[s], draw(r, n), n, err);
	return rc;
}

/* As a greedy caller must, to know the next token. */
static int read_results(struct run *r, struct zinc_err *err)
{
	const int32_t *ids;
	const float *logits;
	int rc = ZINC_OK;

	for (uint32_t s = 0; s < r->c->n_seqs && !rc; s++)
		if (!engine_seq_best(r->seqs[s], &ids, &logits))
			rc = engine_seq_logits(r->seqs[s], &logits, err);
	return rc;
}

static int measure_prefill(struct run *r, struct zinc_err *err)
{
	uint32_t batched = r->e->cfg.batched;
	int rc = push_all(r, r->c->n_tokens, err);
	double start = now();

	if (r->c->per_token)
		r->e->cfg.batched = RUN_BATCHED_OFF;
	if (!rc)
		rc = drain(r, true, err);
	if (!rc)
		rc = read_results(r, err);
	r->e->cfg.batched = batched;
	r->seconds = now() - start;
	return rc;
}

static int measure_decode(struct run *r, struct zinc_err *err)
{
	double start = now();
	int rc = ZINC_OK;

	for (uint32_t i = 0; i < r->c->n_tokens && !rc; i++) {
		rc = push_all(r, 1, err);
		if (!rc)
			rc = drain(r, true, err);
		if (!rc)
			rc = read_results(r, err);
	}
	r->seconds = now() - start;
	return rc;
}

static int repetition(struct run *r, struct zinc_err *err)
{
	int rc = ZINC_OK;

	r->bytes = r->flops = 0;
	for (uint32_t s = 0; s < r->c->n_seqs && !rc; s++)
		rc = engine_seq_create(r->e, &r->seqs[s], err);
	if (!rc && r->c->depth)
		rc = push_all(r, r->c->depth, err);
	if (!rc)
		rc = drain(r, false, err);
	if (!rc)
		rc = r->c->kind == BENCH_PREFILL ? measure_prefill(r, err) : measure_decode(r, err);
	for (uint32_t s = 0; s < r->c->n_seqs; s++) {
		engine_seq_destroy(r->e, r->seqs[s]);
		r->seqs[s] = NULL;
	}
	return rc;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int repeat(struct run *r, struct bench_result *out, struct zinc_err *err)
{
	uint32_t reps = r->c->reps ? r->c->reps : 1;
	double seconds[BENCH_MAX_REPS], tokens = (double)r->c->n_tokens * r->c->n_seqs;
	int rc = repetition(r, err);

	/* Kernels were loaded in that one. */
	memset(&r->e->profile, 0, sizeof(r->e->profile));
	for (uint32_t i = 0; i < reps && !rc; i++) {
		rc = repetition(r, err);
		seconds[i] = r->seconds;
	}
	if (rc)
		return rc;
	qsort(seconds, reps, sizeof(*seconds), ascending);
	out->median = tokens / seconds[reps / 2];
	out->max = tokens / seconds[0];
	out->min = tokens / seconds[reps - 1];
	out->bytes_per_s = (double)r->bytes / seconds[reps / 2];
	out->flops_per_s = (double)r->flops / seconds[reps / 2];
	return ZINC_OK;
}

int bench_run(struct engine *e, const struct bench_case *c, struct bench_result *out,
              struct zinc_err *err)
{
	uint32_t most = c->depth > c->n_tokens ? c->depth : c->n_tokens;
	struct run r = {.e = e, .c = c, .rng = 42};
	int rc;

	if (!c->n_seqs || !c->n_tokens || c->reps > BENCH_MAX_REPS || c->n_seqs > e->cfg.max_seqs)
		return err_set(err, ZINC_E_INVALID,
		               "bench: between 1 and %u sequences, at least one token, at most %d "
		               "repetitions", e->cfg.max_seqs, BENCH_MAX_REPS);
	r.seqs = calloc(c->n_seqs, sizeof(*r.seqs));
	r.ids = malloc(most * sizeof(*r.ids));
	rc = r.seqs && r.ids ? repeat(&r, out, err)
	                     : err_set(err, ZINC_E_NO_MEMORY, "out of memory for a benchmark");
	free(r.seqs);
	free(r.ids);
	return rc;
}

static const struct zinc_op_impl *copy_op(const struct engine *e)
{
	for (uint32_t i = 0; i < e->backend->n_ops; i++)
		if (e->backend->ops[i]->op == ZINC_OP_COPY)
			return e->backend->ops[i];
	return NULL;
}

/* Records enough copies that their own cost hides the submit's. */
static int record_copies(struct engine *e, struct zinc_cmd *cmd, struct zinc_op_copy *d,
                         uint32_t times, struct zinc_err *err)
{
	const struct zinc_op_impl *op = copy_op(e);

	if (!op || op->supports(e->dev, d, 0))
		return err_set(err, ZINC_E_UNSUPPORTED, "backend %s has no copy to measure",
		               e->plug->entry->id);
	for (uint32_t i = 0; i < times; i++)
		op->record(cmd, d, 0);
	return e->backend->cmd_end(cmd, err);
}

static int time_copies(struct engine *e, struct zinc_buf *from, struct zinc_buf *to,
                       uint64_t bytes, double *per_s, struct zinc_err *err)
{
	enum { WIDTH = 1024, TIMES = 8, REPS = 5 };
	uint32_t params[ZINC_SLOT_COUNT] = {0}, rows = (uint32_t)(bytes / 4 / WIDTH);
	struct zinc_op_copy d = {.struct_size = sizeof(d), .n = {rows, 0}};
	struct zinc_cmd *cmd = NULL;
	double best = 1e30;
	int rc;

	d.x = (struct zinc_view){.buf = from, .dtype = ZINC_F32, .ne = {WIDTH, rows, 1, 1},
	                         .nb = {4, 4 * WIDTH, bytes, bytes}};
	d.y = d.x;
	d.y.buf = to;
	rc = e->backend->cmd_begin(e->dev, 0, NULL, &cmd, err);
	if (!rc)
		rc = record_copies(e, cmd, &d, TIMES, err);
	for (int i = 0; i < REPS && !rc; i++) {
		double start = now();

		rc = engine_submit(e, cmd, params, err);
		best = now() - start < best ? now() - start : best;
	}
	e->backend->cmd_free(cmd);
	*per_s = 2.0 * (double)bytes * TIMES / best;
	return rc;
}

int bench_copy(struct engine *e, uint64_t bytes, double *per_s, struct zinc_err *err)
{
	const struct zinc_backend *b = e->backend;
	struct zinc_buf *from = NULL, *to = NULL;
	int rc;

	bytes &= ~UINT64_C(4095);
	rc = b->buf_alloc(e->dev, bytes, ZINC_MEM_DEVICE, &from, err);
	if (!rc)
		rc = b->buf_alloc(e->dev, bytes, ZINC_MEM_DEVICE, &to, err);
	if (!rc)
		rc = time_copies(e, from, to, bytes, per_s, err);
	b->buf_free(from);
	b->buf_free(to);
	return rc;
}
