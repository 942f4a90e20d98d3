/* decode.cuh - one token's attention: how queries, scores and sums lie in the
 * registers of a warp.
 *
 * A block has one token and up to ATTN_ROWS query heads of one KV head. Its warps
 * share the keys in units of DEC_UNIT; each works alone until the end. Both
 * products run on tensor cores:
 *
 *   S   = Q K^T    A: two pieces of 8 heads x 16 lanes   B: 16 lanes x 8 keys
 *   O^T = V^T P^T  A: 16 lanes x 16 keys                 B: 16 keys x 8 heads
 *
 * Keys and values go from the cache to the registers where the products want
 * them, 16 bytes at a time: which lane of a head stands at which k of a fragment
 * is free as long as A and B agree, and is chosen for that. Weights leave the
 * first product where the second wants them. Queries and weights are split into
 * 16-bit pieces that add up to (nearly) all 24 bits, so that only the order of
 * sums is free: the class is FREE, not FREE16. */
#ifndef ADA_ATTN_DECODE_CUH
#define ADA_ATTN_DECODE_CUH

#include "attn/batch.cuh"
#include "common/ptx.cuh"

enum { DEC_THREADS = DEC_WARPS * 32 };

/* How a cache's elements meet tensor cores. */
template <int DTYPE> struct dec_kind {
	static constexpr bool bf16 = DTYPE != ATTN_F16;
	/* Of 11 bits each, or of 8. */
	static constexpr int n_pieces = bf16 ? 3 : 2;
	/* Fragments that hold a query's pieces, two in each. */
	static constexpr int n_sets = (n_pieces + 1) / 2;
};

template <bool BF16>
__device__ static __forceinline__ void dec_mma(float c[4], const uint32_t a[4], const uint32_t b[2])
{
	if (BF16)
		ada_mma_bf16(c, a, b);
	else
		ada_mma_f16(c, a, b);
}

/* (x, y) as a sum of N pairs of 16-bit numbers, largest first. */
template <bool BF16, int N>
__device__ static __forceinline__ void dec_split(float x, float y, uint32_t piece[N])
{
#pragma unroll
	for (int i = 0; i < N; i++) {
		piece[i] = BF16 ? ada_bf16x2(x, y) : ada_f16x2(x, y);
		float2 got = BF16 ? make_float2(__uint_as_float(piece[i] << 16),
		                                __uint_as_float(piece[i] & 0xffff0000u))
		                  : ada_f16x2_to_f32(piece[i]);
		x -= got.x;
		y -= got.y;
	}
}

/* What the threads of a block share. */
template <int DTYPE, int D> struct dec_shared {
	static constexpr int n_sets = dec_kind<DTYPE>::n_sets;

	uint4 q[D / 16][n_sets][32]; /* each lane's fragment of each step */
	float area[DEC_WARPS / 2][ATTN_ROWS][D + 4]; /* sums on their way */
	float m[DEC_WARPS][ATTN_ROWS], l[DEC_WARPS][ATTN_ROWS];
	float factor[ATTN_ROWS]; /* from a product to a score, before softcap */
	float share[ATTN_ROWS][DEC_MAX_SPLIT];
	uint32_t is_last;
};

/* The block's place in the work. */
struct dec_work {
	struct attn_span span;
	uint32_t token, seq, kv_head, head, n_rows;
	uint32_t first_unit, end_unit; /* of this block */
	uint32_t n_split;              /* blocks that share the token's keys */
	bool live;
};

