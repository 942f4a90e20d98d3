/* tile.cuh - attention of many tokens: what part of the work a block does, and
 * how its queries, keys and values come to shared memory.
 *
 * A block has the rows (token, query head) of some neighbouring tokens of one
 * sequence and the query heads of one KV head, 16 to a warp, and takes their keys
 * BC at a time. Where a head is too wide for one warp's registers, CW warps share
 * 16 rows, each with its part of the lanes. */
#ifndef ADA_ATTN_TILE_CUH
#define ADA_ATTN_TILE_CUH

#include "attn/batch.cuh"
#include "common/ptx.cuh"

/* F16 and BF16 caches are copied as they are; others, F32 and Q8_0, are rounded
 * to F16 on the way. */
enum tile_kind { TILE_F16, TILE_BF16, TILE_CONVERT };

template <int KIND, int D, int RW, int CW, int BC> struct tile_shape {
	static constexpr int kind = KIND, lanes = D, row_warps = RW, col_warps = CW, keys = BC;
	static constexpr int rows = RW * 16, threads = RW * CW * 32;
	static constexpr int chunks = D / 8; /* of 16 bytes, in a row */
	static constexpr bool bf16 = KIND == TILE_BF16;
	/* Rows of the cache that all threads copy in one go. */
	static constexpr int step = threads / chunks;

	/* Bytes from row to row. Eight rows' chunks of one number must lie in all
	 * banks: keys and values have a gap for that, queries, for which a gap
	 * would be too much, change the order of their chunks. */
	static constexpr int q_pitch = D * 2, kv_pitch = D * 2 + 16;

	static constexpr int k_at = rows * q_pitch, v_at = k_at + BC * kv_pitch;
	static constexpr int partial_at = v_at + BC * kv_pitch;
	static constexpr int end_at = partial_at + (CW > 1 ? threads * BC / 8 * 16 : 0);
	static constexpr int factor_at = end_at + rows * 4;
	static constexpr int work_at = factor_at + rows * 4;
	static constexpr int bytes = work_at + 80;
	static_assert(bytes == TILE_SMEM(D, rows, BC, CW > 1 ? threads : 0),
	              "the host knows how much shared memory a block has");
};

/* A chunk of a query row. */
template <typename S>
__device__ static __forceinline__ unsigned char *tile_query(unsigned char *mem, uint32_t row,
                                                            uint32_t chunk)
{
	return mem + row * S::q_pitch + (chunk & ~7u) * 16 + ((chunk ^ row) & 7) * 16;
}

/* In shared memory: registers are short. */
struct tile_work {
	uint64_t blocks; /* the sequence's page numbers */
	uint32_t token, n_tokens;
	uint32_t kv_head, head, n_heads; /* query heads [head, head + n_heads) */
	uint32_t n_rows;                 /* row r: head r % n_heads of token r / n_heads */
	uint32_t first, end;             /* positions that any row sees        */
	uint32_t all_first, all_end;     /* positions that every row sees      */
	uint32_t from, to;               /* keys of this block, of those that   */
	uint32_t n_split;                /* share them                          */
	uint32_t live, is_last;
};
static_assert(sizeof(struct tile_work) <= 80, "tile_shape has room for it");

/* The tokens of tile `index`, counted from the last of the last sequence: those
 * that see most keys go first. By whole warps. */
__device__ static __forceinline__ bool tile_find(const struct ada_attn_args &a, uint32_t index,
                                                 struct tile_work *w)
{
	uint32_t n = ada_live(a.params, a.n), n_seqs = ada_live(a.params, a.n_seqs);
	uint32_t lane = threadIdx.x % 32;

