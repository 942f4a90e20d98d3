/* decode.cu - one token's attention over F16 and BF16 caches; see decode.cuh. */
#include "attn/decode.cuh"
#include "attn/decode_merge.cuh"

/* Steps of 32 lanes of keys, of 64 lanes of values, that are loaded together:
 * what registers allow beside the sums. */
template <int D> struct dec_ahead {
	static constexpr int keys = D / 32 < 8 ? D / 32 : 8;
	static constexpr int values = D / 64 < 4 ? D / 64 : 4;
};

/* Sixteen bytes of a cache row, from byte `at`; past its end, any of it. */
__device__ static __forceinline__ uint4 load_row(const uint8_t *row, uint32_t at, uint32_t bytes)
{
	return __ldcg(reinterpret_cast<const uint4 *>(row + (at < bytes ? at : 0)));
}

/* c[key / 8][parity of the step] += Q K^T, for AHEAD steps of 32 lanes from step
 * `from` on. A lane loads lanes 32 i + 8 (lane % 4) and on, of two keys. */
template <int DTYPE, int D, int AHEAD>
__device__ static __forceinline__ void dot_keys(const struct ada_attn_args &a,
                                                const struct dec_shared<DTYPE, D> *sh,
                                                const uint8_t *const row[2], int from,
                                                float c[2][2][4])
{
	uint32_t lane = threadIdx.x % 32, at = from * 64 + lane % 4 * 16;
	uint4 k[AHEAD][2];

#pragma unroll
	for (int i = 0; i < AHEAD; i++)
#pragma unroll
		for (int j = 0; j < 2; j++)
			k[i][j] = load_row(row[j], at + i * 64, a.lanes * 2);
#pragma unroll
	for (int i = 0; i < AHEAD; i++)
#pragma unroll
		for (int p = 0; p < dec_kind<DTYPE>::n_sets; p++)
#pragma unroll
			for (int odd = 0; odd < 2; odd++) {
				uint4 q = sh->q[(from + i) * 2 + odd][p][lane];
				const uint32_t frag[4] = {q.x, q.y, q.z, q.w};

#pragma unroll
				for (int j = 0; j < 2; j++) {
					const uint32_t b[2] = {odd ? k[i][j].z : k[i][j].x,
					                       odd ? k[i][j].w : k[i][j].y};

					dec_mma<dec_kind<DTYPE>::bf16>(c[j][odd], frag, b);
				}
			}
}

/* The pieces' products and the steps of both parities together. */
__device__ static __forceinline__ void add_up(const float c[2][2][4], float s[4])
{
#pragma unroll
	for (int j = 0; j < 4; j++)
		s[j] = (c[j / 2][0][j % 2] + c[j / 2][1][j % 2]) +
		       (c[j / 2][0][j % 2 + 2] + c[j / 2][1][j % 2 + 2]);
}

/* Values of 16 keys, AHEAD steps of 64 lanes: a lane has lanes 64 i + 8 (lane / 4)
 * and on, of four keys. */
template <int AHEAD> struct values {
	uint4 key[AHEAD][4];
};

template <int AHEAD>
__device__ static __forceinline__ struct values<AHEAD> load_values(const struct ada_attn_args &a,
                                                                   const uint8_t *const row[4],
                                                                   int from)
{
	uint32_t at = from * 128 + threadIdx.x % 32 / 4 * 16;
	struct values<AHEAD> v;

#pragma unroll
	for (int i = 0; i < AHEAD; i++)
#pragma unroll
		for (int j = 0; j < 4; j++)
			v.key[i][j] = load_row(row[j], at + i * 128, a.dv * 2);
	return v;
}

/* Two neighbouring lanes of four keys as a fragment of V^T. */
template <int DTYPE>
__device__ static __forceinline__ void add_lanes(float o[4], uint32_t key0, uint32_t key1,
                                                 uint32_t key8, uint32_t key9,
                                                 const uint32_t b[dec_kind<DTYPE>::n_pieces][2])
{
	const uint32_t a[4] = {__byte_perm(key0, key1, 0x5410), __byte_perm(key0, key1, 0x7632),
	                       __byte_perm(key8, key9, 0x5410), __byte_perm(key8, key9, 0x7632)};

#pragma unroll
	for (int p = 0; p < dec_kind<DTYPE>::n_pieces; p++)
		dec_mma<dec_kind<DTYPE>::bf16>(o, a, b[p]);
}

