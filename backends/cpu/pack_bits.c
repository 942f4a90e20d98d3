/* pack_bits.c - quants of 5 and 6 bits in plain C, and back to the file's order. */
#include "pack_bits.h"

void lin_pack_bits(uint32_t dtype, const struct lin_word *file, struct lin_word *packed)
{
	pack_bits_block(dtype, file, packed);
}

/* The low four bits of two words of quants. */
static inline uint32_t nibbles(uint32_t low, uint32_t high)
{
	return (low & PACK_EACH(15)) | (high & PACK_EACH(15)) << 4;
}

/* Words of quants, with other bits above them, to words 4 and up of the file. */
static void put_q5_k(const uint32_t q[64], uint32_t *file)
{
	for (uint32_t i = 0; i < 8; i++) {
		file[4 + i] = 0;
		for (uint32_t b = 0; b < 8; b++)
			file[4 + i] |= (q[8 * b + i] >> 4 & PACK_EACH(1)) << b;
	}
	for (uint32_t i = 0; i < 32; i++)
		file[12 + i] = nibbles(q[i / 8 * 16 + i % 8], q[i / 8 * 16 + 8 + i % 8]);
}

static void put_q6_k(const uint32_t q[64], uint32_t *file)
{
	for (uint32_t half = 0; half < 2; half++, q += 32) {
		for (uint32_t i = 0; i < 16; i++)
			file[16 * half + i] = nibbles(q[i], q[16 + i]);
		for (uint32_t i = 0; i < 8; i++)
			file[32 + 8 * half + i] = (q[i] & PACK_EACH(48)) >> 4 |
			                          (q[8 + i] & PACK_EACH(48)) >> 2 |
			                          (q[16 + i] & PACK_EACH(48)) |
			                          (q[24 + i] & PACK_EACH(48)) << 2;
	}
}

static void undo_q5_k(const uint32_t *w, uint32_t *file)
{
	uint32_t q[64];

	memcpy(file, w, 4 * sizeof(*file));
	w += 4;
	for (uint32_t i = 0; i < 64; i += 8, w += 5) {
		memcpy(q + i, w, 5 * sizeof(*q));
		q[i + 5] = w[0] >> 5 ^ w[1] >> 3;
		q[i + 6] = w[2] >> 5 ^ w[3] >> 3;
		q[i + 7] = w[4] >> 5 ^ w[1] >> 2 ^ w[3] >> 1;
	}
	put_q5_k(q, file);
}

static void undo_q6_k(const uint32_t *w, uint32_t *file)
{
	uint32_t q[64];

	memcpy(file + 48, w + 48, 4 * sizeof(*file));
	for (uint32_t i = 0; i < 64; i += 4, w += 3) {
		memcpy(q + i, w, 3 * sizeof(*q));
		q[i + 3] = w[0] >> 6 ^ w[1] >> 4 ^ w[2] >> 2;
	}
	put_q6_k(q, file);
}

bool pack_bits_has(uint32_t dtype)
{
	return dtype == ZINC_Q5_K || dtype == ZINC_Q6_K;
}

void pack_bits_undo(uint32_t dtype, const uint32_t *packed, uint32_t *file)
{
	(dtype == ZINC_Q5_K ? undo_q5_k : undo_q6_k)(packed, file);
}
