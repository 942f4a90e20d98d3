/* tile_sparse.cu - attention of many tokens over the pages that sparse.cu picked. */
#include "attn/sparse.cuh"

#define ADA_ATTN_SPARSE(name, lanes, row_warps, col_warps, keys, min_blocks)                       \
	ADA_KERNEL(attn_sparse_f16_##name, struct ada_sparse_args, row_warps * col_warps * 32,     \
	           min_blocks)                                                                     \
	{                                                                                          \
		const struct sparse_pages pages(a);                                                \
                                                                                                   \
		tile<struct tile_shape<TILE_F16, lanes, row_warps, col_warps, keys>>(a.attn,       \
		                                                                     pages);       \
	}

ADA_ATTN_SPARSE(64, 64, 8, 1, 64, 2)
ADA_ATTN_SPARSE(128, 128, 8, 1, 64, 2)
ADA_ATTN_SPARSE(256, 256, 8, 1, 32, 1)
ADA_ATTN_SPARSE(512, 512, 4, 2, 32, 1)
ADA_ATTN_SPARSE(512_small, 512, 2, 2, 16, 1)
