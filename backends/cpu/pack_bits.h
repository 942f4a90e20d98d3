/* pack_bits.h - the packed order of quants of 5 and 6 bits (Q5_K, Q6_K), and putting
 * them into it: inline, since each instruction set compiles it for its own vectors.
 *
 * In the file the upper bits stand apart, and putting quants together is more work than
 * multiplying them. Here most words hold four whole quants, in the low bits of each byte,
 * where a mask gives them. The bits above them hold the words that are left over, each
 * the exclusive or of others, moved down and then masked:
 *     6 bits, a scale's 16 quants in words 0 to 2:  word 3 = 0 >> 6 ^ 1 >> 4 ^ 2 >> 2
 *     5 bits, a scale's 32 quants in words 0 to 4:  word 5 = 0 >> 5 ^ 1 >> 3
 *                                                   word 6 = 2 >> 5 ^ 3 >> 3
 *                                                   word 7 = 4 >> 5 ^ 1 >> 2 ^ 3 >> 1
 * What else comes along, the whole quants' own bits, would have to be masked away first;
 * instead each bit of these sums takes in one upper bit that is free, and packing
 * chooses that so that the sum comes out right. */
#ifndef CPU_PACK_BITS_H
#define CPU_PACK_BITS_H

#include <string.h>

#include "linear.h"

#define PACK_BITS_WORDS 52u /* of a block, at most */

#define PACK_EACH(bits) ((bits) * 0x01010101u) /* in each byte */

/* Where the file has elements 4 i to 4 i + 3 of block b of 32: words of low and of upper
 * bits, and how far up they are there. */
struct pack_place {
	uint32_t low, low_shift, high, high_shift;
};

static inline struct pack_place pack_place_q5_k(uint32_t b, uint32_t i)
{
	return (struct pack_place){12 + 8 * (b / 2) + i, 4 * (b % 2), 4 + i, b};
}

static inline struct pack_place pack_place_q6_k(uint32_t b, uint32_t i)
{
	uint32_t half = b / 4, in = b % 4;

	return (struct pack_place){16 * half + 8 * (in % 2) + i, 4 * (in / 2), 32 + 8 * half + i,
	                           2 * in};
}

static inline uint32_t pack_get(const struct lin_word *file, uint32_t r, struct pack_place at,
                                uint32_t high)
{
	return (file[at.low].row[r] >> at.low_shift & PACK_EACH(15)) |
	       (file[at.high].row[r] >> at.high_shift & PACK_EACH(high)) << 4;
}

/* 8 words of quants to 5: bits are chosen from where all others of their sum are known. */
static inline void pack_5(const uint32_t q[8], struct lin_word *to, uint32_t r)
{
	uint32_t w1 = q[1], w3 = q[3];

	w1 |= ((q[7] ^ q[4] >> 5 ^ w1 >> 2 ^ w3 >> 1) & PACK_EACH(8)) << 2;
	w1 |= ((q[5] ^ q[0] >> 5 ^ w1 >> 3) & PACK_EACH(24)) << 3;
	w3 |= ((q[7] ^ q[4] >> 5 ^ w1 >> 2 ^ w3 >> 1) & PACK_EACH(16)) << 1;
	w3 |= ((q[6] ^ q[2] >> 5 ^ w3 >> 3) & PACK_EACH(24)) << 3;
	to[0].row[r] = q[0] | ((q[5] ^ q[0] >> 5 ^ w1 >> 3) & PACK_EACH(7)) << 5;
	to[1].row[r] = w1;
	to[2].row[r] = q[2] | ((q[6] ^ q[2] >> 5 ^ w3 >> 3) & PACK_EACH(7)) << 5;
	to[3].row[r] = w3;
	to[4].row[r] = q[4] | ((q[7] ^ q[4] >> 5 ^ w1 >> 2 ^ w3 >> 1) & PACK_EACH(7)) << 5;
}

/* 4 words of quants to 3. */
static inline void pack_6(const uint32_t q[4], struct lin_word *to, uint32_t r)
{
	uint32_t rest = q[3] ^ q[0] >> 6 ^ q[1] >> 4 ^ q[2] >> 2;

	to[0].row[r] = q[0] | (rest & PACK_EACH(3)) << 6;
	to[1].row[r] = q[1] | (rest & PACK_EACH(12)) << 4;
	to[2].row[r] = q[2] | (rest & PACK_EACH(48)) << 2;
}

static inline void pack_q5_k(const struct lin_word *restrict file,
                             struct lin_word *restrict packed)
{
	memcpy(packed, file, 4 * sizeof(*packed));
#pragma GCC unroll 8
	for (uint32_t b = 0; b < 8; b++)
		for (uint32_t r = 0; r < LIN_ROWS; r++) {
			uint32_t q[8];

			for (uint32_t i = 0; i < 8; i++)
				q[i] = pack_get(file, r, pack_place_q5_k(b, i), 1);
			pack_5(q, packed + 4 + 5 * b, r);
		}
}

static inline void pack_q6_k(const struct lin_word *restrict file,
                             struct lin_word *restrict packed)
{
#pragma GCC unroll 16
	for (uint32_t s = 0; s < 16; s++)
		for (uint32_t r = 0; r < LIN_ROWS; r++) {
			uint32_t q[4];

			for (uint32_t i = 0; i < 4; i++)
				q[i] = pack_get(file, r, pack_place_q6_k(s / 2, s % 2 * 4 + i), 3);
			pack_6(q, packed + 3 * s, r);
		}
	memcpy(packed + 48, file + 48, 4 * sizeof(*packed));
}

/* A block of one of these types: its words as the file has them to packed order. */
static inline void pack_bits_block(uint32_t dtype, const struct lin_word *file,
                                   struct lin_word *packed)
{
	if (dtype == ZINC_Q5_K)
		pack_q5_k(file, packed);
	else
		pack_q6_k(file, packed);
}

/* Whether the type is one of these. */
bool pack_bits_has(uint32_t dtype);

/* One row of a packed block, as the file has it. */
void pack_bits_undo(uint32_t dtype, const uint32_t *packed, uint32_t *file);

#endif
