/* attn.c - attention over the paged cache: how the work is shared.
 *
 * "blocks" cuts the step into blocks of tokens and heads, each computed by one
 * thread; made for prefill. "chunks" cuts along the keys as well, so that all
 * threads are busy with the one token of a long context, and merges the parts
 * in a second pass. Both do the same arithmetic (attn.h). */
#include "attn.h"

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

static uint64_t space_bytes(const struct zinc_op_flash_attn *d)
{
	return (attn_space_bytes(d) + 63) / 64 * 64;
}

/* Chunks that one token can see. */
static uint32_t max_chunks(const struct zinc_op_flash_attn *d)
{
	uint32_t blocks = d->block_table.ne[0];
	uint32_t n = (blocks + ATTN_CHUNK_PAGES - 1) / ATTN_CHUNK_PAGES;
	uint32_t in_window = d->window / (ATTN_CHUNK_PAGES * ZINC_KV_PAGE) + 2;

	return d->window && in_window < n ? in_window : n;
}

/* A part of the chunks variant: one query's sum over one chunk. */
static uint64_t part_floats(const struct zinc_op_flash_attn *d)
{
	return 2 + (uint64_t)attn_dv(d);
}

static uint64_t scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_flash_attn *d = desc;
	uint64_t bytes = dev->n_threads * space_bytes(d);

	if (variant == VARIANT_CHUNKS)
		bytes += (uint64_t)d->n.imm * d->n_head * max_chunks(d) * part_floats(d) *
		         sizeof(float);
	return bytes;
}

static struct attn_space own_space(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d)
{
	return attn_space_at(d, ctx->scratch + ctx->ith * space_bytes(d));
}

static float *part_at(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d,
                      uint64_t token, uint32_t head, uint32_t chunk)
{
	float *parts = (float *)(void *)(ctx->scratch + ctx->nth * space_bytes(d));

	return parts + ((token * d->n_head + head) * max_chunks(d) + chunk) * part_floats(d);
}

/* The block of one token and (part of) one KV head's queries. */
static struct attn_block token_block(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d,
                                     struct attn_space *space, uint32_t token, uint32_t first_head,
                                     uint32_t n_heads)
{
	struct attn_block b = {
		.d = d,
		.kern = ctx->dev->kernels,
		.space = space,
		.seq = (uint32_t)cpu_i32(&d->tok_seq, 0)[token],
		.kv_head = first_head / (d->n_head / d->n_head_kv),
		.token = token,
		.n_tokens = 1,
		.head = first_head,
		.n_heads = n_heads,
	};

	return b;
}

static void store_parts(const struct cpu_ctx *ctx, const struct attn_block *b, uint32_t chunk)
{
	uint32_t dv = attn_dv(b->d);

	for (uint32_t r = 0; r < b->n_heads; r++) {
		const struct kern_query *row = &b->space->rows[r];
		float *part = part_at(ctx, b->d, b->token, b->head + r, chunk);

		part[0] = row->m;
		part[1] = row->l;
		for (uint32_t i = 0; i < dv; i++)
			part[2 + i] = row->acc[i];
	}
}

/* Blocks of heads of one token. */
static uint32_t token_blocks(const struct zinc_op_flash_attn *d)
{
	uint32_t group = d->n_head / d->n_head_kv;

	return d->n_head_kv * ((group + ATTN_MIN_ROWS - 1) / ATTN_MIN_ROWS);
}

/* A unit is (token, block of heads, chunk). */
static uint64_t count_parts(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d)
{
	uint32_t n = cpu_live(ctx, d->n);
	uint64_t chunks = 0;

	for (uint32_t t = 0; t < n; t++) {
		struct attn_range r = attn_chunks(d, t);

		chunks += r.end - r.first;
	}
	return chunks * token_blocks(d);
}

/* Nanoseconds of a unit, from the keys that the last token sees. */
static uint64_t part_ns(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d)
{
	const uint32_t chunk = ATTN_CHUNK_PAGES * ZINC_KV_PAGE;
	uint32_t n = cpu_live(ctx, d->n), keys = chunk;
	int32_t pos = n ? cpu_i32(&d->tok_pos, 0)[n - 1] : 0;

	if (pos >= 0 && (uint32_t)pos < keys)
		keys = (uint32_t)pos + 1;
	return 500 + (uint64_t)keys * (attn_dk(d) + attn_dv(d)) *
	             (2 + d->n_head / d->n_head_kv) / 16;
}

static uint64_t parts_cut(const struct cpu_ctx *ctx, const void *desc)
{
	return shape_cut(ctx, count_parts(ctx, desc), part_ns(ctx, desc));
}

static void run_parts(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_flash_attn *d = desc;
	struct attn_space space = own_space(ctx, d);
	struct shape_part part = shape_share(ctx, count_parts(ctx, d));
	uint32_t group = d->n_head / d->n_head_kv, per_token = token_blocks(d);
	uint32_t per_kv = per_token / d->n_head_kv;
	uint64_t at = 0;

	for (uint32_t i = 0; at < part.end; i++) {
		uint32_t kv = i % per_token / per_kv, sub = i % per_kv * ATTN_MIN_ROWS;
		uint32_t heads = group - sub < ATTN_MIN_ROWS ? group - sub : ATTN_MIN_ROWS;
		struct attn_block b = token_block(ctx, d, &space, i / per_token, kv * group + sub,
		                                  heads);
		struct attn_range r = attn_chunks(d, b.token);

		for (uint32_t c = r.first; c < r.end; c++, at++) {
			if (at < part.first || at >= part.end)
				continue;
			attn_load(&b);
			attn_chunk(&b, c);
			store_parts(ctx, &b, c - r.first);
		}
	}
}

static uint64_t merge_cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_flash_attn *d = desc;
	uint64_t n = cpu_live(ctx, d->n);

	return shape_cut(ctx, n * d->n_head, n ? count_parts(ctx, d) / n * attn_dv(d) / 4 : 0);
}

static void merge_parts(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_flash_attn *d = desc;
	struct attn_space space = own_space(ctx, d);
	struct shape_part share = shape_share(ctx, (uint64_t)cpu_live(ctx, d->n) * d->n_head);

	for (uint64_t i = share.first; i < share.end; i++) {
		uint64_t token = i / d->n_head;
		uint32_t head = (uint32_t)(i % d->n_head);
		struct attn_range r = attn_chunks(d, token);
		struct attn_sum sum = {0};

		for (uint32_t c = r.first; c < r.end; c++) {
			const float *part = part_at(ctx, d, token, head, c - r.first);
			struct attn_sum next = {part[0], part[1]};

			attn_merge(&sum, space.full, &next, part + 2, attn_dv(d));
		}
		attn_finish(d, ctx->dev->kernels, &sum, space.full, token, head);
	}
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
	b = token_block(ctx, d, space, seq_token(d, c, seq) + block * c->tokens, kv * group + sub,
	                group - sub < c->heads ? group - sub : c->heads);
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
	struct attn_space space = own_space(ctx, d);
	struct cut c = choose_cut(ctx, d);
	struct shape_part part = shape_share(ctx, count_blocks(d, &c));

	for (uint64_t i = part.first; i < part.end; i++)
		run_block(ctx, d, &c, &space, i);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work works[] = {
		[VARIANT_CHUNKS] = {{parts_cut, run_parts}, {merge_cut, merge_parts}},
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
