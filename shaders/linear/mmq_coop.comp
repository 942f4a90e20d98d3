/* mmq_coop.comp - y = W x for many columns by cooperative matrices: inputs rounded to
 * 16 bits, sums in F32. While the matrices of one step multiply what lies in shared
 * memory, each invocation has the loads of the next step under way: a block of 32
 * weights, which it unpacks once for all columns, and its part of x. */
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "../common/base.glsl"
#include "../common/quant.glsl"
#include "coop.glsl"

/* Of a row in shared memory, in 8 halves: odd, so that rows start in different banks. */
const uint STRIDE = BK / 8 + 1;
const uint X_LOADS = (BN * BK / 8 + GROUP - 1) / GROUP;
const uint DEPTH = BK / CK;

shared uvec4 w_tile[BUFS * BM * STRIDE];
shared uvec4 x_tile[BUFS * BN * STRIDE];

/* What the next step needs. */
f16vec4 next_w[8];
stored next_block;
uvec4 next_x[X_LOADS];
uint64_t my_x[X_LOADS];

f16vec4 four_at(uint64_t p)
{
	uint a = u32_ref(p).v[0], b = u32_ref(p).v[1];

	if (W_TYPE == F16)
		return f16vec4(unpackFloat2x16(a), unpackFloat2x16(b));
	return f16vec4(uintBitsToFloat(uvec4(a << 16, a & 0xffff0000, b << 16, b & 0xffff0000)));
}

void fetch(uint64_t row, sections at, uint step)
{
	uint kb = step * (BK / 32) + gl_LocalInvocationID.x % (BK / 32), blocks = args.k / 32;

	if (W_TYPE < Q8_0) {
		[[unroll]] for (uint i = 0; i < 8; i++)
			next_w[i] = four_at(row + 64ul * min(kb, blocks - 1) + 8ul * i);
	} else {
		next_block = load_rows32(W_TYPE, row, at, min(kb, blocks - 1));
	}
	[[unroll]] for (uint i = 0; i < X_LOADS; i++) {
		uint k = (i * GROUP + gl_LocalInvocationID.x) % (BK / 8) + step * (BK / 8);

		next_x[i] = 8 * k < args.k ? uvec4_ref(my_x[i]).v[k] : uvec4(0);
	}
}

f16vec4 four_of_block(unpacked u, uint i)
{
	uint w = u.q[i];
	ivec4 q = ivec4(w << 24, w << 16, w << 8, w) >> 24;

	if (!quant_is_signed(W_TYPE))
		q = ivec4(w & 255, w >> 8 & 255, w >> 16 & 255, w >> 24) - quant_offset(W_TYPE);
	return f16vec4(u.d[i / 4] * vec4(q) - u.m[i / 4]);
}

uvec2 bits_of(f16vec4 v)
{
	return uvec2(packFloat2x16(v.xy), packFloat2x16(v.zw));
}

void put(uint step)
{
	uint r = gl_LocalInvocationID.x / (BK / 32), part = gl_LocalInvocationID.x % (BK / 32);
	uint kb = step * (BK / 32) + part, buf = step % BUFS;
	bool inside = kb < args.k / 32;
	unpacked u;

	if (W_TYPE >= Q8_0)
		u = unpack_stored(W_TYPE, next_block, kb);
	[[unroll]] for (uint i = 0; i < 8; i += 2) {
		uvec2 a = bits_of(W_TYPE < Q8_0 ? next_w[i] : four_of_block(u, i));
		uvec2 b = bits_of(W_TYPE < Q8_0 ? next_w[i + 1] : four_of_block(u, i + 1));

		w_tile[(buf * BM + r) * STRIDE + 4 * part + i / 2] = inside ? uvec4(a, b) : uvec4(0);
	}
	[[unroll]] for (uint i = 0; i < X_LOADS; i++) {
		uint at = i * GROUP + gl_LocalInvocationID.x, c = at / (BK / 8);

		if (c < BN)
			x_tile[(buf * BN + c) * STRIDE + at % (BK / 8)] = next_x[i];
	}
}

void multiply(uint row, uint column, uint buf)
{
	row += buf * BM;
	column += buf * BN;
	[[unroll]] for (uint k = 0; k < DEPTH; k++) {
		coopmat<float16_t, gl_ScopeSubgroup, CM, CK, gl_MatrixUseA> w[ROWS];
		coopmat<float16_t, gl_ScopeSubgroup, CK, CN, gl_MatrixUseB> x;

		[[unroll]] for (uint i = 0; i < ROWS; i++)
			coopMatLoad(w[i], w_tile, (row + i * CM) * STRIDE + k * (CK / 8), STRIDE,
			            gl_CooperativeMatrixLayoutRowMajor);
		[[unroll]] for (uint j = 0; j < COLS; j++) {
			coopMatLoad(x, x_tile, (column + j * CN) * STRIDE + k * (CK / 8), STRIDE,
			            gl_CooperativeMatrixLayoutColumnMajor);
			[[unroll]] for (uint i = 0; i < ROWS; i++)
				sums[j * ROWS + i] = coopMatMulAdd(w[i], x, sums[j * ROWS + i]);
		}
	}
}

void main()
{
	uint row = gl_SubgroupID % (BM / WM) * WM, column = gl_SubgroupID / (BM / WM) * WN;
	uint steps = (args.k + BK - 1) / BK;
	sections at = sections_of(W_TYPE, args.k);
	tile t = my_tile();
	uint64_t w = weight_row(t, gl_LocalInvocationID.x / (BK / 32), CM);

	if (t.n_columns == 0)
		return;
	[[unroll]] for (uint i = 0; i < X_LOADS; i++)
		my_x[i] = x_row(t, (i * GROUP + gl_LocalInvocationID.x) / (BK / 8));
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
	finish(t, row, column, 1.0 / QUANT_SHRINK);
}
