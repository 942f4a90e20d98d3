/* own.glsl - what the kernels of y = W x by plain tiles share: an invocation's sums, OWN
 * rows by OWN columns that are spread over the tile, and how they become results. */
#ifndef OWN_GLSL
#define OWN_GLSL

#include "tile.glsl"

const uint OWN = 4;
const uint ROW_TEAM = BM / OWN, COLUMN_TEAM = BN / OWN;
const uint TEAM = ROW_TEAM * COLUMN_TEAM; /* invocations of a tile */

/* Row i and column j of an invocation; with a gate even rows are the gate's. */
uint own_row(uint i)
{
	return i * ROW_TEAM + gl_LocalInvocationID.x % ROW_TEAM;
}

uint own_column(uint j)
{
	return j * COLUMN_TEAM + gl_LocalInvocationID.x % TEAM / ROW_TEAM;
}

void clear(out float sums[OWN][OWN])
{
	[[unroll]] for (uint i = 0; i < OWN; i++)
		[[unroll]] for (uint j = 0; j < OWN; j++)
			sums[i][j] = 0.0;
}

void store_own(tile t, float sums[OWN][OWN])
{
	[[unroll]] for (uint j = 0; j < OWN; j++)
		[[unroll]] for (uint i = 0; i < OWN; i++) {
			if (ACT == 0)
				store(t, own_row(i), own_column(j), sums[i][j]);
			else if (i % 2 != 0)
				store(t, own_row(i / 2), own_column(j),
				      sums[i][j] * activated(sums[i - 1][j]));
		}
}

#endif
