/* kv.h - finding rows of the paged cache. */
#ifndef CPU_KV_H
#define CPU_KV_H

#include "cpu.h"

/* A cache view as op_attn.h lays it out, of a dtype that kernels convert. */
bool kv_cache_ok(const struct zinc_view *cache);
/* I32 [n_seqs, max_blocks]. */
bool kv_table_ok(const struct zinc_view *table);

/* The page of block `block` of sequence seq; -1: it is not there. */
static inline int64_t kv_page(const struct zinc_view *table, const struct zinc_view *cache,
                              uint32_t seq, uint32_t block)
{
	int32_t page;

	if (seq >= table->ne[1] || block >= table->ne[0])
		return -1;
	page = cpu_i32(table, seq)[block];
	return page >= 0 && (uint32_t)page < cache->ne[3] ? page : -1;
}

static inline uint8_t *kv_row(const struct zinc_view *cache, int64_t page, uint32_t head,
                              uint32_t slot)
{
	return cpu_ptr(cache) + (uint64_t)page * cache->nb[3] + head * cache->nb[2] +
	       slot * cache->nb[1];
}

#endif
