/* op_moe_combine.c - the weighted sum over the experts' outputs, with the shared
 * expert and the residual. */
#include "op_rows.h"

#include "moe/args.h"

static bool absent_or_rows(const struct zinc_view *v, uint32_t lanes, uint32_t n)
{
	return !zinc_view_present(v) || zinc_shape_2d(v, ZINC_F32, lanes, n);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_moe_combine *d = desc;
	uint32_t n = d->n.imm, lanes = d->x.ne[0];

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_f32_3d(&d->x, lanes, d->x.ne[1], n) ||
	    !zinc_shape_2d(&d->weights, ZINC_F32, d->x.ne[1], n) ||
	    !zinc_shape_2d(&d->y, ZINC_F32, lanes, n) || !absent_or_rows(&d->shared, lanes, n) ||
	    !absent_or_rows(&d->shared_gate, 1, n) || !absent_or_rows(&d->residual, lanes, n) ||
	    (zinc_view_present(&d->shared_gate) && !zinc_view_present(&d->shared)))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_moe_combine *d = desc;
	struct ada_combine_args a = {.x = ada_arg(&d->x), .weights = ada_arg(&d->weights),
	                             .y = ada_arg(&d->y), .shared = ada_arg(&d->shared),
	                             .shared_gate = ada_arg(&d->shared_gate),
	                             .residual = ada_arg(&d->residual), .params = ada_params(cmd),
	                             .n = ada_count(d->n), .lanes = d->x.ne[0], .k = d->x.ne[1]};
	struct ada_launch l = {.kernel = "moe_combine", .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_moe_combine, desc, variant))
		return ada_cmd_status(cmd);
	a.vec = ada_is_vec(&d->x) && ada_is_vec(&d->y) && ada_is_vec(&d->shared) &&
	        ada_is_vec(&d->residual);
	ada_grid_over(&l, ada_div_up(a.lanes, 4), d->n.imm);
	if (d->n.imm < 16 && l.block[0] > 64) {
		/* Few tokens: more blocks, for more loads under way. */
		l.grid[0] = ada_div_up(ada_div_up(a.lanes, 4), 64);
		l.block[0] = 64;
		l.block[1] = 1;
		l.grid[1] = d->n.imm ? d->n.imm : 1;
	}
	return ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"quads", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_moe_combine = {
	.struct_size = sizeof(ada_op_moe_combine),
	.op = ZINC_OP_MOE_COMBINE,
	.name = "moe_combine",
	.desc_size = sizeof(struct zinc_op_moe_combine),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
