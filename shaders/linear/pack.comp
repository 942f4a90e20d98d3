/* pack.comp - rows of weights from GGUF order to the layout of common/packed.glsl;
 * an invocation per block of 32. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/packed.glsl"

layout(constant_id = 1) const uint DTYPE = 0;

ARGS_PUSHED {
	uint64_t slots, src, dst;
	uint src_row, dst_row; /* bytes */
	uint k, n_rows;
} args;

/* Codes as the file has them: of table types indices. */
void read_codes(uint64_t row, uint kb, out uint q[8])
{
	if (!has_table(DTYPE)) {
		unpacked u = unpack32(DTYPE, row, kb);

		[[unroll]] for (uint i = 0; i < 8; i++)
			q[i] = u.q[i];
	} else if (DTYPE == IQ4_XS) {
		nibbles(DTYPE, row + uint64_t(kb / 8) * 136 + 8 + 16 * (kb % 8), q);
	} else {
		row += uint64_t(kb) * block_bytes(DTYPE);
		nibbles(DTYPE, row + (DTYPE == MXFP4 ? 1 : 2), q);
	}
}

void write_codes(uint64_t row, sections at, uint kb, uint q[8])
{
	uvec4 w;
	uint high = 0;
	uvec2 pairs = uvec2(0), low_pairs = uvec2(0);

	[[unroll]] for (uint i = 0; i < 8; i++) {
		pairs[i / 4] |= (q[i] >> 4 & 0x03030303) << 2 * (i % 4);
		low_pairs[i / 4] |= (q[i] & 0x03030303) << 2 * (i % 4);
		high |= (q[i] >> (DTYPE == Q3_K ? 2 : 4) & 0x01010101) << i;
	}
	[[unroll]] for (uint i = 0; i < 4; i++)
		w[i] = q[i] & 0x0f0f0f0f | (q[i + 4] & 0x0f0f0f0f) << 4;
	if (DTYPE == Q8_0) {
		uvec4_ref(row).v[2 * kb] = uvec4(q[0], q[1], q[2], q[3]);
		uvec4_ref(row).v[2 * kb + 1] = uvec4(q[4], q[5], q[6], q[7]);
	} else if (quant_bytes(DTYPE) == 8) {
		uvec2_ref(row).v[kb] = low_pairs;
	} else {
		uvec4_ref(row).v[kb] = w;
	}
	if (high_bytes(DTYPE) == 8)
		uvec2_ref(row + at.high).v[kb] = pairs;
	else if (high_bytes(DTYPE) == 4)
		u32_ref(row + at.high).v[kb] = high;
}

void write_half(uint64_t p, uint h)
{
	u16_ref(p).v[0] = uint16_t(h);
}

/* Q4_K, Q5_K: what 8 blocks share. */
void write_k45(uint64_t b, uint64_t to)
{
	uvec4 h = uvec4(half_at(b) | half_at(b + 2) << 16, 0, 0, 0);

	[[unroll]] for (uint j = 0; j < 8; j++) {
		uvec2 s = k4_scale(b + 4, j);

		h.y |= (s.x & 15) << 4 * j;
		h.z |= (s.y & 15) << 4 * j;
		h.w |= (s.x >> 4 | s.y >> 4 << 2) << 4 * j;
	}
	uvec4_ref(to).v[0] = h;
}

void write_k_scales(uint64_t b, uint64_t row, sections at, uint kb)
{
	uint s = kb % 8, first = 0, second = 0, d = 0, m = 0;
	uint64_t factors = row + at.factors;

	if (DTYPE == Q4_K || DTYPE == Q5_K) {
		if (s == 0)
			write_k45(b, row + at.scales + kb / 8 * 16);
		return;
	}
	if (DTYPE == Q2_K) {
		first = byte_at(b + 2 * s);
		second = byte_at(b + 2 * s + 1);
		d = half_at(b + 80);
		m = half_at(b + 82);
	} else if (DTYPE == Q3_K) {
		first = uint(k3_scale(b + 96, 2 * s)) & 255;
		second = uint(k3_scale(b + 96, 2 * s + 1)) & 255;
		d = half_at(b + 108);
	} else if (DTYPE == Q6_K) {
		first = byte_at(b + 192 + 2 * s);
		second = byte_at(b + 193 + 2 * s);
		d = half_at(b + 208);
	} else {
		first = (byte_at(b + 4 + s / 2) >> s % 2 * 4 & 15 |
		         (half_at(b + 2) >> 2 * s & 3) << 4) - 32 & 255;
		d = half_at(b);
	}
	if (DTYPE == IQ4_XS)
		u8_ref(row + at.scales).v[kb] = uint8_t(first);
	else
		write_half(row + at.scales + 2 * kb, first | second << 8);
	if (s != 0)
		return;
	if (DTYPE == Q2_K)
		u32_ref(factors).v[kb / 8] = d | m << 16;
	else
		write_half(factors + kb / 8 * 2, d);
}

void write_scales(uint64_t src, uint64_t row, sections at, uint kb)
{
	uint64_t b;

	if (block_is_256(DTYPE)) {
		write_k_scales(src + uint64_t(kb / 8) * block_bytes(DTYPE), row, at, kb);
		return;
	}
	b = src + uint64_t(kb) * block_bytes(DTYPE);
	if (DTYPE == MXFP4)
		u8_ref(row + at.scales).v[kb] = uint8_t(byte_at(b));
	else if (scale_bytes(DTYPE) == 4)
		u32_ref(row + at.scales).v[kb] = half_at(b) | half_at(b + 2) << 16;
	else
		write_half(row + at.scales + 2 * kb, half_at(b));
}

void main()
{
	uint blocks = args.k / 32, i = group_index() * GROUP + gl_LocalInvocationID.x;
	uint r = i / blocks, kb = i % blocks;
	sections at = sections_of(DTYPE, args.k);
	uint64_t src = args.src + uint64_t(r) * args.src_row;
	uint64_t dst = args.dst + uint64_t(r) * args.dst_row;
	uint q[8];

	if (r >= args.n_rows)
		return;
	read_codes(src, kb, q);
	write_codes(dst, at, kb, q);
	write_scales(src, dst, at, kb);
}
