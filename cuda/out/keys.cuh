/* keys.cuh - logits as keys: the order of keys as numbers is the order in which
 * op_out.h wants the logits. The value is above, the index below: larger values
 * first, NaN last, ties by lower index. A key of 0 stands for nobody. */
#ifndef ADA_OUT_KEYS_CUH
#define ADA_OUT_KEYS_CUH

#include "kernel.cuh"

__device__ static __forceinline__ uint64_t out_key(float x, uint32_t index)
{
	uint32_t bits = __float_as_uint(x + 0.0f); /* one zero */

	bits = x != x ? 0 : bits >> 31 ? ~bits : bits | 0x80000000u;
	return (uint64_t)bits << 32 | (uint32_t)~index;
}

__device__ static __forceinline__ uint32_t out_index(uint64_t key)
{
	return ~(uint32_t)key;
}

__device__ static __forceinline__ uint64_t out_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The largest key of the block's THREADS, in the threads of the first warp. */
template <int THREADS> __device__ static __forceinline__ uint64_t out_block_max(uint64_t key)
{
	__shared__ uint64_t part[THREADS / 32];

	for (int d = 16; d; d >>= 1)
		key = out_max(key, __shfl_xor_sync(ADA_FULL_WARP, key, d));
	if (threadIdx.x % 32 == 0)
		part[threadIdx.x / 32] = key;
	__syncthreads();
	if (threadIdx.x >= 32)
		return 0;
	key = threadIdx.x < THREADS / 32 ? part[threadIdx.x] : 0;
	for (int d = 16; d; d >>= 1)
		key = out_max(key, __shfl_xor_sync(ADA_FULL_WARP, key, d));
	return key;
}

#endif
