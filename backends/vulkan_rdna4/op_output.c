/* op_output.c - argmax and the largest logits of each row. */
#include "args.h"
#include "ops.h"

enum { GROUP = 256, TOP_MAX = 1024 };
/* A long row is cut into parts, each with more than the largest that are wanted. */
enum { TOP_PARTS = 64, TOP_PART_LEAST = 256, TOP_KEY = 8 };

struct argmax_args {
	uint64_t slots, ids;
	struct rdna4_rows x;
	struct rdna4_count n;
	uint32_t lanes, pad0;
};

struct top_args {
	uint64_t slots;
	struct rdna4_rows x, ids, values;
	struct rdna4_count n;
	uint32_t lanes, n_top;
	uint64_t keys;
};

static int argmax_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_argmax *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_2d(&d->x, ZINC_F32, d->x.ne[0], d->n.imm) ||
	    !rdna4_fits(&d->x) || !zinc_shape_1d(&d->ids, ZINC_I32, d->n.imm) ||
	    d->x.ne[0] > INT32_MAX)
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int argmax_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_argmax *d = desc;
	struct argmax_args args = {.ids = rdna4_address(&d->ids), .x = rdna4_rows_2d(&d->x),
	                           .n = rdna4_count(d->n), .lanes = d->x.ne[0]};
	struct rdna4_call call = {.shader = "out/argmax", .spec = {GROUP}, .n_spec = 1,
	                          .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	rdna4_reads(&call, &d->x);
	rdna4_writes(&call, &d->ids);
	rdna4_grid(&call, d->n.imm, 1);
	return rdna4_dispatch(cmd, &call);
}

static int top_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_top_logits *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_2d(&d->x, ZINC_F32, d->x.ne[0], d->n.imm) ||
	    !rdna4_fits(&d->x) || d->n_top == 0 || d->n_top > d->x.ne[0] ||
	    d->n_top > TOP_MAX || d->x.ne[0] > INT32_MAX ||
	    !zinc_shape_2d(&d->ids, ZINC_I32, d->n_top, d->n.imm) ||
	    !zinc_shape_2d(&d->values, ZINC_F32, d->n_top, d->n.imm))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static uint32_t top_parts(const struct zinc_op_top_logits *d)
{
	uint32_t parts = TOP_PARTS, least = d->n_top > TOP_PART_LEAST ? d->n_top : TOP_PART_LEAST;

	while (parts > 1 && d->x.ne[0] < parts * (least + parts))
		parts /= 4;
	return parts;
}

static uint64_t top_scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_top_logits *d = desc;
	uint32_t parts = top_parts(d);

	(void)dev;
	(void)variant;
	return parts > 1 ? (uint64_t)TOP_KEY * parts * d->n_top * d->n.imm : 0;
}

/* The whole row, its parts, or what those left. */
static int top_stage(struct zinc_cmd *cmd, const struct zinc_op_top_logits *d, uint32_t parts,
                     bool merges)
{
	struct zinc_view keys = rdna4_cmd_scratch(cmd);
	struct top_args args = {.x = rdna4_rows_2d(&d->x), .ids = rdna4_rows_2d(&d->ids),
	                        .values = rdna4_rows_2d(&d->values), .n = rdna4_count(d->n),
	                        .lanes = d->x.ne[0], .n_top = d->n_top,
	                        .keys = parts > 1 ? rdna4_address(&keys) : 0};
	struct rdna4_call call = {.shader = "out/top_logits", .spec = {GROUP, 1, parts, merges},
	                          .n_spec = 4, .args = &args, .args_bytes = sizeof(args)};
	bool leaves = parts > 1 && !merges;

	while (call.spec[1] < d->n_top)
		call.spec[1] *= 2;
	rdna4_reads(&call, &d->x);
	if (merges)
		rdna4_reads(&call, &keys);
	if (leaves)
		rdna4_writes(&call, &keys);
	if (!leaves) {
		rdna4_writes(&call, &d->ids);
		rdna4_writes(&call, &d->values);
	}
	rdna4_grid(&call, (uint64_t)d->n.imm * (leaves ? parts : 1), 1);
	return rdna4_dispatch(cmd, &call);
}

static int top_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	uint32_t parts = top_parts(desc);
	int rc = top_stage(cmd, desc, parts, false);

	(void)variant;
	return rc || parts == 1 ? rc : top_stage(cmd, desc, parts, true);
}

static int argmax_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_argmax, desc, variant, argmax_run);
}

static int top_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_top_logits, desc, variant, top_run);
}

static const struct zinc_variant variants[] = {{"row", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_argmax = {
	.struct_size = sizeof(rdna4_op_argmax),
	.op = ZINC_OP_ARGMAX,
	.name = "argmax",
	.desc_size = sizeof(struct zinc_op_argmax),
	.n_variants = 1,
	.variants = variants,
	.supports = argmax_supports,
	.record = argmax_record,
};

const struct zinc_op_impl rdna4_op_top_logits = {
	.struct_size = sizeof(rdna4_op_top_logits),
	.op = ZINC_OP_TOP_LOGITS,
	.name = "top_logits",
	.desc_size = sizeof(struct zinc_op_top_logits),
	.n_variants = 1,
	.variants = variants,
	.supports = top_supports,
	.scratch = top_scratch,
	.record = top_record,
};
