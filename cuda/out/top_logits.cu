/* top_logits.cu - the best n_top of each row, in order. Grids are [rows, parts].
 *
 * For few, each block finds the best of a part of the row and sorts these; the
 * parts' best are parts of a shorter row, until one part is left. For many (more
 * than half a part), every element counts how many stand before it. */
#include "out/args.h"
#include "out/keys.cuh"

enum { PART = 4096, MAX_TOP = PART / 2, THREADS = 256, KEYS = PART / THREADS, DIGITS = 256 };

/* So few are quicker found one after the other than by their digits. */
enum { FEW = 4 };

/* Descending; size is a power of two. */
__device__ static __forceinline__ void sort_keys(uint64_t *keys, uint32_t size)
{
	for (uint32_t run = 2; run <= size; run *= 2) {
		for (uint32_t apart = run / 2; apart; apart /= 2) {
			__syncthreads();
			for (uint32_t i = threadIdx.x; i < size / 2; i += THREADS) {
				uint32_t low = 2 * i - (i & (apart - 1));
				uint64_t x = keys[low], y = keys[low + apart];

				if ((x < y) == !(low & run)) {
					keys[low] = y;
					keys[low + apart] = x;
				}
			}
		}
	}
	__syncthreads();
}

/* Of the digits from the highest down, the one with which `wanted` keys are
 * reached, and how many there are above it. By one warp. */
__device__ static __forceinline__ void find_digit(const uint32_t *count, uint32_t wanted,
                                                  uint32_t *digit, uint32_t *above)
{
	const uint32_t lane = threadIdx.x, top = DIGITS - 1 - 8 * lane;
	uint32_t mine = 0, sum;

	for (uint32_t i = 0; i < 8; i++)
		mine += count[top - i];
	sum = mine;
	for (uint32_t d = 1; d < 32; d *= 2) {
		uint32_t other = __shfl_up_sync(ADA_FULL_WARP, sum, d);

		sum += lane >= d ? other : 0;
	}
	sum -= mine;
	if (sum >= wanted || sum + mine < wanted)
		return;
	uint32_t i = 0;
	for (; sum + count[top - i] < wanted; i++)
		sum += count[top - i];
	*digit = top - i;
	*above = sum;
}

/* The block's wanted largest keys are those from the result on: a digit of 8 bits
 * after the other, until all keys with the digits so far are among them. */
__device__ static __forceinline__ uint64_t threshold(const uint64_t key[KEYS], uint32_t wanted)
{
	__shared__ uint32_t count[DIGITS], digit, above;
	uint64_t prefix = 0;

	for (int shift = 56;; shift -= 8) {
		count[threadIdx.x] = 0;
		__syncthreads();
#pragma unroll
		for (int i = 0; i < KEYS; i++)
			if (key[i] && (key[i] ^ prefix) >> shift < DIGITS)
				atomicAdd(&count[key[i] >> shift & (DIGITS - 1)], 1u);
		__syncthreads();
		if (threadIdx.x < 32)
			find_digit(count, wanted, &digit, &above);
		__syncthreads();
		prefix |= (uint64_t)digit << shift;
		wanted -= above;
		bool all = count[digit] == wanted;
		__syncthreads();
		if (all || shift == 0)
			return prefix;
	}
}

__device__ static __forceinline__ void put_result(const struct ada_top_args &a, uint32_t row,
                                                  uint32_t at, uint64_t key)
{
	uint32_t index = out_index(key);

	*ada_at<int32_t>(a.ids, at, row) = (int32_t)index;
	*ada_at<float>(a.values, at, row) = *ada_at<float>(a.x, index, row);
}

/* The i-th best of the block's part, to where the next launch looks, or the result. */
__device__ static __forceinline__ void put(const struct ada_top_args &a, uint32_t row, uint32_t i,
                                           uint64_t key)
{
	uint64_t place = ((uint64_t)row * gridDim.y + blockIdx.y) * a.n_top + i;

	if (a.to)
		reinterpret_cast<uint64_t *>(a.to)[place] = key;
	else
		put_result(a, row, i, key);
}

