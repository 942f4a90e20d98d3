/* op_embed.c - rows of a table by id: any weight type, packed or not. */
#include "linear.h"

#include "linear/args.h"

static bool table_is_ok(const struct zinc_view *t)
{
	if (!zinc_view_present(t) || t->dtype >= ZINC_DTYPE_MAX ||
	    !(ZINC_TMASK_WEIGHT & ZINC_TBIT(t->dtype)) || t->ne[2] != 1 || t->ne[3] != 1 ||
	    !t->ne[0] || !t->ne[1] || t->ne[0] > ADA_MAX_K)
		return false;
	if (t->layout == ADA_WEIGHT_ROWS)
		return ada_weight_is_packed(t) && t->ne[0] % ada_gguf_block(t->dtype).elems == 0;
	return t->ne[0] % ada_gguf_block(t->dtype).elems == 0 && zinc_shape_is(t, t->dtype) &&
	       t->nb[0] == ada_gguf_block(t->dtype).bytes;
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_embed *d = desc;

	(void)dev;
	if (d->flags || variant || !d->n.imm || !table_is_ok(&d->table) ||
	    !zinc_shape_1d(&d->ids, ZINC_I32, d->n.imm) ||
	    !zinc_shape_2d(&d->y, ZINC_F32, d->table.ne[0], d->n.imm))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_embed *d = desc;
	struct ada_embed_args a = {.table = ada_arg(&d->table), .ids = ada_arg(&d->ids),
	                           .y = ada_arg(&d->y), .params = ada_params(cmd),
	                           .n = ada_count(d->n), .type = d->table.dtype,
	                           .layout = d->table.layout,
	                           .scale = d->scale != 0.0f ? d->scale : 1.0f};
	struct ada_launch l = {.kernel = "embed_rows", .block = {256, 1, 1}, .args = &a,
	                       .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_embed, desc, variant))
		return ada_cmd_status(cmd);
	if (a.layout == ADA_WEIGHT_ROWS)
		a.row = ada_row_layout(a.type, d->table.ne[0]);
	l.grid[0] = d->n.imm;
	l.grid[1] = ada_div_up(d->table.ne[0], ADA_EMBED_LANES);
	l.grid[2] = 1;
	return ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"rows", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_embed = {
	.struct_size = sizeof(struct zinc_op_impl),
	.op = ZINC_OP_EMBED,
	.name = "embed",
	.desc_size = sizeof(struct zinc_op_embed),
	.n_variants = 1,
	.variants = variants,
	.wtypes = ZINC_TMASK_WEIGHT,
	.supports = supports,
	.record = record,
};
