/* packed.glsl - quantised weights in layout RDNA4_WEIGHT_ROWS, as linear/pack.comp
 * writes it (backends/vulkan_rdna4/layout.h has the sizes).
 *
 * A row keeps its place; inside it becomes up to four arrays, each starting at a
 * multiple of 16 bytes, so that neighbouring invocations load neighbouring words:
 *
 *     quants | high bits | scales | factors
 *
 * Elements go by blocks of 32; word i of a block's q (struct unpacked) has the
 * elements 4i .. 4i+3.
 *   quants of 8 bits   32 bytes: the words
 *   of 4, 5, 6 bits    16 bytes: word i is the low nibbles of q[i] | those of
 *                      q[i + 4] << 4; table types hold indices
 *   of 2, 3 bits       8 bytes: word h is the low pairs of q[4h + j] << 2j
 *   high bits, of 1    4 bytes: bit 4 (of 3-bit types: 2) of q[i] << i
 *   high bits, of 2    8 bytes: word h is bits 4 and 5 of q[4h + j] << 2j
 *   scales   Q8_0, Q4_0, Q5_0, IQ4_NL: half d. Q4_1, Q5_1: half d, m. MXFP4: the
 *            exponent. IQ4_XS: int8 scale. Q2_K: two bytes scale | min << 4. Q3_K,
 *            Q6_K: two int8 scales. Q4_K, Q5_K: 16 bytes for 8 blocks, half d, dmin,
 *            then the nibble of block j at bits 4j of three words: low bits of the
 *            scales, low bits of the mins, high bits of scale | of min << 2
 *   factors  for 8 blocks. Q2_K: half d, dmin. Q3_K, Q6_K, IQ4_XS: half d */
#ifndef PACKED_GLSL
#define PACKED_GLSL

#include "weights.glsl"

/* Bytes of a block of 32 in each array; factors: of 8 blocks. */
uint quant_bytes(uint dtype)
{
	return dtype == Q8_0 ? 32 : dtype == Q2_K || dtype == Q3_K ? 8 : 16;
}

uint high_bytes(uint dtype)
{
	if (dtype == Q5_0 || dtype == Q5_1 || dtype == Q5_K || dtype == Q3_K)
		return 4;
	return dtype == Q6_K ? 8 : 0;
}

uint scale_bytes(uint dtype)
{
	return dtype == Q4_1 || dtype == Q5_1 ? 4 : dtype == MXFP4 || dtype == IQ4_XS ? 1 : 2;
}

/* Where the arrays of a row of k elements start. */
struct sections {
	uint high, scales, factors;
};

uint up16(uint bytes)
{
	return (bytes + 15) & ~15u;
}

sections sections_of(uint dtype, uint k)
{
	uint high = up16(k / 32 * quant_bytes(dtype));
	uint scales = high + up16(k / 32 * high_bytes(dtype));

	return sections(high, scales, scales + up16(k / 32 * scale_bytes(dtype)));
}

bool has_table(uint dtype)
{
	return dtype == IQ4_NL || dtype == IQ4_XS || dtype == MXFP4;
}

/* What memory has of a block; a type uses some of the members. */
struct stored {
	uvec4 q, more_q, scales;
	uvec2 high;
	uint factors;
};

stored load_rows32(uint dtype, uint64_t row, sections at, uint kb)
{
	uint64_t scales = row + at.scales, factors = row + at.factors;
	stored b;

	if (dtype == Q8_0) {
		b.q = uvec4_ref(row).v[2 * kb];
		b.more_q = uvec4_ref(row).v[2 * kb + 1];
	} else if (dtype == Q2_K || dtype == Q3_K) {
		b.q.xy = uvec2_ref(row).v[kb];
	} else {
		b.q = uvec4_ref(row).v[kb];
	}
	if (dtype == Q6_K)
		b.high = uvec2_ref(row + at.high).v[kb];
	else if (high_bytes(dtype) == 4)
		b.high.x = u32_ref(row + at.high).v[kb];
	if (dtype == Q4_K || dtype == Q5_K)
		b.scales = uvec4_ref(scales).v[kb / 8];
	else if (scale_bytes(dtype) == 4)
		b.scales.x = u32_ref(scales).v[kb];
	else if (scale_bytes(dtype) == 1)
		b.scales.x = byte_at(scales + kb);
	else
		b.scales.x = half_at(scales + 2 * kb);
	if (dtype == Q2_K)
		b.factors = u32_ref(factors).v[kb / 8];
	else if (dtype == Q3_K || dtype == Q6_K || dtype == IQ4_XS)
		b.factors = half_at(factors + kb / 8 * 2);
	return b;
}

