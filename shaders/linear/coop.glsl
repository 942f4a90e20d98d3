/* coop.glsl - what the kernels of y = W x by cooperative matrices share: the part of a
 * tile that a subgroup makes, in matrices of F32 sums, and how they become results. */
#ifndef COOP_GLSL
#define COOP_GLSL

#include "tile.glsl"

layout(constant_id = 7) const uint SUBGROUP = 32;
layout(constant_id = 8) const uint WM = 32; /* a subgroup's part of the tile */
layout(constant_id = 9) const uint WN = 32;
layout(constant_id = 10) const uint CM = 16; /* a matrix */
layout(constant_id = 11) const uint CN = 16;
layout(constant_id = 12) const uint CK = 16;
layout(constant_id = 13) const uint BK = 64; /* GROUP is BM * BK / 32: a block for each */
layout(constant_id = 14) const uint BUFS = 1; /* 2: one step is put while another multiplies */

const uint ROWS = WM / CM, COLS = WN / CN;

#define SUMS coopmat<float, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>

/* With a gate, even rows of matrices are the gate's. */
SUMS sums[ROWS * COLS];

shared float stage[GROUP / SUBGROUP * CM * CN];

void clear_sums()
{
	[[unroll]] for (uint i = 0; i < ROWS * COLS; i++)
		sums[i] = SUMS(0.0);
}

/* Puts products of the gate's sums into those that follow. */
void apply_gate(float unit)
{
	[[unroll]] for (uint i = 0; i < ROWS * COLS; i += 2)
		[[unroll]] for (uint e = 0; e < sums[i].length(); e++)
			sums[i + 1][e] *= activated(sums[i][e] * unit);
}

/* The subgroup's part starts at `row` and `column` of the tile; a sum of 1 is worth
 * `unit`. Matrices travel through shared memory, where it is known who has what. */
void finish(tile t, uint row, uint column, float unit)
{
	uint mine = gl_SubgroupID * CM * CN;

	if (ACT != 0)
		apply_gate(unit);
	[[unroll]] for (uint i = 0; i < ROWS * COLS; i++) {
		uint r = row + i % ROWS * CM, c = column + i / ROWS * CN;

		if (ACT != 0 && i % 2 == 0)
			continue;
		if (ACT != 0)
			r = row / 2 + i % ROWS / 2 * CM;
		barrier();
		coopMatStore(sums[i], stage, mine, CM, gl_CooperativeMatrixLayoutColumnMajor);
		barrier();
		[[unroll]] for (uint e = 0; e < CM * CN; e += SUBGROUP) {
			uint at = e + gl_SubgroupInvocationID;

			if (at < CM * CN)
				store(t, r + at % CM, c + at / CM, stage[mine + at] * unit);
		}
	}
}

#endif
