/* output.c - argmax and the largest logits of each row.
 *
 * argmax is the top 1. A row goes to one thread when there are rows enough for
 * all; else rows are cut into slices, whose tops are merged in a second phase. The
 * order of candidates is total, so both give the same answer. */
#include <math.h>

#include "shape.h"

struct cand {
	float value;
	int32_t id;
};

/* Larger value first, then lower index; NaN last. */
static bool before(struct cand a, struct cand b)
{
	if (a.value > b.value)
		return true;
	if (a.value < b.value)
		return false;
	if (isnan(a.value) != isnan(b.value))
		return isnan(b.value);
	return a.id < b.id;
}

/* The best `room` candidates seen: a heap whose root is the worst of them. */
struct top {
	struct cand *heap;
	uint32_t n, room;
};

static void sift_down(struct top *t, struct cand c)
{
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= t->n)
			break;
		if (child + 1 < t->n && before(t->heap[child], t->heap[child + 1]))
			child++;
		if (!before(c, t->heap[child]))
			break;
		t->heap[at] = t->heap[child];
		at = child;
	}
	t->heap[at] = c;
}

static void offer(struct top *t, struct cand c)
{
	uint32_t at;

	if (t->n == t->room) {
		if (before(c, t->heap[0]))
			sift_down(t, c);
		return;
	}
	for (at = t->n++; at > 0 && before(t->heap[(at - 1) / 2], c); at = (at - 1) / 2)
		t->heap[at] = t->heap[(at - 1) / 2];
	t->heap[at] = c;
}

/* Takes the worst out until none is left, filling the outputs from behind. */
static void write_out(struct top *t, int32_t *ids, float *values)
{
	while (t->n > 0) {
		struct cand worst = t->heap[0];

		t->n--;
		if (t->n > 0)
			sift_down(t, t->heap[t->n]);
		ids[t->n] = worst.id;
		if (values)
			values[t->n] = worst.value;
	}
}

static void scan(struct top *t, const float *x, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++) {
		if (t->n == t->room && x[i] <= t->heap[0].value)
			continue;
		offer(t, (struct cand){x[i], (int32_t)i});
	}
}

struct job {
	const struct zinc_view *x;
	const struct zinc_view *ids, *values; /* values NULL: ids is [N] */
	uint32_t n_top, n_rows;
};

static int32_t *ids_of(const struct job *j, uint32_t row)
{
	return j->values ? cpu_i32(j->ids, row) : cpu_i32(j->ids, 0) + row;
}

static float *values_of(const struct job *j, uint32_t row)
{
	return j->values ? cpu_f32(j->values, row, 0) : NULL;
}

/* A slice is the part of a row that one piece scans; there are no more of them, all
 * rows together, than threads, and 1 to a row where that is enough. */
static uint32_t slices_of(const struct cpu_ctx *ctx, const struct job *j)
{
	enum { SHORTEST = 4096 };
	uint32_t most = j->x->ne[0] / SHORTEST, n = j->n_rows ? ctx->nth / j->n_rows : 1;

	n = n < most ? n : most;
	return n ? n : 1;
}

static struct cand *heap_of(const struct cpu_ctx *ctx, const struct job *j, uint64_t slice)
{
	return (struct cand *)(void *)ctx->scratch + slice * j->n_top;
}

/* How many candidates a slice leaves. */
static uint32_t slice_top(const struct job *j, uint32_t slices, uint32_t i)
{
	uint64_t v = j->x->ne[0], n = v * (i + 1) / slices - v * i / slices;

	return n < j->n_top ? (uint32_t)n : j->n_top;
}

static uint64_t scan_cut(const struct cpu_ctx *ctx, const struct job *j)
{
	uint32_t slices = slices_of(ctx, j);

	return slices > 1 ? (uint64_t)j->n_rows * slices
	                  : shape_cut(ctx, j->n_rows, j->x->ne[0] / 2);
}

static void scan_rows(const struct cpu_ctx *ctx, const struct job *j)
{
	struct shape_part part = shape_share(ctx, j->n_rows);

	for (uint64_t r = part.first; r < part.end; r++) {
		struct top t = {.heap = heap_of(ctx, j, ctx->ith), .room = j->n_top};

		scan(&t, cpu_f32(j->x, r, 0), 0, j->x->ne[0]);
		write_out(&t, ids_of(j, (uint32_t)r), values_of(j, (uint32_t)r));
	}
}

/* A piece is a slice of a row. */
static void scan_run(const struct cpu_ctx *ctx, const struct job *j)
{
	uint32_t slices = slices_of(ctx, j), row = ctx->piece / slices, i = ctx->piece % slices;
	struct top t = {.heap = heap_of(ctx, j, ctx->piece), .room = j->n_top};
	uint64_t v = j->x->ne[0];

	if (slices == 1) {
		scan_rows(ctx, j);
		return;
	}
	scan(&t, cpu_f32(j->x, row, 0), (uint32_t)(v * i / slices),
	     (uint32_t)(v * (i + 1) / slices));
}

