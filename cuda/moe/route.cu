/* route.cu - the router: experts and weights of each token, and the same choice
 * as lists per expert.
 *
 * The lists are made by counting. A few tokens are one block's work. Of many,
 * each block counts its tile's cells by expert; a second launch adds the counts
 * of the tiles before to find where its cells go. */
#include "moe/args.h"
#include "moe/choose.cuh"

/* The block's shared memory: [n_expert] keys, [k] chosen and [k] p of each warp,
 * then the cells of the tile. */
__device__ static __forceinline__ struct route_space space_of(const struct ada_route_args &a,
                                                              uint32_t *shared, uint32_t warp)
{
	uint32_t *mine = shared + warp * (a.n_expert + 2 * a.k);
	struct route_space s = {mine, reinterpret_cast<int32_t *>(mine + a.n_expert),
	                        reinterpret_cast<float *>(mine + a.n_expert + a.k)};

	return s;
}

__device__ static __forceinline__ int32_t *cells_of(const struct ada_route_args &a,
                                                    uint32_t *shared)
{
	return reinterpret_cast<int32_t *>(shared + a.tile_tokens * (a.n_expert + 2 * a.k));
}

/* Few tokens, one block. A cell's place is the number of cells before it. */
ADA_KERNEL(moe_route_few, struct ada_route_args, 1024, 1)
{
	ADA_DYN_SHARED(uint32_t, shared);
	const uint32_t warp = threadIdx.x / 32;
	int32_t *cells = cells_of(a, shared);

	ada_wait_inputs();
	ada_release_next();
	/* Rows that are not live may be given anything; only the lists leave them out. */
	if (warp < a.n.imm)
		route_token(a, warp, space_of(a, shared, warp), cells + warp * a.k);
	const uint32_t n_cells = ada_live(a.params, a.n) * a.k;
	__syncthreads();
	int32_t *first = reinterpret_cast<int32_t *>(a.expert_first);
	int32_t *perm = reinterpret_cast<int32_t *>(a.perm);
	for (uint32_t e = threadIdx.x; e <= a.n_expert; e += blockDim.x) {
		int32_t before = 0;

		for (uint32_t c = 0; c < n_cells; c++)
			before += cells[c] < (int32_t)e;
		first[e] = before;
	}
	for (uint32_t c = threadIdx.x; c < n_cells; c += blockDim.x) {
		int32_t e = cells[c], before = 0;

		for (uint32_t o = 0; o < n_cells; o++)
			before += cells[o] < e || (cells[o] == e && o < c);
		perm[before] = (int32_t)c;
	}
}

ADA_KERNEL(moe_route_tile, struct ada_route_args, 1024, 1)
{
	ADA_DYN_SHARED(uint32_t, shared);
	const uint32_t warp = threadIdx.x / 32, token = blockIdx.x * a.tile_tokens + warp;
	int32_t *cells = cells_of(a, shared);

	ada_wait_inputs();
	ada_release_next();
	const uint32_t n = ada_live(a.params, a.n), from = blockIdx.x * a.tile_tokens;
	if (from >= n)
		return;
	if (token < n)
		route_token(a, token, space_of(a, shared, warp), cells + warp * a.k);
	__syncthreads();
	/* the keys are done with */
	uint32_t *count = shared;
	for (uint32_t e = threadIdx.x; e < a.n_expert; e += blockDim.x)
		count[e] = 0;
	__syncthreads();
	uint32_t tokens = n - from < a.tile_tokens ? n - from : a.tile_tokens;
	for (uint32_t c = threadIdx.x; c < tokens * a.k; c += blockDim.x)
		atomicAdd(&count[cells[c]], 1u);
	__syncthreads();
	uint32_t *out = reinterpret_cast<uint32_t *>(a.counts) + (uint64_t)blockIdx.x * a.n_expert;
	for (uint32_t e = threadIdx.x; e < a.n_expert; e += blockDim.x)
		out[e] = count[e];
}

/* Sums of all before, in place, by one warp. */
__device__ static __forceinline__ void scan_exclusive(uint32_t *x, uint32_t n)
{
	const uint32_t lane = threadIdx.x % 32, each = (n + 31) / 32;
	const uint32_t first = lane * each < n ? lane * each : n;
	const uint32_t end = first + each < n ? first + each : n;
	uint32_t sum = 0;

	for (uint32_t i = first; i < end; i++)
		sum += x[i];
	uint32_t before = sum;
	for (uint32_t d = 1; d < 32; d *= 2) {
		uint32_t other = __shfl_up_sync(ADA_FULL_WARP, before, d);

		before += lane >= d ? other : 0;
	}
	before -= sum;
	for (uint32_t i = first; i < end; i++) {
		uint32_t here = x[i];

		x[i] = before;
		before += here;
	}
}

/* Where each expert's cells of this tile begin: after all of lower experts, and
 * those of earlier tiles. Block 0 also writes expert_first. */
__device__ static __forceinline__ void find_places(const struct ada_route_args &a, uint32_t n,
                                                   uint32_t *total, uint32_t *before)
{
	const uint32_t *counts = reinterpret_cast<const uint32_t *>(a.counts);
	const uint32_t tiles = (n + a.tile_tokens - 1) / a.tile_tokens;
	int32_t *first = reinterpret_cast<int32_t *>(a.expert_first);

	for (uint32_t e = threadIdx.x; e < a.n_expert; e += blockDim.x) {
		uint32_t all = 0, earlier = 0;

#pragma unroll 8
		for (uint32_t t = 0; t < tiles; t++) {
			uint32_t c = counts[(uint64_t)t * a.n_expert + e];

			all += c;
			earlier += t < blockIdx.x ? c : 0;
		}
		total[e] = all;
		before[e] = earlier;
	}
	__syncthreads();
	if (threadIdx.x < 32)
		scan_exclusive(total, a.n_expert);
	__syncthreads();
	for (uint32_t e = threadIdx.x; e < a.n_expert; e += blockDim.x) {
		before[e] += total[e];
		if (blockIdx.x == 0)
			first[e] = (int32_t)total[e];
	}
	if (blockIdx.x == 0 && threadIdx.x == 0)
		first[a.n_expert] = (int32_t)(n * a.k);
	__syncthreads();
}

ADA_KERNEL(moe_route_place, struct ada_route_args, 256, 2)
{
	ADA_DYN_SHARED(uint32_t, shared);
	uint32_t *total = shared, *begin = shared + a.n_expert;
	int32_t *cells = reinterpret_cast<int32_t *>(begin + a.n_expert);

	ada_wait_inputs();
	ada_release_next();
	const uint32_t n = ada_live(a.params, a.n), from = blockIdx.x * a.tile_tokens;
	if (from >= n && blockIdx.x > 0)
		return;
	const uint32_t left = from < n ? n - from : 0;
	const uint32_t n_cells = (left < a.tile_tokens ? left : a.tile_tokens) * a.k;
	const int32_t *ids = reinterpret_cast<const int32_t *>(a.ids) + (uint64_t)from * a.k;
	for (uint32_t c = threadIdx.x; c < n_cells; c += blockDim.x)
		cells[c] = ids[c];
	find_places(a, n, total, begin);
	int32_t *perm = reinterpret_cast<int32_t *>(a.perm);
	for (uint32_t c = threadIdx.x; c < n_cells; c += blockDim.x) {
		uint32_t at = begin[cells[c]];

		for (uint32_t o = 0; o < c; o++)
			at += cells[o] == cells[c];
		perm[at] = (int32_t)(from * a.k + c);
	}
}
