/* tile.glsl - what the kernels of y = W x for many columns share: the arguments,
 * which tile of the result a workgroup makes, and the epilogue. A tile is BM rows
 * of one matrix by BN columns; in the expert form the columns are the cells routed
 * to one expert, as moe_route lists them. With a gate, half of the rows are the
 * gate's, in turns of `unit` rows: so both sums of a result are of one invocation. */
#ifndef TILE_GLSL
#define TILE_GLSL

#include "../common/math.glsl"
#include "../common/packed.glsl"

layout(constant_id = 1) const uint W_TYPE = 0;
layout(constant_id = 2) const uint BM = 64;
layout(constant_id = 3) const uint BN = 32;
layout(constant_id = 4) const uint EXPERTS = 0;
layout(constant_id = 5) const uint HAS_RESIDUAL = 0;
layout(constant_id = 6) const uint ACT = 0; /* 0: no gate; 1: SiLU; 2: GELU */

ARGS_PUSHED {
	uint64_t slots, w, gate_w, expert_first, perm;
	rows x, y, residual;
	count n;
	uint w_row;    /* stride in bytes, the gate's too */
	uint w_expert; /* in rows                         */
	uint m, k;
	uint experts;  /* of a token, and << 16 of all    */
	float scale;
} args;

/* Rows of the result. */
const uint RESULT_ROWS = ACT != 0 ? BM / 2 : BM;

struct tile {
	uint row, column; /* of the result, the first; columns count from the expert's */
	uint n_columns;   /* of this tile, at most BN; 0: nothing to do                */
	uint expert, base; /* base: where the expert's cells start in perm             */
};

/* The expert that has column tile i of all experts. */
tile expert_tile(uint i)
{
	i32_ref first = i32_ref(args.expert_first);
	uint n_experts = args.experts >> 16, before = 0;

	for (uint from = 0; from < n_experts; from += gl_SubgroupSize) {
		uint e = from + gl_SubgroupInvocationID, cells = 0, end, hit;

		if (e < n_experts)
			cells = uint(first.v[e + 1] - first.v[e]);
		end = before + subgroupInclusiveAdd((cells + BN - 1) / BN);
		hit = subgroupMin(e < n_experts && i < end ? e : 0xffffffff);
		if (hit != 0xffffffff) {
			uint tiles_before = subgroupMax(e < hit ? end : before);
			uint base = uint(first.v[hit]);
			uint at = (i - tiles_before) * BN, n = uint(first.v[hit + 1]) - base;

			return tile(0, at, min(n - at, BN), hit, base);
		}
		before = subgroupMax(end);
	}
	return tile(0, 0, 0, 0, 0);
}

tile my_tile()
{
	uint n = live(args.slots, args.n);
	tile t;

	if (EXPERTS != 0) {
		t = expert_tile(gl_WorkGroupID.y);
		t.row = gl_WorkGroupID.x * RESULT_ROWS;
		return t;
	}
	t = tile(gl_WorkGroupID.y * RESULT_ROWS, gl_WorkGroupID.x * BN, 0, 0, 0);
	t.n_columns = t.column < n ? min(n - t.column, BN) : 0;
	return t;
}

/* Row r of the tile; with a gate the first `unit` rows are the gate's. */
uint64_t weight_row(tile t, uint r, uint unit)
{
	uint64_t w = ACT != 0 && r / unit % 2 == 0 ? args.gate_w : args.w;
	uint row = ACT != 0 ? r / (2 * unit) * unit + r % unit : r;

	row = min(t.row + row, args.m - 1);
	return w + (uint64_t(t.expert) * args.w_expert + row) * args.w_row;
}

/* Column c of the tile as token and slot. */
uvec2 cell_of(tile t, uint c)
{
	uint cell, chosen = args.experts & 0xffff;

	if (EXPERTS == 0)
		return uvec2(t.column + c, 0);
	cell = uint(i32_ref(args.perm).v[t.base + t.column + c]);
	return uvec2(cell / chosen, cell % chosen);
}

/* Where all experts of a token have the same input, the stride of heads is 0. */
uint64_t x_row(tile t, uint c)
{
	uvec2 at = cell_of(t, min(c, t.n_columns - 1));

	return args.x.at + 4ul * (uint64_t(at.x) * args.x.token + uint64_t(at.y) * args.x.head);
}

float activated(float gate)
{
	return ACT == 1 ? silu(gate) : gelu_tanh(gate);
}

/* Row r of the result and column c of the tile, where they are inside the matrix. */
void store(tile t, uint r, uint c, float sum)
{
	uvec2 at;

	if (c >= t.n_columns || t.row + r >= args.m)
		return;
	at = cell_of(t, c);
	precise float y = sum * args.scale;

	if (HAS_RESIDUAL != 0)
		y += row_of(args.residual, at.x, at.y).v[t.row + r];
	row_of(args.y, at.x, at.y).v[t.row + r] = y;
}

#endif
