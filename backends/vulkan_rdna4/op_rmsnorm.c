/* op_rmsnorm.c - the RMS norm with all its fusions, a workgroup per row. */
#include "args.h"
#include "ops.h"

enum { SMALL_ROW = 512, SMALL_GROUP = 64, GROUP = 256 };

struct args {
	uint64_t slots, weight;
	struct rdna4_rows x, y, residual, sum, gate, after;
	struct rdna4_count n;
	uint32_t lanes, heads;
	float eps;
	uint32_t pad0;
};

static bool absent_or_as(const struct zinc_view *v, const struct zinc_view *as)
{
	return !zinc_view_present(v) || (zinc_shape_f32_as(v, as) && rdna4_fits(v));
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_rmsnorm *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_is(&d->x, ZINC_F32) ||
	    !zinc_shape_rows_fit(&d->x, d->n) || !rdna4_fits(&d->x))
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&d->weight) &&
	    (!zinc_shape_1d(&d->weight, ZINC_F32, 1) || d->weight.ne[0] != d->x.ne[0]))
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&d->residual) != zinc_view_present(&d->sum))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_view_present(&d->y) || !absent_or_as(&d->y, &d->x) ||
	    !absent_or_as(&d->residual, &d->x) || !absent_or_as(&d->sum, &d->x) ||
	    !absent_or_as(&d->gate, &d->x) || !absent_or_as(&d->after, &d->x))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_rmsnorm *d = desc;
	struct rdna4_dims dims = rdna4_dims(&d->x, d->n);
	struct args args = {
		.weight = rdna4_address(&d->weight), .x = rdna4_rows(&d->x, dims),
		.y = rdna4_rows(&d->y, dims), .residual = rdna4_rows(&d->residual, dims),
		.sum = rdna4_rows(&d->sum, dims), .gate = rdna4_rows(&d->gate, dims),
		.after = rdna4_rows(&d->after, dims), .n = rdna4_count(d->n),
		.lanes = d->x.ne[0], .heads = dims.heads, .eps = d->eps};
	struct rdna4_call call = {
		.shader = "rows/rmsnorm",
		.spec = {d->x.ne[0] <= SMALL_ROW ? SMALL_GROUP : GROUP,
		         zinc_view_present(&d->weight), zinc_view_present(&d->residual),
		         zinc_view_present(&d->gate), zinc_view_present(&d->after)},
		.n_spec = 5, .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	rdna4_reads(&call, &d->x);
	rdna4_reads(&call, &d->weight);
	rdna4_reads(&call, &d->residual);
	rdna4_reads(&call, &d->gate);
	rdna4_reads(&call, &d->after);
	rdna4_writes(&call, &d->sum);
	rdna4_writes(&call, &d->y);
	rdna4_grid(&call, (uint64_t)d->n.imm * dims.heads, 1);
	return rdna4_dispatch(cmd, &call);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_rmsnorm, desc, variant, run);
}

static const struct zinc_variant variants[] = {{"row", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_rmsnorm = {
	.struct_size = sizeof(rdna4_op_rmsnorm),
	.op = ZINC_OP_RMSNORM,
	.name = "rmsnorm",
	.desc_size = sizeof(struct zinc_op_rmsnorm),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
