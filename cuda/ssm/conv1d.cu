/* conv1d.cu - causal depthwise convolution with carried state.
 *
 * A thread has four channels of a tile of tokens and slides a window of their
 * last inputs over them. A state slot holds the last taps - 1 inputs, oldest
 * first, [taps - 1][C]. The first taps - 1 tokens of a sequence, which read the
 * state, are all done by the tile of its first token: so that thread alone reads
 * its channels of the state, and may then write them. */
#include "rows/rows.cuh"
#include "ssm/args.h"

/* The tokens [first, end) of a sequence, its state, this thread's channels. */
struct conv_seq {
	uint32_t first, end;
	float *state;
	uint32_t at, left;
};

__device__ static __forceinline__ float4 fma_quad(float4 a, float4 b, float4 c)
{
	return make_float4(fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y), fmaf(a.z, b.z, c.z),
	                   fmaf(a.w, b.w, c.w));
}

/* The last sequence that begins at or before token t. */
__device__ static __forceinline__ uint32_t sequence_of(const int32_t *seq_first, uint32_t n_seqs,
                                                       uint32_t t)
{
	uint32_t low = 0, high = n_seqs;

	while (high - low > 1) {
		uint32_t mid = (low + high) / 2;

		if ((uint32_t)seq_first[mid] <= t)
			low = mid;
		else
			high = mid;
	}
	return low;
}

/* Input t of the batch, which may lie before the sequence's first token. */
__device__ static __forceinline__ float4 input(const struct ada_conv1d_args &a,
                                               const struct conv_seq &s, int64_t t)
{
	const float *row;

	if (t >= s.first)
		row = ada_at<float>(a.x, s.at, (uint64_t)t);
	else
		row = s.state + (uint64_t)(a.taps - 1 + (t - (int64_t)s.first)) * a.channels + s.at;
	return ada_load_quad(row, s.left, a.vec);
}

/* The last of MAX places are the taps of this thread's channels, and the inputs
 * that they will be multiplied by. */
template <int MAX> struct conv_taps {
	float4 w[MAX], window[MAX];
};

template <int MAX>
__device__ static __forceinline__ void load_taps(const struct ada_conv1d_args &a, uint32_t at,
                                                 uint32_t left, struct conv_taps<MAX> &k)
{
	float4 *w = k.w;

#pragma unroll
	for (int i = 0; i < MAX; i++) {
		int tap = i - (MAX - (int)a.taps);

		w[i] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
		if (tap < 0)
			continue;
		if (left > 0)
			w[i].x = ada_at<float>(a.w, tap, at)[0];
		if (left > 1)
			w[i].y = ada_at<float>(a.w, tap, at + 1)[0];
		if (left > 2)
			w[i].z = ada_at<float>(a.w, tap, at + 2)[0];
		if (left > 3)
			w[i].w = ada_at<float>(a.w, tap, at + 3)[0];
	}
}

/* Shifts x into the window and puts out token t. */
template <int MAX>
__device__ static __forceinline__ void conv_token(const struct ada_conv1d_args &a,
                                                  const struct conv_seq &s, uint32_t t,
                                                  struct conv_taps<MAX> &k, float4 x)
{
	float4 y = make_float4(0.0f, 0.0f, 0.0f, 0.0f);

#pragma unroll
	for (int i = 0; i < MAX; i++) {
		k.window[i] = i == MAX - 1 ? x : k.window[i + 1 < MAX ? i + 1 : i];
		if (i + (int)a.taps >= MAX)
			y = fma_quad(k.w[i], k.window[i], y);
	}
	if (a.silu)
		y = make_float4(ada_silu(y.x), ada_silu(y.y), ada_silu(y.z), ada_silu(y.w));
	ada_store_quad(ada_at<float>(a.y, s.at, t), s.left, a.vec, y);
}

/* The last taps - 1 inputs of the sequence; rows only move forward. */
__device__ static __forceinline__ void write_state(const struct ada_conv1d_args &a,
                                                   const struct conv_seq &s)
{
	for (uint32_t i = 0; i + 1 < a.taps; i++)
		ada_store_quad(s.state + (uint64_t)i * a.channels + s.at, s.left, a.vec,
		               input(a, s, (int64_t)s.end - (a.taps - 1) + i));
}

/* The tokens [from, to) of a sequence. */
template <int MAX>
__device__ static __forceinline__ void conv_tokens(const struct ada_conv1d_args &a,
                                                   const struct conv_seq &s, uint32_t from,
                                                   uint32_t to, struct conv_taps<MAX> &k)
{
	enum { AHEAD = 4 };
	float4 x[AHEAD];

	if (from >= to)
		return;
#pragma unroll
	for (int i = 0; i < MAX; i++) {
		k.window[i] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
		if (i > 0 && i + (int)a.taps > MAX) /* place i moves to i - 1 first */
			k.window[i] = input(a, s, (int64_t)from - (MAX - i));
	}
	for (uint32_t t = from; t < to; t += AHEAD) {
#pragma unroll
		for (uint32_t i = 0; i < AHEAD; i++)
			if (t + i < to)
				x[i] = input(a, s, t + i);
#pragma unroll
		for (uint32_t i = 0; i < AHEAD; i++)
			if (t + i < to)
				conv_token<MAX>(a, s, t + i, k, x[i]);
	}
}

template <int MAX>
__device__ static __forceinline__ void conv_tile(const struct ada_conv1d_args &a)
{
	const uint32_t at = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
	const uint32_t left = ada_left(a.channels, at);
	const int32_t *seq_first = reinterpret_cast<const int32_t *>(a.seq_first);
	struct conv_taps<MAX> k;

	load_taps<MAX>(a, at, left, k);
	ada_wait_inputs();
	ada_release_next();
	const uint32_t n = ada_live(a.params, a.n), n_seqs = ada_live(a.params, a.n_seqs);
	const uint32_t begin = blockIdx.y * a.tile, end = begin + a.tile < n ? begin + a.tile : n;
	if (begin >= n || left == 0 || n_seqs == 0)
		return;
	for (uint32_t i = sequence_of(seq_first, n_seqs, begin); i < n_seqs; i++) {
		struct conv_seq s = {(uint32_t)seq_first[i], (uint32_t)seq_first[i + 1], nullptr,
		                     at, left};
		uint32_t slot = (uint32_t)reinterpret_cast<const int32_t *>(a.state_slot)[i];
		uint32_t reads_state = s.first + a.taps - 1;

		if (s.first >= end)
			break;
		s.end = s.end < n ? s.end : n;
		if (slot >= a.state.ne1 || s.first >= s.end)
			continue;
		s.state = ada_at<float>(a.state, 0, slot);
		bool starts_here = s.first >= begin;
		uint32_t from = starts_here ? s.first : begin > reads_state ? begin : reads_state;
		uint32_t to = starts_here && reads_state > end ? reads_state : end;
		conv_tokens<MAX>(a, s, from, to < s.end ? to : s.end, k);
		if (starts_here)
			write_state(a, s);
	}
}

ADA_KERNEL(conv1d_4, struct ada_conv1d_args, 128, 4)
{
	conv_tile<4>(a);
}

ADA_KERNEL(conv1d_16, struct ada_conv1d_args, 128, 1)
{
	conv_tile<16>(a);
}
