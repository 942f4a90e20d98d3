/* tile.cu - attention of many tokens, each over all keys that it sees: the kernels. */
#include "attn/tile_run.cuh"

#define ADA_ATTN_TILE(name, kind, lanes, row_warps, col_warps, keys, min_blocks)                   \
	ADA_KERNEL(attn_tile_##name, struct ada_attn_args, row_warps * col_warps * 32, min_blocks) \
	{                                                                                          \
		tile<struct tile_shape<kind, lanes, row_warps, col_warps, keys>>(a, tile_all());   \
	}

#define ADA_ATTN_TILES(name, kind)                                                                 \
	ADA_ATTN_TILE(name##_64, kind, 64, 8, 1, 64, 2)                                            \
	ADA_ATTN_TILE(name##_128, kind, 128, 8, 1, 64, 2)                                          \
	ADA_ATTN_TILE(name##_256, kind, 256, 8, 1, 32, 1)                                          \
	ADA_ATTN_TILE(name##_512, kind, 512, 4, 2, 32, 1)                                          \
	ADA_ATTN_TILE(name##_512_small, kind, 512, 2, 2, 16, 1)

ADA_ATTN_TILES(f16, TILE_F16)
ADA_ATTN_TILES(bf16, TILE_BF16)
ADA_ATTN_TILES(convert, TILE_CONVERT)
