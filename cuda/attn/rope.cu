/* rope.cu - rotary embedding of Q and K, after their optional norms.
 *
 * A block has one token and some of its heads: its threads compute the angles
 * once, then each warp turns head after head. */
#include "attn/batch.cuh"

/* Pairs of a lane that are under way together. */
enum { ROPE_BATCH = 4 };

static constexpr double TURNS = 0.15915494309189533576888376337251; /* 1 / 2 pi */

/* (cos, sin) of pair i. In double until whole turns are off: a float product of
 * 100000 by a frequency is off by thousandths of a radian. */
__device__ static float2 angle_of(const struct ada_rope_args &a, uint32_t i, uint32_t token)
{
	uint32_t row = a.pos_row ? (uint32_t)attn_table(a.pos_row, i) : 0;
	int32_t pos = row < a.pos.ne1 ? *ada_at<const int32_t>(a.pos, token, row) : 0;
	double angle = (double)pos * (double)reinterpret_cast<const float *>(a.freqs)[i];
	float2 turn;

	if (a.factors)
		angle /= (double)reinterpret_cast<const float *>(a.factors)[i];
	angle *= TURNS;
	sincospif((float)(2 * (angle - rint(angle))), &turn.y, &turn.x);
	return turn;
}

struct head {
	const float *x, *weight; /* weight NULL: no norm */
	float *y;
	uint32_t n;
	float inverse;           /* 1 / root mean square */
};

__device__ static __forceinline__ struct head head_at(const struct ada_rope_args &a, uint32_t head,
                                                      uint32_t token)
{
	bool is_k = head >= a.q.ne1;
	const struct ada_view &x = is_k ? a.k : a.q, &y = is_k ? a.k_out : a.q_out;
	struct head h;

	head -= is_k ? a.q.ne1 : 0;
	h.x = ada_at<const float>(x, 0, head, token);
	h.y = ada_at<float>(y, 0, head, token);
	h.n = x.ne0;
	h.weight = reinterpret_cast<const float *>(is_k ? a.k_norm : a.q_norm);
	h.inverse = 1.0f;
	return h;
}

__device__ static void measure(struct head *h, float eps, uint32_t lane)
{
	float sum = 0.0f;

#pragma unroll 4
	for (uint32_t i = lane; i < h->n; i += 32)
		sum = fmaf(h->x[i], h->x[i], sum);
	sum = ada_warp_sum(sum);
	h->inverse = 1.0f / sqrtf(sum / (float)h->n + eps);
}

__device__ static __forceinline__ float normed(const struct head &h, uint32_t i, float x)
{
	return h.weight ? x * h.inverse * h.weight[i] : x;
}

/* Lane numbers of pair i. */
struct pair {
	uint32_t u, v;
};

__device__ static __forceinline__ struct pair pair_of(const struct ada_rope_args &a, uint32_t i)
{
	bool neox = a.mode == 0;
	struct pair p = {neox ? i : 2 * i, neox ? i + a.pairs : 2 * i + 1};

	return p;
}

__device__ static void rotate(const struct ada_rope_args &a, const struct head &h,
                              const float2 *turns, uint32_t lane)
{
	for (uint32_t base = lane; base < a.pairs; base += 32 * ROPE_BATCH) {
		float u[ROPE_BATCH], v[ROPE_BATCH];

#pragma unroll
		for (uint32_t j = 0; j < ROPE_BATCH; j++) {
			struct pair p = pair_of(a, base + j * 32);

			if (base + j * 32 < a.pairs) {
				u[j] = normed(h, p.u, h.x[p.u]);
				v[j] = normed(h, p.v, h.x[p.v]);
			}
		}
#pragma unroll
		for (uint32_t j = 0; j < ROPE_BATCH; j++) {
			struct pair p = pair_of(a, base + j * 32);

			if (base + j * 32 < a.pairs) {
				float2 t = turns[base + j * 32];

				h.y[p.u] = fmaf(u[j], t.x, -(v[j] * t.y));
				h.y[p.v] = fmaf(v[j], t.x, u[j] * t.y);
			}
		}
	}
}

__device__ static void pass_through(const struct ada_rope_args &a, const struct head &h,
                                    uint32_t lane)
{
	if (!h.weight && h.x == h.y)
		return;
	for (uint32_t i = 2 * a.pairs + lane; i < h.n; i += 32)
		h.y[i] = normed(h, i, h.x[i]);
}

ADA_KERNEL(rope_dual, struct ada_rope_args, 256, 4)
{
	ADA_DYN_SHARED(float2, turns);
	uint32_t token = blockIdx.x, lane = threadIdx.x % 32, n_warps = blockDim.x / 32;
	uint32_t heads = a.q.ne1 + (a.k.p ? a.k.ne1 : 0);
	bool live = token < ada_live(a.params, a.n);

	ada_release_next();
	for (uint32_t i = threadIdx.x; live && i < a.pairs; i += blockDim.x)
		turns[i] = angle_of(a, i, token);
	__syncthreads();
	ada_wait_inputs();
	if (!live)
		return;
	for (uint32_t i = blockIdx.y * n_warps + threadIdx.x / 32; i < heads;
	     i += gridDim.y * n_warps) {
		struct head h = head_at(a, i, token);

		if (h.weight)
			measure(&h, a.eps, lane);
		rotate(a, h, turns, lane);
		pass_through(a, h, lane);
	}
}
