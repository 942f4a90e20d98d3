/* attn.h - one block of attention: some tokens of one sequence, some query heads
 * of one KV head, against the cache.
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
	float *k, *v;       /* ZINC_KV_PAGE rows of one page, converted */
	float *q;           /* attn_rows() query rows                   */
	float *part, *full; /* attn_rows() rows of weighted values      */
	struct kern_query *rows;
};

/* The sum over all chunks so far, of one query. l == 0: nothing yet. */
struct attn_sum {
	float m, l;
};

struct attn_block {
	const struct zinc_op_flash_attn *d;
	const struct cpu_kernels *kern;
	struct attn_space *space;
	uint32_t seq, kv_head;
	uint32_t token, n_tokens;
	uint32_t head, n_heads; /* query heads, all of kv_head */
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

/* Chunks [first, end) that token sees. */
struct attn_range {
	uint32_t first, end;
};

struct attn_range attn_chunks(const struct zinc_op_flash_attn *d, uint64_t token);

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
