/* bench.c - timing an engine. */
#include "run/bench.h"

#include <stdlib.h>
#include <string.h>

#include "run/engine_priv.h"
#include "util/clock.h"
#include "util/err.h"

/* One case while it runs. */
struct run {
	struct engine *e;
	const struct bench_case *c;
	struct seq **seqs;
	int32_t *ids;
	uint64_t rng;
	/* Of the measured part of the last repetition: */
	double seconds;
	uint64_t tokens, bytes, flops;
};

/* Random ids, so that experts are chosen as by a text with all its words. */
static const int32_t *draw(struct run *r, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		r->rng = r->rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
		r->ids[i] = (int32_t)((r->rng >> 33) % r->e->model->info.n_vocab);
	}
	return r->ids;
}

/* The step of n_tokens that has just run. */
static void count_step(struct run *r, uint32_t n_tokens)
{
	const struct zinc_graph *g = r->e->rec[engine_bucket(n_tokens)].graph;

	r->tokens += n_tokens;
	for (uint32_t i = 0; i < g->n_ops; i++) {
		struct graph_cost cost = step_cost(r->e, &g->ops[i]);

		r->bytes += cost.bytes;
		r->flops += cost.flops;
	}
}

/* Of the sequences whose last token the step has read: a greedy caller must, to know
 * the next ones. */
static int read_results(struct run *r, struct zinc_err *err)
{
	const int32_t *ids;
	const float *logits;
	int rc = ZINC_OK;

	for (uint32_t i = 0; i < r->c->n_seqs && !rc; i++) {
		struct seq *s = r->seqs[i];

		if (results_fresh(s) && !engine_seq_best(s, &ids, &logits))
			rc = engine_seq_logits(s, &logits, err);
	}
	return rc;
}

/* One step of the measured part; no tokens when nothing waits. */
static int timed_step(struct run *r, uint32_t *done, struct zinc_err *err)
{
	int rc = engine_step(r->e, done, err);

	if (rc || !*done)
		return rc;
	count_step(r, *done);
	return read_results(r, err);
}

/* Steps until nothing waits. */
static int drain(struct run *r, bool timed, struct zinc_err *err)
{
	uint32_t done = 1;
	int rc = ZINC_OK;

	while (!rc && done)
		rc = timed ? timed_step(r, &done, err) : engine_step(r->e, &done, err);
	return rc;
}

/* n tokens to each sequence from `first` on. */
static int push_from(struct run *r, uint32_t first, uint32_t n, struct zinc_err *err)
{
	int rc = ZINC_OK;

	for (uint32_t s = first; s < r->c->n_seqs && !rc; s++)
		rc = engine_seq_push(r->e, r->seqs[s], draw(r, n), n, err);
	return rc;
}

static int measure_prefill(struct run *r, struct zinc_err *err)
{
	uint32_t batched = r->e->cfg.batched;
	int rc = push_from(r, 0, r->c->n_tokens, err);
	double start = clock_seconds();

	if (r->c->per_token)
		r->e->cfg.batched = RUN_BATCHED_OFF;
	if (!rc)
		rc = drain(r, true, err);
	r->e->cfg.batched = batched;
	r->seconds = clock_seconds() - start;
	return rc;
}

static int measure_decode(struct run *r, struct zinc_err *err)
{
	double start = clock_seconds();
	int rc = ZINC_OK;

	for (uint32_t i = 0; i < r->c->n_tokens && !rc; i++) {
		rc = push_from(r, 0, 1, err);
		if (!rc)
			rc = drain(r, true, err);
	}
	r->seconds = clock_seconds() - start;
	return rc;
}

/* Step by step until the prompt is read; its last step is one of both kinds, too. */
static int measure_mixed(struct run *r, struct zinc_err *err)
{
	int rc = engine_seq_push(r->e, r->seqs[0], draw(r, r->c->n_tokens), r->c->n_tokens, err);
	double start = clock_seconds();

	while (!rc && engine_seq_waiting(r->seqs[0])) {
		uint32_t done;

		rc = push_from(r, 1, 1, err);
		if (!rc)
			rc = timed_step(r, &done, err);
	}
	r->seconds = clock_seconds() - start;
	return rc;
}

static int measure(struct run *r, struct zinc_err *err)
{
	switch (r->c->kind) {
	case BENCH_PREFILL: return measure_prefill(r, err);
	case BENCH_MIXED: return measure_mixed(r, err);
	default: return measure_decode(r, err);
	}
}

static int repetition(struct run *r, struct zinc_err *err)
{
	int rc = ZINC_OK;

	r->tokens = r->bytes = r->flops = 0;
	for (uint32_t s = 0; s < r->c->n_seqs && !rc; s++)
		rc = engine_seq_create(r->e, &r->seqs[s], err);
	if (!rc && r->c->depth)
		rc = push_from(r, r->c->kind == BENCH_MIXED, r->c->depth, err);
	if (!rc)
		rc = drain(r, false, err);
	memset(&r->e->profile, 0, sizeof(r->e->profile));
	if (!rc)
		rc = measure(r, err);
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
	double seconds[BENCH_MAX_REPS], tokens;
	int rc = repetition(r, err);

	/* Kernels were loaded in that one. */
	for (uint32_t i = 0; i < reps && !rc; i++) {
		rc = repetition(r, err);
		seconds[i] = r->seconds;
	}
	if (rc)
		return rc;
	tokens = (double)r->tokens;
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
	uint32_t least = c->kind == BENCH_MIXED ? 2 : 1;
	struct run r = {.e = e, .c = c, .rng = 42};
	int rc;

	if (c->n_seqs < least || !c->n_tokens || c->reps > BENCH_MAX_REPS ||
	    c->n_seqs > e->cfg.max_seqs)
		return err_set(err, ZINC_E_INVALID,
		               "bench: between %u and %u sequences, at least one token, at most %d "
		               "repetitions", least, e->cfg.max_seqs, BENCH_MAX_REPS);
	r.seqs = calloc(c->n_seqs, sizeof(*r.seqs));
	r.ids = malloc(most * sizeof(*r.ids));
	rc = r.seqs && r.ids ? repeat(&r, out, err)
	                     : err_set(err, ZINC_E_NO_MEMORY, "out of memory for a benchmark");
	free(r.seqs);
	free(r.ids);
	return rc;
}
