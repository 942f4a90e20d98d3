/* op_embed.c - rows of a table by id: any weight type, packed or not, or in host memory. */
#include "linear.h"
#include "table.h"

#include "linear/table_args.h"

static bool table_is_ok(const struct zinc_view *t)
{
	if (!zinc_view_present(t) || t->dtype >= ZINC_DTYPE_MAX ||
	    !(ZINC_TMASK_WEIGHT & ZINC_TBIT(t->dtype)) || t->ne[2] != 1 || t->ne[3] != 1 ||
	    !t->ne[0] || !t->ne[1] || t->ne[0] > ADA_MAX_K)
		return false;
	if (t->layout == ADA_WEIGHT_HOST)
		return t->ne[0] % ada_gguf_block(t->dtype).elems == 0 &&
		       t->nb[1] == ada_table_row_bytes(t);
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

/* Slots serve ids that the host writes. */
static int record_host(struct zinc_cmd *cmd, const struct zinc_op_embed *d,
                       const struct ada_embed_args *e, struct ada_launch *l)
{
	struct ada_table *t = ada_table_find(ada_cmd_dev(cmd), e->table.p);
	struct ada_table_embed_args a = {.embed = *e};
	struct ada_table_view v;

	if (!t)
		return ada_cmd_fail(cmd, ZINC_E_INVALID, "no table was packed here");
	v = ada_table_view(t);
	a.embed.table.p = v.rows;
	a.slots = v.slots;
	a.map = v.map;
	ada_cmd_note_ids(cmd, e->table.p, &d->ids, d->n);
	l->kernel = "table_embed";
	l->args = &a;
	l->args_size = sizeof(a);
	return ada_launch(cmd, l);
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
	if (a.layout == ADA_WEIGHT_HOST)
		return record_host(cmd, d, &a, &l);
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
