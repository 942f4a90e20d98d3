/* weights.glsl - 32 elements of a weight row in any format of GGUF.
 *
 * Every block format unpacks to bytes q and, for each half of 16, a factor and a
 * minimum: w = d * (q - off) - m, rounded to F32 after each operation. The dtype
 * is a specialisation constant of the caller, so only one branch remains. */
#ifndef WEIGHTS_GLSL
#define WEIGHTS_GLSL

#include "convert.glsl"

struct unpacked {
	uint q[8]; /* four bytes each, in the order of the row */
	vec2 d, m; /* first and second half */
};

uint block_bytes(uint dtype)
{
	switch (dtype) {
	case Q8_0: return 34;
	case Q4_0: case IQ4_NL: return 18;
	case Q4_1: return 20;
	case Q5_0: return 22;
	case Q5_1: return 24;
	case Q2_K: return 84;
	case Q3_K: return 110;
	case Q4_K: return 144;
	case Q5_K: return 176;
	case Q6_K: return 210;
	case IQ4_XS: return 136;
	case MXFP4: return 17;
	default: return 0;
	}
}

bool block_is_256(uint dtype)
{
	return dtype >= Q2_K && dtype <= Q6_K || dtype == IQ4_XS;
}

uint byte_at(uint64_t p)
{
	return uint(u8_ref(p).v[0]);
}

uint half_at(uint64_t p)
{
	return uint(u16_ref(p).v[0]);
}

float f16_at(uint64_t p)
{
	return f32_of_f16(half_at(p));
}

/* Four bytes at an address of the alignment that blocks of this dtype have. */
uint word_at(uint dtype, uint64_t p)
{
	if (dtype == MXFP4)
		return byte_at(p) | byte_at(p + 1) << 8 | byte_at(p + 2) << 16 | byte_at(p + 3) << 24;
	if (dtype == Q4_1 || dtype == Q5_1 || dtype == Q2_K || dtype == Q4_K || dtype == Q5_K ||
	    dtype == IQ4_XS)
		return u32_ref(p).v[0];
	return half_at(p) | half_at(p + 2) << 16;
}

/* 16 bytes of nibbles: first all low ones, then all high ones. */
void nibbles(uint dtype, uint64_t p, out uint q[8])
{
	[[unroll]] for (uint i = 0; i < 4; i++) {
		uint w = word_at(dtype, p + 4 * i);

		q[i] = w & 0x0f0f0f0f;
		q[i + 4] = w >> 4 & 0x0f0f0f0f;
	}
}

/* Bits 4 .. of four neighbours become bit 4 of four bytes. */
uint fifth_bits(uint qh, uint first)
{
	uint b = qh >> first;

	return (b & 1) << 4 | (b & 2) << 11 | (b & 4) << 18 | (b & 8) << 25;
}

void look_up(const uint table[4], inout uint q[8])
{
	[[unroll]] for (uint i = 0; i < 8; i++) {
		uint w = 0;

		[[unroll]] for (uint k = 0; k < 32; k += 8) {
			uint n = q[i] >> k & 15;

			w |= (table[n >> 2] >> 8 * (n & 3) & 255) << k;
		}
		q[i] = w;
	}
}

const uint iq4_values[4] = {0xbfad9881, 0xf6eaddcf, 0x26190d01, 0x71594535};
/* Twice the values of E2M1, plus 12. */
const uint mxfp4_values[4] = {0x0f0e0d0c, 0x18141210, 0x090a0b0c, 0x00040608};

unpacked unpack_legacy(uint dtype, uint64_t b)
{
	unpacked u;
	uint at = dtype == Q5_1 ? 8 : dtype == Q5_0 ? 6 : dtype == Q4_1 ? 4 : dtype == MXFP4 ? 1 : 2;
	uint qh = 0;

	u.d = vec2(dtype == MXFP4 ? 0.0 : f16_at(b));
	u.m = vec2(dtype == Q4_1 || dtype == Q5_1 ? -f16_at(b + 2) : 0.0);
	if (dtype == Q8_0) {
		[[unroll]] for (uint i = 0; i < 8; i++)
			u.q[i] = word_at(dtype, b + 2 + 4 * i);
		return u;
	}
	nibbles(dtype, b + at, u.q);
	if (dtype == Q5_0 || dtype == Q5_1) {
		qh = word_at(dtype, b + at - 4);
		[[unroll]] for (uint i = 0; i < 8; i++)
			u.q[i] |= fifth_bits(qh, 4 * i);
	}
	if (dtype == IQ4_NL)
		look_up(iq4_values, u.q);
	if (dtype == MXFP4) {
		uint e = byte_at(b);

		u.d = vec2(uintBitsToFloat(e < 2 ? 0x00200000 << e : e - 1 << 23));
		look_up(mxfp4_values, u.q);
	}
	return u;
}

/* Factors of Q4_K and Q5_K: 6 bits each for sub-block s, in 12 bytes. */
uvec2 k4_scale(uint64_t p, uint s)
{
	uint a = byte_at(p + s % 4), b = byte_at(p + 4 + s % 4), c = byte_at(p + 8 + s % 4);

	return s < 4 ? uvec2(a & 63, b & 63) : uvec2(c & 15 | a >> 6 << 4, c >> 4 | b >> 6 << 4);
}

