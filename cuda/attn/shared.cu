/* shared.cu - attention of sequences that share the pages of a prefix: how long it is, and
 * the result from the parts of tile_shared.cu. */
#include "attn/shared_args.h"
#include "attn/split.cuh"
#include "attn/tile_store.cuh"

/* Is block `block` the same page in all sequences that have tokens, seen by all of these? */
__device__ static __forceinline__ bool is_shared(const struct ada_attn_args &t, uint32_t n_seqs,
                                                 uint32_t block)
{
	int32_t page = attn_page(t.batch, t.k.ne3, 0, block);

	if (page < 0)
		return false;
	for (uint32_t s = 0; s < n_seqs; s++) {
		uint32_t first = (uint32_t)attn_table(t.batch.seq_first, s);

		if (first == (uint32_t)attn_table(t.batch.seq_first, s + 1))
			continue;
		int32_t pos = attn_table(t.batch.tok_pos, first);

		if (pos + 1 < (int32_t)((block + 1) * ADA_KV_PAGE) ||
		    attn_page(t.batch, t.k.ne3, s, block) != page)
			return false;
	}
	return true;
}

/* The length is a multiple of two pages, as tiles read keys; 0 where there is but one
 * sequence. By one block. */
__device__ static __forceinline__ void find_length(const struct ada_shared_args &a)
{
	const struct ada_attn_args &t = a.attn;
	uint32_t n_seqs = ada_live(t.params, t.n_seqs), mine = threadIdx.x;
	__shared__ uint32_t n_blocks;

	if (!threadIdx.x)
		n_blocks = t.batch.n_blocks;
	__syncthreads();
	while (n_seqs > 1 && mine < t.batch.n_blocks && is_shared(t, n_seqs, mine))
		mine += SHARED_THREADS;
	atomicMin(&n_blocks, n_seqs > 1 ? mine : 0);
	__syncthreads();
	ada_wait_inputs();
	if (!threadIdx.x)
		*reinterpret_cast<uint32_t *>(a.length) = n_blocks / 2 * 2 * ADA_KV_PAGE;
}

/* Block 0: the length. The others: no part has any weight yet. */
ADA_KERNEL(attn_shared_begin, struct ada_shared_args, SHARED_THREADS, 2)
{
	const struct ada_attn_args &t = a.attn;
	uint64_t n = (uint64_t)ada_live(t.params, t.n) * t.n_head * t.n_split;

	ada_release_next();
	if (!blockIdx.x) {
		find_length(a);
		return;
	}
	ada_wait_inputs();
	for (uint64_t i = (blockIdx.x - 1) * blockDim.x + threadIdx.x; i < n;
	     i += (gridDim.x - 1) * blockDim.x)
		*attn_part_ml(t, i) = make_float2(0.0f, 0.0f);
}

/* Block (token, head): parts that nobody wrote have a sum of weights of 0. */
ADA_KERNEL(attn_shared_merge, struct ada_shared_args, 128, 4)
{
	const struct ada_attn_args &t = a.attn;
	uint32_t token = blockIdx.x, head = blockIdx.y;
	uint64_t part = attn_part(t, token, head);
	float top = -INFINITY, l = 0.0f;

	ada_release_next();
	ada_wait_inputs();
	if (token >= ada_live(t.params, t.n))
		return;
	for (uint32_t i = 0; i < t.n_split; i++) {
		float2 ml = *attn_part_ml(t, part + i);

		top = ml.y != 0.0f ? fmaxf(top, ml.x) : top;
	}
	for (uint32_t i = 0; i < t.n_split; i++) {
		float2 ml = *attn_part_ml(t, part + i);

		l += ml.y != 0.0f ? ml.y * ada_exp2(ml.x - top) : 0.0f;
	}
	for (uint32_t d = threadIdx.x * 2; d < t.dv; d += blockDim.x * 2) {
		float2 x = make_float2(0.0f, 0.0f);

		for (uint32_t i = 0; i < t.n_split; i++) {
			float2 ml = *attn_part_ml(t, part + i);

			if (ml.y == 0.0f)
				continue;
			float e = ada_exp2(ml.x - top) / l;
			const float *from = attn_part_sums(t, part + i) + d;

			x.x = fmaf(e, from[0], x.x);
			x.y = fmaf(e, from[1], x.y);
		}
		tile_store_pair(t, token, head, d, x);
	}
}
