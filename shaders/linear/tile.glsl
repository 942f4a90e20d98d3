/* tile.glsl - what the kernels of y = W x for many columns share: the arguments,
 * which tile of the result a workgroup makes, and the epilogue. A tile is BM rows
 * of one matrix by BN columns; in the expert form the columns are the cells routed
 * to one expert, as moe_route lists them. */
#ifndef TILE_GLSL
#define TILE_GLSL

#include "../common/packed.glsl"

layout(constant_id = 1) const uint W_TYPE = 0;
layout(constant_id = 2) const uint BM = 64;
layout(constant_id = 3) const uint BN = 32;
layout(constant_id = 4) const uint EXPERTS = 0;
layout(constant_id = 5) const uint HAS_RESIDUAL = 0;

ARGS_PUSHED {
	uint64_t slots, w, expert_first, perm;
	rows x, y, residual;
	count n;
	uint w_row;    /* stride in bytes           */
	uint w_expert; /* in rows                   */
	uint m, k;
	uint chosen;   /* experts of a token        */
	uint x_per_expert;
	uint n_expert;
	float scale;
} args;

struct tile {
	uint row, column; /* the first; columns count from the expert's first */
	uint n_columns;   /* of this tile, at most BN; 0: nothing to do       */
	uint expert, base; /* base: where the expert's cells start in perm     */
};

/* The expert that has column tile i of all experts. */
tile expert_tile(uint i)
{
	i32_ref first = i32_ref(args.expert_first);
	uint before = 0;

	for (uint from = 0; from < args.n_expert; from += gl_SubgroupSize) {
		uint e = from + gl_SubgroupInvocationID, cells = 0, end, hit;

		if (e < args.n_expert)
			cells = uint(first.v[e + 1] - first.v[e]);
		end = before + subgroupInclusiveAdd((cells + BN - 1) / BN);
		hit = subgroupMin(e < args.n_expert && i < end ? e : 0xffffffff);
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
		t.row = gl_WorkGroupID.x * BM;
		return t;
	}
	t = tile(gl_WorkGroupID.y * BM, gl_WorkGroupID.x * BN, 0, 0, 0);
	t.n_columns = t.column < n ? min(n - t.column, BN) : 0;
	return t;
}

uint64_t weight_row(tile t, uint r)
{
	uint row = min(t.row + r, args.m - 1);

	return args.w + (uint64_t(t.expert) * args.w_expert + row) * args.w_row;
}

/* Column c of the tile as token and slot. */
uvec2 cell_of(tile t, uint c)
{
	uint cell;

	if (EXPERTS == 0)
		return uvec2(t.column + c, 0);
	cell = uint(i32_ref(args.perm).v[t.base + t.column + c]);
	return uvec2(cell / args.chosen, cell % args.chosen);
}

uint64_t x_row(tile t, uint c)
{
	uvec2 at = cell_of(t, min(c, t.n_columns - 1));

	return args.x.at + 4ul * (uint64_t(at.x) * args.x.token +
	                          uint64_t(args.x_per_expert != 0 ? at.y : 0) * args.x.head);
}

/* Row r and column c of the tile, where they are inside the matrix. */
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
