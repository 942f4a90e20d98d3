/* op_rmsnorm.c - the RMS norm with all its fusions. Which kernel: by the length
 * of a row alone, so that its sums are the same in any company. */
#include "op_rows.h"

static bool absent_or_as(const struct zinc_view *v, const struct zinc_view *as)
{
	return !zinc_view_present(v) || zinc_shape_f32_as(v, as);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_rmsnorm *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_is(&d->x, ZINC_F32) ||
	    !zinc_shape_rows_fit(&d->x, d->n))
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

/* For rows of up to max_lanes elements: threads to a row, rows to a block. */
static const struct kernel {
	const char *name;
	uint32_t max_lanes, threads, rows;
} kernels[] = {
	{"rmsnorm_warp_1", 128, 32, 8},   {"rmsnorm_warp_2", 256, 32, 8},
	{"rmsnorm_warp_4", 512, 32, 8},   {"rmsnorm_256_1", 1024, 256, 1},
	{"rmsnorm_512_1", 2048, 512, 1},  {"rmsnorm_512_2", 4096, 512, 1},
	{"rmsnorm_512_3", 6144, 512, 1},  {"rmsnorm_512_4", 8192, 512, 1},
	{"rmsnorm_wide", UINT32_MAX, 1024, 1},
};

static const struct kernel *kernel_for(uint32_t lanes)
{
	const struct kernel *k = kernels;

	while (lanes > k->max_lanes)
		k++;
	return k;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_rmsnorm *d = desc;
	const struct zinc_view *others[] = {&d->y, &d->residual, &d->sum, &d->gate, &d->after};
	const struct kernel *k = kernel_for(d->x.ne[0]);
	struct ada_rmsnorm_args a = {.rows = ada_rows_of(cmd, &d->x, d->n), .eps = d->eps,
	                             .x = ada_arg(&d->x), .y = ada_arg(&d->y),
	                             .residual = ada_arg(&d->residual), .sum = ada_arg(&d->sum),
	                             .gate = ada_arg(&d->gate), .after = ada_arg(&d->after),
	                             .weight = ada_address(&d->weight),
	                             .weight_vec = ada_is_vec(&d->weight)};
	uint64_t rows = (uint64_t)d->n.imm * a.rows.per_n;
	struct ada_launch l = {.kernel = k->name, .block = {k->threads, k->rows, 1},
	                       .grid = {rows ? ada_div_up(rows, k->rows) : 1, 1, 1},
	                       .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_rmsnorm, desc, variant))
		return ada_cmd_status(cmd);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ada_rows_also(&a.rows, others[i]);
	return ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"row", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_rmsnorm = {
	.struct_size = sizeof(ada_op_rmsnorm),
	.op = ZINC_OP_RMSNORM,
	.name = "rmsnorm",
	.desc_size = sizeof(struct zinc_op_rmsnorm),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
