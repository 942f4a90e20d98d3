/* quant_k.c - unpacks the formats with blocks of 256: quants of 2 to 6 bits,
 * small integer scales for every 16 or 32 of them, and F16 factors for all. */
#include "quant.h"

#include <string.h>

static float f16_at(const uint8_t *p)
{
	return quant_f16_to_f32(quant_u16(p));
}

void quant_k4_scales(const uint8_t s[12], uint8_t scale[8], uint8_t min[8])
{
	for (int i = 0; i < 4; i++) {
		scale[i] = s[i] & 63;
		min[i] = s[i + 4] & 63;
		scale[i + 4] = (uint8_t)((s[i + 8] & 15) | (s[i] >> 6) << 4);
		min[i + 4] = (uint8_t)(s[i + 8] >> 4 | (s[i + 4] >> 6) << 4);
	}
}

void quant_k3_scales(const uint8_t s[12], int8_t scale[16])
{
	for (int i = 0; i < 16; i++) {
		int low = i < 8 ? s[i] & 15 : s[i - 8] >> 4;
		int high = s[8 + i % 4] >> 2 * (i / 4) & 3;

		scale[i] = (int8_t)((low | high << 4) - 32);
	}
}

void quant_iq4_xs_scales(uint16_t high, const uint8_t low[4], int8_t scale[8])
{
	for (int i = 0; i < 8; i++) {
		int v = (low[i / 2] >> 4 * (i % 2) & 15) | (high >> 2 * i & 3) << 4;

		scale[i] = (int8_t)(v - 32);
	}
}

/* scale and min nibbles[16], 2-bit quants[64], d, dmin. In the 32 bytes of each
 * half, bits 2j.. of byte i are element 32 j + i. */
void quant_unpack_q2_k(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	float d = f16_at(src + 80), dmin = f16_at(src + 82);

	for (int s = 0; s < 16; s++) {
		out->d[s] = d * (float)(src[s] & 15);
		out->m[s] = dmin * (float)(src[s] >> 4);
	}
	for (uint32_t i = 0; i < n; i++)
		out->q[i] = src[16 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
}

/* third bits[32] (set: no 4 subtracted), 2-bit quants[64] as in Q2_K, scales, d */
void quant_unpack_q3_k(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	float d = f16_at(src + 108);
	int8_t scale[16];

	quant_k3_scales(src + 96, scale);
	for (int s = 0; s < 16; s++)
		out->d[s] = d * (float)scale[s];
	for (uint32_t i = 0; i < n; i++) {
		int low = src[32 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
		int high = src[i % 32] >> i / 32 & 1;

		out->q[i] = (uint8_t)(low | high << 2);
	}
}

/* d, dmin and scales, which Q4_K and Q5_K share */
static void k4_header(const uint8_t *src, struct quant_chunk *out)
{
	float d = f16_at(src), dmin = f16_at(src + 2);
	uint8_t scale[8], min[8];

	quant_k4_scales(src + 4, scale, min);
	for (int s = 0; s < 8; s++) {
		out->d[s] = d * (float)scale[s];
		out->m[s] = dmin * (float)min[s];
	}
}

/* Each 32 bytes hold 64 elements: first all low nibbles, then all high ones. */
void quant_unpack_q4_k(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	k4_header(src, out);
	for (uint32_t i = 0; i < n; i++)
		out->q[i] = src[16 + i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
}

/* As Q4_K, with bit 4 of element 32 j + i in bit j of qh[i]. */
void quant_unpack_q5_k(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	k4_header(src, out);
	for (uint32_t i = 0; i < n; i++) {
		int low = src[48 + i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
		int high = src[16 + i % 32] >> i / 32 & 1;

		out->q[i] = (uint8_t)(low | high << 4);
	}
}

/* Low nibbles[128], high pairs of bits[64], int8_t scales[16], d. A half of 128
 * elements takes 64 bytes of nibbles (the low ones first) and 32 of pairs. */
void quant_unpack_q6_k(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	const uint8_t *ql = src, *qh = src + 128, *scale = src + 192;
	float d = f16_at(src + 208);

	for (int s = 0; s < 16; s++)
		out->d[s] = d * (float)(int8_t)scale[s];
	for (uint32_t i = 0; i < n; i++) {
		uint32_t half = i / 128, j = i % 128;
		int low = ql[half * 64 + j % 64] >> j / 64 * 4 & 15;
		int high = qh[half * 32 + j % 32] >> j / 32 * 2 & 3;

		out->q[i] = (uint8_t)(low | high << 4);
	}
}

/* d, high bits of the scales, low bits[4], 16 bytes of nibbles for each 32 */
void quant_unpack_iq4_xs(const uint8_t *src, uint32_t n, struct quant_chunk *out)
{
	float d = f16_at(src);
	int8_t scale[8];

	quant_iq4_xs_scales(quant_u16(src + 2), src + 4, scale);
	for (int s = 0; s < 8; s++)
		out->d[s] = d * (float)scale[s];
	for (uint32_t i = 0; i < n; i++) {
		int nibble = src[8 + i / 32 * 16 + i % 16] >> i % 32 / 16 * 4 & 15;

		out->q[i] = (uint8_t)quant_iq4_values[nibble];
	}
}

static void scales_q2_k(const uint8_t *src, struct quant_scales *out)
{
	out->d = f16_at(src + 80);
	out->dmin = f16_at(src + 82);
	for (int i = 0; i < 16; i++) {
		out->scale[i] = src[i] & 15;
		out->min[i] = src[i] >> 4;
	}
}

static void scales_k4(const uint8_t *src, struct quant_scales *out)
{
	uint8_t scale[8], min[8];

	out->d = f16_at(src);
	out->dmin = f16_at(src + 2);
	quant_k4_scales(src + 4, scale, min);
	for (int i = 0; i < 8; i++) {
		out->scale[i] = scale[i];
		out->min[i] = min[i];
	}
}

void quant_scales(uint32_t dtype, const uint8_t *block, struct quant_scales *out)
{
	int8_t scale[16] = {0};

	*out = (struct quant_scales){0};
	switch (dtype) {
	case ZINC_Q2_K: scales_q2_k(block, out); return;
	case ZINC_Q4_K:
	case ZINC_Q5_K: scales_k4(block, out); return;
	case ZINC_Q3_K:
		quant_k3_scales(block + 96, scale);
		out->d = f16_at(block + 108);
		break;
	case ZINC_Q6_K:
		memcpy(scale, block + 192, sizeof(scale));
		out->d = f16_at(block + 208);
		break;
	default:
		quant_iq4_xs_scales(quant_u16(block + 2), block + 4, scale);
		out->d = f16_at(block);
		break;
	}
	for (int i = 0; i < 16; i++)
		out->scale[i] = scale[i];
}
