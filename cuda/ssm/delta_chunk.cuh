/* delta_chunk.cuh - the delta net in chunks of 64 tokens (Yang, Wang, Zhang, Shen,
 * Kim, 2024: "Parallelizing linear transformers with the delta rule").
 *
 * With G the cumulative log decay inside the chunk, D[t][s] = e^(G_t - G_s) for
 * s <= t, and S the state before the chunk:
 *   A = strictly lower part of (diag(b) (K K^T) o D)
 *   W = (I + A)^-1 diag(b e^G) K,   U0 = (I + A)^-1 diag(b) V
 *   U = U0 - W S
 *   O = diag(e^G) Q S + ((Q K^T) o D) U
 *   S = e^Gn S + (diag(e^(Gn - G)) K)^T U
 * W, U0 and P = (Q K^T) o D know nothing of the state: they are worked out for
 * all chunks at once (delta_prepare.cu) and left in records; what is left goes
 * chunk by chunk (delta_scan.cu).
 *
 * Only whole sequences of more than short_tokens are cut into chunks, all of
 * the sequences in order; a chunk's number counts over all of them. */
#ifndef ADA_SSM_DELTA_CHUNK_CUH
#define ADA_SSM_DELTA_CHUNK_CUH

#include "ssm/delta.cuh"

__device__ static __forceinline__ uint32_t delta_round(uint32_t n, uint32_t to)
{
	return (n + to - 1) / to * to;
}

/* What delta_prepare leaves of a chunk and V head, C = DELTA_CHUNK and L =
 * DELTA_LANES, whatever d_k is, so that offsets are constants. Rows past the chunk's last
 * token are zeros, and so are columns past d_k and d_v, as far as the next
 * multiple of 32. */
struct delta_record {
	float *w;     /* [C][L]                                    */
	float *u;     /* [d_v / L][C][L]: U0                   */
	float *p;     /* [C][C], written up to the 16 x 16 blocks of
	               * the diagonal                                      */
	float *read;  /* [C] e^G times what unit q has and q not       */
	float *keep;  /* [C] e^(Gn - G) times what unit k has and k not */
	float *decay; /* [1] e^Gn                                          */
};

__device__ static __forceinline__ struct delta_record delta_record_at(
	const struct ada_delta_args &a, uint32_t chunk, uint32_t head)
{
	const uint32_t tiles = (a.d_v + DELTA_LANES - 1) / DELTA_LANES;
	struct delta_record r;

	r.w = reinterpret_cast<float *>(a.records) +
	      ((uint64_t)chunk * a.n_v_head + head) * DELTA_RECORD_FLOATS(a.d_v);
	r.u = r.w + DELTA_CHUNK * DELTA_LANES;
	r.p = r.u + tiles * DELTA_CHUNK * DELTA_LANES;
	r.read = r.p + DELTA_CHUNK * DELTA_CHUNK;
	r.keep = r.read + DELTA_CHUNK;
	r.decay = r.keep + DELTA_CHUNK;
	return r;
}

/* Chunks of a sequence. */
__device__ static __forceinline__ uint32_t delta_chunks(const struct ada_delta_args &a,
                                                        const struct delta_seq &s)
{
	return s.n > a.short_tokens ? (s.n + DELTA_CHUNK - 1) / DELTA_CHUNK : 0;
}

/* A head's row of q or k of a token; none for a token outside of the chunk. */
__device__ static __forceinline__ const float *delta_row(const struct ada_view &x, uint32_t head,
                                                         uint32_t token, bool inside)
{
	return inside ? ada_at<float>(x, 0, head, token) : nullptr;
}

/* The row's elements from at on; zeros of none. */
__device__ static __forceinline__ float4 delta_quad(const struct ada_delta_args &a,
                                                    const float *row, uint32_t at)
{
	if (!row)
		return make_float4(0.0f, 0.0f, 0.0f, 0.0f);
	return ada_load_quad(row + at, ada_left(a.d_k, at), a.vec);
}

#endif
