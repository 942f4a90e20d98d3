/* mmq_coop_q8.comp - y = W x for many columns by cooperative matrices of signed bytes:
 * weights as bytes, unpacked once for all columns, x as quant_act wrote it. A block's
 * sums are integers; scales, which matrices of equal rows or columns hold, make them
 * parts of the F32 sums. Loads of the next step are under way as in mmq_coop.comp. */
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#include "../common/base.glsl"
#include "coop.glsl"

/* Blocks of a step, parts of a block that have scales of their own, matrices deep in one. */
const uint BLOCKS = BK / 32;
const uint PARTS = W_TYPE == Q2_K || W_TYPE == Q3_K || W_TYPE == Q6_K ? 2 : 1;
const uint DEPTH = 32 / PARTS / CK;
const bool HAS_MIN = W_TYPE == Q4_1 || W_TYPE == Q5_1 || W_TYPE == Q2_K || W_TYPE == Q4_K ||
                     W_TYPE == Q5_K;

/* Elements in 16 bytes of shared memory, where matrices start: fewer for short ones. */
const uint UNIT = CK < 16 ? CK : 16;
/* Of a row there, in 16 bytes: odd, so that rows start in different banks. */
const uint STRIDE = BK / UNIT + 1;
const uint X_LOADS = (BN * BK / 16 + GROUP - 1) / GROUP;

shared uvec4 w_tile[BUFS * BM * STRIDE];
shared uvec4 x_tile[BUFS * BN * STRIDE];
/* By part of the step, then row or column. */
shared float w_scale[BUFS * BLOCKS * PARTS * BM];
shared float w_min[HAS_MIN ? BUFS * BLOCKS * PARTS * BM : 1];
shared float x_scale[BUFS * BLOCKS * BN];
shared float x_sum[HAS_MIN ? BUFS * BLOCKS * PARTS * BN : 1];

/* What the next step needs. */
stored next_block;
uvec4 next_x[X_LOADS];
uvec2 next_x_scale;
uint64_t my_x[X_LOADS], my_x_scale;

void fetch(uint64_t row, sections at, uint step)
{
	uint kb = step * BLOCKS + gl_LocalInvocationID.x % BLOCKS, blocks = args.k / 32;

	next_block = load_rows32(W_TYPE, row, at, min(kb, blocks - 1));
	[[unroll]] for (uint i = 0; i < X_LOADS; i++) {
		uint k = (i * GROUP + gl_LocalInvocationID.x) % (BK / 16) + step * (BK / 16);

		next_x[i] = 16 * k < args.k ? uvec4_ref(my_x[i]).v[k] : uvec4(0);
	}
	next_x_scale = kb < blocks ? uvec2_ref(my_x_scale + args.k).v[kb] : uvec2(0);
}

/* Four signed bytes: with the top bits set, no byte borrows from the next. */
uint signed_bytes(uint w)
{
	if (quant_is_signed(W_TYPE) || quant_offset(W_TYPE) == 0)
		return w;
	return (w | 0x80808080) - uint(quant_offset(W_TYPE)) * 0x01010101 ^ 0x80808080;
}

void put_weights(uint buf, uint r, uint block, uint kb)
{
	unpacked u = unpack_stored(W_TYPE, next_block, kb);
	bool inside = kb < args.k / 32;
	uint at = (buf * BM + r) * STRIDE + 32 / UNIT * block;
	uint scale = (buf * BLOCKS + block) * PARTS * BM + r;
	uint q[8];

	[[unroll]] for (uint i = 0; i < 8; i++)
		q[i] = signed_bytes(u.q[i]);
	[[unroll]] for (uint i = 0; i < 8; i += UNIT / 4)
		w_tile[at + i / (UNIT / 4)] = uvec4(q[i], q[i + 1], q[(i + 2) % 8], q[(i + 3) % 8]);
	[[unroll]] for (uint p = 0; p < PARTS; p++) {
		w_scale[scale + p * BM] = inside ? u.d[p] : 0.0;
		if (HAS_MIN)
			w_min[scale + p * BM] = inside ? u.m[p] : 0.0;
	}
}

void put_x(uint buf, uint c, uint block)
{
	vec2 halves = vec2(int(next_x_scale.y << 16) >> 16, int(next_x_scale.y) >> 16);

	[[unroll]] for (uint i = 0; i < X_LOADS; i++) {
		uint at = i * GROUP + gl_LocalInvocationID.x, column = at / (BK / 16);

		at = (buf * BN + column) * STRIDE + at % (BK / 16) * (16 / UNIT);
		if (column < BN)
			x_tile[at] = next_x[i];
		if (column < BN && UNIT < 16)
			x_tile[at + 1] = next_x[i].zwzw;
	}
	if (c >= BN)
		return;
	x_scale[(buf * BLOCKS + block) * BN + c] = uintBitsToFloat(next_x_scale.x);
	if (!HAS_MIN)
		return;
	if (PARTS == 1)
		halves.x += halves.y;
	[[unroll]] for (uint p = 0; p < PARTS; p++)
		x_sum[((buf * BLOCKS + block) * PARTS + p) * BN + c] = halves[p];
}

