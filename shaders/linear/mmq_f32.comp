/* mmq_f32.comp - y = W x for many columns in F32, on any device: tiles of weights,
 * unpacked once, and of x in shared memory. With fewer tiles than a device has room for,
 * several teams share one, each with every SPLITth block of 32 elements. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "own.glsl"

layout(constant_id = 7) const uint SPLIT = 1; /* GROUP is TEAM * SPLIT */
layout(constant_id = 8) const uint FOURS = 0; /* F32 rows start at 16 bytes, K % 4 == 0 */

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer vec4_ref { vec4 v[]; };

const uint BK = 32;
/* Of a row in shared memory, in four elements: odd, so that rows start in different banks. */
const uint STRIDE = BK / 4 + 1;
const uint W_LOADS = BM * (BK / 4) / TEAM, X_LOADS = BN * (BK / 4) / TEAM;

shared vec4 w_tile[SPLIT * BM * STRIDE];
shared vec4 x_tile[SPLIT * BN * STRIDE];

/* What the next step needs of plain rows. */
vec4 next_w[W_LOADS], next_x[X_LOADS];
uint64_t my_w[W_LOADS], my_x[X_LOADS];

vec4 four_at(uint dtype, uint64_t row, uint k)
{
	vec4 v = vec4(0.0);

	if (dtype == F32 && FOURS != 0)
		return k < args.k ? vec4_ref(row).v[k / 4] : v;
	[[unroll]] for (uint i = 0; i < 4; i++)
		if (k + i < args.k)
			v[i] = plain_at(dtype, row, k + i);
	return v;
}

void fetch(uint kb)
{
	uint k = BK * kb + gl_LocalInvocationID.x % (BK / 4) * 4;

	[[unroll]] for (uint i = 0; i < X_LOADS; i++)
		next_x[i] = four_at(F32, my_x[i], k);
	if (W_TYPE >= Q8_0)
		return;
	[[unroll]] for (uint i = 0; i < W_LOADS; i++)
		next_w[i] = four_at(W_TYPE, my_w[i], k);
}

/* Rows of a team's block, an invocation each. */
void put_blocks(tile t, uint team, uint kb)
{
	float w[32];

	for (uint r = gl_LocalInvocationID.x % TEAM; r < BM; r += TEAM) {
		[[unroll]] for (uint i = 0; i < 32; i++)
			w[i] = 0.0;
		if (BK * kb < args.k)
			weights32(W_TYPE, true, weight_row(t, r, ROW_TEAM), kb, args.k, w);
		[[unroll]] for (uint i = 0; i < BK / 4; i++)
			w_tile[(team * BM + r) * STRIDE + i] =
				vec4(w[4 * i], w[4 * i + 1], w[4 * i + 2], w[4 * i + 3]);
	}
}

void put(tile t, uint team, uint kb)
{
	uint at = gl_LocalInvocationID.x % TEAM;

	[[unroll]] for (uint i = 0; i < X_LOADS; i++)
		x_tile[(team * BN + (i * TEAM + at) / (BK / 4)) * STRIDE + at % (BK / 4)] = next_x[i];
	if (W_TYPE >= Q8_0) {
		put_blocks(t, team, kb);
		return;
	}
	[[unroll]] for (uint i = 0; i < W_LOADS; i++)
		w_tile[(team * BM + (i * TEAM + at) / (BK / 4)) * STRIDE + at % (BK / 4)] = next_w[i];
}

/* Of a step alone, so that rounding stays small. */
void multiply(uint team, inout float sums[OWN][OWN])
{
	float part[OWN][OWN];

	clear(part);
	[[unroll]] for (uint k = 0; k < BK / 4; k++) {
		vec4 w[OWN], x[OWN];

		[[unroll]] for (uint i = 0; i < OWN; i++) {
			w[i] = w_tile[(team * BM + own_row(i)) * STRIDE + k];
			x[i] = x_tile[(team * BN + own_column(i)) * STRIDE + k];
		}
		[[unroll]] for (uint e = 0; e < 4; e++)
			[[unroll]] for (uint i = 0; i < OWN; i++)
				[[unroll]] for (uint j = 0; j < OWN; j++)
					part[i][j] = fma(w[i][e], x[j][e], part[i][j]);
	}
	[[unroll]] for (uint i = 0; i < OWN; i++)
		[[unroll]] for (uint j = 0; j < OWN; j++)
			sums[i][j] += part[i][j];
}

/* Team 0 adds the sums of the others, one team after the other. The weights' memory holds
 * the OWN * TEAM fours of one: 9 * SPLIT * BM are no fewer, for SPLIT > 1 and BN <= 64. */
void gather(uint team, inout float sums[OWN][OWN])
{
	uint at = gl_LocalInvocationID.x % TEAM;

	for (uint from = 1; from < SPLIT; from++) {
		barrier();
		[[unroll]] for (uint i = 0; i < OWN; i++)
			if (team == from)
				w_tile[i * TEAM + at] =
					vec4(sums[i][0], sums[i][1], sums[i][2], sums[i][3]);
		barrier();
		[[unroll]] for (uint i = 0; i < OWN; i++)
			[[unroll]] for (uint j = 0; j < OWN; j++)
				sums[i][j] += team == 0 ? w_tile[i * TEAM + at][j] : 0.0;
	}
}

void main()
{
	uint team = gl_LocalInvocationID.x / TEAM, at = gl_LocalInvocationID.x % TEAM;
	uint blocks = (args.k + BK - 1) / BK;
	float sums[OWN][OWN];
	tile t = my_tile();

	if (t.n_columns == 0)
		return;
	[[unroll]] for (uint i = 0; i < X_LOADS; i++)
		my_x[i] = x_row(t, (i * TEAM + at) / (BK / 4));
	[[unroll]] for (uint i = 0; i < W_LOADS; i++)
		my_w[i] = weight_row(t, (i * TEAM + at) / (BK / 4), ROW_TEAM);
	clear(sums);
	fetch(team);
	for (uint kb = 0; kb < blocks; kb += SPLIT) {
		barrier();
		put(t, team, kb + team);
		barrier();
		if (kb + SPLIT < blocks)
			fetch(kb + SPLIT + team);
		multiply(team, sums);
	}
	gather(team, sums);
	if (team == 0)
		store_own(t, sums);
}
