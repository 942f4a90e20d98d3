/* dmmv_q8.cuh - class Q8 of the product for few columns: packed weights times
 * 8-bit activations (layout.h), a block of 32 at a time, see dmmv.cuh.
 *
 * A lane's unit is 16 bytes of quants of one row: a whole block of the 4-bit
 * types. Q8_0 has 16 elements in 16 bytes, so a unit there is two pieces of half
 * a block, `lanes` pieces apart, and neighbouring lanes still read neighbouring
 * bytes.
 *
 * Sums: integers inside a block (exact), then acc += scale * xd * dot, and for
 * types with minima acc -= min * xd * sum, blocks in ascending order. */
#ifndef ADA_DMMV_Q8_CUH
#define ADA_DMMV_Q8_CUH

#include "act.cuh"
#include "ptx.cuh"
#include "unpack.cuh"

/* Small integers become floats by arithmetic on the bits of 2^23 (+ 2^22), which
 * is four times the rate of a conversion. */
static constexpr int32_t DMMV_DOT_ZERO = 0x4b400000;

__device__ static __forceinline__ float dmmv_dot_float(int32_t dot)
{
	return __int_as_float(dot) - 12582912.0f;
}

__device__ static __forceinline__ float dmmv_small_float(uint32_t u)
{
	return __uint_as_float(0x4b000000 | u) - 8388608.0f;
}

/* Byte i of a word of int8. */
__device__ static __forceinline__ float dmmv_byte_float(uint32_t word, uint32_t i)
{
	return __uint_as_float(0x4b000000 | ((word >> 8 * i & 255) ^ 128)) - 8388736.0f;
}

/* The columns of x in shared memory: quants, and {d, d * sum} of each block. */
struct dmmv_q8_x {
	const uint4 *q;
	const float2 *f;
	uint32_t blocks;
	uint32_t q_col, f_col; /* from one column to the next */
};

__device__ static __forceinline__ uint32_t dmmv_q8_f_bytes(uint32_t blocks)
{
	return ada_align16(blocks * 8);
}

