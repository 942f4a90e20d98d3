/* dmmv.comp - y = W x for few columns, in F32: a team of invocations shares a row,
 * each taking every TEAM-th block of 32 elements, of plain types of 4. The order of a
 * sum depends on the matrix alone, so any number of columns gives the same
 * bits. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "product.glsl"

layout(constant_id = 12) const uint FOURS = 0; /* rows of x lie at multiples of 16 bytes */

/* Four elements of a plain row; with PACKED they are one load. */
vec4 plain4(uint dtype, uint64_t row, uint k)
{
	vec4 w;

	if (PACKED == 0) {
		[[unroll]] for (uint i = 0; i < 4; i++)
			w[i] = k + i < args.k ? plain_at(dtype, row, k + i) : 0.0;
		return w;
	}
	if (dtype == F32)
		return uintBitsToFloat(uvec4_ref(row).v[k / 4]);
	uvec2 h = uvec2_ref(row).v[k / 4];

	if (dtype == F16)
		return vec4(unpackHalf2x16(h.x), unpackHalf2x16(h.y));
	return uintBitsToFloat(uvec4(h.x << 16, h.x & 0xffff0000, h.y << 16, h.y & 0xffff0000));
}

vec4 input4(f32_ref x, uint k)
{
	vec4 v;

	if (PACKED != 0 && FOURS != 0)
		return uintBitsToFloat(uvec4_ref(x).v[k / 4]);
	[[unroll]] for (uint i = 0; i < 4; i++)
		v[i] = PACKED != 0 || k + i < args.k ? x.v[k + i] : 0.0;
	return v;
}

/* Elements of a plain row that are under way. */
vec4 w[AHEAD];

void load_plain(uint dtype, uint64_t row, uint k)
{
	[[unroll]] for (uint a = 0; a < AHEAD; a++)
		if (k + a * 4 * TEAM < args.k)
			w[a] = plain4(dtype, row, k + a * 4 * TEAM);
}

/* loaded: the first ones are under way already. */
void multiply_plain(uint dtype, uint64_t row, inout float acc[NUM_COLS], uint n_cols, bool loaded)
{
	for (uint k = 4 * (my_index() % TEAM); k < args.k; k += AHEAD * 4 * TEAM) {
		if (!loaded)
			load_plain(dtype, row, k);
		loaded = false;
		[[unroll]] for (uint a = 0; a < AHEAD; a++)
			if (a == 0 || k + a * 4 * TEAM < args.k)
				[[unroll]] for (uint c = 0; c < NUM_COLS; c++) {
					uvec2 at = column(min(c, n_cols - 1));
					vec4 x = input4(row_of(args.x, at.x, at.y), k + a * 4 * TEAM);

					[[unroll]] for (uint i = 0; i < 4; i++)
						acc[c] = fma(w[a][i], x[i], acc[c]);
				}
	}
}

/* Which expert it is may be known only behind a wait. */
const bool EARLY = CHAINED && EXPERTS == 0 && W_TYPE < Q8_0;

void multiply(uint dtype, uint64_t row, inout float acc[NUM_COLS], uint n_cols, bool loaded)
{
	float w[32];

	if (dtype < Q8_0) {
		multiply_plain(dtype, row, acc, n_cols, loaded);
		return;
	}
	for (uint kb = my_index() % TEAM; kb < args.k / 32; kb += TEAM) {
		weights32(dtype, PACKED != 0, row, kb, args.k, w);
		[[unroll]] for (uint c = 0; c < NUM_COLS; c++) {
			uvec2 at = column(min(c, n_cols - 1));
			f32_ref x = row_of(args.x, at.x, at.y);

			[[unroll]] for (uint i = 0; i < 32; i++)
				acc[c] = fma(w[i], x.v[32 * kb + i], acc[c]);
		}
	}
}

void multiply_rows(uint r, uint n_cols)
{
	uint row = min(r, args.m - 1), expert = expert_of_group();
	float acc[NUM_COLS], gate[NUM_COLS];

	[[unroll]] for (uint c = 0; c < NUM_COLS; c++)
		acc[c] = gate[c] = 0.0;
	multiply(W_TYPE, args.w + (uint64_t(expert) * args.w_expert + row) * args.w_row, acc,
	         n_cols, EARLY);
	if (ACT != 0)
		multiply(GATE_TYPE, args.gate_w + (uint64_t(expert) * args.gate_expert + row) *
		         args.gate_row, gate, n_cols, false);
	[[unroll]] for (uint c = 0; c < NUM_COLS; c++) {
		float sum = team_sum(acc[c]), g = ACT != 0 ? team_sum(gate[c]) : 0.0;

		if (c < n_cols && r < args.m && my_index() % TEAM == 0)
			finish(r, c, sum, g);
	}
}

void main()
{
	uint r = first_row(), n_cols = live_columns();

	if (EARLY)
		load_plain(W_TYPE, args.w + uint64_t(min(r, args.m - 1)) * args.w_row,
		           4 * (my_index() % TEAM));
	chain_wait(args.slots, args.need);
	if (n_cols != 0)
		multiply_rows(r, n_cols);
	chain_done(args.slots, args.need);
}
