/* shared.cuh - tiles for sequences that share the pages of a prefix.
 *
 * Keys and values of the prefix are the same for all tokens of the step, so that tokens of
 * different sequences make up a tile and read them once; no key is masked. The rest of each
 * sequence goes by tiles of its own. Both leave parts, which attn_shared_merge adds up. */
#ifndef ADA_ATTN_SHARED_CUH
#define ADA_ATTN_SHARED_CUH

#include "attn/shared_args.h"
#include "attn/tile_run.cuh"

struct shared_plan {
	static constexpr bool some = false, waits = true, alone = false;
	uint32_t length, n_parts, first_part;

	template <typename S>
	__device__ __forceinline__ uint32_t next(uint32_t key, uint32_t) const
	{
		return key;
	}
};

/* Tile `blockIdx.y` of all tokens, over the prefix. */
struct shared_prefix : shared_plan {
	template <typename S>
	__device__ __forceinline__ struct tile_work begin(const struct ada_attn_args &a) const
	{
		struct tile_work w = tile_heads<S>(a);
		uint32_t n = ada_live(a.params, a.n);

		w.token = blockIdx.y * a.tile_tokens;
		if (w.token >= n || !length)
			return w;
		w.n_tokens = min(a.tile_tokens, n - w.token);
		w.n_rows = w.n_tokens * w.n_heads;
		w.blocks = a.batch.blocks;
		w.end = w.all_end = length;
		tile_share<S>(n_parts, &w);
		return w;
	}

	__device__ __forceinline__ uint32_t end_of(const struct ada_attn_args &, uint32_t) const
	{
		return length;
	}
};

/* Tiles of the sequences, from where the prefix ends. */
struct shared_rest : shared_plan {
	template <typename S>
	__device__ __forceinline__ struct tile_work begin(const struct ada_attn_args &a) const
	{
		struct tile_work w = tile_heads<S>(a);

		if (!tile_find(a, blockIdx.y, &w))
			return w;
		w.n_rows = w.n_tokens * w.n_heads;
		w.first = w.all_first = length;
		w.end = attn_visible(a, w.token + w.n_tokens - 1).end;
		w.all_end = attn_visible(a, w.token).end;
		if (w.end > w.first)
			tile_share<S>(n_parts, &w);
		return w;
	}

	__device__ __forceinline__ uint32_t end_of(const struct ada_attn_args &a,
	                                           uint32_t token) const
	{
		return attn_visible(a, token).end;
	}
};

#endif
