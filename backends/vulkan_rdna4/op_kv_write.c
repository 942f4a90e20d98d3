/* op_kv_write.c - K and V rows into the paged cache. */
#include "join.h"
#include "kv.h"
#include "ops.h"

enum { GROUP = 64 };

struct args {
	uint64_t slots, tok_seq, tok_pos;
	struct rdna4_rows k, v;
	struct rdna4_kv k_cache, v_cache;
	struct rdna4_table table;
	struct rdna4_count n;
	uint32_t k_heads, v_heads, k_lanes, v_lanes;
};

static bool rows_ok(const struct zinc_view *x, const struct zinc_view *cache, uint32_t n)
{
	return rdna4_cache_ok(cache) && zinc_shape_f32_3d(x, cache->ne[0], cache->ne[2], n) &&
	       rdna4_fits(x);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_kv_write *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !rows_ok(&d->k, &d->k_cache, d->n.imm) ||
	    !rows_ok(&d->v, &d->v_cache, d->n.imm) ||
	    !zinc_shape_1d(&d->tok_seq, ZINC_I32, d->n.imm) ||
	    !zinc_shape_1d(&d->tok_pos, ZINC_I32, d->n.imm) || !rdna4_table_ok(&d->block_table))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_kv_write *d = desc;
	struct args args = {
		.tok_seq = rdna4_address(&d->tok_seq), .tok_pos = rdna4_address(&d->tok_pos),
		.k = rdna4_rows_3d(&d->k), .v = rdna4_rows_3d(&d->v),
		.k_cache = rdna4_kv(&d->k_cache), .v_cache = rdna4_kv(&d->v_cache),
		.table = rdna4_table(&d->block_table), .n = rdna4_count(d->n),
		.k_heads = d->k.ne[1], .v_heads = d->v.ne[1], .k_lanes = d->k.ne[0],
		.v_lanes = d->v.ne[0]};
	struct rdna4_call call = {.shader = "attn/kv_write",
	                          .spec = {GROUP, d->k_cache.dtype, d->v_cache.dtype},
	                          .n_spec = 3, .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	if (rdna4_rope_join(cmd, d))
		return ZINC_OK;
	rdna4_reads(&call, &d->k);
	rdna4_reads(&call, &d->v);
	rdna4_reads(&call, &d->tok_seq);
	rdna4_reads(&call, &d->tok_pos);
	rdna4_reads(&call, &d->block_table);
	rdna4_writes(&call, &d->k_cache);
	rdna4_writes(&call, &d->v_cache);
	rdna4_grid(&call, (uint64_t)d->n.imm * (args.k_heads + args.v_heads), 1);
	return rdna4_dispatch(cmd, &call);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_kv_write, desc, variant, run);
}

static const struct zinc_variant variants[] = {{"row", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_kv_write = {
	.struct_size = sizeof(rdna4_op_kv_write),
	.op = ZINC_OP_KV_WRITE,
	.name = "kv_write",
	.desc_size = sizeof(struct zinc_op_kv_write),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
