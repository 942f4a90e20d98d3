/* convert.glsl - F16, BF16 and Q8_0 from F32 and back, rounding to nearest even
 * in integers, since the hardware's own rounding is not specified. */
#ifndef CONVERT_GLSL
#define CONVERT_GLSL

float f32_of_f16(uint h)
{
	return unpackHalf2x16(h & 0xffff).x;
}

float f32_of_bf16(uint h)
{
	return uintBitsToFloat(h << 16);
}

uint f16_of_f32(float f)
{
	uint u = floatBitsToUint(f), sign = u >> 16 & 0x8000;

	u &= 0x7fffffff;
	if (u > 0x7f800000)
		return sign | 0x7e00 | (u >> 13 & 0x3ff);
	if (u >= 0x477ff000)
		return sign | 0x7c00;
	/* Below the normal range the sum with 0.5 rounds at the last bit kept. */
	if (u < 0x38800000)
		return sign | (floatBitsToUint(uintBitsToFloat(u) + 0.5) - 0x3f000000);
	return sign | (u - 0x38000000 + 0xfff + (u >> 13 & 1)) >> 13;
}

uint bf16_of_f32(float f)
{
	uint u = floatBitsToUint(f);

	if ((u & 0x7fffffff) > 0x7f800000)
		return u >> 16 | 0x40;
	return (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

/* One Q8_0 block of 34 bytes; a block with an infinity or a NaN becomes NaN as a
 * whole. */
void q8_0_of_f32(float x[32], u8_ref y)
{
	float top = 0.0, inverse = 0.0;
	bool sound = true;
	uint d;

	[[unroll]] for (uint i = 0; i < 32; i++) {
		sound = sound && abs(x[i]) <= 3.4e38;
		top = max(top, abs(x[i]));
	}
	d = sound ? f16_of_f32(top / 127.0) : 0x7e00;
	if (sound && top > 1e-30)
		inverse = 127.0 / top;
	y.v[0] = uint8_t(d & 255);
	y.v[1] = uint8_t(d >> 8);
	[[unroll]] for (uint i = 0; i < 32; i++)
		y.v[2 + i] = inverse > 0.0 ? uint8_t(int(roundEven(x[i] * inverse)) & 255)
		                           : uint8_t(0);
}

#endif
