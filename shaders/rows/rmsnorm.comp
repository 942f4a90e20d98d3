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

const bool EARLY = HAS_WEIGHT != 0 && OWN <= 4;

vec4 v[OWN], w[EARLY ? OWN : 1], second_w[EARLY && SECOND == 2 ? OWN : 1];

uint place(uint i)
{
	return 4 * (i * GROUP + gl_LocalInvocationID.x);
}

vec4 four_at(f32_ref x, uint at)
{
	vec4 four;

	[[unroll]] for (uint j = 0; j < 4; j++)
		four[j] = at + j < LANES ? x.v[at + j] : 0.0;
	return four;
}

void put(f32_ref y, uint at, vec4 four)
{
	[[unroll]] for (uint j = 0; j < 4; j++)
		if (at + j < LANES)
			y.v[at + j] = four[j];
}

/* What is in registers by now. */
void norm_again(f32_ref y)
{
	float squares = 0.0, scale;

	[[unroll]] for (uint i = 0; i < OWN; i++)
		squares = add_squares(squares, v[i]);
	scale = norm_scale(group_sum(squares), LANES, args.second_eps);
	[[unroll]] for (uint i = 0; i < OWN; i++) {
		uint at = place(i);

		v[i] = exact_mul(v[i], vec4(scale));
		if (SECOND == 2)
			v[i] = exact_mul(v[i], EARLY ? second_w[EARLY && SECOND == 2 ? i : 0]
			                             : four_at(f32_ref(args.second_weight), at));
		put(y, at, v[i]);
	}
}

/* Few weights are under way before the row is there. */
void load_weights()
{
	if (!EARLY)
		return;
	[[unroll]] for (uint i = 0; i < OWN; i++) {
		w[EARLY ? i : 0] = four_at(f32_ref(args.weight), place(i));
		if (SECOND == 2)
			second_w[EARLY && SECOND == 2 ? i : 0] =
				four_at(f32_ref(args.second_weight), place(i));
	}
}

void norm_row(uint r)
{
	uint t = r / args.heads, h = r % args.heads;
	f32_ref x = row_of(args.x, t, h), y = row_of(args.y, t, h), sum = row_of(args.sum, t, h);
	f32_ref residual = row_of(args.residual, t, h), gate = row_of(args.gate, t, h);
	f32_ref after = row_of(args.after, t, h), weight = f32_ref(args.weight);
	float squares = 0.0, scale, factor = 1.0;

	[[unroll]] for (uint i = 0; i < OWN; i++) {
		v[i] = four_at(x, place(i));
		if (HAS_RESIDUAL != 0) {
			v[i] += four_at(residual, place(i));
			put(sum, place(i), v[i]);
		}
		squares = add_squares(squares, v[i]);
	}
	if (FACTOR != 0)
		factor = f32_ref(args.factor).v[0];
	scale = norm_scale(group_sum(squares), LANES, args.eps);
	[[unroll]] for (uint i = 0; i < OWN; i++) {
		uint at = place(i);

		v[i] = exact_mul(v[i], vec4(scale));
		if (HAS_WEIGHT != 0)
			v[i] = exact_mul(v[i], EARLY ? w[EARLY ? i : 0] : four_at(weight, at));
		if (HAS_GATE != 0) {
			vec4 g = four_at(gate, at);

			v[i] = exact_mul(v[i], vec4(silu(g.x), silu(g.y), silu(g.z), silu(g.w)));
		}
		if (HAS_AFTER != 0)
			v[i] = exact_add(v[i], four_at(after, at));
		if (FACTOR != 0)
			v[i] = exact_mul(v[i], vec4(factor));
		put(y, at, v[i]);
	}
	if (SECOND != 0)
		norm_again(row_of(args.second_y, t, h));
	[[unroll]] for (uint i = 0; i < OWN; i++) {
		uint at = place(i);

		if (QUANT != 0)
			put_quants(QUANT, args.quants + uint64_t(r / args.quant_heads) * args.quant_row,
			           r % args.quant_heads * LANES + at, args.quant_heads * LANES,
			           v[i], at < LANES);
	}
}

void main()
{
	load_weights();
	chain_wait(args.slots, pushed.need);
	if (group_index() / args.heads < live(args.slots, args.n))
		norm_row(group_index());
	chain_done(args.slots, pushed.need);
}