int k3_scale(uint64_t p, uint j)
{
	uint low = j < 8 ? byte_at(p + j) & 15 : byte_at(p + j - 8) >> 4;
	uint high = byte_at(p + 8 + j % 4) >> 2 * (j / 4) & 3;

	return int(low | high << 4) - 32;
}

unpacked unpack_k45(uint dtype, uint64_t b, uint s)
{
	uvec2 scale = k4_scale(b + 4, s);
	uint64_t qs = b + (dtype == Q5_K ? 48 : 16) + s / 2 * 32;
	unpacked u;

	u.d = vec2(f16_at(b) * float(scale.x));
	u.m = vec2(f16_at(b + 2) * float(scale.y));
	[[unroll]] for (uint i = 0; i < 8; i++) {
		u.q[i] = word_at(dtype, qs + 4 * i) >> s % 2 * 4 & 0x0f0f0f0f;
		if (dtype == Q5_K)
			u.q[i] |= (word_at(dtype, b + 16 + 4 * i) >> s & 0x01010101) << 4;
	}
	return u;
}

unpacked unpack_k236(uint dtype, uint64_t b, uint s)
{
	uint64_t pairs = b + (dtype == Q2_K ? 16 : dtype == Q3_K ? 32 : 128) + s / 4 * 32;
	unpacked u;

	u.m = vec2(0.0);
	if (dtype == Q2_K) {
		uint s0 = byte_at(b + 2 * s), s1 = byte_at(b + 2 * s + 1);

		u.d = f16_at(b + 80) * vec2(s0 & 15, s1 & 15);
		u.m = f16_at(b + 82) * vec2(s0 >> 4, s1 >> 4);
	} else if (dtype == Q3_K) {
		u.d = f16_at(b + 108) * vec2(k3_scale(b + 96, 2 * s), k3_scale(b + 96, 2 * s + 1));
	} else {
		u.d = f16_at(b + 208) * vec2(int(byte_at(b + 192 + 2 * s) << 24) >> 24,
		                             int(byte_at(b + 193 + 2 * s) << 24) >> 24);
	}
	[[unroll]] for (uint i = 0; i < 8; i++) {
		uint two = word_at(dtype, pairs + 4 * i) >> s % 4 * 2 & 0x03030303;

		if (dtype == Q2_K)
			u.q[i] = two;
		else if (dtype == Q3_K)
			u.q[i] = two | (word_at(dtype, b + 4 * i) >> s & 0x01010101) << 2;
		else
			u.q[i] = two << 4 | (word_at(dtype, b + s / 4 * 64 + s % 2 * 32 + 4 * i) >>
			                     s % 4 / 2 * 4 & 0x0f0f0f0f);
	}
	return u;
}

unpacked unpack_iq4_xs(uint64_t b, uint s)
{
	uint low = byte_at(b + 4 + s / 2) >> s % 2 * 4 & 15, high = half_at(b + 2) >> 2 * s & 3;
	unpacked u;

	u.d = vec2(f16_at(b) * float(int(low | high << 4) - 32));
	u.m = vec2(0.0);
	nibbles(IQ4_XS, b + 8 + 16 * s, u.q);
	look_up(iq4_values, u.q);
	return u;
}

/* Elements 32 kb .. 32 kb + 31 of the row. */
unpacked unpack32(uint dtype, uint64_t row, uint kb)
{
	if (!block_is_256(dtype))
		return unpack_legacy(dtype, row + uint64_t(kb) * block_bytes(dtype));
	row += uint64_t(kb / 8) * block_bytes(dtype);
	if (dtype == IQ4_XS)
		return unpack_iq4_xs(row, kb % 8);
	if (dtype == Q4_K || dtype == Q5_K)
		return unpack_k45(dtype, row, kb % 8);
	return unpack_k236(dtype, row, kb % 8);
}

/* What is taken off q; none where q is signed. */
int quant_offset(uint dtype)
{
	return dtype == Q4_0 ? 8 : dtype == Q5_0 ? 16 : dtype == Q3_K ? 4 : dtype == Q6_K ? 32
	     : dtype == MXFP4 ? 12 : 0;
}

bool quant_is_signed(uint dtype)
{
	return dtype == Q8_0 || dtype == IQ4_NL || dtype == IQ4_XS;
}

float plain_at(uint dtype, uint64_t row, uint k)
{
	if (dtype == F32)
		return f32_ref(row).v[k];
	return dtype == F16 ? f32_of_f16(uint(u16_ref(row).v[k]))
	                    : f32_of_bf16(uint(u16_ref(row).v[k]));
}

void plain32(uint dtype, uint64_t row, uint kb, uint n, out float w[32])
{
	[[unroll]] for (uint i = 0; i < 32; i++)
		w[i] = 32 * kb + i < n ? plain_at(dtype, row, 32 * kb + i) : 0.0;
}

void floats_of(uint dtype, unpacked u, out float w[32])
{
	[[unroll]] for (uint i = 0; i < 32; i++) {
		uint byte = u.q[i / 4] >> 8 * (i % 4) & 255;
		int q = quant_is_signed(dtype) ? int(byte << 24) >> 24 : int(byte) - quant_offset(dtype);
		precise float product = u.d[i / 16] * float(q);
		precise float result = product - u.m[i / 16];

		w[i] = result;
	}
}

#endif
