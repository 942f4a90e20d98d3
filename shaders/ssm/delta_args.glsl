/* delta_args.glsl - what the kernels of the gated delta rule are given. A slot of state
 * is [n_v_head][d_k][d_v]. */
#ifndef DELTA_ARGS_GLSL
#define DELTA_ARGS_GLSL

layout(constant_id = 1) const uint D_K = 128;
layout(constant_id = 2) const uint GROUPED = 0;
layout(constant_id = 3) const uint ALIGNED = 0; /* rows of q and k to 16 bytes */

ARGS_IN_MEMORY {
	uint64_t slots, a, dt, state, seq_first, state_slot;
	rows q, k, v, y, alpha, beta;
	uint64_t state_row; /* bytes */
	count n, n_seqs;
	uint k_heads, v_heads, d_v, n_slots;
	float q_scale, l2_eps;
};
ARGS_POINTER;
#define args pushed.at

vec4 four_at(f32_ref x, uint i)
{
	vec4 v;

	if (ALIGNED != 0 && D_K % 4 == 0)
		return i < D_K ? uintBitsToFloat(uvec4_ref(uint64_t(x)).v[i / 4]) : vec4(0.0);
	[[unroll]] for (uint j = 0; j < 4; j++)
		v[j] = i + j < D_K ? x.v[i + j] : 0.0;
	return v;
}

uint k_head_of(uint head)
{
	return GROUPED != 0 ? head / (args.v_heads / args.k_heads) : head % args.k_heads;
}

/* First and behind the last token of a sequence, and its slot; none: nothing to do. */
struct span {
	uint first, end, slot;
};

span span_of(uint seq)
{
	span s = span(0, 0, 0);

	if (seq >= live(args.slots, args.n_seqs))
		return s;
	s.first = uint(i32_ref(args.seq_first).v[seq]);
	s.end = min(uint(i32_ref(args.seq_first).v[seq + 1]), live(args.slots, args.n));
	s.slot = uint(i32_ref(args.state_slot).v[seq]);
	if (s.slot >= args.n_slots)
		s.end = s.first;
	return s;
}

f32_ref state_of(uint slot, uint head)
{
	return f32_ref(args.state + uint64_t(slot) * args.state_row +
	               4ul * (uint64_t(head) * D_K * args.d_v));
}

#endif
