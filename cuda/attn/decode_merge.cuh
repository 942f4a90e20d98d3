/* decode_merge.cuh - a decode block from beginning to end: units to its warps, the
 * warps' sums to one, and the blocks' sums to the result. */
#ifndef ADA_ATTN_DECODE_MERGE_CUH
#define ADA_ATTN_DECODE_MERGE_CUH

#include "attn/decode.cuh"
#include "attn/split.cuh"

/* The lane of a value at o[i][0] and o[i][1]; the next is at o[i][2] and o[i][3]. */
template <int DTYPE>
__device__ static __forceinline__ uint32_t dec_value_lane(int i, uint32_t g)
{
	return DTYPE == ATTN_Q8_0 ? i / 2 * 32 + g * 4 + i % 2 * 2 : i / 4 * 64 + g * 8 + i % 4 * 2;
}

/* The warps' sums, relative to the block's maximum, to four areas that add up. */
template <int DTYPE, int D>
__device__ static __forceinline__ void dec_gather(struct dec_shared<DTYPE, D> *sh,
                                                  const struct dec_sums<D> *t,
                                                  const float factor[2])
{
	uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32, row = lane % 4 * 2;

	for (uint32_t round = 0; round < 2; round++) {
		bool mine = round ? warp < DEC_WARPS / 2 : warp >= DEC_WARPS / 2;

#pragma unroll
		for (int i = 0; mine && i < D / 16; i++) {
			uint32_t d = dec_value_lane<DTYPE>(i, lane / 4);

#pragma unroll
			for (int j = 0; j < 2; j++) {
				float2 *at = reinterpret_cast<float2 *>(
					&sh->area[warp % (DEC_WARPS / 2)][row + j][d]);
				float2 x = round ? *at : make_float2(0.0f, 0.0f);

				x.x = fmaf(t->o[i][j], factor[j], x.x);
				x.y = fmaf(t->o[i][j + 2], factor[j], x.y);
				*at = x;
			}
		}
		__syncthreads();
	}
}

/* The sum and maximum of a row, by the thread of its number. */
template <int DTYPE, int D>
__device__ static __forceinline__ float2 dec_row_ml(const struct dec_shared<DTYPE, D> *sh,
                                                    uint32_t row)
{
	float m = sh->m[0][row], l = 0.0f;

	for (int i = 1; i < DEC_WARPS; i++)
		m = fmaxf(m, sh->m[i][row]);
	for (int i = 0; i < DEC_WARPS; i++)
		if (sh->l[i][row] != 0.0f)
			l = fmaf(sh->l[i][row], ada_exp2(sh->m[i][row] - m), l);
	return make_float2(m, l);
}

/* This warp's factors of two heads towards the block's maximum; the warps' m and l
 * stay in sh. */
template <int DTYPE, int D>
__device__ static __forceinline__ void dec_level(struct dec_shared<DTYPE, D> *sh,
                                                 struct dec_sums<D> *t, float factor[2])
{
	uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;

	t->l += __shfl_xor_sync(ADA_FULL_WARP, t->l, 1);
	t->l += __shfl_xor_sync(ADA_FULL_WARP, t->l, 2);
	if (lane % 4 == 0) {
		sh->m[warp][lane / 4] = t->m;
		sh->l[warp][lane / 4] = t->l;
	}
	__syncthreads();
#pragma unroll
	for (int j = 0; j < 2; j++) {
		uint32_t row = lane % 4 * 2 + j;
		float top = sh->m[0][row];

		for (int i = 1; i < DEC_WARPS; i++)
			top = fmaxf(top, sh->m[i][row]);
		factor[j] = sh->l[warp][row] != 0.0f ? ada_exp2(sh->m[warp][row] - top) : 0.0f;
	}
}

template <int DTYPE, int D>
__device__ static void dec_merge_blocks(const struct ada_attn_args &a, const struct dec_work &w,
                                        struct dec_shared<DTYPE, D> *sh)
{
	uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
	float2 ml = make_float2(-INFINITY, 0.0f);

	if (warp < w.n_rows && lane < w.n_split)
		ml = __ldcg(attn_part_ml(a, attn_part(a, w.token, w.head + warp) + lane));
	float top = ada_warp_max(ml.x), e = ml.y != 0.0f ? ada_exp2(ml.x - top) : 0.0f;
	float l = ada_warp_sum(ml.y * e);

