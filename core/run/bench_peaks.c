/* bench_peaks.c - what the rates of a benchmark are shares of. */
#include <stdlib.h>

#include "run/bench.h"
#include "run/engine_priv.h"
#include "util/clock.h"
#include "util/err.h"

enum { COPY_BYTES = 256 << 20 };
#define READ_BYTES (UINT64_C(2) << 30) /* of the weights, at most */

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

/* The best of some runs. A GPU that had little to do while weights were loaded goes on for
 * tenths of a second at a fraction of its clocks, so there are runs for longer than that. */
static int time_copies(struct engine *e, struct zinc_buf *from, struct zinc_buf *to,
                       uint64_t bytes, double *per_s, struct zinc_err *err)
{
	enum { WIDTH = 1024, TIMES = 8, REPS = 5 };
	const double seconds = 1;
	uint32_t params[ZINC_SLOT_COUNT] = {0}, rows = (uint32_t)(bytes / 4 / WIDTH);
	struct zinc_op_copy d = {.struct_size = sizeof(d), .n = {rows, 0}};
	struct zinc_cmd *cmd = NULL;
	double best = 1e30, begin;
	int rc;

	d.x = (struct zinc_view){.buf = from, .dtype = ZINC_F32, .ne = {WIDTH, rows, 1, 1},
	                         .nb = {4, 4 * WIDTH, bytes, bytes}};
	d.y = d.x;
	d.y.buf = to;
	rc = e->backend->cmd_begin(e->dev, 0, NULL, &cmd, err);
	if (!rc)
		rc = record_copies(e, cmd, &d, TIMES, err);
	begin = clock_seconds();
	for (int i = 0; (i < REPS || clock_seconds() - begin < seconds) && !rc; i++) {
		double start = clock_seconds();

		rc = engine_submit(e, cmd, params, err);
		best = clock_seconds() - start < best ? clock_seconds() - start : best;
	}
	e->backend->cmd_free(cmd);
	*per_s = 2.0 * (double)bytes * TIMES / best;
	return rc;
}

static int copy_rate(struct engine *e, uint64_t bytes, double *per_s, struct zinc_err *err)
{
	const struct zinc_backend *b = e->backend;
	struct zinc_buf *from = NULL, *to = NULL;
	int rc;

	rc = b->buf_alloc(e->dev, bytes, ZINC_MEM_DEVICE, &from, err);
	if (!rc)
		rc = b->buf_alloc(e->dev, bytes, ZINC_MEM_DEVICE, &to, err);
	if (!rc)
		rc = time_copies(e, from, to, bytes, per_s, err);
	b->buf_free(from);
	b->buf_free(to);
	return rc;
}

/* Where the weights that products read lie, as many bytes as may be read. */
static uint32_t list_weights(const struct engine *e, struct zinc_span *spans)
{
	const uint32_t products = ZINC_ROLE_LINEAR | ZINC_ROLE_EXPERTS;
	const struct weights *w = &e->weights;
	uint64_t left = READ_BYTES;
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->n && left; i++) {
		const struct weight_place *p = &w->place[i];
		const struct zinc_view *v = &w->views[i];
		uint64_t bytes = v->layout ? p->bytes : v->nb[3] * v->ne[3];

		if (!p->mem.buf || !(e->model->weights[i].roles & products))
			continue;
		bytes = bytes < left ? bytes : left;
		spans[n++] = (struct zinc_span){p->mem.buf, p->mem.off, bytes};
		left -= bytes;
	}
	return n;
}

static int measured(struct engine *e, struct bench_peaks *out, struct zinc_err *err)
{
	struct zinc_peaks peaks = {.struct_size = sizeof(peaks)};
	struct zinc_span *spans = calloc(e->weights.n + 1, sizeof(*spans));
	int rc;

	if (!spans)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory for a benchmark");
	rc = e->backend->dev_peaks(e->dev, spans, list_weights(e, spans), &peaks, err);
	free(spans);
	if (rc)
		return err_prefix(err, "measuring the device");
	out->bytes_per_s = (double)peaks.read_bytes_per_s;
	out->bytes_are = "read";
	out->ops_per_s = (double)peaks.int8_ops_per_s;
	out->ops_are = "int8";
	return ZINC_OK;
}

int bench_peaks(struct engine *e, struct bench_peaks *out, struct zinc_err *err)
{
	*out = (struct bench_peaks){0};
	if (e->backend->dev_peaks)
		return measured(e, out, err);
	out->bytes_are = "copy";
	return copy_rate(e, COPY_BYTES, &out->bytes_per_s, err);
}
