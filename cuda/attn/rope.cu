/* rope.cu - rotary embedding of Q and K, after their optional norms, and the same
 * with K and V written to the cache.
 *
 * A block has one token and some of its heads: its threads compute the angles
 * once, then each warp turns head after head. */
#include "attn/kv_row.cuh"
#include "rows/rows.cuh"

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

/* The angles of the token, in `turns`. */
__device__ static __forceinline__ void turn_all(const struct ada_rope_args &a, bool live,
                                                uint32_t token, float2 *turns)
{
	ada_release_next();
	for (uint32_t i = threadIdx.x; live && i < a.pairs; i += blockDim.x)
		turns[i] = angle_of(a, i, token);
	__syncthreads();
}

__device__ static void turn_head(const struct ada_rope_args &a, const float2 *turns, uint32_t i,
                                 uint32_t token, uint32_t lane)
{
	struct head h = head_at(a, i, token);

	if (h.weight)
		measure(&h, a.eps, lane);
	rotate(a, h, turns, lane);
	pass_through(a, h, lane);
}

ADA_KERNEL(rope_dual, struct ada_rope_args, 256, 4)
{
	ADA_DYN_SHARED(float2, turns);
	uint32_t token = blockIdx.x, lane = threadIdx.x % 32, n_warps = blockDim.x / 32;
	uint32_t heads = a.q.ne1 + (a.k.p ? a.k.ne1 : 0);
	bool live = token < ada_live(a.params, a.n);

	turn_all(a, live, token, turns);
	ada_wait_inputs();
	if (!live)
		return;
	for (uint32_t i = blockIdx.y * n_warps + threadIdx.x / 32; i < heads;
	     i += gridDim.y * n_warps)
		turn_head(a, turns, i, token, lane);
}

/* A head of V in place, its sum in the order of rmsnorm.cu's kernels of a warp. */
__device__ static void norm_v(const struct ada_view &v, float eps, uint32_t head, uint32_t token,
                              uint32_t lane)
{
	float *row = ada_at<float>(v, 0, head, token), sum = 0.0f;

	for (uint32_t i = 4 * lane; i < v.ne0; i += 128) {
		float4 x = ada_load_quad(row + i, v.ne0 - i, false);

		sum = fmaf(x.w, x.w, fmaf(x.z, x.z, fmaf(x.y, x.y, fmaf(x.x, x.x, sum))));
	}
	float inverse = 1.0f / sqrtf(ada_warp_sum(sum) / (float)v.ne0 + eps);

	for (uint32_t i = 4 * lane; i < v.ne0; i += 128) {
		float4 x = ada_load_quad(row + i, v.ne0 - i, false);

		ada_store_quad(row + i, v.ne0 - i, false,
		               make_float4(x.x * inverse, x.y * inverse, x.z * inverse,
		                           x.w * inverse));
	}
}

ADA_KERNEL(rope_kv_write, struct ada_rope_kv_args, 256, 4)
{
	ADA_DYN_SHARED(float2, turns);
	uint32_t token = blockIdx.x, lane = threadIdx.x % 32, n_warps = blockDim.x / 32;
	uint32_t n_q = a.rope.q.ne1, n_k = a.kv.k.ne1, heads = n_q + n_k + a.kv.v.ne1;
	uint32_t n_pages = a.kv.k_cache.ne3 < a.kv.v_cache.ne3 ? a.kv.k_cache.ne3
	                                                       : a.kv.v_cache.ne3;
	bool live = token < ada_live(a.rope.params, a.rope.n);
	struct kv_place at = {-1, 0};

	turn_all(a.rope, live, token, turns);
	if (live)
		at = kv_place_of(a.kv, n_pages, token);
	ada_wait_inputs();
	if (!live)
		return;
	for (uint32_t i = blockIdx.y * n_warps + threadIdx.x / 32; i < heads;
	     i += gridDim.y * n_warps) {
		bool is_v = i >= n_q + n_k;

		if (!is_v)
			turn_head(a.rope, turns, i, token, lane);
		else if (a.norm_v)
			norm_v(a.kv.v, a.v_eps, i - n_q - n_k, token, lane);
		__syncwarp();
		if (i >= n_q)
			kv_write_row(a.kv, is_v, i - n_q - (is_v ? n_k : 0), token, at, lane);
	}
}
