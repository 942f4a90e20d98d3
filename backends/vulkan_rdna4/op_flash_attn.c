/* op_flash_attn.c - attention over the paged cache. */
#include "kv.h"
#include "ops.h"

enum { GROUP = 128, MAX_LANES = 1024 };

struct args {
	uint64_t slots, tok_seq, tok_pos;
	struct rdna4_rows q, y, gate;
	struct rdna4_kv k_cache, v_cache;
	struct rdna4_table table;
	struct rdna4_count n;
	uint32_t heads, heads_per_kv;
	uint32_t dot_lanes, v_lanes;
	uint32_t window, has_gate;
	float scale, softcap;
};

static bool batch_ok(const struct zinc_op_flash_attn *d)
{
	return zinc_shape_1d(&d->tok_seq, ZINC_I32, d->n.imm) &&
	       zinc_shape_1d(&d->tok_pos, ZINC_I32, d->n.imm) &&
	       zinc_shape_1d(&d->seq_first, ZINC_I32, d->n_seqs.imm + 1) &&
	       zinc_shape_1d(&d->seq_kv_len, ZINC_I32, d->n_seqs.imm) &&
	       rdna4_table_ok(&d->block_table);
}

static bool cache_ok(const struct zinc_op_flash_attn *d)
{
	return rdna4_cache_ok(&d->k_cache) && rdna4_cache_ok(&d->v_cache) &&
	       d->k_cache.ne[0] == d->kv_head_dim && d->k_cache.ne[2] == d->n_head_kv &&
	       d->v_cache.ne[2] == d->n_head_kv && d->v_cache.ne[0] <= MAX_LANES &&
	       d->q_head_dim <= MAX_LANES;
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_flash_attn *d = desc;
	uint32_t n = d->n.imm;

	(void)dev;
	if (variant != 0 || d->flags || !d->n_head_kv || !d->n_head ||
	    d->n_head % d->n_head_kv || !(d->softcap >= 0) || !cache_ok(d) || !batch_ok(d))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_f32_3d(&d->q, d->q_head_dim, d->n_head, n) || !rdna4_fits(&d->q) ||
	    !zinc_shape_f32_3d(&d->out, d->v_cache.ne[0], d->n_head, n) || !rdna4_fits(&d->out))
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&d->gate) &&
	    (!zinc_shape_f32_as(&d->gate, &d->out) || !rdna4_fits(&d->gate)))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static struct args args_of(const struct zinc_op_flash_attn *d)
{
	return (struct args){
		.tok_seq = rdna4_address(&d->tok_seq), .tok_pos = rdna4_address(&d->tok_pos),
		.q = rdna4_rows_3d(&d->q), .y = rdna4_rows_3d(&d->out),
		.gate = rdna4_rows_3d(&d->gate), .k_cache = rdna4_kv(&d->k_cache),
		.v_cache = rdna4_kv(&d->v_cache), .table = rdna4_table(&d->block_table),
		.n = rdna4_count(d->n), .heads = d->n_head,
		.heads_per_kv = d->n_head / d->n_head_kv,
		.dot_lanes = d->q_head_dim < d->kv_head_dim ? d->q_head_dim : d->kv_head_dim,
		.v_lanes = d->v_cache.ne[0], .window = d->window,
		.has_gate = zinc_view_present(&d->gate), .scale = d->scale,
		.softcap = d->softcap};
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_flash_attn *d = desc;
	struct args args = args_of(d);
	uint32_t lanes = args.dot_lanes > args.v_lanes ? args.dot_lanes : args.v_lanes;
	struct rdna4_call call = {.shader = "attn/flash_attn",
	                          .spec = {GROUP, d->k_cache.dtype, d->v_cache.dtype, lanes},
	                          .n_spec = 4, .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	rdna4_reads(&call, &d->q);
	rdna4_reads(&call, &d->k_cache);
	rdna4_reads(&call, &d->v_cache);
	rdna4_reads(&call, &d->tok_seq);
	rdna4_reads(&call, &d->tok_pos);
	rdna4_reads(&call, &d->block_table);
	rdna4_reads(&call, &d->gate);
	rdna4_writes(&call, &d->out);
	rdna4_grid(&call, (uint64_t)d->n.imm * d->n_head, 1);
	return rdna4_dispatch(cmd, &call);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_flash_attn, desc, variant, run);
}

static const struct zinc_variant variants[] = {{"pages", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_flash_attn = {
	.struct_size = sizeof(rdna4_op_flash_attn),
	.op = ZINC_OP_FLASH_ATTN,
	.name = "flash_attn",
	.desc_size = sizeof(struct zinc_op_flash_attn),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
