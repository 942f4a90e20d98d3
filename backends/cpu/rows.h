/* rows.h - packed rows by vectors: words of packed blocks are vectors already, which
 * only have to be taken apart.
 *
 * The type is a constant wherever these are called from, and so is the block
 * inside a chunk of a type with blocks of 256: what is left of each is a handful of
 * instructions.
 *
 * What a vector is, the file that includes this one says (rows_avx2.h, rows_avx512.h):
 * rows_words, 32 bits of each of its rows; rows_floats, a number of each; and what
 * is done with them, named by the bits of an element:
 *     rows_word(r, i)             word i of each row
 *     rows_set8/16/32(n)          n everywhere
 *     rows_lanes(a, b, c, d)      four words, in each 128 bits
 *     rows_and, rows_or, rows_xor, rows_plus8, rows_less8
 *     rows_left16, rows_right16, rows_left32, rows_right32 by n bits
 *     rows_down16(v, n)           the same with the sign
 *     rows_shuffle(v, at)         bytes of each 128 bits, 0 where `at` is negative
 *     rows_where(v, bit, n)       bytes n where v has bit
 *     rows_table(values, at)      16 bytes by index
 *     rows_float(v)               words as numbers
 *     rows_negative(v)
 *     rows_f16_low(v)             the F16 in the low half of each word
 *     rows_f16_tail(r, n)         F16 behind n words
 *     rows_e8m0_tail(r, n)        quant_e8m0_half() of the bytes there */
#ifndef CPU_ROWS_H
#define CPU_ROWS_H

#include "linear.h"

ROWS_INLINE rows_words rows_mask(rows_words v, int mask)
{
	return rows_and(v, rows_set8((char)mask));
}

/* The low nibbles of each byte, or the high ones. */
ROWS_INLINE rows_words rows_nibbles(rows_words v, bool high)
{
	return rows_mask(high ? rows_right16(v, 4) : v, 15);
}

/* Bits `from` and up of each byte moved to bit `to`; what comes from the neighbour
 * byte is masked away. */
ROWS_INLINE rows_words rows_bits(rows_words v, int from, int to, int mask)
{
	return rows_mask(from > to ? rows_right16(v, from - to) : rows_left16(v, to - from),
	                 mask << to);
}

/* 16 in each byte of a row whose bit 4 i + byte is set in its 32 bits. */
ROWS_INLINE rows_words rows_fifth(rows_words bits, uint32_t i)
{
	const rows_words first = rows_lanes(0, 0x04040404, 0x08080808, 0x0c0c0c0c);
	const rows_words bit = rows_set32((int)(0x08040201u << 4 * (i & 1)));

	return rows_where(rows_shuffle(bits, rows_plus8(first, rows_set8((char)(i / 2)))), bit, 16);
}

/* A word of each row, n bits further down. */
ROWS_INLINE rows_words rows_down(struct rows r, const uint32_t word, const int n)
{
	return rows_right32(rows_word(r, word), n);
}

/* Word i of the quants of 5 or 6 bits that begin with word `at`: pack_bits.h. */
ROWS_INLINE rows_words rows_five(struct rows r, const uint32_t at, const uint32_t i)
{
	rows_words v;

	switch (i) {
	case 5: v = rows_xor(rows_down(r, at, 5), rows_down(r, at + 1, 3)); break;
	case 6: v = rows_xor(rows_down(r, at + 2, 5), rows_down(r, at + 3, 3)); break;
	case 7:
		v = rows_xor(rows_down(r, at + 1, 2), rows_down(r, at + 3, 1));
		v = rows_xor(rows_down(r, at + 4, 5), v);
		break;
	default: v = rows_word(r, at + i); break;
	}
	return rows_mask(v, 31);
}

