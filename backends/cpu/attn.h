/* attn.h - one block of attention: some tokens of one sequence, some query heads
 * of one KV head, against the cache; of a token alone several KV heads' too.
 *
 * Numerics. A query's keys are summed page by page inside chunks of ATTN_CHUNK
 * positions, counted from position 0, and the chunks' sums are merged in
 * order. Page and chunk borders depend on positions only, so whoever computes a
 * query, alone or in a block, all chunks or each by another thread, gets the
 * same bits. */
#ifndef CPU_ATTN_H
#define CPU_ATTN_H

#include "kernels.h"

enum {
	ATTN_MIN_ROWS = 32, /* queries of a block: tokens times heads */
	ATTN_MAX_ROWS = 256,
	ATTN_CHUNK_PAGES = 16
};

/* A thread's memory. Rows are padded to KERN_PAD floats, and lie further apart. */
struct attn_space {
	float *k, *v;       /* ZINC_KV_PAGE rows of one page, converted    */
	float *q;           /* queries: of a block's rows at most, and     */
	float *part, *full; /* their weighted values, of a chunk and whole */
	struct kern_query *rows;
};

/* The sum over all chunks so far, of one query. l == 0: nothing yet. */
struct attn_sum {
	float m, l;
};

/* Slots [lo, hi) of a head's page; none: lo == hi. */
struct attn_place {
	uint32_t seq, kv_head, page;
	uint32_t lo, hi;
};

struct attn_block {
	const struct zinc_op_flash_attn *d;
	const struct cpu_kernels *kern;
	struct attn_space *space;
	uint32_t seq, kv_head, n_kv; /* n_kv > 1: of one token, with all their query heads */
	uint32_t token, n_tokens;
	uint32_t head, n_heads;      /* query heads of those KV heads */
	struct attn_place after;     /* where the thread goes on: asked for meanwhile */
};

static inline uint32_t attn_dk(const struct zinc_op_flash_attn *d)
{
	return kern_padded(d->q_head_dim < d->kv_head_dim ? d->q_head_dim : d->kv_head_dim);
}

static inline uint32_t attn_dv(const struct zinc_op_flash_attn *d)
{
	return kern_padded(d->v_cache.ne[0]);
}

static inline uint32_t attn_n_rows(const struct attn_block *b)
{
	return b->n_tokens * b->n_heads;
}

/* Queries of a block, at most: as many as stay in the second level, since they share what
 * a page costs before it can be multiplied. All heads of a KV head, or ATTN_MIN_ROWS of
 * them, fit. */
uint32_t attn_rows(const struct zinc_op_flash_attn *d);
/* Bytes of an attn_space's arrays, and their places in memory. */
uint64_t attn_space_bytes(const struct zinc_op_flash_attn *d);
struct attn_space attn_space_at(const struct zinc_op_flash_attn *d, uint8_t *mem);
/* This thread's, all of which lie at the beginning of the op's scratch. */
struct attn_space attn_own_space(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d);

/* The block of one token and the queries of some KV heads, or some of one's. */
struct attn_block attn_token_block(const struct cpu_ctx *ctx, const struct zinc_op_flash_attn *d,
                                   struct attn_space *space, uint32_t token, uint32_t first_head,
                                   uint32_t n_heads);

/* Positions [first, end) that token sees, inside its block table. */
struct attn_span {
	uint64_t first, end;
};

struct attn_span attn_visible(const struct zinc_op_flash_attn *d, uint64_t token);

/* Chunks [first, end) that token sees. */
struct attn_range {
	uint32_t first, end;
};

struct attn_range attn_chunks(const struct zinc_op_flash_attn *d, uint64_t token);

/* What token sees of a head's page, and of the first page of a chunk that it sees. */
struct attn_place attn_place_of(const struct zinc_op_flash_attn *d, uint64_t token,
                                uint32_t kv_head, uint32_t page);
struct attn_place attn_start_of(const struct zinc_op_flash_attn *d, uint64_t token,
                                uint32_t kv_head, uint32_t chunk);

/* Copies the block's queries into its space, scaled. */
void attn_load(const struct attn_block *b);
/* One chunk of keys: leaves m, l and acc in space->rows and space->part. */
void attn_chunk(const struct attn_block *b, uint32_t chunk);
/* sum and acc (dv floats) take in the next chunk's. */
void attn_merge(struct attn_sum *sum, float *acc, const struct attn_sum *next,
                const float *next_acc, uint32_t dv);
/* Writes acc / l, gated, as the result of one query. */
void attn_finish(const struct zinc_op_flash_attn *d, const struct cpu_kernels *kern,
                 const struct attn_sum *sum, const float *acc, uint64_t token, uint32_t head);
/* All chunks of a block, from loading to finishing. */
void attn_whole(const struct attn_block *b);

#endif
