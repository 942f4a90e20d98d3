/* split.cuh - blocks that share the keys of the same queries. Each leaves its sums
 * in scratch memory, and the last one to finish merges them, in order of keys. */
#ifndef ADA_ATTN_SPLIT_CUH
#define ADA_ATTN_SPLIT_CUH

#include "attn/batch.cuh"

/* How many blocks of a group have finished; always 0 between launches. */
static __device__ uint32_t attn_tickets[ATTN_TICKETS];

/* The place of a query's first part among all parts. */
__device__ static __forceinline__ uint64_t attn_part(const struct ada_attn_args &a, uint32_t token,
                                                     uint32_t head)
{
	return ((uint64_t)token * a.n_head + head) * a.n_split;
}

__device__ static __forceinline__ float *attn_part_sums(const struct ada_attn_args &a,
                                                        uint64_t part)
{
	return reinterpret_cast<float *>(a.parts) + part * a.dv;
}

/* Maximum and sum of weights. */
__device__ static __forceinline__ float2 *attn_part_ml(const struct ada_attn_args &a, uint64_t part)
{
	return reinterpret_cast<float2 *>(a.part_ml) + part;
}

/* True in all threads of the last of a group's n blocks to come here; what the
 * others wrote before is visible to it then. `shared` is the block's own. */
__device__ static __forceinline__ bool attn_is_last(uint32_t group, uint32_t n, uint32_t *shared)
{
	__threadfence();
	__syncthreads();
	if (!threadIdx.x) {
		*shared = atomicAdd(&attn_tickets[group], 1) == n - 1;
		if (*shared)
			attn_tickets[group] = 0;
	}
	__syncthreads();
	__threadfence();
	return *shared;
}

#endif