	sh->share[warp][lane] = l != 0.0f ? e / l : 0.0f;
	__syncthreads();
	for (uint32_t i = threadIdx.x; i < w.n_rows * a.dv; i += DEC_THREADS) {
		uint32_t row = i / a.dv, d = i % a.dv;
		const float *from = attn_part_sums(a, attn_part(a, w.token, w.head + row)) + d;
		float x = 0.0f;

#pragma unroll 8
		for (uint32_t s = 0; s < w.n_split; s++)
			x = fmaf(sh->share[row][s], __ldcg(from + (uint64_t)s * a.dv), x);
		attn_store(a, w.token, w.head + row, d, x);
	}
}

template <int DTYPE, int D>
__device__ static __forceinline__ void dec_finish(const struct ada_attn_args &a,
                                                  const struct dec_work &w,
                                                  struct dec_shared<DTYPE, D> *sh,
                                                  struct dec_sums<D> *t)
{
	bool alone = w.n_split == 1;
	float factor[2];

	dec_level(sh, t, factor);
	dec_gather(sh, t, factor);
	if (threadIdx.x < w.n_rows) {
		float2 ml = dec_row_ml(sh, threadIdx.x);

		sh->share[threadIdx.x][0] = ml.y != 0.0f ? 1.0f / ml.y : 0.0f;
		if (!alone)
			*attn_part_ml(a, attn_part(a, w.token, w.head + threadIdx.x) +
			                         blockIdx.y) = ml;
	}
	__syncthreads();
	for (uint32_t i = threadIdx.x; i < w.n_rows * a.dv; i += DEC_THREADS) {
		uint32_t row = i / a.dv, d = i % a.dv;
		float x = (sh->area[0][row][d] + sh->area[1][row][d]) +
		          (sh->area[2][row][d] + sh->area[3][row][d]);

		if (alone)
			attn_store(a, w.token, w.head + row, d, x * sh->share[row][0]);
		else
			attn_part_sums(a, attn_part(a, w.token, w.head + row) + blockIdx.y)[d] = x;
	}
	if (!alone && attn_is_last(w.token * gridDim.x + blockIdx.x, w.n_split, &sh->is_last))
		dec_merge_blocks(a, w, sh);
}

/* Brings a unit's keys and values to L2, by one warp. */
__device__ static __forceinline__ void dec_prefetch(const struct ada_attn_args &a,
                                                    const struct dec_work &w,
                                                    const struct dec_place &at)
{
	if (at.page < 0)
		return;
	for (uint32_t side = 0; side < 2; side++) {
		const struct ada_view &cache = side ? a.v : a.k;
		uint64_t row = attn_row(cache, (uint32_t)at.page, w.kv_head, at.key % ADA_KV_PAGE);

		for (uint32_t i = threadIdx.x % 32 * 128; i < DEC_UNIT * cache.nb1; i += 32 * 128)
			ada_prefetch(reinterpret_cast<const void *>(row + i));
	}
}

/* The whole of a block. one_unit(a, work, shared, place, factor, sums) takes in one
 * unit of keys. */
template <int DTYPE, int D, typename F>
__device__ static __forceinline__ void dec_run(const struct ada_attn_args &a, F one_unit)
{
	using shared = struct dec_shared<DTYPE, D>;
	static_assert(sizeof(shared) == DEC_SMEM(D, dec_kind<DTYPE>::n_sets),
	              "the host knows how much shared memory a block has");
	ADA_DYN_SHARED(shared, sh);
	struct dec_work w = dec_begin(a);
	uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
	struct dec_place next = dec_place_of(a, w, w.first_unit + warp);
	struct dec_sums<D> t = {-INFINITY, 0.0f, {}};

	ada_release_next();
	/* What most warps do at all, while the op before still runs. */
	dec_prefetch(a, w, next);
	dec_prefetch(a, w, dec_place_of(a, w, w.first_unit + warp + DEC_WARPS));
	ada_wait_inputs();
	if (!w.live)
		return;
	dec_load_query<DTYPE, D>(a, w, sh, warp, lane);
	__syncthreads();
	for (uint32_t u = w.first_unit + warp; u < w.end_unit; u += DEC_WARPS) {
		struct dec_place at = next;

		next = dec_place_of(a, w, u + DEC_WARPS);
		if (at.page >= 0)
			one_unit(a, w, sh, at, sh->factor[lane / 4], &t);
	}
	dec_finish<DTYPE, D>(a, w, sh, &t);
}

#endif
