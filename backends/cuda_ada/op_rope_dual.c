/* op_rope_dual.c - rotary embedding of Q and K, after their optional norms. */
#include "attn.h"

/* Angles of a block lie in shared memory. */
enum { MAX_PAIRS = 4096 };

static bool norm_ok(const struct zinc_view *norm, const struct zinc_view *x)
{
	return !zinc_view_present(norm) ||
	       (zinc_view_present(x) && zinc_shape_1d(norm, ZINC_F32, 1) &&
	        norm->ne[0] == x->ne[0]);
}

static bool heads_ok(const struct zinc_op_rope_dual *d, const struct zinc_view *x,
                     const struct zinc_view *out)
{
	return zinc_shape_f32_3d(x, x->ne[0], x->ne[1], d->n.imm) && zinc_shape_f32_as(out, x) &&
	       d->n_rot <= x->ne[0];
}

static bool positions_ok(const struct zinc_op_rope_dual *d)
{
	if (zinc_view_present(&d->pos_row))
		return zinc_shape_1d(&d->pos_row, ZINC_I32, d->n_rot / 2) &&
		       zinc_shape_2d(&d->pos, ZINC_I32, d->pos.ne[0], 1) &&
		       d->pos.ne[0] >= d->n.imm;
	return zinc_shape_1d(&d->pos, ZINC_I32, d->n.imm);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_rope_dual *d = desc;
	uint32_t pairs = d->n_rot / 2;

	(void)dev;
	if (variant != 0 || d->flags || d->n_rot % 2 || pairs > MAX_PAIRS ||
	    d->mode > ZINC_ROPE_INTERLEAVED)
		return ZINC_E_UNSUPPORTED;
	if (!heads_ok(d, &d->q, &d->q_out) ||
	    zinc_view_present(&d->k) != zinc_view_present(&d->k_out) ||
	    (zinc_view_present(&d->k) && !heads_ok(d, &d->k, &d->k_out)))
		return ZINC_E_UNSUPPORTED;
	if (!positions_ok(d) || !zinc_shape_1d(&d->freqs, ZINC_F32, pairs) ||
	    (zinc_view_present(&d->factors) && !zinc_shape_1d(&d->factors, ZINC_F32, pairs)) ||
	    !norm_ok(&d->q_norm, &d->q) || !norm_ok(&d->k_norm, &d->k))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_rope_dual *d = desc;
	uint32_t heads = d->q.ne[1] + (zinc_view_present(&d->k) ? d->k.ne[1] : 0);
	struct ada_rope_args a = {
		.q = ada_arg(&d->q), .k = ada_arg(&d->k), .q_out = ada_arg(&d->q_out),
		.k_out = ada_arg(&d->k_out), .pos = ada_arg(&d->pos),
		.pos_row = ada_address(&d->pos_row), .freqs = ada_address(&d->freqs),
		.factors = ada_address(&d->factors), .q_norm = ada_address(&d->q_norm),
		.k_norm = ada_address(&d->k_norm), .params = ada_params(cmd), .n = ada_count(d->n),
		.pairs = d->n_rot / 2, .mode = d->mode, .eps = d->norm_eps};
	struct ada_launch l = {.kernel = "rope_dual", .smem = a.pairs * 2 * sizeof(float),
	                       .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_rope_dual, desc, variant) || !d->n.imm)
		return ada_cmd_status(cmd);
	ada_rope_grid(&l, d->n.imm, heads);
	return ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"head", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_rope_dual = {
	.struct_size = sizeof(ada_op_rope_dual),
	.op = ZINC_OP_ROPE_DUAL,
	.name = "rope_dual",
	.desc_size = sizeof(struct zinc_op_rope_dual),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
