/* pack.cu - GGUF rows to layout ADA_WEIGHT_ROWS (layout.h), once at load.
 *
 * A thread packs a block of 32: its quants element by element through the same
 * decoder that the reference products use, and what its scales need. It writes
 * every byte of its block; the padding between arrays is never read. */
#include "kernel.cuh"

#include "linear/args.h"
#include "element.cuh"

/* The quants of a block with the bits flipped that packing flips. */
__device__ static __forceinline__ void read_block(const struct ada_pack_args &a,
                                                  const uint8_t *src, uint32_t block, uint8_t q[32])
{
	uint32_t flip = a.type == ADA_Q4_0   ? 8
	                : a.type == ADA_Q5_0 ? 16
	                : a.type == ADA_Q3_K ? 4
	                : a.type == ADA_Q6_K ? 32
	                                     : 0;

	for (uint32_t i = 0; i < 32; i++)
		q[i] = (uint8_t)(ada_gguf_quant(a.type, src, 32 * block + i) ^ flip);
}

__device__ static __forceinline__ bool is_table(uint32_t type)
{
	return type == ADA_IQ4_NL || type == ADA_IQ4_XS || type == ADA_MXFP4;
}

/* A plane of pairs: the two bits of each element from bit `at` on. */
__device__ static __forceinline__ void write_pairs(uint8_t *to, const uint8_t q[32], uint32_t at)
{
	for (uint32_t half = 0; half < 2; half++)
		for (uint32_t j = 0; j < 4; j++) {
			uint32_t byte = 0;

			for (uint32_t t = 0; t < 4; t++)
				byte |= (q[16 * half + 4 * t + j] >> at & 3u) << 2 * t;
			to[4 * half + j] = (uint8_t)byte;
		}
}

/* A plane of bits: bit `at` of each element. */
__device__ static __forceinline__ void write_bits(uint8_t *to, const uint8_t q[32], uint32_t at)
{
	for (uint32_t j = 0; j < 4; j++) {
		uint32_t byte = 0;

		for (uint32_t b = 0; b < 8; b++)
			byte |= (q[4 * b + j] >> at & 1u) << b;
		to[j] = (uint8_t)byte;
	}
}

__device__ static __forceinline__ void write_quants(uint32_t type, uint8_t *to, const uint8_t q[32])
{
	if (type == ADA_Q8_0) {
		for (uint32_t i = 0; i < 32; i++)
			to[i] = q[i];
	} else if (type == ADA_Q2_K || type == ADA_Q3_K) {
		write_pairs(to, q, 0);
	} else if (is_table(type)) {
		for (uint32_t i = 0; i < 16; i++) {
			uint32_t half = i >> 1 & 1, from = 16 * half + 4 * (i >> 2) + 2 * (i & 1);

			to[i] = (uint8_t)(q[from] | q[from + 1] << 4);
		}
	} else {
		for (uint32_t i = 0; i < 16; i++)
			to[i] = (uint8_t)((q[i] & 15) | (q[i + 16] & 15) << 4);
	}
}

/* The header K4 of a superblock, by the thread of its first block. */
__device__ static __forceinline__ void write_k4(const uint8_t *from, uint8_t *to)
{
	uint32_t word[4] = {ada_u16(from) | ada_u16(from + 2) << 16, 0, 0, 0}, scale, min;

	for (uint32_t j = 0; j < 8; j++) {
		ada_gguf_k4(from + 4, j, &scale, &min);
		word[1 + j / 4] |= ((scale & 15) | (min & 15) << 16) << 4 * (j % 4);
		word[3] |= (scale >> 4 | min >> 4 << 16) << 2 * j;
	}
	for (uint32_t i = 0; i < 4; i++)
		reinterpret_cast<uint32_t *>(to)[i] = word[i];
}

/* Scales and factors of a block of 32 in a format with blocks of 256. */
__device__ static __forceinline__ void write_k_scales(uint32_t type, const uint8_t *b, uint32_t j,
                                                      uint8_t *scales, uint8_t *factors)
{
	for (uint32_t half = 0; half < 2; half++) {
		if (type == ADA_Q2_K)
			scales[half] = b[2 * j + half];
		else if (type == ADA_Q3_K)
			scales[half] = (uint8_t)ada_gguf_k3(b + 96, 2 * j + half);
		else if (type == ADA_Q6_K)
			scales[half] = b[192 + 2 * j + half];
	}
	if (type == ADA_IQ4_XS)
		scales[0] = (uint8_t)ada_gguf_iq4_xs(b, j);
	if (j)
		return;
	uint32_t at = type == ADA_Q2_K   ? 80
	              : type == ADA_Q3_K ? 108
	              : type == ADA_Q6_K ? 208
	                                 : 0;
	for (uint32_t i = 0; i < (type == ADA_Q2_K ? 4u : 2u); i++)
		factors[i] = b[at + i];
}

__device__ static __forceinline__ void write_scales(const struct ada_pack_args &a,
                                                    const uint8_t *src, uint32_t block,
                                                    uint8_t *row)
{
	struct ada_gguf_block g = ada_gguf_block(a.type);
	struct ada_pack_format f = ada_pack_format(a.type);
	const uint8_t *b = src + (uint64_t)(32 * block / g.elems) * g.bytes;
	uint8_t *scales = row + a.row.scales + (uint64_t)block * f.scales;
	uint8_t *factors = row + a.row.factors + (uint64_t)(32 * block / f.factor_elems) * f.factors;

	if (a.type == ADA_Q4_K || a.type == ADA_Q5_K) {
		if (block % 8 == 0)
			write_k4(b, scales);
	} else if (g.elems == 256) {
		write_k_scales(a.type, b, block % 8, scales, factors);
	} else if (a.type == ADA_MXFP4) {
		scales[0] = b[0];
	} else {
		for (uint32_t i = 0; i < f.factors; i++)
			factors[i] = b[i];
	}
}

ADA_KERNEL(linear_pack, struct ada_pack_args, 256, 2)
{
	uint64_t at = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x;
	uint32_t blocks = a.k / 32, block = (uint32_t)(at % blocks);
	struct ada_pack_format f = ada_pack_format(a.type);
	uint8_t q[32];

	ada_wait_inputs();
	if (at / blocks >= a.rows)
		return;
	const uint8_t *src = reinterpret_cast<const uint8_t *>(a.src) + at / blocks * a.src_row;
	uint8_t *row = reinterpret_cast<uint8_t *>(a.dst) + at / blocks * a.row.bytes;
	uint8_t *high = row + a.row.high + (uint64_t)block * f.high;

	read_block(a, src, block, q);
	write_quants(a.type, row + (uint64_t)block * f.quants, q);
	if (f.high == 8)
		write_pairs(high, q, 4);
	else if (f.high == 4)
		write_bits(high, q, a.type == ADA_Q3_K ? 2 : 4);
	write_scales(a, src, block, row);
}
