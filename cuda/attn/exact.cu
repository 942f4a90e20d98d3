/* exact.cu - the reference: any head dimensions, any cache, F32 throughout.
 *
 * A block has one token and up to eight query heads of one KV head, each head's
 * softmax and values in one warp. Rows of the cache pass through shared memory in
 * slices of EXACT_SLICE lanes, converted by all threads. */
#include "attn/exact.cuh"

enum { PITCH = EXACT_SLICE + 1 };

struct exact {
	float *q, *full, *part; /* [ATTN_ROWS][lanes], [..][dv], [..][dv] */
	float *stage;           /* [ADA_KV_PAGE][PITCH]                    */
	float *p;               /* [ATTN_ROWS][ADA_KV_PAGE]: weights      */
	struct attn_span span;
	uint32_t token, seq, kv_head, head; /* head: of this warp */
	uint32_t row, lane;
	bool mine; /* this warp has a head */
};

__device__ static float load_one(uint32_t dtype, uint64_t row, uint32_t d)
{
	if (dtype == ATTN_F32)
		return reinterpret_cast<const float *>(row)[d];
	if (dtype == ATTN_F16)
		return ada_f16_to_f32(reinterpret_cast<const uint16_t *>(row)[d]);
	if (dtype == ATTN_BF16)
		return ada_bf16_to_f32(reinterpret_cast<const uint16_t *>(row)[d]);
	uint64_t block = row + d / 32 * ATTN_Q8_BLOCK;

	return ada_f16_to_f32(*reinterpret_cast<const uint16_t *>(block)) *
	       (float)reinterpret_cast<const int8_t *>(block)[2 + d % 32];
}

/* Lanes [from, from + EXACT_SLICE) of the slots [s.first, s.end) of a page. */
__device__ static void stage_slice(const struct exact &x, const struct ada_view &cache,
                                   uint32_t dtype, uint32_t page, struct attn_span s, uint32_t from,
                                   uint32_t lanes)
{
	__syncthreads();
	for (uint32_t i = threadIdx.x; i < ADA_KV_PAGE * EXACT_SLICE; i += blockDim.x) {
		uint32_t slot = i / EXACT_SLICE, d = i % EXACT_SLICE;

		if (slot >= s.first && slot < s.end && from + d < lanes)
			x.stage[slot * PITCH + d] =
				load_one(dtype, attn_row(cache, page, x.kv_head, slot), from + d);
	}
	__syncthreads();
}

/* This lane's score: of slot x.lane for the warp's head. */
__device__ static float score(const struct ada_attn_args &a, const struct exact &x, uint32_t page,
                              struct attn_span s)
{
	float dot = 0.0f;

	for (uint32_t from = 0; from < a.lanes; from += EXACT_SLICE) {
		uint32_t n = a.lanes - from < EXACT_SLICE ? a.lanes - from : EXACT_SLICE;
		const float *q = x.q + x.row * a.lanes + from, *k = x.stage + x.lane * PITCH;

		stage_slice(x, a.k, a.dtype_k, page, s, from, a.lanes);
		if (x.mine && x.lane >= s.first && x.lane < s.end)
			for (uint32_t d = 0; d < n; d++)
				dot = fmaf(q[d], k[d], dot);
	}
	dot *= a.scale;
	if (a.softcap != 0.0f)
		dot = a.softcap * tanhf(dot / a.softcap);
	return x.lane >= s.first && x.lane < s.end ? dot : -INFINITY;
}

/* part = part * shrink + sum of weight times value, keys in order. */
__device__ static void add_values(const struct ada_attn_args &a, const struct exact &x,
                                  uint32_t page, struct attn_span s, float shrink)
{
	for (uint32_t from = 0; from < a.dv; from += EXACT_SLICE) {
		stage_slice(x, a.v, a.dtype_v, page, s, from, a.dv);
		for (uint32_t d = x.lane; x.mine && d < EXACT_SLICE && from + d < a.dv; d += 32) {
			float *at = x.part + x.row * a.dv + from + d, acc = *at * shrink;

			for (uint32_t j = s.first; j < s.end; j++)
				acc = fmaf(x.p[x.row * ADA_KV_PAGE + j], x.stage[j * PITCH + d],
				           acc);
			*at = acc;
		}
	}
}

__device__ static void one_page(const struct ada_attn_args &a, const struct exact &x,
                                uint32_t block, struct attn_sum *sum)
{
	uint32_t start = block * ADA_KV_PAGE, end = start + ADA_KV_PAGE;
	struct attn_span s = {x.span.first > start ? x.span.first - start : 0,
	                      (x.span.end < end ? x.span.end : end) - start};
	int32_t k_page = attn_page(a.batch, a.k.ne3, x.seq, block);
	int32_t v_page = attn_page(a.batch, a.v.ne3, x.seq, block);

	if (k_page < 0 || v_page < 0)
		return;
	float dot = score(a, x, (uint32_t)k_page, s);
	float m = fmaxf(sum->m, ada_warp_max(dot)), p = expf(dot - m);
	float shrink = expf(sum->m - m);

	sum->l = fmaf(sum->l, shrink, ada_warp_sum(p));
	sum->m = m;
	x.p[x.row * ADA_KV_PAGE + x.lane] = p;
	add_values(a, x, (uint32_t)v_page, s, shrink);
}

