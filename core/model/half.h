/* half.h - 16-bit floats to and from F32. */
#ifndef CORE_MODEL_HALF_H
#define CORE_MODEL_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_from_bits(uint32_t b)
{
	float f;

	memcpy(&f, &b, sizeof(f));
	return f;
}

static inline uint32_t half_to_bits(float f)
{
	uint32_t b;

	memcpy(&b, &f, sizeof(b));
	return b;
}

static inline float half_bf16_to_f32(uint16_t h)
{
	return half_from_bits((uint32_t)h << 16);
}

static inline float half_f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, a = h & 0x7fff;

	if (a >= 0x7c00)
		return half_from_bits(sign | 0x7f800000 | (a & 0x3ff) << 13);
	if (a < 0x0400) /* a * 2^-24 */
		return half_from_bits(sign | half_to_bits((float)a * 0x1p-24f));
	return half_from_bits(sign | ((a << 13) + 0x38000000));
}

/* To nearest, ties to even; infinity from 65520 on. */
static inline uint16_t half_f32_to_f16(float f)
{
	uint32_t b = half_to_bits(f), sign = b >> 16 & 0x8000, a = b & 0x7fffffff;

	if (a > 0x7f800000)
		return (uint16_t)(sign | 0x7e00);
	if (a >= 0x477ff000)
		return (uint16_t)(sign | 0x7c00);
	if (a < 0x38800000) /* the sum's last bit is worth 2^-24, as the result's */
		return (uint16_t)(sign | (half_to_bits(half_from_bits(a) + 0.5f) - 0x3f000000));
	a += 0xfff + (a >> 13 & 1);
	return (uint16_t)(sign | (a - 0x38000000) >> 13);
}

#endif
