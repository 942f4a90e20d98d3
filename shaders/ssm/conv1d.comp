/* conv1d.comp - causal depthwise convolution; an invocation takes one channel of
 * some tokens of one sequence. A slot keeps the last taps - 1 inputs, oldest
 * first, [taps - 1][C]; only the invocations of the first tokens touch it. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"

layout(constant_id = 1) const uint TAPS = 4;
layout(constant_id = 2) const uint SILU = 0;
layout(constant_id = 3) const uint TOKENS = 32; /* of an invocation, at least TAPS */

ARGS_PUSHED {
	uint64_t slots, w, state, seq_first, state_slot;
	rows x, y;
	count n, n_seqs;
	uint channels, w_row, state_row, n_slots;
} args;

float before[TAPS]; /* inputs in front of the first token, oldest first */

float input_at(uint token, int i, uint c)
{
	return i < 0 ? before[int(TAPS) - 1 + i] : row_of(args.x, token + uint(i), 0).v[c];
}

void main()
{
	uint c = gl_WorkGroupID.x * GROUP + gl_LocalInvocationID.x, seq = gl_WorkGroupID.y;
	int from = int(gl_WorkGroupID.z * TOKENS), n, to;
	uint token, slot;
	f32_ref w, state;
	float recent[TAPS];

	if (c >= args.channels || seq >= live(args.slots, args.n_seqs))
		return;
	token = uint(i32_ref(args.seq_first).v[seq]);
	n = int(min(uint(i32_ref(args.seq_first).v[seq + 1]), live(args.slots, args.n))) - int(token);
	slot = uint(i32_ref(args.state_slot).v[seq]);
	if (from >= n || slot >= args.n_slots)
		return;
	w = f32_ref(args.w + 4ul * uint64_t(c) * args.w_row);
	state = f32_ref(args.state + 4ul * (uint64_t(slot) * args.state_row + c));
	if (from == 0)
		[[unroll]] for (uint i = 0; i + 1 < TAPS; i++)
			before[i] = state.v[i * args.channels];
	to = min(n, from + int(TOKENS));
	for (int t = from; t < to; t++) {
		float sum = 0.0;

		[[unroll]] for (uint i = 0; i < TAPS; i++)
			sum = fma(w.v[i], input_at(token, t - int(TAPS) + 1 + int(i), c), sum);
		row_of(args.y, token + uint(t), 0).v[c] = SILU != 0 ? silu(sum) : sum;
	}
	if (from != 0)
		return;
	[[unroll]] for (uint i = 0; i + 1 < TAPS; i++)
		recent[i] = input_at(token, n - int(TAPS) + 1 + int(i), c);
	[[unroll]] for (uint i = 0; i + 1 < TAPS; i++)
		state.v[i * args.channels] = recent[i];
}