template <uint32_t TYPE> struct dmmv_q8 {
	using x_t = struct dmmv_q8_x;
	using P = struct ada_packed<TYPE>;
	/* The halves of all blocks apart, so that lanes read without conflicts. */
	static constexpr bool split = TYPE != ADA_Q8_0;

	/* What is loaded ahead; a type uses some of the members. */
	struct unit {
		uint4 q, q2, head;
		uint2 high;
		uint32_t scales, factor;
	};

	/* Scales and minima of the first and second half of a block. */
	struct factors {
		float w[2], m[2];
	};

	__device__ static __forceinline__ uint32_t units(uint32_t k)
	{
		return k / 32;
	}

	__device__ static __forceinline__ x_t x_of(unsigned char *smem, uint32_t k, uint32_t n_cols)
	{
		x_t x;

		x.q = reinterpret_cast<const uint4 *>(smem);
		x.f = reinterpret_cast<const float2 *>(smem + (size_t)n_cols * k);
		x.blocks = k / 32;
		x.q_col = k / 16;
		x.f_col = dmmv_q8_f_bytes(k / 32) / 8;
		return x;
	}

	__device__ static __forceinline__ uint32_t place_of(uint32_t piece, uint32_t blocks)
	{
		return split ? (piece & 1) * blocks + (piece >> 1) : piece;
	}

	/* Column c from a row that quant_act wrote. */
	__device__ static __forceinline__ void copy_x(const x_t &x, uint32_t c, const uint8_t *row)
	{
		uint4 *q = const_cast<uint4 *>(x.q) + c * x.q_col;
		uint4 *f = reinterpret_cast<uint4 *>(const_cast<float2 *>(x.f) + c * x.f_col);
		const uint4 *from = reinterpret_cast<const uint4 *>(row);
		uint32_t pieces = 2 * x.blocks, all = pieces + x.f_col / 2;

		for (uint32_t i = threadIdx.x; i < all; i += blockDim.x) {
			uint4 v = from[i];

			if (i < pieces)
				q[place_of(i, x.blocks)] = v;
			else
				f[i - pieces] = v;
		}
	}

	/* Column 0 from a row of F32. Four loads of a thread are under way at once; with
	 * eight the registers of all the kernel are fewer than it wants. */
	__device__ static __forceinline__ void quantise_x(const x_t &x, const float *row)
	{
		constexpr uint32_t pieces = 2;
		uint32_t k = x.blocks * 32, step = blockDim.x * ADA_ACT_LANE;
		uint2 *q = reinterpret_cast<uint2 *>(const_cast<uint4 *>(x.q));
		float2 *f = const_cast<float2 *>(x.f);

		for (uint32_t k0 = threadIdx.x / 32 * 32 * ADA_ACT_LANE; k0 < k;
		     k0 += pieces * step) {
			uint32_t at = k0 + threadIdx.x % 32 * ADA_ACT_LANE;
			float4 v[pieces][2];

#pragma unroll
			for (uint32_t j = 0; j < 2 * pieces; j++)
				v[j / 2][j % 2] = ada_act_load(row, at + j / 2 * step + j % 2 * 4, k);
#pragma unroll
			for (uint32_t j = 0; j < pieces; j++) {
				uint32_t i = at + j * step;

				if (k0 + j * step >= k)
					break;
				struct ada_act_part p = ada_act_quantise(v[j][0], v[j][1]);

				if (i >= k)
					continue;
				q[place_of(i / 16, x.blocks) * 2 + i / 8 % 2] = p.q;
				if (i % 32 == 0)
					f[i / 32] = make_float2(p.d, p.ds);
			}
		}
	}

	__device__ static __forceinline__ void load_factors(unit &u, const uint8_t *row,
	                                                    const struct ada_row_layout &r,
	                                                    uint32_t b)
	{
		constexpr uint32_t n = TYPE == ADA_Q4_1 || TYPE == ADA_Q5_1 ? 4 : 2;
		const uint8_t *scales = row + r.scales, *factors = row + r.factors;

		if (P::k4) {
			u.head = __ldg(reinterpret_cast<const uint4 *>(scales) + b / 8);
		} else if (TYPE == ADA_MXFP4) {
			u.scales = __ldg(scales + b);
		} else if (TYPE == ADA_Q2_K) {
			u.scales = __ldg(reinterpret_cast<const uint16_t *>(scales) + b);
			u.factor = __ldg(reinterpret_cast<const uint32_t *>(factors) + b / 8);
		} else if (P::halves) {
			u.scales = __ldg(reinterpret_cast<const uint16_t *>(scales) + b);
			u.factor = __ldg(reinterpret_cast<const uint16_t *>(factors) + b / 8);
		} else if (TYPE == ADA_IQ4_XS) {
			u.scales = __ldg(scales + b);
			u.factor = __ldg(reinterpret_cast<const uint16_t *>(factors) + b / 8);
		} else if (n == 4) {
			u.factor = __ldg(reinterpret_cast<const uint32_t *>(factors) + b);
		} else {
			u.factor = __ldg(reinterpret_cast<const uint16_t *>(factors) + b);
		}
	}

	/* Lane p of the blocks from `base` on; the last block again where there are no
	 * more. */
	__device__ static __forceinline__ void load(unit &u, const uint8_t *row,
	                                            const struct ada_dmmv_args &a, uint32_t base,
	                                            uint32_t p, uint32_t end)
	{
		uint32_t b = base + p < end ? base + p : end - 1;

		if constexpr (TYPE == ADA_Q8_0) {
			const uint16_t *d = reinterpret_cast<const uint16_t *>(row + a.row.factors);
			uint32_t first = 2 * base + p, second = first + (1u << a.lane_bits);

			first = first < 2 * end ? first : 2 * end - 1;
			second = second < 2 * end ? second : 2 * end - 1;
			u.q = ada_load_stream(row + (size_t)first * 16);
			u.q2 = ada_load_stream(row + (size_t)second * 16);
			u.factor = __ldg(d + first / 2);
			u.scales = __ldg(d + second / 2);
			return;
		}
		if (P::pairs) {
			u.high = __ldg(reinterpret_cast<const uint2 *>(row) + b);
			u.q = make_uint4(u.high.x, u.high.y, 0, 0);
		} else {
			u.q = ada_load_stream(row + (size_t)b * 16);
		}
		if (P::high_bits)
			u.high.x = __ldg(reinterpret_cast<const uint32_t *>(row + a.row.high) + b);
		if (P::high_pairs)
			u.high = __ldg(reinterpret_cast<const uint2 *>(row + a.row.high) + b);
		load_factors(u, row, a.row, b);
	}

	__device__ static __forceinline__ factors factors_of(const unit &u, uint32_t j)
	{
		factors f = {{0, 0}, {0, 0}};

		if (P::k4) {
			float2 k = ada_k4_factors(u.head.x, u.head.y, u.head.z, u.head.w, j);

			f.w[0] = k.x;
			f.m[0] = k.y;
		} else if (TYPE == ADA_Q2_K) {
			float2 d = ada_f16x2_to_f32(u.factor);

			for (int h = 0; h < 2; h++) {
				f.w[h] = d.x * dmmv_small_float(u.scales >> 8 * h & 15);
				f.m[h] = d.y * dmmv_small_float(u.scales >> (8 * h + 4) & 15);
			}
		} else if (TYPE == ADA_MXFP4) {
			f.w[0] = ada_e8m0_half(u.scales);
		} else if (P::min) {
			float2 d = ada_f16x2_to_f32(u.factor);

			f.w[0] = d.x;
			f.m[0] = -d.y;
		} else {
			float d = ada_f16_to_f32((uint16_t)u.factor) * (1.0f / P::times);

			f.w[0] = d;
			if (P::halves || TYPE == ADA_IQ4_XS)
				f.w[0] = d * dmmv_byte_float(u.scales, 0);
			if (P::halves)
				f.w[1] = d * dmmv_byte_float(u.scales, 1);
		}
		return f;
	}

	/* The 8 words of a block. */
	__device__ static __forceinline__ void unpack(const unit &u, uint32_t w[8])
	{
		const uint32_t q[4] = {u.q.x, u.q.y, u.q.z, u.q.w};

#pragma unroll
		for (uint32_t t = 0; t < 4; t++)
#pragma unroll
			for (uint32_t h = 0; h < 2; h++)
				w[t + 4 * h] = ada_unpack_half<TYPE>(
				        P::pairs ? q[h] : q[t],
				        P::high_pairs && h ? u.high.y : u.high.x, t, h);
	}

	__device__ static __forceinline__ int32_t dot4(const uint32_t w[4], uint4 x, int32_t sum)
	{
		sum = __dp4a((int32_t)w[0], (int32_t)x.x, sum);
		sum = __dp4a((int32_t)w[1], (int32_t)x.y, sum);
		sum = __dp4a((int32_t)w[2], (int32_t)x.z, sum);
		return __dp4a((int32_t)w[3], (int32_t)x.w, sum);
	}

	__device__ static __forceinline__ float sum4(uint4 x)
	{
		const uint32_t ones[4] = {0x01010101, 0x01010101, 0x01010101, 0x01010101};

		return dmmv_dot_float(dot4(ones, x, DMMV_DOT_ZERO));
	}

	/* One block of one row and one column. */
	__device__ static __forceinline__ float add_block(float acc, const uint32_t w[8],
	                                                  const factors &f, uint4 x0, uint4 x1,
	                                                  float2 xf)
	{
		int32_t dot = dot4(w, x0, DMMV_DOT_ZERO);

		if (!P::halves) {
			acc = fmaf(f.w[0] * xf.x, dmmv_dot_float(dot4(w + 4, x1, dot)), acc);
			return P::min ? fmaf(-f.m[0], xf.y, acc) : acc;
		}
		acc = fmaf(f.w[0] * xf.x, dmmv_dot_float(dot), acc);
		acc = fmaf(f.w[1] * xf.x, dmmv_dot_float(dot4(w + 4, x1, DMMV_DOT_ZERO)), acc);
		if (P::min) {
			acc = fmaf(-f.m[0] * xf.x, sum4(x0), acc);
			acc = fmaf(-f.m[1] * xf.x, sum4(x1), acc);
		}
		return acc;
	}

	/* Half a block of Q8_0 in every row and column: the first or second piece. */
	template <int ROWS, int COLS>
	__device__ static __forceinline__ void add_piece(float acc[ROWS][COLS], const unit u[ROWS],
	                                                 bool second, const x_t &x, uint32_t piece)
	{
#pragma unroll
		for (int c = 0; c < COLS; c++) {
			uint4 xq = x.q[c * x.q_col + piece];
			float xd = x.f[c * x.f_col + piece / 2].x;

#pragma unroll
			for (int r = 0; r < ROWS; r++) {
				uint4 q = second ? u[r].q2 : u[r].q;
				uint32_t d = second ? u[r].scales : u[r].factor;
				const uint32_t w[4] = {q.x, q.y, q.z, q.w};
				int32_t dot = dot4(w, xq, DMMV_DOT_ZERO);

				acc[r][c] = fmaf(ada_f16_to_f32((uint16_t)d) * xd,
				                 dmmv_dot_float(dot), acc[r][c]);
			}
		}
	}

	/* A block of all rows in one column: rows one after the other, since registers
	 * are short with so much loaded ahead. */
	template <int ROWS>
	__device__ static __forceinline__ void add_column(float acc[ROWS][1], const unit u[ROWS],
	                                                  const x_t &x, uint32_t b, uint32_t j)
	{
		uint4 x0 = x.q[b], x1 = x.q[x.blocks + b];
		float2 xf = x.f[b];

#pragma unroll
		for (int r = 0; r < ROWS; r++) {
			uint32_t w[8];

			unpack(u[r], w);
			acc[r][0] = add_block(acc[r][0], w, factors_of(u[r], j), x0, x1, xf);
		}
	}

	/* A block of all rows in several columns: each word is unpacked once. */
	template <int ROWS, int COLS>
	__device__ static __forceinline__ void add_columns(float acc[ROWS][COLS],
	                                                   const unit u[ROWS], const x_t &x,
	                                                   uint32_t b, uint32_t j)
	{
		uint32_t w[ROWS][8];
		factors f[ROWS];

#pragma unroll
		for (int r = 0; r < ROWS; r++) {
			unpack(u[r], w[r]);
			f[r] = factors_of(u[r], j);
		}
#pragma unroll
		for (int c = 0; c < COLS; c++) {
			const uint4 *q = x.q + c * x.q_col;
			uint4 x0 = q[b], x1 = q[x.blocks + b];
			float2 xf = x.f[c * x.f_col + b];

#pragma unroll
			for (int r = 0; r < ROWS; r++)
				acc[r][c] = add_block(acc[r][c], w[r], f[r], x0, x1, xf);
		}
	}

	/* Lane p of the blocks from `base` on, as load() took them. */
	template <int ROWS, int COLS>
	__device__ static __forceinline__ void add(float acc[ROWS][COLS], const unit u[ROWS],
	                                           const struct ada_dmmv_args &a, const x_t &x,
	                                           uint32_t base, uint32_t p, uint32_t end)
	{
		if constexpr (TYPE == ADA_Q8_0) {
			uint32_t first = 2 * base + p, second = first + (1u << a.lane_bits);

			if (first < 2 * end)
				add_piece<ROWS, COLS>(acc, u, false, x, first);
			if (second < 2 * end)
				add_piece<ROWS, COLS>(acc, u, true, x, second);
		} else if (base + p < end) {
			if constexpr (COLS == 1)
				add_column<ROWS>(acc, u, x, base + p, p % 8);
			else
				add_columns<ROWS, COLS>(acc, u, x, base + p, p % 8);
		}
	}
};

#endif
