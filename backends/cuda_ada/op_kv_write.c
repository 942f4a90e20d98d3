/* op_kv_write.c - K and V rows into the paged cache. */
#include <string.h>

#include "attn.h"
#include "rows/args.h"

enum { WARPS = 8 };

static bool rows_ok(const struct zinc_view *x, const struct zinc_view *cache, uint32_t n)
{
	return ada_cache_ok(cache) && zinc_shape_f32_3d(x, cache->ne[0], cache->ne[2], n);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_kv_write *d = desc;
	uint64_t heads = (uint64_t)d->k.ne[1] + d->v.ne[1];

	(void)dev;
	if (variant != 0 || d->flags || !rows_ok(&d->k, &d->k_cache, d->n.imm) ||
	    !rows_ok(&d->v, &d->v_cache, d->n.imm) ||
	    !ada_batch_ok(&d->tok_seq, &d->tok_pos, &d->block_table, d->n.imm) ||
	    d->n.imm * heads > INT32_MAX)
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static bool by_four(const struct zinc_view *x, const struct zinc_view *cache)
{
	return x->ne[0] % 4 == 0 && ada_rows_aligned(x, 16) && ada_rows_aligned(cache, 16);
}

/* Is what went before rope a norm of V in place, without weight? */
static bool takes_norm(const struct ada_launch *l, struct ada_rope_kv_args *all)
{
	const struct ada_rmsnorm_args *norm;

	if (!l || l->args_size != sizeof(*norm) || strncmp(l->kernel, "rmsnorm_warp_", 13))
		return false;
	norm = l->args;
	if (!ada_same_view(&norm->x, &norm->y) || !ada_same_view(&norm->x, &all->kv.v) || norm->weight ||
	    norm->residual.p || norm->gate.p || norm->after.p || norm->factor || norm->next_y.p ||
	    norm->rows.n.imm != all->kv.n.imm || norm->rows.n.slot != all->kv.n.slot ||
	    norm->rows.per_n != all->kv.v.ne1)
		return false;
	all->norm_v = 1;
	all->v_eps = norm->eps;
	return true;
}

/* The launch of rope just before, if it turned these keys, now with its heads also
 * written; and the norm of V before that. */
static bool join(struct zinc_cmd *cmd, const struct ada_kv_write_args *kv)
{
	const struct ada_launch *rope = ada_launch_before(cmd, 1);
	struct ada_rope_kv_args all = {.kv = *kv};
	struct ada_launch l;
	bool normed;

	if (!rope || strcmp(rope->kernel, "rope_dual"))
		return false;
	all.rope = *(const struct ada_rope_args *)rope->args;
	if (!all.rope.k.p || !ada_same_view(&all.rope.k_out, &kv->k) ||
	    all.rope.n.imm != kv->n.imm || all.rope.n.slot != kv->n.slot ||
	    kv->k_cache.ne3 != kv->v_cache.ne3)
		return false;
	l = *rope;
	normed = takes_norm(ada_launch_before(cmd, 2), &all);
	l.kernel = "rope_kv_write";
	l.args = &all;
	l.args_size = sizeof(all);
	ada_rope_grid(&l, kv->n.imm, all.rope.q.ne1 + kv->k.ne1 + kv->v.ne1);
	ada_launch_instead(cmd, normed ? 2 : 1, &l);
	return true;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_kv_write *d = desc;
	uint32_t rows = d->n.imm * (d->k.ne[1] + d->v.ne[1]);
	struct ada_kv_write_args a = {
		.k = ada_arg(&d->k), .v = ada_arg(&d->v), .k_cache = ada_arg(&d->k_cache),
		.v_cache = ada_arg(&d->v_cache),
		.batch = {.tok_seq = ada_address(&d->tok_seq), .tok_pos = ada_address(&d->tok_pos),
		          .blocks = ada_address(&d->block_table), .row_bytes = d->block_table.nb[1],
		          .n_blocks = d->block_table.ne[0], .n_rows = d->block_table.ne[1]},
		.params = ada_params(cmd), .n = ada_count(d->n), .dtype_k = d->k_cache.dtype,
		.dtype_v = d->v_cache.dtype, .vec_k = by_four(&d->k, &d->k_cache),
		.vec_v = by_four(&d->v, &d->v_cache)};
	struct ada_launch l = {.kernel = "kv_write", .grid = {ada_div_up(rows, WARPS), 1, 1},
	                       .block = {WARPS * 32, 1, 1}, .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_kv_write, desc, variant) || !rows)
		return ada_cmd_status(cmd);
	return join(cmd, &a) ? ada_cmd_status(cmd) : ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"row", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_kv_write = {
	.struct_size = sizeof(ada_op_kv_write),
	.op = ZINC_OP_KV_WRITE,
	.name = "kv_write",
	.desc_size = sizeof(struct zinc_op_kv_write),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
