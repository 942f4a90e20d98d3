/* emu_half.h - the bits of floating point numbers, and the 16-bit ones. */
#ifndef EMU_HALF_H
#define EMU_HALF_H

#include <math.h>
#include <stdint.h>
#include <string.h>

template <typename To, typename From> static inline To emu_bits(From from)
{
	static_assert(sizeof(To) == sizeof(From), "the same bits");
	To to;

	memcpy(&to, &from, sizeof(to));
	return to;
}

static inline uint32_t __float_as_uint(float x)
{
	return emu_bits<uint32_t>(x);
}

static inline int __float_as_int(float x)
{
	return emu_bits<int>(x);
}

static inline float __uint_as_float(uint32_t x)
{
	return emu_bits<float>(x);
}

static inline float __int_as_float(int x)
{
	return emu_bits<float>(x);
}

static inline float ada_f16_to_f32(uint16_t h)
{
	const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
	const uint32_t exponent = h >> 10 & 31, mantissa = h & 0x3ff;

	if (exponent == 31)
		return __uint_as_float(sign | 0x7f800000 | mantissa << 13 |
		                       (mantissa ? 0x400000 : 0));
	if (exponent)
		return __uint_as_float(sign | (exponent + 112) << 23 | mantissa << 13);
	return copysignf(static_cast<float>(mantissa) * 0x1p-24f, __uint_as_float(sign));
}

static inline uint16_t ada_f32_to_f16(float x)
{
	const uint32_t bits = __float_as_uint(x), sign = bits >> 16 & 0x8000;
	const float size = fabsf(x);

	if (size != size)
		return 0x7fff;
	if (size >= 65520)
		return static_cast<uint16_t>(sign | 0x7c00);
	/* Below the smallest normal number, steps are of 2^-24. */
	if (size < 0x1p-14f)
		return static_cast<uint16_t>(sign | static_cast<uint32_t>(rintf(size * 0x1p24f)));
	uint32_t r = (bits & 0x7fffffff) - (112u << 23);

	r += 0xfff + (r >> 13 & 1);
	return static_cast<uint16_t>(sign | r >> 13);
}

static inline float ada_bf16_to_f32(uint16_t h)
{
	return __uint_as_float(static_cast<uint32_t>(h) << 16);
}

static inline uint16_t ada_f32_to_bf16(float x)
{
	uint32_t bits = __float_as_uint(x);

	if (x != x)
		return 0x7fff;
	return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif
