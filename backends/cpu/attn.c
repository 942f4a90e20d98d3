/* attn.c - attention over the paged cache: how the work is shared.
 *
 * "blocks" cuts the step into blocks of tokens and heads, each computed by one
 * thread; made for prefill. "chunks" (attn_parts.c) cuts along the keys as well, so
 * that all threads are busy with the one token of a long context. Both do the same
 * arithmetic (attn.h). */
#include "attn_parts.h"

#include "kv.h"
#include "shape.h"

enum { VARIANT_CHUNKS = 0, VARIANT_BLOCKS = 1, CHUNKS_MAX_COLS = 4 };

static const struct zinc_variant variants[] = {
	[VARIANT_CHUNKS] = {"chunks", CHUNKS_MAX_COLS, ZINC_NUM_F32},
	[VARIANT_BLOCKS] = {"blocks", 0, ZINC_NUM_F32},
};

static bool batch_ok(const struct zinc_op_flash_attn *d)
{
	return zinc_shape_1d(&d->tok_seq, ZINC_I32, d->n.imm) &&
	       zinc_shape_1d(&d->tok_pos, ZINC_I32, d->n.imm) &&
	       zinc_shape_1d(&d->seq_first, ZINC_I32, d->n_seqs.imm + 1) &&
	       zinc_shape_1d(&d->seq_kv_len, ZINC_I32, d->n_seqs.imm) && kv_table_ok(&d->block_table);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_flash_attn *d = desc;
	uint32_t n = d->n.imm;

	(void)dev;
	if (variant > VARIANT_BLOCKS || d->flags ||
	    (variant == VARIANT_CHUNKS && n > CHUNKS_MAX_COLS))
		return ZINC_E_UNSUPPORTED;
	if (!d->n_head_kv || !d->n_head || d->n_head % d->n_head_kv || !(d->softcap >= 0))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_f32_3d(&d->q, d->q_head_dim, d->n_head, n) ||
	    !zinc_shape_f32_3d(&d->out, d->v_cache.ne[0], d->n_head, n) || !batch_ok(d))
		return ZINC_E_UNSUPPORTED;
	if (!kv_cache_ok(&d->k_cache) || !kv_cache_ok(&d->v_cache) ||
	    d->k_cache.ne[0] != d->kv_head_dim || d->k_cache.ne[2] != d->n_head_kv ||
	    d->v_cache.ne[2] != d->n_head_kv)
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&d->gate) && !zinc_shape_f32_as(&d->gate, &d->out))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static uint64_t scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_flash_attn *d = desc;
	uint64_t spaces = dev->n_threads * attn_space_bytes(d);

	return spaces + (variant == VARIANT_CHUNKS ? attn_parts_bytes(d) : 0);
}

/* How the blocks variant cuts a step. */
struct cut {
	uint32_t tokens, heads; /* of a block                     */
	uint32_t per_kv;        /* blocks of heads per KV head    */
	uint32_t n_seqs, n;
};

static uint32_t seq_token(const struct zinc_op_flash_attn *d, const struct cut *c, uint32_t seq)
{
	uint32_t t = (uint32_t)cpu_i32(&d->seq_first, 0)[seq];

	return t < c->n ? t : c->n;
}

static uint32_t seq_blocks(const struct zinc_op_flash_attn *d, const struct cut *c, uint32_t seq)
{
	uint32_t first = seq_token(d, c, seq), end = seq_token(d, c, seq + 1);

	return end > first ? (end - first + c->tokens - 1) / c->tokens : 0;
}

static uint64_t count_blocks(const struct zinc_op_flash_attn *d, const struct cut *c)
{
	uint64_t n = 0;

	for (uint32_t s = 0; s < c->n_seqs; s++)
		n += seq_blocks(d, c, s);
	return n * d->n_head_kv * c->per_kv;
}

/* Blocks as large as fit, but enough of them to occupy every thread. */
static struct cut choose_cut(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d)
{
	uint32_t group = d->n_head / d->n_head_kv, rows = attn_rows(d);
	struct cut c = {.n = cpu_live(ctx, d->n), .n_seqs = cpu_live(ctx, d->n_seqs)};

	c.heads = group < rows ? group : rows;
	c.tokens = rows / c.heads;
	for (;;) {
		c.per_kv = (group + c.heads - 1) / c.heads;
		if ((c.tokens == 1 && c.heads == 1) ||
		    count_blocks(d, &c) >= ctx->nth * UINT64_C(4))
			return c;
		if (c.tokens > 1)
			c.tokens /= 2;
		else
			c.heads = (c.heads + 1) / 2;
	}
}

/* The last tokens of a sequence see the most keys: they go first. */
static void run_block(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d,
                      const struct cut *c, struct attn_space *space, uint64_t index)
{
	uint32_t group = d->n_head / d->n_head_kv, per_row = d->n_head_kv * c->per_kv;
	uint64_t row = index / per_row;
	uint32_t kv = (uint32_t)(index % per_row) / c->per_kv;
	uint32_t sub = (uint32_t)(index % c->per_kv) * c->heads, seq = 0, block;
	struct attn_block b;

	while (row >= seq_blocks(d, c, seq))
		row -= seq_blocks(d, c, seq++);
	block = seq_blocks(d, c, seq) - 1 - (uint32_t)row;
	b = attn_token_block(ctx, d, space, seq_token(d, c, seq) + block * c->tokens,
	                     kv * group + sub, group - sub < c->heads ? group - sub : c->heads);
	b.n_tokens = seq_token(d, c, seq + 1) - b.token;
	if (b.n_tokens > c->tokens)
		b.n_tokens = c->tokens;
	attn_whole(&b);
}

static uint64_t blocks_cut(const struct cpu_ctx *ctx, const void *desc)
{
	struct cut c = choose_cut(ctx, desc);

	return count_blocks(desc, &c);
}

static void run_blocks(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_flash_attn *d = desc;
	struct attn_space space = attn_own_space(ctx, d);
	struct cut c = choose_cut(ctx, d);
	struct shape_part part = shape_share(ctx, count_blocks(d, &c));

	for (uint64_t i = part.first; i < part.end; i++)
		run_block(ctx, d, &c, &space, i);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work works[] = {
		[VARIANT_CHUNKS] = {{attn_parts_cut, attn_run_parts},
		                    {attn_merge_cut, attn_merge_parts}},
		[VARIANT_BLOCKS] = {.first = {blocks_cut, run_blocks}},
	};

	return cpu_record(cmd, &cpu_op_flash_attn, desc, variant,
	                  &works[variant != VARIANT_CHUNKS]);
}

const struct zinc_op_impl cpu_op_flash_attn = {
	.struct_size = sizeof(cpu_op_flash_attn),
	.op = ZINC_OP_FLASH_ATTN,
	.name = "flash_attn",
	.desc_size = sizeof(struct zinc_op_flash_attn),
	.n_variants = 2,
	.variants = variants,
	.supports = supports,
	.scratch = scratch,
	.record = record,
};
