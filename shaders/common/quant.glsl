/* quant.glsl - four elements of a row of activations to the layouts of
 * backends/vulkan_rdna4/layout.h; teams of 8 neighbouring invocations have a block of
 * 32, and all of a team must call. */
#ifndef QUANT_GLSL
#define QUANT_GLSL

#include "convert.glsl"

const uint QUANT_TEAM = 8;
const uint QUANT_Q8 = 1, QUANT_F16 = 2;
const float QUANT_SHRINK = 1.0 / 16.0; /* of halves, so that a million fits */

uint four_bytes(vec4 q)
{
	ivec4 i = ivec4(q) & 255;

	return uint(i.x | i.y << 8 | i.z << 16 | i.w << 24);
}

/* Elements at .. at + 3 of a row of k at y; not kept: takes part only. */
void put_quants(uint how, uint64_t y, uint at, uint k, vec4 v, bool keep)
{
	uint member = gl_LocalInvocationID.x % QUANT_TEAM, sums;
	float top = max(max(abs(v.x), abs(v.y)), max(abs(v.z), abs(v.w))), inverse;
	vec4 q;
	int part;

	if (how == QUANT_F16) {
		v *= QUANT_SHRINK;
		if (keep)
			uvec2_ref(y).v[at / 4] = uvec2(f16_of_f32(v.x) | f16_of_f32(v.y) << 16,
			                               f16_of_f32(v.z) | f16_of_f32(v.w) << 16);
	} else {
		[[unroll]] for (uint d = 1; d < QUANT_TEAM; d *= 2)
			top = max(top, subgroupShuffleXor(top, d));
		inverse = top > 1e-30 ? 127.0 / top : 0.0;
		q = roundEven(v * inverse);
		part = int(q.x + q.y + q.z + q.w);
		part += subgroupShuffleXor(part, 1);
		part += subgroupShuffleXor(part, 2);
		sums = uint(part & 0xffff) | uint(subgroupShuffleXor(part, 4)) << 16;
		if (keep)
			u32_ref(y).v[at / 4] = four_bytes(q);
		if (keep && member == 0)
			uvec2_ref(y + k).v[at / 32] = uvec2(floatBitsToUint(top / 127.0), sums);
	}
}

#endif
