/* kv.h - what kernels ask of the paged cache and its tables. */
#ifndef RDNA4_KV_H
#define RDNA4_KV_H

#include "args.h"

/* A cache view as op_attn.h lays it out, of a dtype that kernels convert. */
static inline bool rdna4_cache_ok(const struct zinc_view *cache)
{
	switch (cache->dtype) {
	case ZINC_F32:
	case ZINC_F16:
	case ZINC_BF16:
		break;
	case ZINC_Q8_0:
		if (cache->ne[0] % 32)
			return false;
		break;
	default:
		return false;
	}
	return zinc_shape_is(cache, cache->dtype) && cache->ne[1] == ZINC_KV_PAGE &&
	       cache->off % 2 == 0 && cache->nb[1] % 2 == 0 && cache->nb[1] <= UINT32_MAX;
}

/* I32 [n_seqs, max_blocks] */
static inline bool rdna4_table_ok(const struct zinc_view *table)
{
	return zinc_shape_2d(table, ZINC_I32, table->ne[0], 1);
}

#endif
