/* op_kv_write.c - K and V rows into the paged cache. */
#include "attn.h"

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
	return ada_launch(cmd, &l);
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
