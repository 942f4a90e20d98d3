/* sparse.cuh - attention over some of a long context's pages: what its kernels share.
 *
 * Of a tile (tile.cuh) and a page, how well the mean key of the page answers the mean
 * query of any head of the tile says whether the tile reads the page. A share of the pages
 * that the tile sees is read, the best ones; and always the first page, which takes the
 * weight of queries that want nothing, and the last ones, where the tile itself stands. */
#ifndef ADA_ATTN_SPARSE_CUH
#define ADA_ATTN_SPARSE_CUH

#include "attn/sparse_args.h"
#include "attn/tile_run.cuh"

/* The mean key of a page and KV head, F32 [lanes]. */
__device__ static __forceinline__ float *sparse_mean(const struct ada_sparse_args &a,
                                                     uint32_t page, uint32_t head)
{
	uint64_t row = (uint64_t)page * a.attn.k.ne2 + head;

	return reinterpret_cast<float *>(a.means) + row * a.attn.lanes;
}

/* A bit for each page of the tile's sequence. */
__device__ static __forceinline__ uint32_t *sparse_mask(const struct ada_sparse_args &a)
{
	uint64_t tile = (uint64_t)blockIdx.y * gridDim.x + blockIdx.x;

	return reinterpret_cast<uint32_t *>(a.mask) + tile * a.mask_words;
}

/* A plan for tile(): as all keys, but for the pages left out. Where the mask is, is worked
 * out anew each time, since registers are short. */
struct sparse_pages : tile_all {
	static constexpr bool some = true;
	const struct ada_sparse_args &args;

	__device__ __forceinline__ sparse_pages(const struct ada_sparse_args &a) : args(a)
	{
	}

	template <typename S>
	__device__ __forceinline__ uint32_t next(uint32_t key, uint32_t to) const
	{
		constexpr uint32_t WORD = 32 * ADA_KV_PAGE; /* keys */
		const uint32_t *words = sparse_mask(args);

		while (key < to) {
			uint32_t page = key / ADA_KV_PAGE, bits = words[page / 32] >> page % 32;

			if (bits & (S::keys > ADA_KV_PAGE ? 3 : 1))
				return key;
			key = bits ? key + S::keys : (key / WORD + 1) * WORD;
		}
		return key;
	}
};

#endif
