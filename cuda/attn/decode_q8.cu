/* decode_q8.cu - one token's attention over Q8_0 caches; see decode.cuh.
 *
 * The 8-bit numbers are exact in BF16. A block's scale is applied to the sum of
 * its products with a query, and to the weight that its values are multiplied by. */
#include "attn/decode.cuh"
#include "attn/decode_merge.cuh"

/* Bytes lo of x and hi of y, signed, as a BF16 pair. 0x4b000000 + n is 2^23 + n. */
__device__ static __forceinline__ uint32_t pair_of(uint32_t x, int lo, uint32_t y, int hi)
{
	const uint32_t magic = 0x4b000000u;
	const float bias = 8388608.0f + 128.0f;
	float f = __uint_as_float(__byte_perm(x ^ 0x80808080u, magic, 0x7440 + lo)) - bias;
	float g = __uint_as_float(__byte_perm(y ^ 0x80808080u, magic, 0x7440 + hi)) - bias;

	return __byte_perm(__float_as_uint(f), __float_as_uint(g), 0x7632);
}

__device__ static __forceinline__ uint32_t load_four(const uint16_t *p)
{
	return __ldcg(p) | (uint32_t)__ldcg(p + 1) << 16;
}

__device__ static __forceinline__ float load_scale(const uint16_t *block)
{
	return ada_f16_to_f32(__ldcg(block));
}

/* Block i of a row of `n` lanes; past its end, any. In steps of two bytes. */
__device__ static __forceinline__ uint32_t block_at(uint32_t i, uint32_t n)
{
	return i * 32 < n ? i * (ATTN_Q8_BLOCK / 2) : 0;
}

/* Row pointers of this lane. Of a unit's keys it multiplies two, lane / 4 and eight
 * on, and then has the scores of four. */
struct rows {
	const uint16_t *k[2], *k_scale[4], *v[4];
};

__device__ static __forceinline__ struct rows rows_of(const struct ada_attn_args &a,
                                                      const struct dec_work &w,
                                                      const struct dec_place &at)
{
	uint64_t k = attn_row(a.k, (uint32_t)at.page, w.kv_head, 0);
	uint64_t v = attn_row(a.v, (uint32_t)at.page, w.kv_head, 0);
	uint32_t g = threadIdx.x % 32 / 4, pair = threadIdx.x % 4 * 2;
	struct rows r;

#pragma unroll
	for (int j = 0; j < 2; j++)
		r.k[j] = reinterpret_cast<const uint16_t *>(
			k + dec_slot(w, at, g + j * 8) * (uint32_t)a.k.nb1);
#pragma unroll
	for (int j = 0; j < 4; j++) {
		uint32_t slot = dec_slot(w, at, pair + j / 2 * 8 + j % 2);

		r.k_scale[j] = reinterpret_cast<const uint16_t *>(k + slot * (uint32_t)a.k.nb1);
		r.v[j] = reinterpret_cast<const uint16_t *>(v + slot * (uint32_t)a.v.nb1);
	}
	return r;
}

/* s += Q K^T over block i. A lane's eight bytes are two steps of the product. */
template <int D>
__device__ static __forceinline__ void dot_block(const struct ada_attn_args &a,
                                                 const struct dec_shared<ATTN_Q8_0, D> *sh,
                                                 const struct rows &r, int i, float s[4])
{
	uint32_t lane = threadIdx.x % 32, at = block_at(i, a.lanes), x[2][2];
	float c[2][4] = {}, scale[4];

#pragma unroll
	for (int j = 0; j < 2; j++) {
		x[j][0] = load_four(r.k[j] + at + 1 + lane % 4 * 4);
		x[j][1] = load_four(r.k[j] + at + 3 + lane % 4 * 4);
	}
#pragma unroll
	for (int j = 0; j < 4; j++)
		scale[j] = load_scale(r.k_scale[j] + at);
#pragma unroll
	for (int step = 0; step < 2; step++)
#pragma unroll
		for (int p = 0; p < dec_kind<ATTN_Q8_0>::n_sets; p++) {
			uint4 q = sh->q[i * 2 + step][p][lane];
			const uint32_t frag[4] = {q.x, q.y, q.z, q.w};

#pragma unroll
			for (int j = 0; j < 2; j++) {
				const uint32_t b[2] = {pair_of(x[j][step], 0, x[j][step], 1),
				                       pair_of(x[j][step], 2, x[j][step], 3)};

				ada_mma_bf16(c[j], frag, b);
			}
		}
#pragma unroll
	for (int j = 0; j < 4; j++)
		s[j] = fmaf(scale[j], c[j / 2][j % 2] + c[j / 2][j % 2 + 2], s[j]);
}

