/* op_rmsnorm.c - the RMS norm with all its fusions, a workgroup per row. */
#include "join.h"

#include <string.h>

#include "args.h"
#include "ops.h"

enum { MIN_GROUP = 64, MAX_GROUP = 1024, OWN = 4, MAX_OWN = 16 };

/* shaders/rows/rmsnorm.comp */
struct args {
	uint64_t slots, weight;
	struct rdna4_rows x, y, residual, sum, gate, after;
	uint64_t quants;
	struct rdna4_count n;
	uint32_t heads, quant_row;
	float eps;
	uint32_t pad0;
};

/* About two times four elements to an invocation; a sum's order depends on this. */
static uint32_t group_of(const struct zinc_dev *dev, uint32_t lanes)
{
	uint32_t group = MIN_GROUP, most = dev->gpu->props.limits.maxComputeWorkGroupInvocations;

	while (2 * group <= most && group < MAX_GROUP && 2 * OWN * group < lanes)
		group *= 2;
	return group;
}

static bool absent_or_as(const struct zinc_view *v, const struct zinc_view *as)
{
	return !zinc_view_present(v) || (zinc_shape_f32_as(v, as) && rdna4_fits(v));
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_rmsnorm *d = desc;

	if (variant != 0 || d->flags || d->x.ne[0] > OWN * MAX_OWN * group_of(dev, d->x.ne[0]) ||
	    !zinc_shape_is(&d->x, ZINC_F32) ||
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
		.heads = dims.heads, .eps = d->eps};
	struct rdna4_call call = {
		.shader = "rows/rmsnorm",
		.spec = {group_of(rdna4_cmd_dev(cmd), d->x.ne[0]), zinc_view_present(&d->weight),
		         zinc_view_present(&d->residual), zinc_view_present(&d->gate),
		         zinc_view_present(&d->after), d->x.ne[0], 0},
		.n_spec = 7, .args = &args, .args_bytes = sizeof(args)};

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

bool rdna4_rmsnorm_join(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how)
{
	struct rdna4_call call = {.n_spec = 0};
	struct args args;
	struct rdna4_rows x;

	if (!rdna4_call_before(cmd, "rows/rmsnorm", &call, &args, sizeof(args)) || call.spec[6])
		return false;
	x = rdna4_rows(&q->x, rdna4_dims(&q->x, q->n));
	if (memcmp(&x, &args.y, sizeof(x)) || q->x.ne[0] != call.spec[5] ||
	    memcmp(&args.n, &(struct rdna4_count){q->n.imm, q->n.slot}, sizeof(args.n)) ||
	    args.heads != rdna4_dims(&q->x, q->n).heads)
		return false;
	call.spec[6] = how;
	args.quants = rdna4_address(&q->y);
	args.quant_row = (uint32_t)q->row_bytes;
	rdna4_writes(&call, &q->y);
	return rdna4_call_instead(cmd, &call);
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