void put(uint step)
{
	uint line = gl_LocalInvocationID.x / BLOCKS, block = gl_LocalInvocationID.x % BLOCKS;

	put_weights(step % BUFS, line, block, step * BLOCKS + block);
	put_x(step % BUFS, line, block);
}

/* A stride of 0, for matrices of equal columns or rows. NVIDIA's compiler takes one that
 * it knows to be 0 for another. */
uint no_stride()
{
	return args.m >> 31;
}

SUMS rows_at(uint at, bool mins)
{
	SUMS m;

	if (mins)
		coopMatLoad(m, w_min, at, no_stride(), gl_CooperativeMatrixLayoutColumnMajor);
	else
		coopMatLoad(m, w_scale, at, no_stride(), gl_CooperativeMatrixLayoutColumnMajor);
	return m;
}

SUMS columns_at(uint at, bool sum)
{
	SUMS m;

	if (sum)
		coopMatLoad(m, x_sum, at, no_stride(), gl_CooperativeMatrixLayoutRowMajor);
	else
		coopMatLoad(m, x_scale, at, no_stride(), gl_CooperativeMatrixLayoutRowMajor);
	return m;
}

/* Part p of the step. */
void multiply_part(uint row, uint column, uint buf, uint p)
{
	coopmat<int8_t, gl_ScopeSubgroup, CM, CK, gl_MatrixUseA> w[ROWS * DEPTH];
	coopmat<int8_t, gl_ScopeSubgroup, CK, CN, gl_MatrixUseB> x[DEPTH];
	uint parts = buf * BLOCKS * PARTS + p, k = p * (32 / PARTS / UNIT);
	SUMS d[ROWS], m[ROWS];

	[[unroll]] for (uint i = 0; i < ROWS; i++) {
		uint r = row + i * CM;

		[[unroll]] for (uint e = 0; e < DEPTH; e++)
			coopMatLoad(w[i * DEPTH + e], w_tile, (buf * BM + r) * STRIDE + k + e * CK / UNIT,
			            STRIDE, gl_CooperativeMatrixLayoutRowMajor);
		d[i] = rows_at(parts * BM + r, false);
		if (HAS_MIN)
			m[i] = rows_at(parts * BM + r, true);
	}
	[[unroll]] for (uint j = 0; j < COLS; j++) {
		uint c = column + j * CN;
		SUMS x_d = columns_at((buf * BLOCKS + p / PARTS) * BN + c, false), x_s;

		if (HAS_MIN)
			x_s = columns_at(parts * BN + c, true);
		[[unroll]] for (uint e = 0; e < DEPTH; e++)
			coopMatLoad(x[e], x_tile, (buf * BN + c) * STRIDE + k + e * CK / UNIT, STRIDE,
			            gl_CooperativeMatrixLayoutColumnMajor);
		[[unroll]] for (uint i = 0; i < ROWS; i++) {
			coopmat<int, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator> dots;
			SUMS term;

			dots = coopmat<int, gl_ScopeSubgroup, CM, CN, gl_MatrixUseAccumulator>(0);
			[[unroll]] for (uint e = 0; e < DEPTH; e++)
				dots = coopMatMulAdd(w[i * DEPTH + e], x[e], dots);
			term = SUMS(dots);
			[[unroll]] for (uint e = 0; e < term.length(); e++) {
				float f = term[e] * d[i][e];

				if (HAS_MIN)
					f -= m[i][e] * x_s[e];
				sums[j * ROWS + i][e] += f * x_d[e];
			}
		}
	}
}

void multiply(uint row, uint column, uint buf)
{
	[[unroll]] for (uint p = 0; p < BLOCKS * PARTS; p++)
		multiply_part(row, column, buf, p);
}

void main()
{
	uint row = gl_SubgroupID % (BM / WM) * WM, column = gl_SubgroupID / (BM / WM) * WN;
	uint steps = (args.k + BK - 1) / BK;
	sections at = sections_of(W_TYPE, args.k);
	tile t = my_tile();
	uint64_t w = weight_row(t, gl_LocalInvocationID.x / BLOCKS, CM);

	if (t.n_columns == 0)
		return;
	[[unroll]] for (uint i = 0; i < X_LOADS; i++)
		my_x[i] = x_row(t, (i * GROUP + gl_LocalInvocationID.x) / (BK / 16));
	my_x_scale = x_row(t, gl_LocalInvocationID.x / BLOCKS);
	clear_sums();
	fetch(w, at, 0);
	if (BUFS == 1) {
		for (uint step = 0; step < steps; step++) {
			barrier();
			put(step);
			barrier();
			if (step + 1 < steps)
				fetch(w, at, step + 1);
			multiply(row, column, 0);
		}
	} else {
		put(0);
		barrier();
		for (uint step = 0; step < steps; step++) {
			if (step + 1 < steps)
				fetch(w, at, step + 1);
			multiply(row, column, step % 2);
			if (step + 1 < steps)
				put(step + 1);
			barrier();
		}
	}
	finish(t, row, column, 1.0);
}
