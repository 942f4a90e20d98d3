/* attn.h - what the host sides of rope_dual, kv_write and flash_attn share. */
#ifndef ADA_ATTN_H
#define ADA_ATTN_H

#include <assert.h>
#include <zinc/op.h>

#include "ada.h"
#include "attn/args.h"

static_assert(ADA_KV_PAGE == ZINC_KV_PAGE, "kernels know the size of a page");

/* A cache view as op_attn.h lays it out, of a dtype that kernels read and write. */
static inline bool ada_cache_ok(const struct zinc_view *cache)
{
	uint64_t most = UINT32_MAX / ZINC_KV_PAGE;

	if (cache->dtype != ZINC_F32 && cache->dtype != ZINC_F16 && cache->dtype != ZINC_BF16 &&
	    (cache->dtype != ZINC_Q8_0 || cache->ne[0] % 32))
		return false;
	return zinc_shape_is(cache, cache->dtype) && cache->ne[1] == ZINC_KV_PAGE &&
	       cache->off % 2 == 0 && (cache->nb[1] | cache->nb[2] | cache->nb[3]) % 2 == 0 &&
	       cache->nb[1] <= most;
}

/* The tables that say where a step's tokens stand. */
static inline bool ada_batch_ok(const struct zinc_view *tok_seq, const struct zinc_view *tok_pos,
                                const struct zinc_view *blocks, uint32_t n)
{
	return zinc_shape_1d(tok_seq, ZINC_I32, n) && zinc_shape_1d(tok_pos, ZINC_I32, n) &&
	       zinc_shape_2d(blocks, ZINC_I32, blocks->ne[0], 1);
}

/* A launch of rope_dual's kernels: a warp for each head, but fewer blocks for a token
 * where tokens are many, since each computes the angles again. */
static inline void ada_rope_grid(struct ada_launch *l, uint32_t n, uint32_t heads)
{
	uint32_t warps = 8, blocks = ada_div_up(heads, warps), enough = ada_div_up(2048, n);

	if (blocks > enough)
		blocks = enough;

	l->grid[0] = n;
	l->grid[1] = blocks < 65535 ? blocks : 65535;
	l->grid[2] = 1;
	l->block[0] = warps * 32;
	l->block[1] = l->block[2] = 1;
}

/* Rows, heads and pages begin on `bytes`, a power of two. */
static inline bool ada_rows_aligned(const struct zinc_view *v, uint32_t bytes)
{
	return (v->off | v->nb[1] | v->nb[2] | v->nb[3]) % bytes == 0;
}

#endif
