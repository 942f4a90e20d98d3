/* element.cuh - one element of a weight row of any type and layout, exactly:
 * what embed, the packing kernel and the reference products read.
 *
 * A row is a pointer to its first byte; k is the element. Every thread decodes
 * for itself, and threads of a warp mostly take neighbours, so that the bytes of
 * a block come from the cache. */
#ifndef ADA_ELEMENT_CUH
#define ADA_ELEMENT_CUH

#include "layout.h"
#include "num.cuh"
#include "unpack.cuh"

/* A value is d * q - m, each operation rounded to F32. */
struct ada_affine {
	float d, m;
};

__device__ static __forceinline__ uint32_t ada_u16(const uint8_t *p)
{
	return *reinterpret_cast<const uint16_t *>(p);
}

__device__ static __forceinline__ float ada_half_at(const uint8_t *p)
{
	return ada_f16_to_f32(*reinterpret_cast<const uint16_t *>(p));
}

/* The nibble of element i of a block of 32 in the order of the small formats. */
__device__ static __forceinline__ uint32_t ada_small_nibble(const uint8_t *qs, uint32_t i)
{
	return qs[i & 15] >> (i >> 4) * 4 & 15;
}

/* The nibble of element i of a block of 256 in the order of Q4_K and Q5_K. */
__device__ static __forceinline__ uint32_t ada_k_nibble(const uint8_t *qs, uint32_t i)
{
	return qs[(i >> 6) * 32 + (i & 31)] >> (i >> 5 & 1) * 4 & 15;
}

/* The two bits of element i of a block of 256 in the order of Q2_K and Q3_K. */
__device__ static __forceinline__ uint32_t ada_k_pair(const uint8_t *qs, uint32_t i)
{
	return qs[(i >> 7) * 32 + (i & 31)] >> (i >> 5 & 3) * 2 & 3;
}

__device__ static __forceinline__ uint32_t ada_q6_k_quant(const uint8_t *b, uint32_t i)
{
	uint32_t half = i >> 7, j = i & 127;
	uint32_t low = b[half * 64 + (j & 63)] >> (j >> 6) * 4 & 15;

	return low | (b[128 + half * 32 + (j & 31)] >> (j >> 5) * 2 & 3) << 4;
}

/* The unsigned quant as the file has it, without its offset: a nibble where a
 * table gives the value, an int8 in the low byte for Q8_0. */
__device__ static __forceinline__ uint32_t ada_gguf_quant(uint32_t type, const uint8_t *row,
                                                          uint32_t k)
{
	struct ada_gguf_block f = ada_gguf_block(type);
	const uint8_t *b = row + (uint64_t)(k / f.elems) * f.bytes;
	uint32_t i = k % f.elems;

	switch (type) {
	case ADA_Q8_0: return b[2 + i];
	case ADA_Q4_0:
	case ADA_IQ4_NL: return ada_small_nibble(b + 2, i);
	case ADA_Q4_1: return ada_small_nibble(b + 4, i);
	case ADA_Q5_0: return ada_small_nibble(b + 6, i) | (b[2 + (i >> 3)] >> (i & 7) & 1) << 4;
	case ADA_Q5_1: return ada_small_nibble(b + 8, i) | (b[4 + (i >> 3)] >> (i & 7) & 1) << 4;
	case ADA_Q2_K: return ada_k_pair(b + 16, i);
	case ADA_Q3_K: return ada_k_pair(b + 32, i) | (b[i & 31] >> (i >> 5) & 1) << 2;
	case ADA_Q4_K: return ada_k_nibble(b + 16, i);
	case ADA_Q5_K: return ada_k_nibble(b + 48, i) | (b[16 + (i & 31)] >> (i >> 5) & 1) << 4;
	case ADA_Q6_K: return ada_q6_k_quant(b, i);
	case ADA_IQ4_XS: return ada_small_nibble(b + 8 + (i >> 5) * 16, i & 31);
	default: return ada_small_nibble(b + 1, i); /* MXFP4 */
	}
}