static uint64_t merge_cut(const struct cpu_ctx *ctx, const struct job *j)
{
	return slices_of(ctx, j) > 1;
}

/* The first slice's heap takes in the others'. */
static void merge_run(const struct cpu_ctx *ctx, const struct job *j)
{
	uint32_t slices = slices_of(ctx, j);

	for (uint32_t row = 0; row < j->n_rows; row++) {
		uint64_t first = (uint64_t)row * slices;
		struct top t = {.heap = heap_of(ctx, j, first), .n = slice_top(j, slices, 0),
		                .room = j->n_top};

		for (uint32_t i = 1; i < slices; i++)
			for (uint32_t c = 0; c < slice_top(j, slices, i); c++)
				offer(&t, heap_of(ctx, j, first + i)[c]);
		write_out(&t, ids_of(j, row), values_of(j, row));
	}
}

static uint64_t heap_bytes(const struct zinc_dev *dev, uint32_t n_top)
{
	return (uint64_t)dev->n_threads * n_top * sizeof(struct cand);
}

static int argmax_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_argmax *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_2d(&d->x, ZINC_F32, d->x.ne[0], d->n.imm) ||
	    !zinc_shape_1d(&d->ids, ZINC_I32, d->n.imm) || d->x.ne[0] > INT32_MAX)
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static uint64_t argmax_scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)desc;
	(void)variant;
	return heap_bytes(dev, 1);
}

static struct job argmax_job(const struct cpu_ctx *ctx, const struct zinc_op_argmax *d)
{
	return (struct job){.x = &d->x, .ids = &d->ids, .n_top = 1, .n_rows = cpu_live(ctx, d->n)};
}

static int top_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_top_logits *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_2d(&d->x, ZINC_F32, d->x.ne[0], d->n.imm) ||
	    d->n_top == 0 || d->n_top > d->x.ne[0] || d->x.ne[0] > INT32_MAX ||
	    !zinc_shape_2d(&d->ids, ZINC_I32, d->n_top, d->n.imm) ||
	    !zinc_shape_2d(&d->values, ZINC_F32, d->n_top, d->n.imm))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static uint64_t top_scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)variant;
	return heap_bytes(dev, ((const struct zinc_op_top_logits *)desc)->n_top);
}

static struct job top_job(const struct cpu_ctx *ctx, const struct zinc_op_top_logits *d)
{
	return (struct job){.x = &d->x, .ids = &d->ids, .values = &d->values, .n_top = d->n_top,
	                    .n_rows = cpu_live(ctx, d->n)};
}

/* The phases of both, from the descriptor on. */
#define PHASES(op)                                                                              \
	static uint64_t op##_scan_cut(const struct cpu_ctx *ctx, const void *desc)              \
	{                                                                                       \
		struct job j = op##_job(ctx, desc);                                             \
                                                                                                \
		return scan_cut(ctx, &j);                                                       \
	}                                                                                       \
	static void op##_scan_run(const struct cpu_ctx *ctx, const void *desc)                  \
	{                                                                                       \
		struct job j = op##_job(ctx, desc);                                             \
                                                                                                \
		scan_run(ctx, &j);                                                              \
	}                                                                                       \
	static uint64_t op##_merge_cut(const struct cpu_ctx *ctx, const void *desc)             \
	{                                                                                       \
		struct job j = op##_job(ctx, desc);                                             \
                                                                                                \
		return merge_cut(ctx, &j);                                                      \
	}                                                                                       \
	static void op##_merge_run(const struct cpu_ctx *ctx, const void *desc)                 \
	{                                                                                       \
		struct job j = op##_job(ctx, desc);                                             \
                                                                                                \
		merge_run(ctx, &j);                                                             \
	}                                                                                       \
	static const struct cpu_work op##_work = {{op##_scan_cut, op##_scan_run},               \
	                                          {op##_merge_cut, op##_merge_run}}

PHASES(argmax);
PHASES(top);

static int argmax_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return cpu_record(cmd, &cpu_op_argmax, desc, variant, &argmax_work);
}

static int top_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return cpu_record(cmd, &cpu_op_top_logits, desc, variant, &top_work);
}

static const struct zinc_variant variants[] = {{"heap", 0, ZINC_NUM_F32}};

const struct zinc_op_impl cpu_op_argmax = {
	.struct_size = sizeof(cpu_op_argmax),
	.op = ZINC_OP_ARGMAX,
	.name = "argmax",
	.desc_size = sizeof(struct zinc_op_argmax),
	.n_variants = 1,
	.variants = variants,
	.supports = argmax_supports,
	.scratch = argmax_scratch,
	.record = argmax_record,
};

const struct zinc_op_impl cpu_op_top_logits = {
	.struct_size = sizeof(cpu_op_top_logits),
	.op = ZINC_OP_TOP_LOGITS,
	.name = "top_logits",
	.desc_size = sizeof(struct zinc_op_top_logits),
	.n_variants = 1,
	.variants = variants,
	.supports = top_supports,
	.scratch = top_scratch,
	.record = top_record,
};
