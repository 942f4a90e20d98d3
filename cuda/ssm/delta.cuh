/* delta.cuh - what the forms of the delta net share. */
#ifndef ADA_SSM_DELTA_CUH
#define ADA_SSM_DELTA_CUH

#include "rows/rows.cuh"
#include "ssm/args.h"

/* The tokens [first, first + n) of a sequence in this step. */
struct delta_seq {
	uint32_t first, n, slot;
};

/* n == 0: nothing to do. */
__device__ static __forceinline__ struct delta_seq delta_sequence(const struct ada_delta_args &a,
                                                                  uint32_t i)
{
	const int32_t *seq_first = reinterpret_cast<const int32_t *>(a.seq_first);
	const int32_t *slots = reinterpret_cast<const int32_t *>(a.state_slot);
	/* all loads at once; the tables are as long as the recorded maximum */
	struct delta_seq s = {(uint32_t)seq_first[i], 0, (uint32_t)slots[i]};
	uint32_t end = (uint32_t)seq_first[i + 1];
	const uint32_t n = ada_live(a.params, a.n), n_seqs = ada_live(a.params, a.n_seqs);

	end = end < n ? end : n;
	if (i < n_seqs && s.slot < a.state.ne1 && s.first < end)
		s.n = end - s.first;
	return s;
}

__device__ static __forceinline__ uint32_t delta_k_head(const struct ada_delta_args &a,
                                                        uint32_t head)
{
	return a.grouped ? head / (a.n_v_head / a.n_k_head) : head % a.n_k_head;
}

/* Column c of a V head's state. */
__device__ static __forceinline__ float *delta_column(const struct ada_delta_args &a,
                                                      uint32_t slot, uint32_t head, uint32_t c)
{
	return ada_at<float>(a.state, 0, slot) + ((uint64_t)head * a.d_v + c) * a.d_k;
}

/* ln of the decay, and b. */
__device__ static __forceinline__ float delta_log_decay(const struct ada_delta_args &a,
                                                        uint32_t head, uint32_t token)
{
	float x = *ada_at<float>(a.alpha, head, token) +
	          reinterpret_cast<const float *>(a.dt)[head];
	/* softplus; e^x is out of range long after softplus(x) is x */
	float soft = x > 20.0f ? x : log1pf(expf(x));

	return reinterpret_cast<const float *>(a.a)[head] * soft;
}

__device__ static __forceinline__ float delta_b(const struct ada_delta_args &a, uint32_t head,
                                                uint32_t token)
{
	return ada_sigmoid(*ada_at<float>(a.beta, head, token));
}

/* What a row of q or k is multiplied by, given the sum of its squares. */
__device__ static __forceinline__ float delta_unit(const struct ada_delta_args &a, float squares)
{
	return a.l2_eps != 0.0f ? 1.0f / sqrtf(squares + a.l2_eps) : 1.0f;
}

#endif