/* The integer that the scale multiplies. */
__device__ static __forceinline__ int32_t ada_true_quant(uint32_t type, uint32_t q)
{
	switch (type) {
	case ADA_Q8_0: return (int8_t)q;
	case ADA_Q4_0: return (int32_t)q - 8;
	case ADA_Q5_0: return (int32_t)q - 16;
	case ADA_Q3_K: return (int32_t)q - 4;
	case ADA_Q6_K: return (int32_t)q - 32;
	case ADA_IQ4_NL:
	case ADA_IQ4_XS: return (int8_t)ada_table_lookup<ADA_IQ4_NL>(q);
	case ADA_MXFP4: return (int8_t)ada_table_lookup<ADA_MXFP4>(q);
	default: return (int32_t)q;
	}
}

/* Six-bit scale and min of block j (of 8) of a Q4_K or Q5_K superblock. */
__device__ static __forceinline__ void ada_gguf_k4(const uint8_t *s, uint32_t j, uint32_t *scale,
                                                   uint32_t *min)
{
	if (j < 4) {
		*scale = s[j] & 63;
		*min = s[j + 4] & 63;
	} else {
		*scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
		*min = s[j + 4] >> 4 | (s[j] >> 6) << 4;
	}
}

/* Six-bit scale of 16 elements s (of 16) of a Q3_K superblock, 32 subtracted. */
__device__ static __forceinline__ int32_t ada_gguf_k3(const uint8_t *p, uint32_t s)
{
	uint32_t low = s < 8 ? p[s] & 15 : p[s - 8] >> 4;

	return (int32_t)(low | (p[8 + (s & 3)] >> 2 * (s >> 2) & 3) << 4) - 32;
}

/* Six-bit scale of block j (of 8) of an IQ4_XS superblock, 32 subtracted. */
__device__ static __forceinline__ int32_t ada_gguf_iq4_xs(const uint8_t *b, uint32_t j)
{
	uint32_t low = b[4 + (j >> 1)] >> 4 * (j & 1) & 15;

	return (int32_t)(low | (ada_u16(b + 2) >> 2 * j & 3) << 4) - 32;
}

__device__ static __forceinline__ struct ada_affine ada_gguf_affine(uint32_t type,
                                                                    const uint8_t *row, uint32_t k)
{
	struct ada_gguf_block f = ada_gguf_block(type);
	const uint8_t *b = row + (uint64_t)(k / f.elems) * f.bytes;
	uint32_t i = k % f.elems, scale, min;

	switch (type) {
	case ADA_Q4_1:
	case ADA_Q5_1: return {ada_half_at(b), -ada_half_at(b + 2)};
	case ADA_Q2_K:
		scale = b[i >> 4];
		return {ada_half_at(b + 80) * (float)(scale & 15),
		        ada_half_at(b + 82) * (float)(scale >> 4)};
	case ADA_Q3_K: return {ada_half_at(b + 108) * (float)ada_gguf_k3(b + 96, i >> 4), 0.0f};
	case ADA_Q4_K:
	case ADA_Q5_K:
		ada_gguf_k4(b + 4, i >> 5, &scale, &min);
		return {ada_half_at(b) * (float)scale, ada_half_at(b + 2) * (float)min};
	case ADA_Q6_K:
		return {ada_half_at(b + 208) * (float)(int8_t)b[192 + (i >> 4)], 0.0f};
	case ADA_IQ4_XS: return {ada_half_at(b) * (float)ada_gguf_iq4_xs(b, i >> 5), 0.0f};
	case ADA_MXFP4: return {ada_e8m0_half(b[0]), 0.0f};
	default: return {ada_half_at(b), 0.0f};
	}
}

