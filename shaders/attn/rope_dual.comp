/* rope_dual.comp - rotates Q and K, after an optional norm; a workgroup per
 * head of a token. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"
#include "../common/reduce.glsl"

layout(constant_id = 1) const uint LANES_MAX = 512;
layout(constant_id = 2) const uint HAS_FACTORS = 0;
layout(constant_id = 3) const uint HAS_POS_ROW = 0;

const uint NEOX = 0;

ARGS_IN_MEMORY {
	uint64_t slots, pos, pos_row, freqs, factors, q_norm, k_norm;
	rows q, k, q_out, k_out;
	count n;
	uint pos_stride, n_pos_rows;
	uint q_heads, k_heads, q_lanes, k_lanes;
	uint n_rot, mode;
	float eps;
};
ARGS_POINTER;
#define args pushed.at

shared float head[LANES_MAX];

/* pos * freq / factor as hi + lo: a float alone is thousandths of a radian off at
 * a position of 100000. */
vec2 angle(uint t, uint i)
{
	uint r = HAS_POS_ROW != 0 ? uint(i32_ref(args.pos_row).v[i]) : 0;
	float pos = r < args.n_pos_rows ? float(i32_ref(args.pos).v[r * args.pos_stride + t]) : 0.0;
	vec2 angle = exact_product(pos, f32_ref(args.freqs).v[i]), back;
	precise float quotient, rest;
	float factor;

	if (HAS_FACTORS == 0)
		return angle;
	factor = f32_ref(args.factors).v[i];
	quotient = angle.x / factor;
	back = exact_product(quotient, factor);
	rest = angle.x - back.x;
	rest -= back.y;
	rest += angle.y;
	return vec2(quotient, rest / factor);
}

void normalise(uint64_t weight, uint lanes)
{
	float squares = 0.0, scale;

	for (uint i = gl_LocalInvocationID.x; i < lanes; i += GROUP)
		squares = fma(head[i], head[i], squares);
	scale = 1.0 / sqrt(group_sum(squares) / float(lanes) + args.eps);
	for (uint i = gl_LocalInvocationID.x; i < lanes; i += GROUP)
		head[i] *= scale * f32_ref(weight).v[i];
}

void main()
{
	uint heads = args.q_heads + args.k_heads, t = group_index() / heads;
	uint h = group_index() % heads;
	bool is_k = h >= args.q_heads;
	uint lanes = is_k ? args.k_lanes : args.q_lanes;
	uint64_t norm = is_k ? args.k_norm : args.q_norm;
	uint pairs = args.n_rot / 2;
	f32_ref x, y;

	if (t >= live(args.slots, args.n))
		return;
	h = is_k ? h - args.q_heads : h;
	if (is_k) {
		x = row_of(args.k, t, h);
		y = row_of(args.k_out, t, h);
	} else {
		x = row_of(args.q, t, h);
		y = row_of(args.q_out, t, h);
	}
	for (uint i = gl_LocalInvocationID.x; i < lanes; i += GROUP)
		head[i] = x.v[i];
	if (norm != 0)
		normalise(norm, lanes);
	barrier();
	for (uint i = gl_LocalInvocationID.x; i < pairs; i += GROUP) {
		uint u = args.mode == NEOX ? i : 2 * i;
		uint v = args.mode == NEOX ? i + pairs : 2 * i + 1;
		vec2 a = angle(t, i), cs = cos_sin(a.x, a.y);

		y.v[u] = head[u] * cs.x - head[v] * cs.y;
		y.v[v] = head[v] * cs.x + head[u] * cs.y;
	}
	for (uint i = args.n_rot + gl_LocalInvocationID.x; i < lanes; i += GROUP)
		y.v[i] = head[i];
}
