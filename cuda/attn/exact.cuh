/* exact.cuh - attention whose bits depend on the query's own row only.
 *
 * A query's keys are summed page by page inside chunks of EXACT_CHUNK_PAGES pages,
 * counted from position 0, and the chunks' sums are merged in order: by the block
 * that made them one after the other, or by a kernel of its own when each chunk
 * has a block. What stands beside the query changes neither order. */
#ifndef ADA_ATTN_EXACT_CUH
#define ADA_ATTN_EXACT_CUH

#include "attn/batch.cuh"

/* Sums of weights, and the maximum they are relative to. l == 0: nothing yet. */
struct attn_sum {
	float m, l;
};

/* Factors by which a sum and the next chunk's count in their merger. */
struct attn_shares {
	float old_part, new_part;
};

__device__ static __forceinline__ struct attn_shares attn_merge(struct attn_sum *sum,
                                                                struct attn_sum next)
{
	struct attn_shares s = {1.0f, 0.0f};

	if (next.l == 0.0f)
		return s;
	if (sum->l == 0.0f) {
		*sum = next;
		s.old_part = 0.0f;
		s.new_part = 1.0f;
		return s;
	}
	float m = fmaxf(sum->m, next.m);

	s.old_part = expf(sum->m - m);
	s.new_part = expf(next.m - m);
	sum->m = m;
	sum->l = fmaf(sum->l, s.old_part, next.l * s.new_part);
	return s;
}

__device__ static __forceinline__ float attn_merge_one(struct attn_shares s, float acc, float next)
{
	return fmaf(acc, s.old_part, next * s.new_part);
}

/* Chunks [first, end) that see the span. */
__device__ static __forceinline__ struct attn_span attn_chunks(struct attn_span s)
{
	const uint32_t chunk = EXACT_CHUNK_PAGES * ADA_KV_PAGE;
	struct attn_span c = {s.first / chunk, (s.end + chunk - 1) / chunk};

	return c;
}

#endif
