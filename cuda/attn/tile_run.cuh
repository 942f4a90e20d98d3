/* tile_run.cuh - attention of many tokens on tensor cores, with a running softmax; see
 * tile.cuh for what a block does.
 *
 * While keys are multiplied the values of the same positions are under way, and
 * while values are multiplied the next keys. */
#ifndef ADA_ATTN_TILE_RUN_CUH
#define ADA_ATTN_TILE_RUN_CUH

#include "attn/tile.cuh"
#include "attn/tile_store.cuh"

template <typename S>
__device__ static __forceinline__ void mma(float c[4], const uint32_t a[4], uint32_t b0,
                                           uint32_t b1)
{
	const uint32_t b[2] = {b0, b1};

	if (S::bf16)
		ada_mma_bf16(c, a, b);
	else
		ada_mma_f16(c, a, b);
}

/* s = this warp's lanes of Q K^T. */
template <typename S>
__device__ static __forceinline__ void dot_keys(unsigned char *mem, uint32_t row_warp,
                                                uint32_t col_warp, float s[S::keys / 8][4])
{
	uint32_t lane = threadIdx.x % 32, base = col_warp * (S::chunks / S::col_warps);
	unsigned char *k_row = mem + S::k_at + (lane % 8 + lane / 16 * 8) * S::kv_pitch +
	                       (base + lane / 8 % 2) * 16;

#pragma unroll
	for (int i = 0; i < S::keys / 8; i++)
		s[i][0] = s[i][1] = s[i][2] = s[i][3] = 0.0f;
#pragma unroll
	for (int i = 0; i < S::chunks / S::col_warps; i += 2) {
		uint32_t q[4];

		ada_ldmatrix_x4(q, tile_query<S>(mem, row_warp * 16 + lane % 16,
		                                 base + i + lane / 16));
#pragma unroll
		for (int j = 0; j < S::keys / 16; j++) {
			uint32_t k[4];

			ada_ldmatrix_x4(k, k_row + j * 16 * S::kv_pitch + i * 16);
			mma<S>(s[2 * j], q, k[0], k[1]);
			mma<S>(s[2 * j + 1], q, k[2], k[3]);
		}
	}
}

/* Adds the parts of the warps that share these rows, of which there are two. */
template <typename S>
__device__ static __forceinline__ void add_parts(unsigned char *mem, uint32_t row_warp,
                                                 uint32_t col_warp, float s[S::keys / 8][4])
{
	float4 *all = reinterpret_cast<float4 *>(mem + S::partial_at);
	uint32_t lane = threadIdx.x % 32;
	float4 *mine = all + (row_warp * 2 + col_warp) * (S::keys / 8) * 32 + lane;
	float4 *other = all + (row_warp * 2 + 1 - col_warp) * (S::keys / 8) * 32 + lane;

#pragma unroll
	for (int i = 0; i < S::keys / 8; i++)
		mine[i * 32] = make_float4(s[i][0], s[i][1], s[i][2], s[i][3]);
	__syncthreads();
#pragma unroll
	for (int i = 0; i < S::keys / 8; i++) {
		float4 x = other[i * 32];

		s[i][0] += x.x;
		s[i][1] += x.y;
		s[i][2] += x.z;
		s[i][3] += x.w;
	}
}

/* Products become capped scores in powers of two. tanh(x) as 1 - 2 / (e^2x + 1),
 * which is right to 1e-7 of 1. */
template <typename S>
__device__ static __forceinline__ void cap_scores(float softcap, const float factor[2],
                                                  float s[S::keys / 8][4])
{
	const float cap = softcap * ATTN_LOG2E, twice = 2.0f / softcap;

#pragma unroll
	for (int i = 0; i < S::keys / 8; i++)
#pragma unroll
		for (int j = 0; j < 4; j++) {
			float e = ada_exp2(s[i][j] * (factor[j / 2] * twice));

			s[i][j] = cap - __fdividef(2.0f * cap, e + 1.0f);
		}
}

template <typename S>
__device__ static __forceinline__ void mask(const struct ada_attn_args &a,
                                            const uint32_t *ends, uint32_t key,
                                            float s[S::keys / 8][4])
{
#pragma unroll
	for (int j = 0; j < 4; j++) {
		uint32_t end = ends[j / 2 * 8];
		uint32_t first = a.window && end > a.window ? end - a.window : 0;

#pragma unroll
		for (int i = 0; i < S::keys / 8; i++) {
			uint32_t at = key + i * 8 + threadIdx.x % 4 * 2 + j % 2;

			if (at < first || at >= end)
				s[i][j] = -INFINITY;
		}
	}
}