ROWS_INLINE rows_words rows_six(struct rows r, const uint32_t at, const uint32_t i)
{
	rows_words v = rows_word(r, at + i % 3);

	if (i == 3) {
		v = rows_xor(rows_right32(v, 6), rows_down(r, at + 1, 4));
		v = rows_xor(v, rows_down(r, at + 2, 2));
	}
	return rows_mask(v, 63);
}

/* Elements 4 i to 4 i + 3 of block b of 32, a word per row; r starts at the block of
 * the type, which holds all 8 blocks where it has 256 elements. */
ROWS_INLINE rows_words rows_quants(const uint32_t dtype, struct rows r, const uint32_t b,
                                const uint32_t i)
{
	const uint32_t quad = b / 4, in = b % 4, word = i % 4;
	const bool odd = b % 2, high = i >= 4;

	switch (dtype) {
	case ZINC_Q4_K: return rows_nibbles(rows_word(r, 4 + 8 * (b / 2) + i), odd);
	case ZINC_Q5_K: return rows_five(r, 4 + 5 * b, i);
	case ZINC_Q6_K: return rows_six(r, 6 * b + 3 * (i / 4), i % 4);
	case ZINC_Q2_K: return rows_bits(rows_word(r, 4 + 8 * quad + i), 2 * (int)in, 0, 3);
	case ZINC_Q3_K:
		return rows_or(rows_bits(rows_word(r, 8 + 8 * quad + i), 2 * (int)in, 0, 3),
		               rows_bits(rows_word(r, i), (int)b, 2, 1));
	case ZINC_IQ4_XS:
		return rows_table(quant_iq4_values,
		                  rows_nibbles(rows_word(r, 2 + 4 * b + word), high));
	case ZINC_Q8_0: return rows_word(r, i);
	case ZINC_Q4_0: return rows_nibbles(rows_word(r, word), high);
	case ZINC_Q4_1: return rows_nibbles(rows_word(r, 1 + word), high);
	case ZINC_Q5_0:
		return rows_or(rows_nibbles(rows_word(r, 1 + word), high),
		               rows_fifth(rows_word(r, 0), i));
	case ZINC_Q5_1:
		return rows_or(rows_nibbles(rows_word(r, 2 + word), high),
		               rows_fifth(rows_word(r, 1), i));
	case ZINC_IQ4_NL:
		return rows_table(quant_iq4_values, rows_nibbles(rows_word(r, word), high));
	default:
		return rows_table(quant_mxfp4_values, rows_nibbles(rows_word(r, word), high));
	}
}

/* Byte i of each lane in both halves of it. */
ROWS_INLINE rows_words rows_spread(rows_words v, const uint32_t i, const bool is_signed)
{
	const rows_words first = rows_lanes(0x80008000, 0x80048004, 0x80088008, 0x800c800c);
	const rows_words top = rows_or(rows_left16(first, 8), rows_set16(0x80));
	const rows_words at = rows_set32((int)(i << 16 | i));

	if (!is_signed)
		return rows_shuffle(v, rows_plus8(first, at));
	/* the byte on top, then down with its sign */
	v = rows_shuffle(v, rows_plus8(top, rows_left16(at, 8)));
	return rows_down16(v, 8);
}

/* Byte i of each lane as a number. */
ROWS_INLINE rows_floats rows_number(rows_words v, const uint32_t i)
{
	const rows_words first = rows_lanes(0x80808000, 0x80808004, 0x80808008, 0x8080800c);

	return rows_float(rows_shuffle(v, rows_plus8(first, rows_set32((int)i))));
}

/* The 6 bits of four scales, or minima, of Q4_K and Q5_K: word 1 holds those of the
 * first scales, word 2 those of the first minima, word 3 and the top bits of both the
 * rest (quant_k4_scales()). */
ROWS_INLINE rows_words rows_six_bits(struct rows r, const bool minima, const bool second)
{
	rows_words v = rows_word(r, minima ? 2 : 1);

	if (!second)
		return rows_mask(v, 0x3f);
	return rows_or(rows_nibbles(rows_word(r, 3), minima), rows_mask(rows_right32(v, 2), 0x30));
}