	for (uint32_t base = 0; base < n_seqs; base += 32) {
		uint32_t seq = n_seqs - 1 - base - lane, first = 0, end = 0;

		if (base + lane < n_seqs) {
			first = min((uint32_t)attn_table(a.batch.seq_first, seq), n);
			end = min((uint32_t)attn_table(a.batch.seq_first, seq + 1), n);
		}
		uint32_t sum = end > first ? (end - first + a.tile_tokens - 1) / a.tile_tokens : 0;

		for (int d = 1; d < 32; d *= 2) {
			uint32_t x = __shfl_up_sync(ADA_FULL_WARP, sum, d);

			sum += lane >= (uint32_t)d ? x : 0;
		}
		uint32_t found = __ballot_sync(ADA_FULL_WARP, sum > index);

		if (found) {
			int from = __ffs((int)found) - 1;
			uint32_t nth = sum - 1 - index; /* in the sequence, on lane `from` */
			uint32_t token = first + nth * a.tile_tokens;

			token = __shfl_sync(ADA_FULL_WARP, token, from);
			end = __shfl_sync(ADA_FULL_WARP, end, from);
			seq = n_seqs - 1 - base - from;
			w->blocks = a.batch.blocks + seq * a.batch.row_bytes;
			w->token = token;
			w->n_tokens = min(a.tile_tokens, end - token);
			return seq < a.batch.n_rows;
		}
		index -= __shfl_sync(ADA_FULL_WARP, sum, 31);
	}
	return false;
}

/* The keys of this block, if several share them. */
template <typename S>
__device__ static __forceinline__ void tile_share(uint32_t n_split, struct tile_work *w)
{
	uint32_t first = w->first / S::keys, end = (w->end + S::keys - 1) / S::keys;
	uint32_t n = end - first, each = n;

	if (n > TILE_ALONE)
		each = max((n + n_split - 1) / n_split, (uint32_t)TILE_LEAST);
	w->n_split = n ? (n + each - 1) / each : 1;
	w->from = (first + blockIdx.z * each) * S::keys;
	w->to = min(w->end, w->from + each * S::keys);
	w->live = blockIdx.z < w->n_split;
}

/* The heads of this block. */
template <typename S>
__device__ static __forceinline__ struct tile_work tile_heads(const struct ada_attn_args &a)
{
	struct tile_work w = {};
	uint32_t part = blockIdx.x % a.group_parts * S::rows;

	w.kv_head = blockIdx.x / a.group_parts;
	w.head = w.kv_head * a.group + part;
	w.n_heads = min(a.group - part, (uint32_t)S::rows);
	return w;
}

template <typename S>
__device__ static __forceinline__ struct tile_work tile_begin(const struct ada_attn_args &a)
{
	struct tile_work w = tile_heads<S>(a);

	if (!tile_find(a, blockIdx.y, &w))
		return w;
	struct attn_span low = attn_visible(a, w.token);
	struct attn_span high = attn_visible(a, w.token + w.n_tokens - 1);

	w.n_rows = w.n_tokens * w.n_heads;
	w.first = low.first;
	w.end = high.end;
	w.all_first = high.first;
	w.all_end = low.end;
	tile_share<S>(a.n_split, &w);
	return w;
}

__device__ static __forceinline__ uint32_t tile_pair(float x, float y)
{
	const float most = 65504.0f;

	return ada_f16x2(fminf(fmaxf(x, -most), most), fminf(fmaxf(y, -most), most));
}

/* Lanes [d, d + 8) of a cache row as F16. */
__device__ static __forceinline__ uint4 tile_convert(uint32_t dtype, uint64_t row, uint32_t d)
{
	if (dtype == ATTN_F32) {
		const float4 *x = reinterpret_cast<const float4 *>(row) + d / 4;
		float4 lo = x[0], hi = x[1];

		return make_uint4(tile_pair(lo.x, lo.y), tile_pair(lo.z, lo.w),
		                  tile_pair(hi.x, hi.y), tile_pair(hi.z, hi.w));
	}
	const uint16_t *block = reinterpret_cast<const uint16_t *>(row + d / 32 * ATTN_Q8_BLOCK);
	const uint16_t *q = block + 1 + d % 32 / 2;
	float scale = ada_f16_to_f32(*block);
	uint32_t r[4];

#pragma unroll
	for (int i = 0; i < 4; i++)
		r[i] = tile_pair(scale * (float)(int8_t)(q[i] & 255),
		                 scale * (float)(int8_t)(q[i] >> 8));
	return make_uint4(r[0], r[1], r[2], r[3]);
}

/* Keys [key, key + BC) of one side to shared memory, zeros where no row sees
 * them or the cache has no such lane. */
