/* choose.cuh - one token's experts: a warp takes the k best out of n_expert keys,
 * one after the other. */
#ifndef ADA_MOE_CHOOSE_CUH
#define ADA_MOE_CHOOSE_CUH

#include "kernel.cuh"
#include "moe/args.h"

enum { GATING_SOFTMAX, GATING_SOFTMAX_TOPK, GATING_SIGMOID };

/* What turns a token's logits into p. */
struct route_row {
	const float *logits;
	float top, sum; /* SOFTMAX */
};

/* A warp's shared memory: a key for every expert, and what was chosen. */
struct route_space {
	uint32_t *keys;
	int32_t *chosen;
	float *p;
};

/* Larger is better. NaN is worse than any number, and 0 stands for nobody. */
__device__ static __forceinline__ uint32_t route_key(float x)
{
	uint32_t bits = __float_as_uint(x + 0.0f);

	return x != x ? 1 : bits >> 31 ? ~bits : bits | 0x80000000u;
}

__device__ static __forceinline__ float route_p(const struct ada_route_args &a,
                                                const struct route_row &row, uint32_t e)
{
	float x = row.logits[e];

	if (a.gating == GATING_SOFTMAX)
		return expf(x - row.top) / row.sum;
	return a.gating == GATING_SIGMOID ? 1.0f / (1.0f + expf(-x)) : x;
}

__device__ static __forceinline__ struct route_row route_read(const struct ada_route_args &a,
                                                              uint32_t token)
{
	struct route_row row = {ada_at<float>(a.logits, 0, token), -INFINITY, 0.0f};

	if (a.gating != GATING_SOFTMAX)
		return row;
	for (uint32_t e = threadIdx.x % 32; e < a.n_expert; e += 32)
		row.top = fmaxf(row.top, row.logits[e]);
	row.top = ada_warp_max(row.top);
	for (uint32_t e = threadIdx.x % 32; e < a.n_expert; e += 32)
		row.sum += expf(row.logits[e] - row.top);
	row.sum = ada_warp_sum(row.sum);
	return row;
}

/* This lane's best among its experts lane, lane + 32, ...: (key, ~expert), so
 * that the lower of two equals is the larger. */
__device__ static __forceinline__ uint64_t route_best(const struct ada_route_args &a,
                                                      const uint32_t *keys)
{
	uint64_t best = 0;

	for (uint32_t e = threadIdx.x % 32; e < a.n_expert; e += 32) {
		uint64_t c = (uint64_t)keys[e] << 32 | ~e;

		best = keys[e] && c > best ? c : best;
	}
	return best;
}

/* p grows with the logit, so that without a bias the logits choose: exact, even
 * where p underflows. */
__device__ static __forceinline__ void route_choose(const struct ada_route_args &a,
                                                    const struct route_row &row,
                                                    const struct route_space &s)
{
	const float *bias = reinterpret_cast<const float *>(a.bias);
	const uint32_t lane = threadIdx.x % 32;

	for (uint32_t e = lane; e < a.n_expert; e += 32)
		s.keys[e] = route_key(bias ? route_p(a, row, e) + bias[e] : row.logits[e]);
	uint64_t mine = route_best(a, s.keys);
	for (uint32_t i = 0; i < a.k; i++) {
		uint64_t best = mine;

		for (int d = 16; d; d >>= 1) {
			uint64_t other = __shfl_xor_sync(ADA_FULL_WARP, best, d);

			best = other > best ? other : best;
		}
		uint32_t e = ~(uint32_t)best;
		if (lane == 0)
			s.chosen[i] = (int32_t)e;
		if (mine == best) { /* this lane's: only here do its keys change */
			s.keys[e] = 0;
			mine = route_best(a, s.keys);
		}
	}
	__syncwarp();
}

/* Place of choice i by descending p. A bias has a say in who is chosen, not in
 * their order. */
__device__ static __forceinline__ uint32_t route_place(const struct ada_route_args &a,
                                                       const struct route_row &row,
                                                       const struct route_space &s, uint32_t i)
{
	if (!a.bias)
		return i;
	uint32_t key = route_key(route_p(a, row, (uint32_t)s.chosen[i])), place = 0;
	for (uint32_t j = 0; j < a.k; j++) {
		uint32_t other = route_key(route_p(a, row, (uint32_t)s.chosen[j]));

		place += other > key || (other == key && s.chosen[j] < s.chosen[i]);
	}
	return place;
}

/* p of the chosen. */
__device__ static __forceinline__ void route_weigh(const struct ada_route_args &a,
                                                   const struct route_row &row,
                                                   const struct route_space &s)
{
	const uint32_t lane = threadIdx.x % 32;

	for (uint32_t i = lane; i < a.k; i += 32)
		s.p[i] = route_p(a, row, (uint32_t)s.chosen[i]);
	__syncwarp();
}

/* Softmax over the chosen alone, in place. */
__device__ static __forceinline__ void route_softmax(const struct ada_route_args &a,
                                                     const struct route_space &s)
{
	const uint32_t lane = threadIdx.x % 32;
	float top = -INFINITY, sum = 0.0f;

	for (uint32_t i = lane; i < a.k; i += 32)
		top = fmaxf(top, s.p[i]);
	top = ada_warp_max(top);
	for (uint32_t i = lane; i < a.k; i += 32) {
		s.p[i] = expf(s.p[i] - top);
		sum += s.p[i];
	}
	sum = ada_warp_sum(sum);
	for (uint32_t i = lane; i < a.k; i += 32)
		s.p[i] /= sum;
	__syncwarp();
}

/* The token's ids and weights, to global memory; ids also to cells. */
__device__ static __forceinline__ void route_token(const struct ada_route_args &a, uint32_t token,
                                                   const struct route_space &s, int32_t *cells)
{
	const float *expert_scale = reinterpret_cast<const float *>(a.expert_scale);
	int32_t *ids = reinterpret_cast<int32_t *>(a.ids) + (uint64_t)token * a.k;
	float *weights = reinterpret_cast<float *>(a.weights) + (uint64_t)token * a.k;
	struct route_row row = route_read(a, token);
	float sum = 0.0f;

	route_choose(a, row, s);
	route_weigh(a, row, s);
	if (a.gating == GATING_SOFTMAX_TOPK)
		route_softmax(a, s);
	for (uint32_t i = threadIdx.x % 32; i < a.k; i += 32)
		sum += s.p[i];
	sum = ada_warp_sum(sum);
	/* Sigmoids may all underflow; nothing is left to share then. */
	if (!a.renorm || sum == 0.0f)
		sum = 1.0f;
	for (uint32_t i = threadIdx.x % 32; i < a.k; i += 32) {
		uint32_t place = route_place(a, row, s, i);
		float w = s.p[i] / sum;

		if (a.scale != 0.0f)
			w *= a.scale;
		if (expert_scale)
			w *= expert_scale[s.chosen[i]];
		ids[place] = cells[place] = s.chosen[i];
		weights[place] = w;
	}
}

#endif