__device__ static __forceinline__ struct dec_work dec_begin(const struct ada_attn_args &a)
{
	struct dec_work w = {};
	uint32_t part = blockIdx.x % a.group_parts * ATTN_ROWS;

	w.token = blockIdx.z;
	w.kv_head = blockIdx.x / a.group_parts;
	w.head = w.kv_head * a.group + part;
	w.n_rows = a.group - part < ATTN_ROWS ? a.group - part : ATTN_ROWS;
	if (w.token >= ada_live(a.params, a.n))
		return w;
	w.seq = (uint32_t)attn_table(a.batch.tok_seq, w.token);
	w.span = attn_visible(a, w.token);

	uint32_t first = w.span.first / DEC_UNIT, end = (w.span.end + DEC_UNIT - 1) / DEC_UNIT;
	uint32_t n = end - first, each = n;

	if (n > DEC_ALONE) {
		each = (n + a.n_split - 1) / a.n_split;
		each = (each + DEC_WARPS - 1) / DEC_WARPS * DEC_WARPS;
	}
	w.n_split = n ? (n + each - 1) / each : 1;
	w.first_unit = first + blockIdx.y * each;
	w.end_unit = w.first_unit + each < end ? w.first_unit + each : end;
	w.live = blockIdx.y < w.n_split;
	return w;
}

/* A unit's first key, and the page of all its keys; -1: nothing to do. */
struct dec_place {
	uint32_t key;
	int32_t page;
};

__device__ static __forceinline__ struct dec_place dec_place_of(const struct ada_attn_args &a,
                                                                const struct dec_work &w,
                                                                uint32_t unit)
{
	uint32_t n_pages = a.k.ne3 < a.v.ne3 ? a.k.ne3 : a.v.ne3;
	struct dec_place p = {unit * DEC_UNIT, -1};

	if (w.live && unit < w.end_unit)
		p.page = attn_page(a.batch, n_pages, w.seq, p.key / ADA_KV_PAGE);
	return p;
}

__device__ static __forceinline__ bool dec_sees(const struct dec_work &w, uint32_t key)
{
	return key >= w.span.first && key < w.span.end;
}

/* Key `i` of a unit as a slot of its page; where the token does not see it, one
 * that it sees: what is not seen may be no number. */
__device__ static __forceinline__ uint32_t dec_slot(const struct dec_work &w,
                                                    const struct dec_place &at, uint32_t i)
{
	uint32_t key = at.key + i;

	key = key < w.span.first ? w.span.first : key;
	key = key < w.span.end ? key : w.span.end - 1;
	return key % ADA_KV_PAGE;
}

/* Where lanes d and on of a row stand as a fragment: step 2 i holds lanes 0 to 3
 * of each eight, step 2 i + 1 lanes 4 to 7. */
template <int DTYPE, int D>
__device__ static __forceinline__ void dec_put_query(struct dec_shared<DTYPE, D> *sh, uint32_t row,
                                                     uint32_t d, float4 x)
{
	constexpr int N = dec_kind<DTYPE>::n_pieces;
	uint32_t step = d / 32 * 2 + d / 4 % 2, lane = row * 4 + d % 32 / 8, xy[4] = {}, zw[4] = {};

	dec_split<dec_kind<DTYPE>::bf16, N>(x.x, x.y, xy);
	dec_split<dec_kind<DTYPE>::bf16, N>(x.z, x.w, zw);
#pragma unroll
	for (int i = 0; i < dec_kind<DTYPE>::n_sets; i++)
		sh->q[step][i][lane] =
			make_uint4(xy[2 * i], xy[2 * i + 1], zw[2 * i], zw[2 * i + 1]);
}

/* Query row `row` of the block, by the warp of that number. */
template <int DTYPE, int D>
__device__ static __forceinline__ void dec_load_query(const struct ada_attn_args &a,
                                                      const struct dec_work &w,
                                                      struct dec_shared<DTYPE, D> *sh, uint32_t row,
                                                      uint32_t lane)
{
	constexpr int STEPS = D < 128 ? 1 : D / 128;
	const float *q = ada_at<const float>(a.q, 0, w.head + row, w.token);
	float4 x[STEPS];
	float amax = 0.0f;

#pragma unroll
	for (int i = 0; i < STEPS; i++) {
		uint32_t d = i * 128 + lane * 4;

		x[i] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
		if (row < w.n_rows && d < a.lanes)
			x[i] = __ldcg(reinterpret_cast<const float4 *>(q + d));
		amax = fmaxf(fmaxf(fmaxf(amax, fabsf(x[i].x)), fmaxf(fabsf(x[i].y), fabsf(x[i].z))),
		             fabsf(x[i].w));
	}
	struct attn_range r = attn_range_of(ada_warp_max(amax));

	if (!lane)
		sh->factor[row] = a.scale * r.up;
#pragma unroll
	for (int i = 0; i < STEPS; i++) {
		uint32_t d = i * 128 + lane * 4;

		x[i] = make_float4(x[i].x * r.down, x[i].y * r.down, x[i].z * r.down,
		                   x[i].w * r.down);
		if (d < D)
			dec_put_query(sh, row, d, x[i]);
	}
}

