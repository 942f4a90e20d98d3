/* op_rmsnorm.c - the RMS norm with all its fusions. Which kernel: by the length
 * of a row alone, so that its sums are the same in any company. */
#include <string.h>

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
enum { N_KERNELS = sizeof(kernels) / sizeof(kernels[0]) };

static const struct kernel *kernel_for(uint32_t lanes)
{
	const struct kernel *k = kernels;

	while (lanes > k->max_lanes)
		k++;
	return k;
}

static bool same_rows(const struct ada_rows *a, const struct ada_rows *b)
{
	return a->n.imm == b->n.imm && a->n.slot == b->n.slot && a->ne0 == b->ne0 &&
	       a->inner == b->inner && a->per_n == b->per_n;
}

/* The norm recorded just before, if its result is `x` of the same rows and it does
 * nothing more yet. */
static bool norm_before(struct zinc_cmd *cmd, const struct ada_view *x, const struct ada_rows *rows,
                        struct ada_launch *l, struct ada_rmsnorm_args *a)
{
	const struct ada_launch *before = ada_launch_before(cmd, 1);

	if (!before || before->args_size != sizeof(*a) || before->kernel == kernels[N_KERNELS - 1].name ||
	    strncmp(before->kernel, "rmsnorm_", 8))
		return false;
	*l = *before;
	*a = *(const struct ada_rmsnorm_args *)before->args;
	l->args = a;
	return !a->next_y.p && same_rows(&a->rows, rows) && ada_same_view(&a->y, x);
}

static uint64_t end_of(const struct ada_view *v)
{
	return v->p + (v->ne1 - UINT64_C(1)) * v->nb1 + (v->ne2 - UINT64_C(1)) * v->nb2 +
	       v->ne0 * sizeof(float);
}

/* May y be written while rows of x are still read? Only where a row lies: a thread
 * reads its elements of it first. */
static bool is_apart(const struct ada_view *y, const struct ada_view *x)
{
	return !x->p || ada_same_view(y, x) || end_of(y) <= x->p || end_of(x) <= y->p;
}

/* The residual stream is normed again at once for what reads it next. */
static bool join(struct zinc_cmd *cmd, const struct ada_rmsnorm_args *next, struct ada_launch *l,
                 struct ada_rmsnorm_args *all)
{
	if (next->residual.p || next->gate.p || next->after.p ||
	    !norm_before(cmd, &next->x, &next->rows, l, all) || next->y.p == all->y.p)
		return false;
	/* What the first norm read may have been given to the second's result. */
	if (!is_apart(&next->y, &all->x) || !is_apart(&next->y, &all->residual) ||
	    !is_apart(&next->y, &all->gate) || !is_apart(&next->y, &all->after) ||
	    !is_apart(&next->y, &all->sum))
		return false;
	all->next_y = next->y;
	all->next_weight = next->weight;
	all->next_weight_vec = next->weight_vec;
	all->next_eps = next->eps;
	all->rows.vec = all->rows.vec && next->rows.vec;
	return true;
}

bool ada_norm_takes_factor(struct zinc_cmd *cmd, const struct ada_view *x,
                           const struct ada_rows *rows, uint64_t factor)
{
	struct ada_rmsnorm_args all;
	struct ada_launch l;

	if (!norm_before(cmd, x, rows, &l, &all) || all.factor)
		return false;
	all.factor = factor;
	ada_launch_instead(cmd, 1, &l);
	return true;
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
	                             .weight_vec = ada_is_vec(&d->weight)}, all;
	uint64_t rows = (uint64_t)d->n.imm * a.rows.per_n;
	struct ada_launch l = {.kernel = k->name, .block = {k->threads, k->rows, 1},
	                       .grid = {rows ? ada_div_up(rows, k->rows) : 1, 1, 1},
	                       .args = &a, .args_size = sizeof(a)}, joined;

	if (ada_op_begin(cmd, &ada_op_rmsnorm, desc, variant))
		return ada_cmd_status(cmd);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ada_rows_also(&a.rows, others[i]);
	if (join(cmd, &a, &joined, &all))
		return ada_launch_instead(cmd, 1, &joined);
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
