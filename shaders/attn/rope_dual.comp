/* rope_dual.comp - rotates Q and K, after an optional norm; a workgroup per
 * head of a token. With WRITES K goes into the paged cache, too, and V besides; with
 * V_NORM V is the RMS norm, without weights, of what `raw` has. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/kv_put.glsl"
#include "../common/math.glsl"
#include "../common/norm.glsl"
#include "../common/reduce.glsl"

layout(constant_id = 1) const uint LANES_MAX = 512;
layout(constant_id = 2) const uint HAS_FACTORS = 0;
layout(constant_id = 3) const uint HAS_POS_ROW = 0;
layout(constant_id = 4) const uint WRITES = 0;
layout(constant_id = 5) const uint K_TYPE = 1; /* of the caches */
layout(constant_id = 6) const uint V_TYPE = 1;

layout(constant_id = 7) const uint V_NORM = 0; /* lanes of a head of V */
layout(constant_id = 8) const uint KNOWN = 0;  /* positions and pages are, before the list runs */

const uint NEOX = 0;

ARGS_IN_MEMORY {
	uint64_t slots, pos, pos_row, freqs, factors, q_norm, k_norm;
	rows q, k, q_out, k_out;
	count n;
	uint pos_stride, n_pos_rows;
	uint q_heads, k_heads, q_lanes, k_lanes;
	uint n_rot, mode;
	float eps;
	uint v_heads; /* with WRITES or V_NORM; from here on */
	uint64_t tok_seq, tok_pos;
	rows v;
	cache k_cache, v_cache;
	block_table table;
	uint v_lanes;
	float v_eps;
	rows raw;
};
ARGS_POINTER;
#define args pushed.at

shared float head[LANES_MAX];

float kv_source(uint i)
{
	return head[i];
}

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

/* What waits for nothing is under way before the head is there: the weights of its norm
 * and the cosine and sine of each pair. */
const uint OWN = (LANES_MAX + GROUP - 1) / GROUP, OWN_PAIRS = (LANES_MAX / 2 + GROUP - 1) / GROUP;

float own_weight[OWN];
vec2 own_turn[OWN_PAIRS];

void prepare(uint t, uint64_t norm, uint lanes)
{
	[[unroll]] for (uint o = 0; o < OWN; o++) {
		uint i = o * GROUP + gl_LocalInvocationID.x;

		own_weight[o] = norm != 0 && i < lanes ? f32_ref(norm).v[i] : 1.0;
	}
	[[unroll]] for (uint o = 0; o < OWN_PAIRS; o++) {
		uint i = o * GROUP + gl_LocalInvocationID.x;

		if (i < args.n_rot / 2) {
			vec2 a = angle(t, i);

			own_turn[o] = cos_sin(a.x, a.y);
		}
	}
}

void normalise(uint lanes)
{
	float squares = 0.0, scale;

	for (uint i = gl_LocalInvocationID.x; i < lanes; i += GROUP)
		squares = fma(head[i], head[i], squares);
	scale = norm_scale(group_sum(squares), lanes, args.eps);
	[[unroll]] for (uint o = 0; o < OWN; o++) {
		uint i = o * GROUP + gl_LocalInvocationID.x;
		precise float factor = scale * own_weight[o];

		if (i < lanes)
			head[i] *= factor;
	}
}

/* Only the invocation that has a pair reads and writes its lanes. */
void rotate(f32_ref y, uint lanes)
{
	uint pairs = args.n_rot / 2;

	[[unroll]] for (uint o = 0; o < OWN_PAIRS; o++) {
		uint i = o * GROUP + gl_LocalInvocationID.x;
		uint u = args.mode == NEOX ? i : 2 * i;
		uint v = args.mode == NEOX ? i + pairs : 2 * i + 1;
		vec2 cs = own_turn[o];

		if (i >= pairs)
			continue;

		precise float p = head[v] * cs.y, x = fma(head[u], cs.x, -p);
		precise float q = head[u] * cs.y, z = fma(head[v], cs.x, q);

		head[u] = x;
		head[v] = z;
		y.v[u] = x;
		y.v[v] = z;
	}
	for (uint i = args.n_rot + gl_LocalInvocationID.x; i < lanes; i += GROUP)
		y.v[i] = head[i];
}

void load(f32_ref x, uint lanes)
{
	for (uint i = gl_LocalInvocationID.x; i < lanes; i += GROUP)
		head[i] = x.v[i];
}

void rotate_head(uint t, rows from, rows to, uint h, uint64_t norm, uint lanes)
{
	load(row_of(from, t, h), lanes);
	if (norm != 0)
		normalise(lanes);
	barrier();
	rotate(row_of(to, t, h), lanes);
}

/* As rows/rmsnorm does it. */
void normalise_v(f32_ref y)
{
	float squares = 0.0, scale;

	barrier();
	for (uint i = 4 * gl_LocalInvocationID.x; i < V_NORM; i += 4 * GROUP) {
		vec4 v;

		[[unroll]] for (uint j = 0; j < 4; j++)
			v[j] = i + j < V_NORM ? head[i + j] : 0.0;
		squares = add_squares(squares, v);
	}
	scale = norm_scale(group_sum(squares), V_NORM, args.v_eps);
	for (uint i = gl_LocalInvocationID.x; i < V_NORM; i += GROUP) {
		precise float x = head[i] * scale;

		head[i] = x;
		y.v[i] = x;
	}
}

uint64_t place_of(cache c, uint t, uint h)
{
	return kv_place(c, args.table, i32_ref(args.tok_seq).v[t], i32_ref(args.tok_pos).v[t], h);
}

void write_head(uint dtype, uint64_t y, uint lanes)
{
	barrier();
	if (y != 0)
		kv_put(dtype, y, lanes);
}

void take_k(uint t, uint h, uint64_t place)
{
	rotate_head(t, args.k, args.k_out, h, args.k_norm, args.k_lanes);
	if (WRITES != 0)
		write_head(K_TYPE, place, args.k_lanes);
}

void take_v(uint t, uint h, uint64_t place)
{
	if (V_NORM != 0) {
		load(row_of(args.raw, t, h), V_NORM);
		normalise_v(row_of(args.v, t, h));
	} else {
		load(row_of(args.v, t, h), args.v_lanes);
	}
	if (WRITES != 0)
		write_head(V_TYPE, place, args.v_lanes);
}

void main()
{
	const bool has_v = WRITES != 0 || V_NORM != 0;
	uint k_first = args.q_heads, v_first = k_first + args.k_heads;
	uint heads = v_first + (has_v ? args.v_heads : 0);
	uint t = group_index() / heads, h = group_index() % heads;
	bool is_live = t < live(args.slots, args.n);
	uint64_t place = 0;

	if (KNOWN == 0)
		chain_wait(args.slots, pushed.need);
	if (is_live && h < v_first)
		prepare(t, h < k_first ? args.q_norm : args.k_norm,
		        h < k_first ? args.q_lanes : args.k_lanes);
	if (is_live && WRITES != 0 && h >= v_first)
		place = place_of(args.v_cache, t, h - v_first);
	else if (is_live && WRITES != 0 && h >= k_first)
		place = place_of(args.k_cache, t, h - k_first);
	if (KNOWN != 0)
		chain_wait(args.slots, pushed.need);
	if (is_live && h < k_first)
		rotate_head(t, args.q, args.q_out, h, args.q_norm, args.q_lanes);
	else if (is_live && h < v_first)
		take_k(t, h - k_first, place);
	else if (is_live && has_v)
		take_v(t, h - v_first, place);
	chain_done(args.slots, pushed.need);
}
