/* delta_net.comp - the gated delta rule token by token; a workgroup per V head
 * of a sequence and block of GROUP columns, an invocation per column of the
 * state, which stays in its registers. A slot is [n_v_head][d_k][d_v]. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"
#include "../common/reduce.glsl"

layout(constant_id = 1) const uint D_K = 128;
layout(constant_id = 2) const uint GROUPED = 0;

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

shared float unit_q[D_K];
shared float unit_k[D_K];

/* Both rows to shared memory, of unit length where the op wants that. */
void load_rows(uint token, uint head)
{
	f32_ref q = row_of(args.q, token, head), k = row_of(args.k, token, head);
	float qq = 0.0, kk = 0.0, q_scale = args.q_scale, k_scale = 1.0;

	for (uint i = gl_LocalInvocationID.x; i < D_K; i += GROUP) {
		qq = fma(q.v[i], q.v[i], qq);
		kk = fma(k.v[i], k.v[i], kk);
	}
	if (args.l2_eps != 0.0) {
		q_scale /= sqrt(group_sum(qq) + args.l2_eps);
		k_scale /= sqrt(group_sum(kk) + args.l2_eps);
	}
	barrier();
	for (uint i = gl_LocalInvocationID.x; i < D_K; i += GROUP) {
		unit_q[i] = q.v[i] * q_scale;
		unit_k[i] = k.v[i] * k_scale;
	}
	barrier();
}

void main()
{
	uint head = gl_WorkGroupID.x, seq = gl_WorkGroupID.y;
	uint col = gl_WorkGroupID.z * GROUP + gl_LocalInvocationID.x;
	uint k_head = GROUPED != 0 ? head / (args.v_heads / args.k_heads) : head % args.k_heads;
	uint first, end, slot;
	bool mine = col < args.d_v;
	float s[D_K];
	f32_ref state;

	if (seq >= live(args.slots, args.n_seqs))
		return;
	first = uint(i32_ref(args.seq_first).v[seq]);
	end = min(uint(i32_ref(args.seq_first).v[seq + 1]), live(args.slots, args.n));
	slot = uint(i32_ref(args.state_slot).v[seq]);
	if (slot >= args.n_slots || first >= end)
		return;
	state = f32_ref(args.state + uint64_t(slot) * args.state_row +
	                4ul * (uint64_t(head) * D_K * args.d_v + col));
	[[unroll]] for (uint i = 0; i < D_K; i++)
		s[i] = mine ? state.v[i * args.d_v] : 0.0;
	for (uint t = first; t < end; t++) {
		float decay = exp(f32_ref(args.a).v[head] *
		                  softplus(row_of(args.alpha, t, 0).v[head] +
		                           f32_ref(args.dt).v[head]));
		float b = sigmoid(row_of(args.beta, t, 0).v[head]), dot_k = 0.0, dot_q = 0.0, u;

		load_rows(t, k_head);
		[[unroll]] for (uint i = 0; i < D_K; i++) {
			s[i] *= decay;
			dot_k = fma(s[i], unit_k[i], dot_k);
		}
		u = b * ((mine ? row_of(args.v, t, head).v[col] : 0.0) - dot_k);
		[[unroll]] for (uint i = 0; i < D_K; i++) {
			s[i] = fma(unit_k[i], u, s[i]);
			dot_q = fma(s[i], unit_q[i], dot_q);
		}
		if (mine)
			row_of(args.y, t, head).v[col] = dot_q;
	}
	[[unroll]] for (uint i = 0; i < D_K; i++)
		if (mine)
			state.v[i * args.d_v] = s[i];
}
