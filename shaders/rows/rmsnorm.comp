/* rmsnorm.comp - the RMS norm with its fusions; a workgroup per row. An invocation
 * has four neighbours of every 4 GROUP elements and keeps them in registers between
 * the two passes. With FACTOR a number multiplies the result; with SECOND that is normed
 * once more; with QUANT what comes out goes to the layout of a product, too. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"
#include "../common/norm.glsl"
#include "../common/quant.glsl"
#include "../common/reduce.glsl"

/* Which optional views are there. */
layout(constant_id = 1) const uint HAS_WEIGHT = 0;
layout(constant_id = 2) const uint HAS_RESIDUAL = 0;
layout(constant_id = 3) const uint HAS_GATE = 0;
layout(constant_id = 4) const uint HAS_AFTER = 0;
layout(constant_id = 5) const uint LANES = 4096;
layout(constant_id = 6) const uint QUANT = 0; /* QUANT_Q8, QUANT_F16 */
layout(constant_id = 7) const uint FACTOR = 0;
layout(constant_id = 8) const uint SECOND = 0; /* 2: with weights */
layout(constant_id = 9) const uint FOURS = 0;  /* all rows lie at multiples of 16 bytes */

ARGS_IN_MEMORY {
	uint64_t slots, weight;
	rows x, y, residual, sum, gate, after;
	uint64_t quants;
	count n;
	uint heads, quant_row; /* bytes */
	float eps;
	uint quant_heads; /* rows that make one of quants */
	uint64_t factor, second_weight;
	rows second_y;
	float second_eps;
};
ARGS_POINTER;
#define args pushed.at

const uint OWN = (LANES + 4 * GROUP - 1) / (4 * GROUP);

/* Few elements of all rows are under way at once, those of weights before the wait. */
const bool FEW = OWN <= 4;
const uint KEPT = FEW ? OWN : 1;

vec4 v[OWN], w[KEPT], second_w[KEPT], gate_v[KEPT], after_v[KEPT];

uint place(uint i)
{
	return 4 * (i * GROUP + gl_LocalInvocationID.x);
}

vec4 four_at(f32_ref x, uint at)
{
	vec4 four = vec4(0.0);

	if (FOURS != 0 && at < LANES)
		four = uintBitsToFloat(uvec4_ref(x).v[at / 4]);
	[[unroll]] for (uint j = 0; j < 4; j++)
		if (FOURS == 0 && at + j < LANES)
			four[j] = x.v[at + j];
	return four;
}

void put(f32_ref y, uint at, vec4 four)
{
	if (FOURS != 0 && at < LANES)
		uvec4_ref(y).v[at / 4] = floatBitsToUint(four);
	[[unroll]] for (uint j = 0; j < 4; j++)
		if (FOURS == 0 && at + j < LANES)
			y.v[at + j] = four[j];
}

/* Where the row of the workgroup lies, known before the wait. */
f32_ref x, y, residual, sum, gate, after, second_y;
uint64_t quants;

void find_rows(uint r)
{
	uint t = r / args.heads, h = r % args.heads;

	x = row_of(args.x, t, h);
	y = row_of(args.y, t, h);
	residual = row_of(args.residual, t, h);
	sum = row_of(args.sum, t, h);
	gate = row_of(args.gate, t, h);
	after = row_of(args.after, t, h);
	second_y = row_of(args.second_y, t, h);
	if (QUANT != 0)
		quants = args.quants + uint64_t(r / args.quant_heads) * args.quant_row;
}

void load_weights()
{
	[[unroll]] for (uint i = 0; i < KEPT; i++) {
		if (FEW && HAS_WEIGHT != 0)
			w[i] = four_at(f32_ref(args.weight), place(i));
		if (FEW && SECOND == 2)
			second_w[i] = four_at(f32_ref(args.second_weight), place(i));
	}
}

/* The row, and what is added before the norm. */
void load_row()
{
	[[unroll]] for (uint i = 0; i < OWN; i++)
		v[i] = four_at(x, place(i));
	[[unroll]] for (uint i = 0; i < KEPT; i++) {
		if (FEW && HAS_GATE != 0)
			gate_v[i] = four_at(gate, place(i));
		if (FEW && HAS_AFTER != 0)
			after_v[i] = four_at(after, place(i));
	}
	if (HAS_RESIDUAL != 0) {
		[[unroll]] for (uint i = 0; i < OWN; i++)
			v[i] += four_at(residual, place(i));
		[[unroll]] for (uint i = 0; i < OWN; i++)
			put(sum, place(i), v[i]);
	}
}

float scale_of_row(float eps)
{
	float squares = 0.0;

	[[unroll]] for (uint i = 0; i < OWN; i++)
		squares = add_squares(squares, v[i]);
	return norm_scale(group_sum(squares), LANES, eps);
}

/* What is in registers by now. */
void norm_again(float scale)
{
	[[unroll]] for (uint i = 0; i < OWN; i++) {
		v[i] = exact_mul(v[i], vec4(scale));
		if (SECOND == 2)
			v[i] = exact_mul(v[i], FEW ? second_w[i % KEPT]
			                           : four_at(f32_ref(args.second_weight), place(i)));
		put(second_y, place(i), v[i]);
	}
}

vec4 silu4(vec4 g)
{
	return vec4(silu(g.x), silu(g.y), silu(g.z), silu(g.w));
}

void norm_row(float scale, float factor)
{
	[[unroll]] for (uint i = 0; i < OWN; i++) {
		uint at = place(i);

		v[i] = exact_mul(v[i], vec4(scale));
		if (HAS_WEIGHT != 0)
			v[i] = exact_mul(v[i], FEW ? w[i % KEPT] : four_at(f32_ref(args.weight), at));
		if (HAS_GATE != 0)
			v[i] = exact_mul(v[i], silu4(FEW ? gate_v[i % KEPT] : four_at(gate, at)));
		if (HAS_AFTER != 0)
			v[i] = exact_add(v[i], FEW ? after_v[i % KEPT] : four_at(after, at));
		if (FACTOR != 0)
			v[i] = exact_mul(v[i], vec4(factor));
		put(y, at, v[i]);
	}
}

void quantise_row(uint head)
{
	[[unroll]] for (uint i = 0; i < OWN; i++)
		put_quants(QUANT, quants, head * LANES + place(i), args.quant_heads * LANES, v[i],
		           place(i) < LANES);
}

void main()
{
	uint r = group_index();
	bool is_live = r / args.heads < live(args.slots, args.n);

	find_rows(r);
	load_weights();
	chain_wait(args.slots, pushed.need);
	if (is_live) {
		float factor = FACTOR != 0 ? f32_ref(args.factor).v[0] : 1.0;

		load_row();
		norm_row(scale_of_row(args.eps), factor);
		if (SECOND != 0)
			norm_again(scale_of_row(args.second_eps));
		if (QUANT != 0)
			quantise_row(r % args.quant_heads);
	}
	chain_done(args.slots, pushed.need);
}