/* Leaves the chunk's values in x.part. */
__device__ static struct attn_sum one_chunk(const struct ada_attn_args &a, const struct exact &x,
                                            uint32_t chunk)
{
	struct attn_sum sum = {-INFINITY, 0.0f};
	uint32_t first = chunk * EXACT_CHUNK_PAGES, end = first + EXACT_CHUNK_PAGES;

	for (uint32_t d = x.lane; d < a.dv; d += 32)
		x.part[x.row * a.dv + d] = 0.0f;
	if (first < x.span.first / ADA_KV_PAGE)
		first = x.span.first / ADA_KV_PAGE;
	for (uint32_t b = first; b < end && b * ADA_KV_PAGE < x.span.end; b++)
		one_page(a, x, b, &sum);
	return sum;
}

/* All but the queries, which wait for the op before. */
__device__ static struct exact exact_begin(const struct ada_attn_args &a, float *mem)
{
	struct exact x;
	uint32_t part = blockIdx.y % a.group_parts;

	x.q = mem;
	x.full = x.q + ATTN_ROWS * a.lanes;
	x.part = x.full + ATTN_ROWS * a.dv;
	x.stage = x.part + ATTN_ROWS * a.dv;
	x.p = x.stage + ADA_KV_PAGE * PITCH;
	x.row = threadIdx.x / 32;
	x.lane = threadIdx.x % 32;
	x.token = blockIdx.x;
	x.kv_head = blockIdx.y / a.group_parts;
	x.head = x.kv_head * a.group + part * ATTN_ROWS + x.row;
	x.mine = part * ATTN_ROWS + x.row < a.group;
	x.seq = 0;
	x.span.first = x.span.end = 0;
	if (x.token < ada_live(a.params, a.n)) {
		x.seq = (uint32_t)attn_table(a.batch.tok_seq, x.token);
		x.span = attn_visible(a, x.token);
	}
	return x;
}

__device__ static void load_query(const struct ada_attn_args &a, const struct exact &x)
{
	for (uint32_t d = x.lane; x.mine && d < a.lanes; d += 32)
		x.q[x.row * a.lanes + d] = *ada_at<const float>(a.q, d, x.head, x.token);
	__syncwarp();
}

ADA_KERNEL(attn_exact, struct ada_attn_args, 256, 2)
{
	ADA_DYN_SHARED(float, mem);
	struct exact x = exact_begin(a, mem);
	struct attn_span chunks = attn_chunks(x.span);
	struct attn_sum sum = {-INFINITY, 0.0f};
	bool live = x.token < ada_live(a.params, a.n);

	ada_release_next();
	ada_wait_inputs();
	if (!live)
		return;
	load_query(a, x);
	for (uint32_t c = chunks.first; c < chunks.end; c++) {
		struct attn_shares s = attn_merge(&sum, one_chunk(a, x, c));

		for (uint32_t i = x.row * a.dv + x.lane; i < (x.row + 1) * a.dv; i += 32)
			x.full[i] = s.old_part == 0.0f ? x.part[i]
			                               : attn_merge_one(s, x.full[i], x.part[i]);
	}
	for (uint32_t d = x.lane; x.mine && d < a.dv; d += 32)
		attn_store(a, x.token, x.head, d,
		           sum.l != 0.0f ? x.full[x.row * a.dv + d] / sum.l : 0.0f);
}

/* Each chunk in a block of its own: blockIdx.z counts them from the first that
 * the token sees. */
ADA_KERNEL(attn_exact_parts, struct ada_attn_args, 256, 2)
{
	ADA_DYN_SHARED(float, mem);
	struct exact x = exact_begin(a, mem);
	struct attn_span chunks = attn_chunks(x.span);
	uint32_t chunk = chunks.first + blockIdx.z;

	ada_release_next();
	ada_wait_inputs();
	if (chunk >= chunks.end)
		return;
	load_query(a, x);
	struct attn_sum sum = one_chunk(a, x, chunk);

	if (!x.mine)
		return;
	uint64_t at = ((uint64_t)x.token * a.n_head + x.head) * a.n_split + blockIdx.z;
	float *to = reinterpret_cast<float *>(a.parts) + at * a.dv;

	for (uint32_t d = x.lane; d < a.dv; d += 32)
		to[d] = x.part[x.row * a.dv + d];
	if (!x.lane)
		reinterpret_cast<float2 *>(a.part_ml)[at] = make_float2(sum.m, sum.l);
}

/* Block (token, head). */
ADA_KERNEL(attn_exact_merge, struct ada_attn_args, 128, 8)
{
	uint32_t token = blockIdx.x, head = blockIdx.y;
	bool live = token < ada_live(a.params, a.n);
	struct attn_span chunks = {0, 0};

	ada_release_next();
	if (live)
		chunks = attn_chunks(attn_visible(a, token));
	ada_wait_inputs();
	if (!live)
		return;
	uint64_t at = ((uint64_t)token * a.n_head + head) * a.n_split;
	const float *parts = reinterpret_cast<const float *>(a.parts) + at * a.dv;
	const float2 *ml = reinterpret_cast<const float2 *>(a.part_ml) + at;

	for (uint32_t d = threadIdx.x; d < a.dv; d += blockDim.x) {
		struct attn_sum sum = {-INFINITY, 0.0f};
		float acc = 0.0f;

		for (uint32_t i = 0; i < chunks.end - chunks.first; i++) {
			struct attn_sum next = {ml[i].x, ml[i].y};
			struct attn_shares s = attn_merge(&sum, next);
			float part = parts[(uint64_t)i * a.dv + d];

			acc = s.old_part == 0.0f ? part : attn_merge_one(s, acc, part);
		}
		attn_store(a, token, head, d, sum.l != 0.0f ? acc / sum.l : 0.0f);
	}
}