__device__ static __forceinline__ void find_few(const struct ada_top_args &a, uint32_t row,
                                                uint64_t key[KEYS])
{
	__shared__ uint64_t found;

	for (uint32_t n = 0; n < a.n_top; n++) {
		uint64_t best = 0;

#pragma unroll
		for (int i = 0; i < KEYS; i++)
			best = out_max(best, key[i]);
		best = out_block_max<THREADS>(best);
		if (threadIdx.x == 0) {
			put(a, row, n, best);
			found = best;
		}
		__syncthreads();
#pragma unroll
		for (int i = 0; i < KEYS; i++)
			key[i] = key[i] == found ? 0 : key[i];
	}
}

/* The keys from `least` on, in any order; zeros up to size. Returns when all
 * threads see them. */
__device__ static __forceinline__ void gather(const uint64_t key[KEYS], uint64_t least,
                                              uint64_t *best, uint32_t size)
{
	__shared__ uint32_t n;

	for (uint32_t i = threadIdx.x; i < size; i += THREADS)
		best[i] = 0;
	if (threadIdx.x == 0)
		n = 0;
	__syncthreads();
#pragma unroll
	for (int i = 0; i < KEYS; i++)
		if (key[i] >= least)
			best[atomicAdd(&n, 1u)] = key[i];
	__syncthreads();
}

ADA_KERNEL(top_part, struct ada_top_args, 256, 2)
{
	__shared__ uint64_t best[MAX_TOP];
	__shared__ uint32_t have;
	const uint32_t row = blockIdx.x, first = blockIdx.y * PART;
	uint64_t key[KEYS];
	uint32_t size = 2, mine = 0;

	ada_wait_inputs();
	ada_release_next();
	if (row >= ada_live(a.params, a.n))
		return;
	const float *x = ada_at<float>(a.x, 0, row);
	const uint64_t *from = reinterpret_cast<const uint64_t *>(a.from) + (uint64_t)row * a.lanes;
	if (threadIdx.x == 0)
		have = 0;
#pragma unroll
	for (uint32_t i = 0; i < KEYS; i++) {
		uint32_t at = first + i * THREADS + threadIdx.x;

		key[i] = at >= a.lanes ? 0 : a.from ? from[at] : out_key(x[at], at);
		mine += key[i] != 0;
	}
	if (a.n_top <= FEW) {
		find_few(a, row, key);
		return;
	}
	__syncthreads();
	atomicAdd(&have, mine);
	__syncthreads();
	gather(key, have <= a.n_top ? 1 : threshold(key, a.n_top), best, MAX_TOP);
	while (size < a.n_top)
		size *= 2;
	sort_keys(best, size);
	for (uint32_t i = threadIdx.x; i < a.n_top; i += THREADS)
		put(a, row, i, best[i]);
}

ADA_KERNEL(top_rank, struct ada_top_args, 256, 4)
{
	__shared__ uint64_t tile[THREADS];
	const uint32_t row = blockIdx.x;

	ada_wait_inputs();
	ada_release_next();
	if (row >= ada_live(a.params, a.n))
		return;
	const float *x = ada_at<float>(a.x, 0, row);
	for (uint32_t first = blockIdx.y * THREADS; first < a.lanes;
	     first += gridDim.y * THREADS) {
		uint32_t mine = first + threadIdx.x, rank = 0;
		uint64_t key = mine < a.lanes ? out_key(x[mine], mine) : 0;

		for (uint32_t other = 0; other < a.lanes; other += THREADS) {
			uint32_t at = other + threadIdx.x;

			__syncthreads();
			tile[threadIdx.x] = at < a.lanes ? out_key(x[at], at) : 0;
			__syncthreads();
			for (uint32_t i = 0; i < THREADS; i++)
				rank += tile[i] > key;
		}
		if (mine < a.lanes && rank < a.n_top)
			put_result(a, row, rank, key);
	}
}
