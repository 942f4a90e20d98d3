/* tile.cu - attention of many tokens on tensor cores, with a running softmax; see
 * tile.cuh for what a block does.
 *
 * While keys are multiplied the values of the same positions are under way, and
 * while values are multiplied the next keys. */
#include "attn/split.cuh"
#include "attn/tile.cuh"

/* A thread's rows are r and r + 8 of its warp's 16, r = lane / 4, and of 8
 * neighbouring keys or lanes it has 2 (lane % 4) and the next. */
template <typename S> struct tile_sums {
	float m[2], l[2]; /* m in powers of two; l of this thread's keys */
	float o[S::lanes / S::col_warps / 8][4];
};

template <typename S>
__device__ static __forceinline__ void mma(float c[4], const uint32_t a[4], uint32_t b0, uint32_t b1)
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

__device__ static __forceinline__ float fast_sigmoid(float x)
{
	return __fdividef(1.0f, 1.0f + ada_exp2(-ATTN_LOG2E * x));
}

__device__ static __forceinline__ void store_pair(const struct ada_attn_args &a, uint32_t token,
                                                  uint32_t head, uint32_t d, float2 x)
{
	if (a.gate.p) {
		float2 g = __ldcg(reinterpret_cast<const float2 *>(
			ada_at<const float>(a.gate, d, head, token)));

		x.x *= fast_sigmoid(g.x);
		x.y *= fast_sigmoid(g.y);
	}
	*reinterpret_cast<float2 *>(ada_at<float>(a.out, d, head, token)) = x;
}

/* This thread's rows: the result, or if blocks share the keys, a part of it. */
template <typename S>
__device__ static __forceinline__ void store_rows(const struct ada_attn_args &a,
                                                  const struct tile_work &w, uint32_t row_warp,
                                                  uint32_t col_warp, struct tile_sums<S> *t)
{
	constexpr uint32_t WIDTH = S::lanes / S::col_warps;
	uint32_t lane = threadIdx.x % 32;
	bool whole = w.n_split == 1;

#pragma unroll
	for (int r = 0; r < 2; r++) {
		uint32_t row = row_warp * 16 + lane / 4 + r * 8;
		uint32_t token = w.token + row / w.n_heads, head = w.head + row % w.n_heads;
		uint64_t part = attn_part(a, token, head) + blockIdx.z;

		t->l[r] += __shfl_xor_sync(ADA_FULL_WARP, t->l[r], 1);
		t->l[r] += __shfl_xor_sync(ADA_FULL_WARP, t->l[r], 2);
		float factor = !whole ? 1.0f : t->l[r] != 0.0f ? 1.0f / t->l[r] : 0.0f;

		if (!whole && row < w.n_rows && !col_warp && lane % 4 == 0)
			*attn_part_ml(a, part) = make_float2(t->m[r], t->l[r]);
#pragma unroll
		for (int i = 0; i < S::lanes / S::col_warps / 8; i++) {
			uint32_t d = col_warp * WIDTH + i * 8 + lane % 4 * 2;
			float2 x = make_float2(t->o[i][2 * r] * factor, t->o[i][2 * r + 1] * factor);

			if (row >= w.n_rows || d >= a.dv)
				continue;
			if (whole)
				store_pair(a, token, head, d, x);
			else
				*reinterpret_cast<float2 *>(attn_part_sums(a, part) + d) = x;
		}
	}
}

/* The result from all parts, by the last block. */
template <typename S>
__device__ static __forceinline__ void merge_parts(const struct ada_attn_args &a,
                                                   const struct tile_work &w, unsigned char *mem)
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
			float2 y = __ldcg(reinterpret_cast<const float2 *>(from + (uint64_t)j * a.dv));
			float e = share[row * TILE_MAX_SPLIT + j];

			x.x = fmaf(e, y.x, x.x);
			x.y = fmaf(e, y.y, x.y);
		}
		store_pair(a, token, head, d, x);
	}
}

/* All queries of the block, and what each row sees. */
template <typename S>
__device__ static __forceinline__ void load_queries(const struct ada_attn_args &a,
                                                    const struct tile_work &w, unsigned char *mem)
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
		ends[row] = row < w.n_rows ? attn_visible(a, w.token + row / w.n_heads).end : 0;
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

template <typename S> __device__ static __forceinline__ void tile(const struct ada_attn_args &a)
{
	ADA_DYN_SHARED(unsigned char, mem);
	struct tile_work &w = *reinterpret_cast<struct tile_work *>(mem + S::work_at);
	uint32_t row_warp = threadIdx.x / 32 / S::col_warps;
	uint32_t col_warp = threadIdx.x / 32 % S::col_warps;

	ada_release_next();
	if (threadIdx.x < 32) {
		struct tile_work mine = tile_begin<S>(a);

		if (!threadIdx.x)
			w = mine;
	}
	__syncthreads();
	ada_wait_inputs();
	if (!w.live)
		return;
	uint32_t key = w.from;

	tile_load<S>(a, w, false, key, mem + S::k_at);
	load_queries<S>(a, w, mem);
	__syncthreads();
	struct tile_sums<S> t = {{-INFINITY, -INFINITY}, {0.0f, 0.0f}, {}};

	for (; key < w.to; key += S::keys) {
		float s[S::keys / 8][4];
		uint32_t p[S::keys / 16][4];
		bool sees = sees_keys<S>(a, row_warp, key, mem);

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
		if (key + S::keys < w.to)
			tile_load<S>(a, w, false, key + S::keys, mem + S::k_at);
		if (sees)
			add_values<S>(mem, col_warp, p, &t);
	}
	store_rows<S>(a, w, row_warp, col_warp, &t);
	if (w.n_split > 1 &&
	    attn_is_last(blockIdx.y * gridDim.x + blockIdx.x, w.n_split, &w.is_last))
		merge_parts<S>(a, w, mem);
}

#define ADA_ATTN_TILE(name, kind, lanes, row_warps, col_warps, keys, min_blocks)                   \
	ADA_KERNEL(attn_tile_##name, struct ada_attn_args, row_warps * col_warps * 32, min_blocks) \
	{                                                                                          \
		tile<struct tile_shape<kind, lanes, row_warps, col_warps, keys>>(a);               \
	}

#define ADA_ATTN_TILES(name, kind)                                                                 \
	ADA_ATTN_TILE(name##_64, kind, 64, 8, 1, 64, 2)                                            \
	ADA_ATTN_TILE(name##_128, kind, 128, 8, 1, 64, 2)                                          \
	ADA_ATTN_TILE(name##_256, kind, 256, 8, 1, 32, 1)                                          \
	ADA_ATTN_TILE(name##_512, kind, 512, 4, 2, 32, 1)                                          \
	ADA_ATTN_TILE(name##_512_small, kind, 512, 2, 2, 16, 1)

ADA_ATTN_TILES(f16, TILE_F16)
ADA_ATTN_TILES(bf16, TILE_BF16)
ADA_ATTN_TILES(convert, TILE_CONVERT)
