/* delta_step.cu - the delta net token by token.
 *
 * The columns of a state do not see each other. Eight lanes share a column: it
 * stays in their registers over all tokens of the step, each lane holding every
 * eighth quad of it, and of k and q. What depends on k and q alone is worked out
 * a token ahead, off the way from one state to the next. */
#include "ssm/delta.cuh"

enum { LANES = 8, COLUMNS = 16 }; /* lanes to a column, columns to a block */

/* A token as one lane needs it. */
template <int QUADS> struct step_token {
	float4 q[QUADS], k[QUADS];
	float v, decay, b;
	float unit_q, unit_k, qk; /* qk: q k, as they stand in memory */
};

__device__ static __forceinline__ float dot_quad(float4 a, float4 b, float s)
{
	return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, s))));
}

__device__ static __forceinline__ float column_sum(float x)
{
	for (int d = LANES / 2; d; d >>= 1)
		x += __shfl_xor_sync(ADA_FULL_WARP, x, d);
	return x;
}

template <int QUADS>
__device__ static __forceinline__ void load_token(const struct ada_delta_args &a, uint32_t head,
                                                  uint32_t column, uint32_t token,
                                                  struct step_token<QUADS> &t)
{
	const uint32_t k_head = delta_k_head(a, head);
	const float *q = ada_at<float>(a.q, 0, k_head, token);
	const float *k = ada_at<float>(a.k, 0, k_head, token);
	float qq = 0.0f, kk = 0.0f, qk = 0.0f;

	t.v = column < a.d_v ? *ada_at<float>(a.v, column, head, token) : 0.0f;
#pragma unroll
	for (int i = 0; i < QUADS; i++) {
		uint32_t at = 4 * (threadIdx.x % LANES + LANES * i), left = ada_left(a.d_k, at);

		t.q[i] = ada_load_quad(q + at, left, a.vec);
		t.k[i] = ada_load_quad(k + at, left, a.vec);
	}
#pragma unroll
	for (int i = 0; i < QUADS; i++) {
		qq = dot_quad(t.q[i], t.q[i], qq);
		kk = dot_quad(t.k[i], t.k[i], kk);
		qk = dot_quad(t.q[i], t.k[i], qk);
	}
	t.decay = expf(delta_log_decay(a, head, token));
	t.b = delta_b(a, head, token);
	t.unit_q = delta_unit(a, column_sum(qq)) * a.q_scale;
	t.unit_k = delta_unit(a, column_sum(kk));
	t.qk = column_sum(qk);
}

/* Advances the column s by a token and returns its output. The decay is a scalar,
 * and the output can be had from the state before the write:
 *   S' q = decay (S q) + (k q) u */
template <int QUADS>
__device__ static __forceinline__ float step(float4 s[QUADS], const struct step_token<QUADS> &t)
{
	float sk[2] = {0.0f, 0.0f}, sq[2] = {0.0f, 0.0f};

#pragma unroll
	for (int i = 0; i < QUADS; i++) {
		sk[i % 2] = dot_quad(s[i], t.k[i], sk[i % 2]);
		sq[i % 2] = dot_quad(s[i], t.q[i], sq[i % 2]);
	}
	float stored = column_sum(sk[0] + sk[1]), read = column_sum(sq[0] + sq[1]);
	/* u k^ = (u unit_k) k */
	float u = t.b * fmaf(-t.decay * t.unit_k, stored, t.v) * t.unit_k;
#pragma unroll
	for (int i = 0; i < QUADS; i++) {
		s[i].x = fmaf(t.k[i].x, u, t.decay * s[i].x);
		s[i].y = fmaf(t.k[i].y, u, t.decay * s[i].y);
		s[i].z = fmaf(t.k[i].z, u, t.decay * s[i].z);
		s[i].w = fmaf(t.k[i].w, u, t.decay * s[i].w);
	}
	return t.unit_q * fmaf(t.qk, u, t.decay * read);
}

