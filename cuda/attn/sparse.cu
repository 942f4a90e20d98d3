/* sparse.cu - which pages of a long context a tile of queries reads; see sparse.cuh. */
#include "attn/sparse.cuh"
#include "common/ptx.cuh"

/* Block (page, KV head, sequence): the mean of the keys that the page has. F16 caches. */
ADA_KERNEL(attn_sparse_means, struct ada_sparse_args, 128, 4)
{
	const struct ada_attn_args &t = a.attn;
	uint32_t seq = blockIdx.z, block = blockIdx.x, head = blockIdx.y;

	ada_release_next();
	ada_wait_inputs();
	if (seq >= ada_live(t.params, t.n_seqs))
		return;
	uint32_t behind = (uint32_t)attn_table(t.batch.seq_first, seq + 1);

	if (behind == (uint32_t)attn_table(t.batch.seq_first, seq))
		return; /* nobody asks */
	uint32_t end = (uint32_t)attn_table(t.batch.tok_pos, behind - 1) + 1;
	uint32_t first = block * ADA_KV_PAGE;
	int32_t page = attn_page(t.batch, t.k.ne3, seq, block);

	if (first >= end || page < 0)
		return;
	uint32_t n = min(end - first, (uint32_t)ADA_KV_PAGE);
	float *to = sparse_mean(a, (uint32_t)page, head);

	for (uint32_t d = threadIdx.x * 2; d < t.lanes; d += blockDim.x * 2) {
		float2 sum = make_float2(0.0f, 0.0f);

#pragma unroll 8
		for (uint32_t i = 0; i < n; i++) {
			uint64_t row = attn_row(t.k, (uint32_t)page, head, i);
			float2 x = ada_f16x2_to_f32(
				__ldcg(reinterpret_cast<const uint32_t *>(row) + d / 2));

			sum.x += x.x;
			sum.y += x.y;
		}
		to[d] = sum.x / (float)n;
		to[d + 1] = sum.y / (float)n;
	}
}

/* Unsigned numbers in the order of the floats. */
__device__ static __forceinline__ uint32_t order_of(float x)
{
	uint32_t u = __float_as_uint(x);

	return u >> 31 ? ~u : u | 0x80000000u;
}

/* The sums over the tile's tokens, of each head; their signs are those of scores. */
__device__ static __forceinline__ void sum_queries(const struct ada_attn_args &t,
                                                   const struct tile_work &w, float *queries)
{
	for (uint32_t i = threadIdx.x; i < w.n_heads * t.lanes; i += SPARSE_THREADS) {
		float sum = 0.0f;

		for (uint32_t j = 0; j < w.n_tokens; j++)
			sum += *ada_at<const float>(t.q, i % t.lanes, w.head + i / t.lanes,
			                            w.token + j);
		queries[i] = t.scale < 0.0f ? -sum : sum;
	}
}

/* Pages by warps in turn: the best of any head. */
__device__ static __forceinline__ void score_pages(const struct ada_sparse_args &a,
                                                   const struct tile_work &w, uint32_t n_pages,
                                                   const float *queries, uint32_t *scores)
{
	const struct ada_attn_args &t = a.attn;
	uint32_t lane = threadIdx.x % 32;

	for (uint32_t p = threadIdx.x / 32; p < n_pages; p += SPARSE_THREADS / 32) {
		uint32_t page = (uint32_t)attn_table(w.blocks, p);
		const float *mean = sparse_mean(a, page < t.k.ne3 ? page : 0, w.kv_head);
		float best = -INFINITY;

		for (uint32_t h = 0; h < w.n_heads; h++) {
			float sum = 0.0f;

			for (uint32_t d = lane; d < t.lanes; d += 32)
				sum = fmaf(queries[h * t.lanes + d], mean[d], sum);
			best = fmaxf(best, ada_warp_sum(sum));
		}
		if (!lane)
			scores[p] = order_of(best);
	}
}

/* The largest number that at least `want` of the scores reach, bit by bit. */
__device__ static uint32_t level_of(const uint32_t *scores, uint32_t n_pages, uint32_t want,
                                    uint32_t *count)
{
	uint32_t level = 0;

	for (uint32_t bit = 0x80000000u; bit; bit >>= 1) {
		uint32_t mine = 0;

		if (!threadIdx.x)
			*count = 0;
		__syncthreads();
		for (uint32_t p = threadIdx.x; p < n_pages; p += SPARSE_THREADS)
			mine += scores[p] >= (level | bit);
		if (mine)
			atomicAdd(count, mine);
		__syncthreads();
		if (*count >= want)
			level |= bit;
		__syncthreads();
	}
	return level;
}

/* A word of the mask by each warp in turn. */
__device__ static __forceinline__ void write_mask(const struct ada_sparse_args &a,
                                                  const struct tile_work &w, uint32_t n_pages,
                                                  const uint32_t *scores, uint32_t level)
{
	/* All pages in which tokens of the tile stand, and those before them. */
	uint32_t last = w.n_tokens / ADA_KV_PAGE + 2 + SPARSE_LAST;
	uint32_t *mask = sparse_mask(a), lane = threadIdx.x % 32;

	for (uint32_t i = threadIdx.x / 32; i < a.mask_words; i += SPARSE_THREADS / 32) {
		uint32_t p = i * 32 + lane;
		bool reads = p < n_pages && (!p || p + last >= n_pages || scores[p] >= level);
		uint32_t word = __ballot_sync(ADA_FULL_WARP, reads);

		if (!lane)
			mask[i] = word;
	}
}

ADA_KERNEL(attn_sparse_pick, struct ada_sparse_args, SPARSE_THREADS, 2)
{
	const struct ada_attn_args &t = a.attn;
	ADA_DYN_SHARED(float, queries);
	__shared__ uint32_t count;
	uint32_t *scores = reinterpret_cast<uint32_t *>(queries) + a.heads * t.lanes;
	struct tile_work w = {};
	uint32_t part = blockIdx.x % t.group_parts * a.rows, level = 0;

	ada_release_next();
	ada_wait_inputs();
	w.kv_head = blockIdx.x / t.group_parts;
	w.head = w.kv_head * t.group + part;
	w.n_heads = min(t.group - part, a.rows);
	if (!tile_find(t, blockIdx.y, &w))
		return;
	uint32_t end = attn_visible(t, w.token + w.n_tokens - 1).end;
	uint32_t n_pages = (end + ADA_KV_PAGE - 1) / ADA_KV_PAGE;
	uint32_t want = (uint32_t)(((uint64_t)n_pages * a.percent + 99) / 100);

	for (uint32_t p = threadIdx.x; p < n_pages; p += SPARSE_THREADS)
		scores[p] = 0;
	if (end > a.from && want < n_pages) {
		sum_queries(t, w, queries);
		__syncthreads();
		score_pages(a, w, n_pages, queries, scores);
		__syncthreads();
		level = level_of(scores, n_pages, want, &count);
	}
	__syncthreads();
	write_mask(a, w, n_pages, scores, level);
}
