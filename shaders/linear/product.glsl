/* product.glsl - what the kernels of y = W x for few columns share: the arguments,
 * where a column lies, and the epilogue. Constants 1 to 11 belong to it. */
#ifndef PRODUCT_GLSL
#define PRODUCT_GLSL

#include "../common/math.glsl"
#include "../common/packed.glsl"

layout(constant_id = 1) const uint W_TYPE = 0;
layout(constant_id = 2) const uint GATE_TYPE = 0;
layout(constant_id = 3) const uint NUM_COLS = 1;
layout(constant_id = 4) const uint ACT = 0;       /* 0: no gate         */
layout(constant_id = 5) const uint RESIDUAL = 0;  /* ADDED, or multiplied by */
layout(constant_id = 6) const uint EXPERTS = 0;   /* expert form        */
layout(constant_id = 7) const uint PACKED = 0;    /* in packed rows; plain ones at 16 bytes */
layout(constant_id = 8) const uint TEAM = 16;     /* invocations of a row */
layout(constant_id = 9) const uint ROWS = 1;      /* rows of a team     */
layout(constant_id = 10) const uint SUBGROUP = 32;
layout(constant_id = 11) const uint AHEAD = 1;    /* blocks of a row under way at once */

#include "../common/team.glsl"

const uint ACT_SILU = 1;

/* What becomes of the row of `residual`: added last, or y = act(y) * residual. */
const uint ADDED = 1, TIMES_SILU = 2, TIMES_GELU = 3;

ARGS_PUSHED {
	uint64_t slots, w, gate_w;
	uint64_t ids; /* of experts; without them, where y goes as quants, too */
	rows x, y, residual;
	count n;
	uint w_row, gate_row;       /* strides in bytes                  */
	uint w_expert, gate_expert; /* in rows                           */
	uint m, k;
	uint chosen;                /* experts of a token                */
	float scale;
	CHAIN_NEED
} args;

/* Column c of this workgroup as token and head of x and y. */
uvec2 column(uint c)
{
	uint cell = gl_WorkGroupID.y * NUM_COLS + c;

	return EXPERTS != 0 ? uvec2(cell / args.chosen, cell % args.chosen) : uvec2(cell, 0);
}

uint first_row()
{
	return ((gl_WorkGroupID.x + gl_WorkGroupID.z * gl_NumWorkGroups.x) * (GROUP / TEAM) +
	        my_index() / TEAM) * ROWS;
}

/* Columns of this workgroup; 0: nothing to do. */
uint live_columns()
{
	uint all = live(args.slots, args.n) * args.chosen, first = gl_WorkGroupID.y * NUM_COLS;

	return first < all ? min(all - first, NUM_COLS) : 0;
}

uint expert_of_group()
{
	return EXPERTS != 0 ? uint(i32_ref(args.ids).v[gl_WorkGroupID.y * NUM_COLS]) : 0;
}

float finish(uint r, uint c, float sum, float gate)
{
	uvec2 at = column(c);
	precise float y = sum * args.scale;

	if (ACT != 0)
		y *= ACT == ACT_SILU ? silu(gate) : gelu_tanh(gate);
	if (RESIDUAL == ADDED)
		y += row_of(args.residual, at.x, at.y).v[r];
	else if (RESIDUAL != 0)
		y = (RESIDUAL == TIMES_SILU ? silu(y) : gelu_tanh(y)) *
		    row_of(args.residual, at.x, at.y).v[r];
	row_of(args.y, at.x, at.y).v[r] = y;
	return y;
}

#endif