template <typename S>
__device__ static __forceinline__ void shrink_sums(struct tile_sums<S> *t, const float by[2])
{
	/* Maxima seldom change once many keys were seen. */
	if (__all_sync(ADA_FULL_WARP, by[0] == 1.0f && by[1] == 1.0f))
		return;
#pragma unroll
	for (int i = 0; i < S::lanes / S::col_warps / 8; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			t->o[i][j] *= by[j / 2];
}

/* Products times factor are scores; they become weights. */
template <typename S>
__device__ static __forceinline__ void weigh(struct tile_sums<S> *t, const float factor[2],
                                             float s[S::keys / 8][4])
{
	float shrink[2];

#pragma unroll
	for (int r = 0; r < 2; r++) {
		float top = -INFINITY, sum = 0.0f;

#pragma unroll
		for (int i = 0; i < S::keys / 8; i++)
			top = fmaxf(top, fmaxf(s[i][2 * r], s[i][2 * r + 1]));
		top = fmaxf(top, __shfl_xor_sync(ADA_FULL_WARP, top, 1));
		top = fmaxf(top, __shfl_xor_sync(ADA_FULL_WARP, top, 2));
		top = fmaxf(t->m[r], top * factor[r]);

		/* A row may have seen nothing yet. */
		float level = top == -INFINITY ? 0.0f : top;

		shrink[r] = ada_exp2(t->m[r] - level);
		t->m[r] = top;
#pragma unroll
		for (int i = 0; i < S::keys / 8; i++) {
			s[i][2 * r] = ada_exp2(fmaf(s[i][2 * r], factor[r], -level));
			s[i][2 * r + 1] = ada_exp2(fmaf(s[i][2 * r + 1], factor[r], -level));
			sum += s[i][2 * r] + s[i][2 * r + 1];
		}
		t->l[r] = fmaf(t->l[r], shrink[r], sum);
	}
	shrink_sums<S>(t, shrink);
}

/* The weights as fragments of P. */
template <typename S>
__device__ static __forceinline__ void pack_weights(const float s[S::keys / 8][4],
                                                    uint32_t p[S::keys / 16][4])
{
#pragma unroll
	for (int i = 0; i < S::keys / 16; i++)
#pragma unroll
		for (int j = 0; j < 4; j++) {
			const float *x = s[2 * i + j / 2] + j % 2 * 2;

			p[i][j] = S::bf16 ? ada_bf16x2(x[0], x[1]) : ada_f16x2(x[0], x[1]);
		}
}

/* o += P V over this warp's lanes. */
template <typename S>
__device__ static __forceinline__ void add_values(unsigned char *mem, uint32_t col_warp,
                                                  const uint32_t p[S::keys / 16][4],
                                                  struct tile_sums<S> *t)
{
	uint32_t lane = threadIdx.x % 32;
	unsigned char *v_row = mem + S::v_at + lane % 16 * S::kv_pitch +
	                       (col_warp * (S::chunks / S::col_warps) + lane / 16) * 16;

#pragma unroll
	for (int j = 0; j < S::keys / 16; j++)
#pragma unroll
		for (int i = 0; i < S::chunks / S::col_warps; i += 2) {
			uint32_t v[4];

			ada_ldmatrix_x4_trans(v, v_row + j * 16 * S::kv_pitch + i * 16);
			mma<S>(t->o[i], p[j], v[0], v[1]);
			mma<S>(t->o[i + 1], p[j], v[2], v[3]);
		}
}

/* All queries of the block, and what each row sees. */
template <typename S, typename PLAN>
__device__ static __forceinline__ void load_queries(const struct ada_attn_args &a,
                                                    const PLAN &plan, const struct tile_work &w,
                                                    unsigned char *mem)
{
	/* Rows of a warp that are under way together. */
	constexpr int AHEAD = S::lanes <= 128 ? 8 : 1024 / S::lanes;
	constexpr uint32_t WARPS = S::threads / 32;
	uint32_t *ends = reinterpret_cast<uint32_t *>(mem + S::end_at);
	float *factors = reinterpret_cast<float *>(mem + S::factor_at);

#pragma unroll 1
	for (uint32_t from = threadIdx.x / 32; from < S::rows; from += AHEAD * WARPS) {
		struct tile_part<S> p[AHEAD];

#pragma unroll
		for (int i = 0; i < AHEAD; i++)
			p[i] = tile_read_query<S>(a, w, from + i * WARPS);
#pragma unroll
		for (int i = 0; i < AHEAD; i++) {
			float factor = tile_put_query<S>(a, p[i], from + i * WARPS, mem);

			if (threadIdx.x % 32 == 0)
				factors[from + i * WARPS] = factor * ATTN_LOG2E;
		}
	}
	for (uint32_t row = threadIdx.x; row < S::rows; row += S::threads)
		ends[row] = row < w.n_rows ? plan.end_of(a, w.token + row / w.n_heads) : 0;
}

/* Does any row of the warp see any of the keys [key, key + BC)? */
template <typename S>
__device__ static __forceinline__ bool sees_keys(const struct ada_attn_args &a, uint32_t row_warp,
                                                 uint32_t key, const unsigned char *mem)
{
	const uint32_t *ends = reinterpret_cast<const uint32_t *>(mem + S::end_at) + row_warp * 16;
	uint32_t end = ends[threadIdx.x % 16];
	uint32_t first = a.window && end > a.window ? end - a.window : 0;

	return __any_sync(ADA_FULL_WARP, key < end && key + S::keys > first);
}

/* From products to weights. */
template <typename S>
__device__ static __forceinline__ void soften(const struct ada_attn_args &a,
                                              const unsigned char *mem, uint32_t row_warp,
                                              uint32_t key, struct tile_sums<S> *t,
                                              float s[S::keys / 8][4],
                                              uint32_t p[S::keys / 16][4])
{
	const struct tile_work *w = reinterpret_cast<const struct tile_work *>(mem + S::work_at);
	uint32_t row = row_warp * 16 + threadIdx.x % 32 / 4;
	const float *factors = reinterpret_cast<const float *>(mem + S::factor_at) + row;
	float factor[2] = {factors[0], factors[8]};

	if (a.softcap != 0.0f) {
		cap_scores<S>(a.softcap, factor, s);
		factor[0] = factor[1] = 1.0f;
	}
	if (key < w->all_first || key + S::keys > w->all_end)
		mask<S>(a, reinterpret_cast<const uint32_t *>(mem + S::end_at) + row, key, s);
	weigh<S>(t, factor, s);
	pack_weights<S>(s, p);
}

/* What a block does: begin() finds its work (after ada_wait_inputs() if it `waits`); next()
 * is the first step of keys from `key` on that is not left out (`some`); end_of() where the
 * keys end that a token sees. alone: its results are whole, or merged by the last block of
 * those that share a tile; else they are parts from first_part on.
 *
 * This one: all keys of the tokens of one sequence. */
struct tile_all {
	static constexpr bool some = false, waits = false, alone = true;
	static constexpr uint32_t first_part = 0;

	template <typename S>
	__device__ __forceinline__ struct tile_work begin(const struct ada_attn_args &a) const
	{
		return tile_begin<S>(a);
	}

	__device__ __forceinline__ uint32_t end_of(const struct ada_attn_args &a,
	                                           uint32_t token) const
	{
		return attn_visible(a, token).end;
	}

	template <typename S>
	__device__ __forceinline__ uint32_t next(uint32_t key, uint32_t) const
	{
		return key;
	}
};

template <typename S, typename PLAN>
__device__ static __forceinline__ void tile(const struct ada_attn_args &a, const PLAN &plan)
{
	ADA_DYN_SHARED(unsigned char, mem);
	struct tile_work &w = *reinterpret_cast<struct tile_work *>(mem + S::work_at);
	uint32_t row_warp = threadIdx.x / 32 / S::col_warps;
	uint32_t col_warp = threadIdx.x / 32 % S::col_warps;

	ada_release_next();
	if (threadIdx.x < 32) {
		struct tile_work mine = plan.template begin<S>(a);

		if (!threadIdx.x)
			w = mine;
	}
	__syncthreads();
	if (!PLAN::waits)
		ada_wait_inputs();
	if (!w.live)
		return;
	uint32_t key = plan.template next<S>(w.from, w.to);

	if (!PLAN::some || key < w.to)
		tile_load<S>(a, w, false, key, mem + S::k_at);
	load_queries<S>(a, plan, w, mem);
	__syncthreads();
	struct tile_sums<S> t = {{-INFINITY, -INFINITY}, {0.0f, 0.0f}, {}};

	for (uint32_t next; key < w.to; key = next) {
		float s[S::keys / 8][4];
		uint32_t p[S::keys / 16][4];
		bool sees = sees_keys<S>(a, row_warp, key, mem);

		next = plan.template next<S>(key + S::keys, w.to);
		ada_cp_async_wait<0>();
		__syncthreads();
		tile_load<S>(a, w, true, key, mem + S::v_at);
		if (sees)
			dot_keys<S>(mem, row_warp, col_warp, s);
		if (S::col_warps > 1)
			add_parts<S>(mem, row_warp, col_warp, s);
		if (sees)
			soften<S>(a, mem, row_warp, key, &t, s, p);
		ada_cp_async_wait<0>();
		__syncthreads();
		if (next < w.to)
			tile_load<S>(a, w, false, next, mem + S::k_at);
		if (sees)
			add_values<S>(mem, col_warp, p, &t);
	}
	tile_store_rows<S>(a, plan, w, &t);
	if (PLAN::alone && w.n_split > 1 &&
	    attn_is_last(blockIdx.y * gridDim.x + blockIdx.x, w.n_split, &w.is_last))
		tile_merge_parts<S>(a, w, mem);
}

#endif