template <int QUADS>
__device__ static __forceinline__ void delta_step(const struct ada_delta_args &a)
{
	const uint32_t head = blockIdx.y, lane = threadIdx.x % LANES;
	const uint32_t column = blockIdx.x * COLUMNS + threadIdx.x / LANES;
	struct step_token<QUADS> next;
	float4 s[QUADS];

	ada_wait_inputs();
	ada_release_next();
	const struct delta_seq seq = delta_sequence(a, blockIdx.z);
	if (seq.n == 0 || seq.n > a.short_tokens)
		return;
	float *state = delta_column(a, seq.slot, head, column < a.d_v ? column : 0);
	const uint32_t rows = column < a.d_v ? a.d_k : 0;
#pragma unroll
	for (int i = 0; i < QUADS; i++) {
		uint32_t at = 4 * (lane + LANES * i);

		s[i] = ada_load_quad(state + at, ada_left(rows, at), a.vec);
	}
	load_token<QUADS>(a, head, column, seq.first, next);
	for (uint32_t i = 0; i < seq.n; i++) {
		struct step_token<QUADS> t = next;
		uint32_t token = seq.first + i;

		if (i + 1 < seq.n)
			load_token<QUADS>(a, head, column, token + 1, next);
		float y = step<QUADS>(s, t);
		if (lane == 0 && column < a.d_v)
			*ada_at<float>(a.y, column, head, token) = y;
	}
#pragma unroll
	for (int i = 0; i < QUADS; i++) {
		uint32_t at = 4 * (lane + LANES * i);

		ada_store_quad(state + at, ada_left(rows, at), a.vec, s[i]);
	}
}

/* For d_k up to 32, 64, 128 and 256. */
ADA_KERNEL(delta_step_1, struct ada_delta_args, 128, 8)
{
	delta_step<1>(a);
}

ADA_KERNEL(delta_step_2, struct ada_delta_args, 128, 6)
{
	delta_step<2>(a);
}

ADA_KERNEL(delta_step_4, struct ada_delta_args, 128, 4)
{
	delta_step<4>(a);
}

ADA_KERNEL(delta_step_8, struct ada_delta_args, 128, 1)
{
	delta_step<8>(a);
}

/* Sums of one lane over its rows of a token that stays in memory. */
struct wide_sums {
	float qq, kk, qk, sk, sq;
};

__device__ static __forceinline__ struct wide_sums wide_token(const struct ada_delta_args &a,
                                                              const float *s, const float *q,
                                                              const float *k)
{
	struct wide_sums w = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f};

	for (uint32_t i = threadIdx.x % 32; i < a.d_k; i += 32) {
		w.qq = fmaf(q[i], q[i], w.qq);
		w.kk = fmaf(k[i], k[i], w.kk);
		w.qk = fmaf(q[i], k[i], w.qk);
		w.sk = fmaf(s[i], k[i], w.sk);
		w.sq = fmaf(s[i], q[i], w.sq);
	}
	w.qq = ada_warp_sum(w.qq);
	w.kk = ada_warp_sum(w.kk);
	w.qk = ada_warp_sum(w.qk);
	w.sk = ada_warp_sum(w.sk);
	w.sq = ada_warp_sum(w.sq);
	return w;
}

/* Any d_k: a warp to a column, which stays in memory; a lane reads only what it
 * wrote itself. */
ADA_KERNEL(delta_step_wide, struct ada_delta_args, 128, 4)
{
	const uint32_t head = blockIdx.y, column = blockIdx.x * 4 + threadIdx.x / 32;
	const uint32_t k_head = delta_k_head(a, head);

	ada_wait_inputs();
	ada_release_next();
	const struct delta_seq seq = delta_sequence(a, blockIdx.z);
	if (seq.n > a.short_tokens || column >= a.d_v)
		return;
	for (uint32_t token = seq.first; token < seq.first + seq.n; token++) {
		float *s = delta_column(a, seq.slot, head, column);
		const float *q = ada_at<float>(a.q, 0, k_head, token);
		const float *k = ada_at<float>(a.k, 0, k_head, token);
		struct wide_sums w = wide_token(a, s, q, k);
		float decay = expf(delta_log_decay(a, head, token));
		float unit_k = delta_unit(a, w.kk), unit_q = delta_unit(a, w.qq) * a.q_scale;
		float v = *ada_at<float>(a.v, column, head, token);
		float u = delta_b(a, head, token) * fmaf(-decay * unit_k, w.sk, v) * unit_k;

		for (uint32_t i = threadIdx.x % 32; i < a.d_k; i += 32)
			s[i] = fmaf(k[i], u, decay * s[i]);
		if (threadIdx.x % 32 == 0)
			*ada_at<float>(a.y, column, head, token) =
				unit_q * fmaf(w.qk, u, decay * w.sq);
	}
}