/* o += V^T P^T over block i: a lane has four bytes of four keys. */
__device__ static __forceinline__ void add_block(const struct ada_attn_args &a,
                                                 const struct rows &r, int i, const float p[4],
                                                 float o[2][4])
{
	constexpr int N = dec_kind<ATTN_Q8_0>::n_pieces;
	uint32_t at = block_at(i, a.dv), x[4], b[N][2];
	float scaled[4];

#pragma unroll
	for (int j = 0; j < 4; j++) {
		x[j] = load_four(r.v[j] + at + 1 + threadIdx.x % 32 / 4 * 2);
		scaled[j] = p[j] * load_scale(r.v[j] + at);
	}
	dec_split_weights<ATTN_Q8_0>(scaled, b);
#pragma unroll
	for (int t = 0; t < 2; t++) {
		const uint32_t frag[4] = {
			pair_of(x[0], 2 * t, x[1], 2 * t),
			pair_of(x[0], 2 * t + 1, x[1], 2 * t + 1),
			pair_of(x[2], 2 * t, x[3], 2 * t),
			pair_of(x[2], 2 * t + 1, x[3], 2 * t + 1)};

#pragma unroll
		for (int n = 0; n < N; n++)
			ada_mma_bf16(o[t], frag, b[n]);
	}
}

template <int D>
__device__ static __forceinline__ void one_unit(const struct ada_attn_args &a,
                                                const struct dec_work &w,
                                                const struct dec_shared<ATTN_Q8_0, D> *sh,
                                                const struct dec_place &at, float factor,
                                                struct dec_sums<D> *t)
{
	/* Blocks of values whose sums stand in registers of their own. */
	constexpr int BLOCKS = D > 256 ? D / 64 : D / 32;
	uint32_t key = at.key + threadIdx.x % 4 * 2;
	const bool seen[4] = {dec_sees(w, key), dec_sees(w, key + 1), dec_sees(w, key + 8),
	                      dec_sees(w, key + 9)};
	struct rows r = rows_of(a, w, at);
	float s[4] = {};

#pragma unroll 4
	for (int i = 0; i < D / 32; i++)
		dot_block<D>(a, sh, r, i, s);
	dec_scores(a, factor, s);
	dec_weigh<D>(t, s, seen);
#pragma unroll 1
	for (int from = 0; from < D / 32; from += BLOCKS) {
#pragma unroll
		for (int i = 0; i < BLOCKS; i++)
			add_block(a, r, from + i, s, t->o + i * 2);
		if (BLOCKS < D / 32)
			dec_swap_halves<D>(t->o);
	}
}

ADA_KERNEL(attn_decode_q8_64, struct ada_attn_args, 256, 1)
{
	dec_run<ATTN_Q8_0, 64>(a, one_unit<64>);
}

ADA_KERNEL(attn_decode_q8_128, struct ada_attn_args, 256, 1)
{
	dec_run<ATTN_Q8_0, 128>(a, one_unit<128>);
}

ADA_KERNEL(attn_decode_q8_256, struct ada_attn_args, 256, 1)
{
	dec_run<ATTN_Q8_0, 256>(a, one_unit<256>);
}

ADA_KERNEL(attn_decode_q8_512, struct ada_attn_args, 256, 1)
{
	dec_run<ATTN_Q8_0, 512>(a, one_unit<512>);
}
