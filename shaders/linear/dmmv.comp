/* dmmv.comp - y = W x for few columns, in F32: TEAM invocations share a row, each
 * taking every TEAM-th block of 32 elements. The order of a sum depends on the
 * length of the row alone, so any number of columns gives the same bits. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"
#include "../common/weights.glsl"

layout(constant_id = 1) const uint W_TYPE = 0;
layout(constant_id = 2) const uint GATE_TYPE = 0;
layout(constant_id = 3) const uint NUM_COLS = 1;
layout(constant_id = 4) const uint ACT = 0;       /* 0: no gate   */
layout(constant_id = 5) const uint HAS_RESIDUAL = 0;
layout(constant_id = 6) const uint EXPERTS = 0;   /* expert form  */

const uint ACT_SILU = 1;
const uint TEAM = 16;

ARGS_PUSHED {
	uint64_t slots, w, gate_w, ids;
	rows x, y, residual;
	count n;
	uint w_row, gate_row;       /* strides in bytes                  */
	uint w_expert, gate_expert; /* in rows                           */
	uint m, k;
	uint chosen;                /* experts of a token                */
	float scale;
} args;

shared float part[GROUP];

/* Column c of this workgroup as token and head of x and y. */
uvec2 column(uint c)
{
	uint cell = gl_WorkGroupID.y * NUM_COLS + c;

	return EXPERTS != 0 ? uvec2(cell / args.chosen, cell % args.chosen) : uvec2(cell, 0);
}

/* The sum over the team, in every member. */
float team_sum(float x)
{
	uint me = gl_LocalInvocationID.x;

	barrier();
	part[me] = x;
	for (uint half_n = TEAM / 2; half_n > 0; half_n /= 2) {
		barrier();
		if (me % TEAM < half_n)
			part[me] += part[me + half_n];
	}
	barrier();
	return part[me / TEAM * TEAM];
}

void multiply(uint dtype, uint64_t row, inout float acc[NUM_COLS], uint n_cols)
{
	float w[32];

	for (uint kb = gl_LocalInvocationID.x % TEAM; kb < (args.k + 31) / 32; kb += TEAM) {
		weights32(dtype, row, kb, args.k, w);
		[[unroll]] for (uint c = 0; c < NUM_COLS; c++) {
			uvec2 at = column(min(c, n_cols - 1));
			f32_ref x = row_of(args.x, at.x, at.y);

			[[unroll]] for (uint i = 0; i < 32; i++)
				if (dtype >= Q8_0 || 32 * kb + i < args.k)
					acc[c] = fma(w[i], x.v[32 * kb + i], acc[c]);
		}
	}
}

void finish(uint r, uint c, float sum, float gate)
{
	uvec2 at = column(c);

	sum *= args.scale;
	if (ACT != 0)
		sum *= ACT == ACT_SILU ? silu(gate) : gelu_tanh(gate);
	if (HAS_RESIDUAL != 0)
		sum += row_of(args.residual, at.x, at.y).v[r];
	row_of(args.y, at.x, at.y).v[r] = sum;
}

void main()
{
	uint r = (gl_WorkGroupID.x + gl_WorkGroupID.z * gl_NumWorkGroups.x) * (GROUP / TEAM) +
	         gl_LocalInvocationID.x / TEAM;
	uint columns = live(args.slots, args.n) * args.chosen, first = gl_WorkGroupID.y * NUM_COLS;
	uint n_cols, expert = 0, row = min(r, args.m - 1);
	float acc[NUM_COLS], gate[NUM_COLS];

	if (first >= columns)
		return;
	n_cols = min(columns - first, NUM_COLS);
	if (EXPERTS != 0)
		expert = uint(i32_ref(args.ids).v[first]);
	[[unroll]] for (uint c = 0; c < NUM_COLS; c++)
		acc[c] = gate[c] = 0.0;
	multiply(W_TYPE, args.w + (uint64_t(expert) * args.w_expert + row) * args.w_row, acc, n_cols);
	if (ACT != 0)
		multiply(GATE_TYPE, args.gate_w + (uint64_t(expert) * args.gate_expert + row) *
		         args.gate_row, gate, n_cols);
	[[unroll]] for (uint c = 0; c < NUM_COLS; c++) {
		float sum = team_sum(acc[c]), g = ACT != 0 ? team_sum(gate[c]) : 0.0;

		if (c < n_cols && r < args.m && gl_LocalInvocationID.x % TEAM == 0)
			finish(r, c, sum, g);
	}
}
