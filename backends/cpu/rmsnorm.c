/* rmsnorm.c - the RMS norm with all its fusions, a row at a time. */
#include "kernels.h"
#include "shape.h"

static bool absent_or_as(const struct zinc_view *v, const struct zinc_view *as)
{
	return !zinc_view_present(v) || zinc_shape_f32_as(v, as);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_rmsnorm *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_is(&d->x, ZINC_F32) || !zinc_shape_rows_fit(&d->x, d->n))
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&d->weight) &&
	    (!zinc_shape_1d(&d->weight, ZINC_F32, 1) || d->weight.ne[0] != d->x.ne[0]))
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&d->residual) != zinc_view_present(&d->sum))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_f32_as(&d->y, &d->x) || !absent_or_as(&d->residual, &d->x) ||
	    !absent_or_as(&d->sum, &d->x) || !absent_or_as(&d->gate, &d->x) ||
	    !absent_or_as(&d->after, &d->x))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static float *optional_row(const struct zinc_view *v, const struct shape_rows *rows, uint64_t r)
{
	return zinc_view_present(v) ? shape_row(v, rows, r) : NULL;
}

static uint64_t cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_rmsnorm *d = desc;

	return shape_cut(ctx, shape_live_rows(&d->x, d->n, cpu_live(ctx, d->n)).count, d->x.ne[0]);
}

static void run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_rmsnorm *d = desc;
	struct shape_rows rows = shape_live_rows(&d->x, d->n, cpu_live(ctx, d->n));
	struct shape_part part = shape_share(ctx, rows.count);

	for (uint64_t r = part.first; r < part.end; r++) {
		struct kern_norm row = {
			.x = shape_row(&d->x, &rows, r),
			.residual = optional_row(&d->residual, &rows, r),
			.weight = zinc_view_present(&d->weight) ? cpu_f32(&d->weight, 0, 0) : NULL,
			.gate = optional_row(&d->gate, &rows, r),
			.after = optional_row(&d->after, &rows, r),
			.sum = optional_row(&d->sum, &rows, r),
			.y = shape_row(&d->y, &rows, r),
			.n = d->x.ne[0],
			.eps = d->eps,
		};

		ctx->dev->kernels->rmsnorm(&row);
	}
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {cut, run}};

	return cpu_record(cmd, &cpu_op_rmsnorm, desc, variant, &work);
}

static const struct zinc_variant variants[] = {{"row", 0, ZINC_NUM_F32}};

const struct zinc_op_impl cpu_op_rmsnorm = {
	.struct_size = sizeof(cpu_op_rmsnorm),
	.op = ZINC_OP_RMSNORM,
	.name = "rmsnorm",
	.desc_size = sizeof(struct zinc_op_rmsnorm),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
