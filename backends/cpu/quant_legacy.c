/* quant_legacy.c - unpacks the formats with blocks of 32: a scale, sometimes a
 * minimum, and quants of 4, 5 or 8 bits. Element i < 16 of a block is the low
 * nibble of byte i, element i + 16 its high nibble. */
#include "quant.h"

#include <string.h>

const int8_t quant_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};

/* Twice the values of E2M1, plus 12. */
const uint8_t quant_mxfp4_values[16] = {12, 13, 14, 15, 16, 18, 20, 24,
                                         12, 11, 10, 9,  8,  6,  4,  0};

static float f16_at(const uint8_t *p)
{
	return quant_f16_to_f32(quant_u16(p));
}

static void nibbles(const uint8_t *qs, uint8_t *q)
{
	for (int i = 0; i < 16; i++) {
		q[i] = qs[i] & 15;
		q[i + 16] = qs[i] >> 4;
	}
}

/* Adds bit 4 of each element from the 32 bits at qh. */
static void fifth_bits(const uint8_t *qh, uint8_t *q)
{
	for (int i = 0; i < 32; i++)
		q[i] |= (uint8_t)((qh[i / 8] >> i % 8 & 1) << 4);
}

/* int8_t q[32] after an F16 scale */
void quant_unpack_q8_0(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 34) {
		out->d[b] = f16_at(src);
		memcpy(out->q + 32 * b, src + 2, 32);
	}
}

void quant_unpack_q4_0(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 18) {
		out->d[b] = f16_at(src);
		nibbles(src + 2, out->q + 32 * b);
	}
}

void quant_unpack_q4_1(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 20) {
		out->d[b] = f16_at(src);
		out->m[b] = -f16_at(src + 2);
		nibbles(src + 4, out->q + 32 * b);
	}
}

void quant_unpack_q5_0(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 22) {
		out->d[b] = f16_at(src);
		nibbles(src + 6, out->q + 32 * b);
		fifth_bits(src + 2, out->q + 32 * b);
	}
}

void quant_unpack_q5_1(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 24) {
		out->d[b] = f16_at(src);
		out->m[b] = -f16_at(src + 2);
		nibbles(src + 8, out->q + 32 * b);
		fifth_bits(src + 4, out->q + 32 * b);
	}
}

/* Nibbles that index a table of 16 values. */
void quant_unpack_iq4_nl(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 18) {
		uint8_t *q = out->q + 32 * b;

		out->d[b] = f16_at(src);
		nibbles(src + 2, q);
		for (int i = 0; i < 32; i++)
			q[i] = (uint8_t)quant_iq4_values[q[i]];
	}
}

/* Microscaling FP4: an exponent byte, then E2M1 nibbles. */
void quant_unpack_mxfp4(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 17) {
		uint8_t *q = out->q + 32 * b;

		out->d[b] = quant_e8m0_half(src[0]);
		nibbles(src + 1, q);
		for (int i = 0; i < 32; i++)
			q[i] = quant_mxfp4_values[q[i]];
	}
}