void unpack_codes(uint dtype, stored b, out uint q[8])
{
	[[unroll]] for (uint i = 0; i < 8; i++)
		if (dtype == Q8_0)
			q[i] = i < 4 ? b.q[i % 4] : b.more_q[i % 4];
		else if (dtype == Q2_K || dtype == Q3_K)
			q[i] = b.q[i / 4] >> 2 * (i % 4) & 0x03030303;
		else
			q[i] = b.q[i % 4] >> i / 4 * 4 & 0x0f0f0f0f;
	if (dtype == Q6_K)
		[[unroll]] for (uint i = 0; i < 8; i++)
			q[i] |= (b.high[i / 4] >> 2 * (i % 4) & 0x03030303) << 4;
	else if (high_bytes(dtype) == 4)
		[[unroll]] for (uint i = 0; i < 8; i++)
			q[i] |= (b.high.x >> i & 0x01010101) << (dtype == Q3_K ? 2 : 4);
	if (has_table(dtype))
		look_up(dtype == MXFP4 ? mxfp4_values : iq4_values, q);
}

int signed_byte(uint w, uint i)
{
	return int(w << (24 - 8 * i)) >> 24;
}

void unpack_scales(uint dtype, stored b, uint kb, out vec2 d, out vec2 m)
{
	uint s = b.scales.x;

	m = vec2(0.0);
	if (dtype == Q4_K || dtype == Q5_K) {
		vec2 f = unpackHalf2x16(s);
		uint j = 4 * (kb % 8);

		d = vec2(f.x * float(b.scales.y >> j & 15 | (b.scales.w >> j & 3) << 4));
		m = vec2(f.y * float(b.scales.z >> j & 15 | (b.scales.w >> j & 12) << 2));
	} else if (dtype == Q4_1 || dtype == Q5_1) {
		vec2 f = unpackHalf2x16(s);

		d = vec2(f.x);
		m = vec2(-f.y);
	} else if (dtype == MXFP4) {
		d = vec2(uintBitsToFloat(s < 2 ? 0x00200000 << s : s - 1 << 23));
	} else if (dtype == IQ4_XS) {
		d = vec2(f32_of_f16(b.factors) * float(signed_byte(s, 0)));
	} else if (dtype == Q2_K) {
		vec2 f = unpackHalf2x16(b.factors);

		d = f.x * vec2(s & 15, s >> 8 & 15);
		m = f.y * vec2(s >> 4 & 15, s >> 12);
	} else if (dtype == Q3_K || dtype == Q6_K) {
		d = f32_of_f16(b.factors) * vec2(signed_byte(s, 0), signed_byte(s, 1));
	} else {
		d = vec2(f32_of_f16(s));
	}
}

unpacked unpack_stored(uint dtype, stored b, uint kb)
{
	unpacked u;

	unpack_codes(dtype, b, u.q);
	unpack_scales(dtype, b, kb, u.d, u.m);
	return u;
}

unpacked unpack_rows32(uint dtype, uint64_t row, sections at, uint kb)
{
	return unpack_stored(dtype, load_rows32(dtype, row, at, kb), kb);
}

/* 32 elements of a row as floats, of either layout; past k elements zeros. */
void weights32(uint dtype, bool packed, uint64_t row, uint kb, uint k, out float w[32])
{
	if (dtype < Q8_0)
		plain32(dtype, row, kb, k, w);
	else if (packed)
		floats_of(dtype, unpack_rows32(dtype, row, sections_of(dtype, k), kb), w);
	else
		floats_of(dtype, unpack32(dtype, row, kb), w);
}

#endif