/* The same of packed rows. */
__device__ static __forceinline__ int32_t ada_packed_quant(uint32_t type,
                                                           const struct ada_row_layout &r,
                                                           const uint8_t *row, uint32_t k)
{
	uint32_t block = k >> 5, half = k >> 4 & 1, t = k >> 2 & 3, j = k & 3;
	const uint8_t *quants = row + (uint64_t)block * ada_pack_format(type).quants;
	const uint8_t *high = row + r.high + (uint64_t)block * ada_pack_format(type).high;
	uint32_t bit = high[j] >> (t + 4 * half) & 1, pair = high[4 * half + j] >> 2 * t & 3;
	uint32_t n = quants[4 * t + j] >> 4 * half & 15;

	switch (type) {
	case ADA_Q8_0: return (int8_t)quants[k & 31];
	case ADA_Q4_0: return ada_true_quant(type, n ^ 8);
	case ADA_Q5_0: return ada_true_quant(type, n | (bit ^ 1) << 4);
	case ADA_Q5_1:
	case ADA_Q5_K: return (int32_t)(n | bit << 4);
	case ADA_Q6_K: return ada_true_quant(type, n | (pair ^ 2) << 4);
	case ADA_Q2_K: return quants[4 * half + j] >> 2 * t & 3;
	case ADA_Q3_K:
		return ada_true_quant(type, (quants[4 * half + j] >> 2 * t & 3) | (bit ^ 1) << 2);
	case ADA_IQ4_NL:
	case ADA_IQ4_XS:
	case ADA_MXFP4:
		return ada_true_quant(type, quants[4 * t + 2 * half + (j >> 1)] >> 4 * (j & 1) & 15);
	default: return (int32_t)n;
	}
}

__device__ static __forceinline__ struct ada_affine
ada_packed_affine(uint32_t type, const struct ada_row_layout &r, const uint8_t *row, uint32_t k)
{
	struct ada_pack_format f = ada_pack_format(type);
	uint32_t block = k >> 5, half = k >> 4 & 1, scale;
	const uint8_t *factors = row + r.factors + (uint64_t)(k / f.factor_elems) * f.factors;
	const uint8_t *scales = row + r.scales + (uint64_t)block * f.scales;
	const uint32_t *header = reinterpret_cast<const uint32_t *>(row + r.scales) + (k >> 8) * 4;
	float2 d;

	switch (type) {
	case ADA_Q4_1:
	case ADA_Q5_1: return {ada_half_at(factors), -ada_half_at(factors + 2)};
	case ADA_Q2_K:
		scale = scales[half];
		return {ada_half_at(factors) * (float)(scale & 15),
		        ada_half_at(factors + 2) * (float)(scale >> 4)};
	case ADA_Q4_K:
	case ADA_Q5_K:
		d = ada_k4_factors(header[0], header[1], header[2], header[3], block & 7);
		return {d.x, d.y};
	case ADA_Q3_K:
	case ADA_Q6_K: return {ada_half_at(factors) * (float)(int8_t)scales[half], 0.0f};
	case ADA_IQ4_XS: return {ada_half_at(factors) * (float)(int8_t)scales[0], 0.0f};
	case ADA_MXFP4: return {ada_e8m0_half(scales[0]), 0.0f};
	default: return {ada_half_at(factors), 0.0f};
	}
}

/* Element k of a row, as F32. `r` is read for packed rows alone. */
__device__ static __forceinline__ float ada_weight_f32(uint32_t type, uint32_t layout,
                                                       const struct ada_row_layout &r,
                                                       const uint8_t *row, uint32_t k)
{
	struct ada_affine a;
	int32_t q;

	if (type == ADA_F32)
		return reinterpret_cast<const float *>(row)[k];
	if (type == ADA_F16)
		return ada_f16_to_f32(reinterpret_cast<const uint16_t *>(row)[k]);
	if (type == ADA_BF16)
		return ada_bf16_to_f32(reinterpret_cast<const uint16_t *>(row)[k]);
	if (layout == ADA_WEIGHT_ROWS) {
		q = ada_packed_quant(type, r, row, k);
		a = ada_packed_affine(type, r, row, k);
	} else {
		q = ada_true_quant(type, ada_gguf_quant(type, row, k));
		a = ada_gguf_affine(type, row, k);
	}
	/* Not contracted, so that these are the bits of the other backends. */
	return __fsub_rn(__fmul_rn(a.d, (float)q), a.m);
}

#endif
