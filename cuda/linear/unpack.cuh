/* unpack.cuh - from the words of a packed block of 32 (layout.h) to signed 8-bit
 * integers, four to a word, and to F32 scales. */
#ifndef ADA_UNPACK_CUH
#define ADA_UNPACK_CUH

#include "layout.h"
#include "num.cuh"

/* What a kernel needs to know of a packed type at compile time. */
template <uint32_t TYPE> struct ada_packed {
	static constexpr bool table = TYPE == ADA_IQ4_NL || TYPE == ADA_IQ4_XS || TYPE == ADA_MXFP4;
	static constexpr bool k4 = TYPE == ADA_Q4_K || TYPE == ADA_Q5_K;
	static constexpr bool pairs = TYPE == ADA_Q2_K || TYPE == ADA_Q3_K;
	/* A scale for each half of a block. */
	static constexpr bool halves = pairs || TYPE == ADA_Q6_K;
	static constexpr bool min = k4 || TYPE == ADA_Q2_K || TYPE == ADA_Q4_1 || TYPE == ADA_Q5_1;
	static constexpr bool high_bits = TYPE == ADA_Q5_0 || TYPE == ADA_Q5_1 || TYPE == ADA_Q5_K ||
	                                  TYPE == ADA_Q3_K;
	static constexpr bool high_pairs = TYPE == ADA_Q6_K;
	/* About the middle of the integers of types that have minima. */
	static constexpr uint32_t centre = TYPE == ADA_Q5_K || TYPE == ADA_Q5_1   ? 16
	                                   : TYPE == ADA_Q4_K || TYPE == ADA_Q4_1 ? 8
	                                   : TYPE == ADA_Q2_K                     ? 2
	                                                                          : 0;
	/* The unpacked integer is this many times the true one. */
	static constexpr float times = TYPE == ADA_Q4_0   ? 16.0f
	                               : TYPE == ADA_Q5_0 ? 8.0f
	                               : TYPE == ADA_Q6_K ? 4.0f
	                               : TYPE == ADA_Q3_K ? 32.0f
	                                                  : 1.0f;
};

/* The 16 values of a nibble, as four words of bytes. */
template <uint32_t TYPE>
__device__ static __forceinline__ void ada_table_words(uint32_t v[4])
{
	if (TYPE == ADA_MXFP4) {
		v[0] = 0x03020100, v[1] = 0x0c080604; /* 0 1 2 3 4 6 8 12 */
		v[2] = 0xfdfeff00, v[3] = 0xf4f8fafc;
	} else {
		v[0] = 0xbfad9881, v[1] = 0xf6eaddcf; /* -127 -104 -83 -65 -49 -35 -22 -10 */
		v[2] = 0x26190d01, v[3] = 0x71594535; /* 1 13 25 38 53 69 89 113 */
	}
}

/* Four nibbles of a table type (the low 16 bits of n) to their four values. */
template <uint32_t TYPE> __device__ static __forceinline__ uint32_t ada_table_lookup(uint32_t n)
{
	uint32_t v[4], low, high;

	ada_table_words<TYPE>(v);
	low = __byte_perm(v[0], v[1], n & 0x7777);
	high = __byte_perm(v[2], v[3], n & 0x7777);
	/* Byte i of the result: of `low` (selector i), of `high` (i + 4) where bit 3 is set. */
	return __byte_perm(low, high, 0x3210 | ((n & 0x8888) >> 1));
}

/* Four elements of a block as int8: 4t .. 4t+3 where half is 0, 16+4t .. where it
 * is 1. q is word t of the block's quants; of a type of pairs, word `half`; of Q8_0,
 * word t + 4 half. hi is the block's word of high bits; of Q6_K, word `half`. */
template <uint32_t TYPE>
__device__ static __forceinline__ uint32_t ada_unpack_half(uint32_t q, uint32_t hi, uint32_t t,
                                                           uint32_t half)
{
	uint32_t bit = t + 4 * half, n;

	if (TYPE == ADA_Q8_0)
		return q;
	if (ada_packed<TYPE>::table)
		return ada_table_lookup<TYPE>(q >> 16 * half);
	if (TYPE == ADA_Q2_K)
		return q >> 2 * t & 0x03030303;
	if (TYPE == ADA_Q3_K)
		return (q >> 2 * t & 0x03030303) << 5 | (hi >> bit & 0x01010101) << 7;
	if (TYPE == ADA_Q4_0)
		return (half ? q : q << 4) & 0xf0f0f0f0;
	n = q >> 4 * half & 0x0f0f0f0f;
	if (TYPE == ADA_Q5_0)
		return n << 3 | (hi >> bit & 0x01010101) << 7;
	if (TYPE == ADA_Q5_1 || TYPE == ADA_Q5_K)
		return n | (hi >> bit & 0x01010101) << 4;
	if (TYPE == ADA_Q6_K)
		return n << 2 | (hi >> 2 * t & 0x03030303) << 6;
	return n;
}

/* Scale and min of block j (of 8) of a header K4, with what they are multiplied by:
 * integers of 6 bits become F16 by arithmetic on the bits of 1024. */
__device__ static __forceinline__ float2 ada_k4_factors(uint32_t factors, uint32_t low0,
                                                        uint32_t low4, uint32_t tops, uint32_t j)
{
	uint32_t low = (j < 4 ? low0 : low4) >> 4 * (j & 3), turn = (4 - 2 * j) & 31;
	uint32_t top = __funnelshift_l(tops, tops, turn);
	uint32_t pair = (low & 0x000f000f) | 0x64006400 | (top & 0x00300030);
	float2 i = ada_f16x2_to_f32(ada_f16x2_fma(pair, 0x3c003c00, 0xe400e400));
	float2 d = ada_f16x2_to_f32(factors);

	return make_float2(d.x * i.x, d.y * i.y);
}

/* The scale of an MXFP4 block, 2^(e - 128); tiny ones are subnormal. */
__device__ static __forceinline__ float ada_e8m0_half(uint32_t e)
{
	return __uint_as_float(e < 2 ? 0x00200000u << e : (e - 1) << 23);
}

#endif