template <typename S>
__device__ static __forceinline__ void tile_load(const struct ada_attn_args &a,
                                                 const struct tile_work &w, bool is_v, uint32_t key,
                                                 unsigned char *to)
{
	const struct ada_view &cache = is_v ? a.v : a.k;
	uint32_t chunk = threadIdx.x % S::chunks, row = threadIdx.x / S::chunks;
	uint32_t first = w.first, end = w.end;
	bool lane_ok = chunk * 8 < (is_v ? a.dv : a.lanes), page_ok = false;
	uint64_t page_at = 0;

	to += row * S::kv_pitch + chunk * 16;
#pragma unroll
	for (int i = 0; i < S::keys; i += S::step) {
		uint32_t at = key + i + row;

		if (i % ADA_KV_PAGE == 0) {
			uint32_t page = (uint32_t)attn_table(w.blocks,
			                                     min(at, end - 1) / ADA_KV_PAGE);

			page_ok = lane_ok && page < cache.ne3;
			page_at = attn_row(cache, page_ok ? page : 0, w.kv_head, 0);
		}
		bool wanted = page_ok && at >= first && at < end;
		uint64_t from = page_at + (wanted ? at % ADA_KV_PAGE * (uint32_t)cache.nb1 : 0);

		if (S::kind != TILE_CONVERT)
			ada_cp_async16(to + i * S::kv_pitch,
			               reinterpret_cast<const uint4 *>(from) + (wanted ? chunk : 0),
			               wanted);
		else
			*reinterpret_cast<uint4 *>(to + i * S::kv_pitch) =
				wanted ? tile_convert(is_v ? a.dtype_v : a.dtype_k, from,
			                              chunk * 8)
			               : make_uint4(0, 0, 0, 0);
	}
	ada_cp_async_commit();
}

/* A lane's part of a query row: lanes 128 i + 4 lane and on. */
template <typename S> struct tile_part {
	static constexpr int steps = S::lanes < 128 ? 1 : S::lanes / 128;
	float4 x[steps];
};

template <typename S>
__device__ static __forceinline__ struct tile_part<S> tile_read_query(const struct ada_attn_args &a,
                                                                      const struct tile_work &w,
                                                                      uint32_t row)
{
	struct tile_part<S> p;

#pragma unroll
	for (int i = 0; i < p.steps; i++) {
		uint32_t d = i * 128 + threadIdx.x % 32 * 4;

		p.x[i] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
		if (row < w.n_rows && d < a.lanes)
			p.x[i] = __ldcg(reinterpret_cast<const float4 *>(ada_at<const float>(
				a.q, d, w.head + row % w.n_heads, w.token + row / w.n_heads)));
	}
	return p;
}

/* Puts a row into shared memory, scaled to below 2 by a power of two. Returns what
 * products have to be multiplied by. */
template <typename S>
__device__ static __forceinline__ float tile_put_query(const struct ada_attn_args &a,
                                                       const struct tile_part<S> &p, uint32_t row,
                                                       unsigned char *mem)
{
	uint32_t sign = __float_as_uint(a.scale) & 0x80000000u;
	float amax = 0.0f;

#pragma unroll
	for (int i = 0; i < p.steps; i++)
		amax = fmaxf(fmaxf(fmaxf(amax, fabsf(p.x[i].x)),
		                   fmaxf(fabsf(p.x[i].y), fabsf(p.x[i].z))), fabsf(p.x[i].w));
	struct attn_range r = attn_range_of(ada_warp_max(amax));
	float down = __uint_as_float(__float_as_uint(r.down) ^ sign);

#pragma unroll
	for (int i = 0; i < p.steps; i++) {
		uint32_t d = i * 128 + threadIdx.x % 32 * 4;
		float4 y = make_float4(p.x[i].x * down, p.x[i].y * down, p.x[i].z * down,
		                       p.x[i].w * down);
		uint2 h = S::bf16 ? make_uint2(ada_bf16x2(y.x, y.y), ada_bf16x2(y.z, y.w))
		                  : make_uint2(ada_f16x2(y.x, y.y), ada_f16x2(y.z, y.w));

		if (d < S::lanes)
			*reinterpret_cast<uint2 *>(tile_query<S>(mem, row, d / 8) + d % 8 * 2) = h;
	}
	return fabsf(a.scale) * r.up;
}

#endif