/* A warp's running softmax and sums. m (in powers of two) and l (of this lane's
 * keys) belong to head lane / 4; of o[i], [0] and [2] to head 2 (lane % 4), [1]
 * and [3] to the next. */
template <int D> struct dec_sums {
	float m, l;
	float o[D / 16][4];
};

/* Products to scores, as powers of two. */
__device__ static __forceinline__ void dec_scores(const struct ada_attn_args &a, float factor,
                                                  float s[4])
{
	if (a.softcap != 0.0f) {
		float inner = factor / a.softcap;

		for (int j = 0; j < 4; j++)
			s[j] = a.softcap * tanhf(s[j] * inner);
		factor = 1.0f;
	}
#pragma unroll
	for (int j = 0; j < 4; j++)
		s[j] *= factor * ATTN_LOG2E;
}

/* Scores to weights; shrinks the sums so far. */
template <int D>
__device__ static __forceinline__ void dec_weigh(struct dec_sums<D> *t, float s[4],
                                                 const bool seen[4])
{
	float top = t->m;

#pragma unroll
	for (int j = 0; j < 4; j++)
		top = seen[j] ? fmaxf(top, s[j]) : top;
	top = fmaxf(top, __shfl_xor_sync(ADA_FULL_WARP, top, 1));
	top = fmaxf(top, __shfl_xor_sync(ADA_FULL_WARP, top, 2));
	float shrink = ada_exp2(t->m - top);

	t->m = top;
#pragma unroll
	for (int j = 0; j < 4; j++)
		s[j] = seen[j] ? ada_exp2(s[j] - top) : 0.0f;
	t->l = fmaf(t->l, shrink, (s[0] + s[1]) + (s[2] + s[3]));

	const float shrinks[2] = {
		__shfl_sync(ADA_FULL_WARP, shrink, threadIdx.x % 4 * 8),
		__shfl_sync(ADA_FULL_WARP, shrink, threadIdx.x % 4 * 8 + 4)};

#pragma unroll
	for (int i = 0; i < D / 16; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			t->o[i][j] *= shrinks[j % 2];
}

/* The weights as fragments of P^T, in pieces. */
template <int DTYPE>
__device__ static __forceinline__ void dec_split_weights(const float p[4], uint32_t b[][2])
{
	constexpr int N = dec_kind<DTYPE>::n_pieces;
	uint32_t low[N], high[N];

	dec_split<dec_kind<DTYPE>::bf16, N>(p[0], p[1], low);
	dec_split<dec_kind<DTYPE>::bf16, N>(p[2], p[3], high);
#pragma unroll
	for (int i = 0; i < N; i++) {
		b[i][0] = low[i];
		b[i][1] = high[i];
	}
}

/* Exchanges the halves of the lanes. A loop that does so between the halves needs
 * code for one half only: unrolled, both halves' values would be loaded at once and
 * registers run out. */
template <int D> __device__ static __forceinline__ void dec_swap_halves(float o[D / 16][4])
{
#pragma unroll
	for (int i = 0; i < D / 32; i++)
#pragma unroll
		for (int j = 0; j < 4; j++) {
			float x = o[i][j];

			o[i][j] = o[i + D / 32][j];
			o[i + D / 32][j] = x;
		}
}

#endif
