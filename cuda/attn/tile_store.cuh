/* tile_store.cuh - from a tile's sums to the result, at once or by way of parts. */
#ifndef ADA_ATTN_TILE_STORE_CUH
#define ADA_ATTN_TILE_STORE_CUH

#include "attn/split.cuh"
#include "attn/tile.cuh"

/* A thread's rows are r and r + 8 of its warp's 16, r = lane / 4, and of 8
 * neighbouring keys or lanes it has 2 (lane % 4) and the next. */
template <typename S> struct tile_sums {
	float m[2], l[2]; /* m in powers of two; l of this thread's keys */
	float o[S::lanes / S::col_warps / 8][4];
};

__device__ static __forceinline__ float tile_fast_sigmoid(float x)
{
	return __fdividef(1.0f, 1.0f + ada_exp2(-ATTN_LOG2E * x));
}

__device__ static __forceinline__ void tile_store_pair(const struct ada_attn_args &a,
                                                       uint32_t token, uint32_t head, uint32_t d,
                                                       float2 x)
{
	if (a.gate.p) {
		float2 g = __ldcg(reinterpret_cast<const float2 *>(
			ada_at<const float>(a.gate, d, head, token)));

		x.x *= tile_fast_sigmoid(g.x);
		x.y *= tile_fast_sigmoid(g.y);
	}
	*reinterpret_cast<float2 *>(ada_at<float>(a.out, d, head, token)) = x;
}

/* This thread's rows: the result, or if blocks share the keys, a part of it, of those from
 * plan.first_part on. */
template <typename S, typename PLAN>
__device__ static __forceinline__ void tile_store_rows(const struct ada_attn_args &a,
                                                       const PLAN &plan,
                                                       const struct tile_work &w,
                                                       struct tile_sums<S> *t)
{
	constexpr uint32_t WIDTH = S::lanes / S::col_warps;
	uint32_t lane = threadIdx.x % 32, row_warp = threadIdx.x / 32 / S::col_warps;
	uint32_t col_warp = threadIdx.x / 32 % S::col_warps;
	bool whole = PLAN::alone && w.n_split == 1;

#pragma unroll
	for (int r = 0; r < 2; r++) {
		uint32_t row = row_warp * 16 + lane / 4 + r * 8;
		uint32_t token = w.token + row / w.n_heads, head = w.head + row % w.n_heads;
		uint64_t part = attn_part(a, token, head) + plan.first_part + blockIdx.z;

		t->l[r] += __shfl_xor_sync(ADA_FULL_WARP, t->l[r], 1);
		t->l[r] += __shfl_xor_sync(ADA_FULL_WARP, t->l[r], 2);
		float factor = !whole ? 1.0f : t->l[r] != 0.0f ? 1.0f / t->l[r] : 0.0f;

		if (!whole && row < w.n_rows && !col_warp && lane % 4 == 0)
			*attn_part_ml(a, part) = make_float2(t->m[r], t->l[r]);
#pragma unroll
		for (int i = 0; i < S::lanes / S::col_warps / 8; i++) {
			uint32_t d = col_warp * WIDTH + i * 8 + lane % 4 * 2;
			float2 x = make_float2(t->o[i][2 * r] * factor,
			                       t->o[i][2 * r + 1] * factor);

			if (row >= w.n_rows || d >= a.dv)
				continue;
			if (whole)
				tile_store_pair(a, token, head, d, x);
			else
				*reinterpret_cast<float2 *>(attn_part_sums(a, part) + d) = x;
		}
	}
}

/* The result from all parts, by the last block. */
template <typename S>
__device__ static __forceinline__ void tile_merge_parts(const struct ada_attn_args &a,
                                                        const struct tile_work &w,
                                                        unsigned char *mem)
{
	float *share = reinterpret_cast<float *>(mem); /* [rows][TILE_MAX_SPLIT] */
	uint32_t pairs = a.dv / 2;

	for (uint32_t row = threadIdx.x; row < w.n_rows; row += S::threads) {
		const float2 *ml = attn_part_ml(a, attn_part(a, w.token + row / w.n_heads,
		                                             w.head + row % w.n_heads));
		float top = -INFINITY, l = 0.0f;

		for (uint32_t i = 0; i < w.n_split; i++)
			top = fmaxf(top, __ldcg(ml + i).x);
		for (uint32_t i = 0; i < w.n_split; i++) {
			float2 x = __ldcg(ml + i);
			float e = x.y != 0.0f ? ada_exp2(x.x - top) : 0.0f;

			share[row * TILE_MAX_SPLIT + i] = e;
			l = fmaf(x.y, e, l);
		}
		for (uint32_t i = 0; i < w.n_split; i++)
			share[row * TILE_MAX_SPLIT + i] *= l != 0.0f ? 1.0f / l : 0.0f;
	}
	__syncthreads();
	for (uint32_t i = threadIdx.x; i < w.n_rows * pairs; i += S::threads) {
		uint32_t row = i / pairs, d = i % pairs * 2;
		uint32_t token = w.token + row / w.n_heads, head = w.head + row % w.n_heads;
		const float *from = attn_part_sums(a, attn_part(a, token, head)) + d;
		float2 x = make_float2(0.0f, 0.0f);

#pragma unroll 4
		for (uint32_t j = 0; j < w.n_split; j++) {
			const float *at = from + (uint64_t)j * a.dv;
			float2 y = __ldcg(reinterpret_cast<const float2 *>(at));
			float e = share[row * TILE_MAX_SPLIT + j];

			x.x = fmaf(e, y.x, x.x);
			x.y = fmaf(e, y.y, x.y);
		}
		tile_store_pair(a, token, head, d, x);
	}
}

#endif
