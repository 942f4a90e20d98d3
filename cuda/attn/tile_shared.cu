/* tile_shared.cu - attention of sequences that share the pages of a prefix: the tiles. */
#include "attn/shared.cuh"

template <typename S, typename PLAN>
__device__ static __forceinline__ void shared_tile(const struct ada_shared_args &a,
                                                   uint32_t n_parts, uint32_t first_part)
{
	PLAN plan;

	/* The length is what the launch before wrote. */
	ada_wait_inputs();
	plan.length = *reinterpret_cast<const uint32_t *>(a.length);
	plan.n_parts = n_parts;
	plan.first_part = first_part;
	tile<S>(a.attn, plan);
}

#define ADA_ATTN_SHARED(name, lanes, row_warps, col_warps, keys, min_blocks)                       \
	ADA_KERNEL(attn_prefix_f16_##name, struct ada_shared_args, row_warps * col_warps * 32,     \
	           min_blocks)                                                                     \
	{                                                                                          \
		shared_tile<struct tile_shape<TILE_F16, lanes, row_warps, col_warps, keys>,        \
		            struct shared_prefix>(a, a.n_prefix, 0);                               \
	}                                                                                          \
	ADA_KERNEL(attn_rest_f16_##name, struct ada_shared_args, row_warps * col_warps * 32,       \
	           min_blocks)                                                                     \
	{                                                                                          \
		shared_tile<struct tile_shape<TILE_F16, lanes, row_warps, col_warps, keys>,        \
		            struct shared_rest>(a, a.n_rest, a.n_prefix);                          \
	}

ADA_ATTN_SHARED(64, 64, 8, 1, 64, 2)
ADA_ATTN_SHARED(128, 128, 8, 1, 64, 2)
ADA_ATTN_SHARED(256, 256, 8, 1, 32, 1)
ADA_ATTN_SHARED(512, 512, 4, 2, 32, 1)
ADA_ATTN_SHARED(512_small, 512, 2, 2, 16, 1)