/* Scales 4 i to 4 i + 3 of Q3_K, in words 24 to 26: quant_k3_scales(). */
ROWS_INLINE rows_words rows_scales_q3_k(struct rows r, const uint32_t i)
{
	rows_words low = rows_nibbles(rows_word(r, 24 + i % 2), i >= 2);
	rows_words v = rows_or(low, rows_bits(rows_word(r, 26), 2 * (int)i, 4, 3));

	return rows_less8(v, rows_set8(32));
}

/* Scale i of IQ4_XS in byte 0: word 0 holds d and the high bits, word 1 the low ones. */
ROWS_INLINE rows_words rows_scale_iq4_xs(struct rows r, const int i)
{
	rows_words high = rows_right32(rows_word(r, 0), 16 + 2 * i);
	rows_words low = rows_right32(rows_word(r, 1), 4 * i);

	high = rows_left32(rows_and(high, rows_set32(3)), 4);
	low = rows_or(rows_and(low, rows_set32(15)), high);
	return rows_less8(low, rows_set8(32));
}

/* The integer scale of sub-block i of a type with blocks of 256, in both halves of
 * each row's word. */
ROWS_INLINE rows_words rows_scale(const uint32_t dtype, struct rows r, const uint32_t i)
{
	switch (dtype) {
	case ZINC_Q4_K:
	case ZINC_Q5_K: return rows_spread(rows_six_bits(r, false, i >= 4), i % 4, false);
	case ZINC_Q6_K: return rows_spread(rows_word(r, 48 + i / 4), i % 4, true);
	case ZINC_Q2_K:
		return rows_spread(rows_nibbles(rows_word(r, i / 4), false), i % 4, false);
	case ZINC_Q3_K: return rows_spread(rows_scales_q3_k(r, i / 4), i % 4, true);
	default: return rows_spread(rows_scale_iq4_xs(r, (int)i), 0, true);
	}
}

/* The integer minimum of sub-block i, likewise, as a number. */
ROWS_INLINE rows_floats rows_minimum(const uint32_t dtype, struct rows r, const uint32_t i)
{
	if (dtype == ZINC_Q2_K)
		return rows_number(rows_nibbles(rows_word(r, i / 4), true), i % 4);
	return rows_number(rows_six_bits(r, true, i >= 4), i % 4);
}

ROWS_INLINE rows_floats rows_f16_high(rows_words v)
{
	return rows_f16_low(rows_right32(v, 16));
}

/* The factor of the type's block. */
ROWS_INLINE rows_floats rows_factor(const uint32_t dtype, struct rows r)
{
	switch (dtype) {
	case ZINC_Q4_K:
	case ZINC_Q5_K:
	case ZINC_IQ4_XS:
	case ZINC_Q4_1:
	case ZINC_Q5_1: return rows_f16_low(rows_word(r, 0));
	case ZINC_Q2_K: return rows_f16_low(rows_word(r, 20));
	case ZINC_Q6_K: return rows_f16_tail(r, 52);
	case ZINC_Q3_K: return rows_f16_tail(r, 27);
	case ZINC_Q8_0: return rows_f16_tail(r, 8);
	case ZINC_Q5_0: return rows_f16_tail(r, 5);
	case ZINC_MXFP4: return rows_e8m0_tail(r, 4);
	default: return rows_f16_tail(r, 4);
	}
}

/* What is subtracted: dmin of a type with integer minima, else the minimum. */
ROWS_INLINE rows_floats rows_offset(const uint32_t dtype, struct rows r)
{
	switch (dtype) {
	case ZINC_Q4_K:
	case ZINC_Q5_K: return rows_f16_high(rows_word(r, 0));
	case ZINC_Q2_K: return rows_f16_high(rows_word(r, 20));
	default: return rows_negative(rows_f16_high(rows_word(r, 0)));
	}
}

#endif