template <int DTYPE, int AHEAD>
__device__ static __forceinline__ void add_values(const struct values<AHEAD> &v,
                                                  const uint32_t b[][2], float o[][4])
{
#pragma unroll
	for (int i = 0; i < AHEAD; i++) {
		const uint4 *k = v.key[i];

		add_lanes<DTYPE>(o[i * 4], k[0].x, k[1].x, k[2].x, k[3].x, b);
		add_lanes<DTYPE>(o[i * 4 + 1], k[0].y, k[1].y, k[2].y, k[3].y, b);
		add_lanes<DTYPE>(o[i * 4 + 2], k[0].z, k[1].z, k[2].z, k[3].z, b);
		add_lanes<DTYPE>(o[i * 4 + 3], k[0].w, k[1].w, k[2].w, k[3].w, b);
	}
}

/* Row pointers of this lane: of two keys, of four values. */
struct rows {
	const uint8_t *k[2], *v[4];
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
		r.k[j] = reinterpret_cast<const uint8_t *>(
			k + dec_slot(w, at, g + j * 8) * (uint32_t)a.k.nb1);
#pragma unroll
	for (int j = 0; j < 4; j++)
		r.v[j] = reinterpret_cast<const uint8_t *>(
			v + dec_slot(w, at, pair + j / 2 * 8 + j % 2) * (uint32_t)a.v.nb1);
	return r;
}

template <int DTYPE, int D>
__device__ static __forceinline__ void one_unit(const struct ada_attn_args &a,
                                                const struct dec_work &w,
                                                const struct dec_shared<DTYPE, D> *sh,
                                                const struct dec_place &at, float factor,
                                                struct dec_sums<D> *t)
{
	constexpr int K_AHEAD = dec_ahead<D>::keys, V_AHEAD = dec_ahead<D>::values;
	uint32_t key = at.key + threadIdx.x % 4 * 2, b[dec_kind<DTYPE>::n_pieces][2];
	const bool seen[4] = {dec_sees(w, key), dec_sees(w, key + 1), dec_sees(w, key + 8),
	                      dec_sees(w, key + 9)};
	struct rows r = rows_of(a, w, at);
	struct values<V_AHEAD> v;
	float c[2][2][4] = {}, s[4];

	/* Values are under way while keys are multiplied, if registers suffice. */
	if (D <= 256)
		v = load_values<V_AHEAD>(a, r.v, 0);
#pragma unroll 1
	for (int i = 0; i < D / 32; i += K_AHEAD)
		dot_keys<DTYPE, D, K_AHEAD>(a, sh, r.k, i, c);
	add_up(c, s);
	dec_scores(a, factor, s);
	dec_weigh<D>(t, s, seen);
	dec_split_weights<DTYPE>(s, b);
	/* Unrolled, many lanes would be loaded all at once and registers run out. */
#pragma unroll 1
	for (int i = 0; i < D / 64; i += V_AHEAD) {
		if (D > 256)
			v = load_values<V_AHEAD>(a, r.v, i);
		add_values<DTYPE, V_AHEAD>(v, b, t->o);
		if (D > 256)
			dec_swap_halves<D>(t->o);
	}
}

template <int DTYPE, int D> __device__ static __forceinline__ void decode(const ada_attn_args &a)
{
	dec_run<DTYPE, D>(a, one_unit<DTYPE, D>);
}

ADA_KERNEL(attn_decode_f16_64, struct ada_attn_args, 256, 1) { decode<ATTN_F16, 64>(a); }
ADA_KERNEL(attn_decode_f16_128, struct ada_attn_args, 256, 1) { decode<ATTN_F16, 128>(a); }
ADA_KERNEL(attn_decode_f16_256, struct ada_attn_args, 256, 1) { decode<ATTN_F16, 256>(a); }
ADA_KERNEL(attn_decode_f16_512, struct ada_attn_args, 256, 1) { decode<ATTN_F16, 512>(a); }
ADA_KERNEL(attn_decode_bf16_64, struct ada_attn_args, 256, 1) { decode<ATTN_BF16, 64>(a); }
ADA_KERNEL(attn_decode_bf16_128, struct ada_attn_args, 256, 1) { decode<ATTN_BF16, 128>(a); }
ADA_KERNEL(attn_decode_bf16_256, struct ada_attn_args, 256, 1) { decode<ATTN_BF16, 256>(a); }
ADA_KERNEL(attn_decode_bf16_512, struct ada_attn_args, 256, 1) { decode<ATTN_BF16, 512>(a); }
