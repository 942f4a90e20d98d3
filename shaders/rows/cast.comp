/* cast.comp - rows converted between F32, F16 and BF16, and from F32 to Q8_0; an
 * invocation converts up to 32 elements. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/region.glsl"
#include "../common/packed.glsl"

layout(constant_id = 1) const uint FROM = 0;
layout(constant_id = 2) const uint TO = 1;

ARGS_PUSHED {
	uint64_t slots, x, y;
	region live_part;
	uint lanes;
	uint x_nb[3], y_nb[3]; /* strides of dimensions 1 to 3, bytes */
} args;

void store(uint64_t y, uint k, float f)
{
	if (TO == F32)
		f32_ref(y).v[k] = f;
	else
		u16_ref(y).v[k] = uint16_t(TO == F16 ? f16_of_f32(f) : bf16_of_f32(f));
}

void main()
{
	uint blocks = (args.lanes + 31) / 32;
	uint i = group_index() * GROUP + gl_LocalInvocationID.x, kb = i % blocks;
	uvec3 at = region_at(args.live_part, i / blocks);
	uint64_t x = args.x + uint64_t(at.x) * args.x_nb[0] + uint64_t(at.y) * args.x_nb[1] +
		uint64_t(at.z) * args.x_nb[2];
	uint64_t y = args.y + uint64_t(at.x) * args.y_nb[0] + uint64_t(at.y) * args.y_nb[1] +
		uint64_t(at.z) * args.y_nb[2];
	float w[32];

	if (!region_has(args.live_part, args.slots, 32 * kb, at))
		return;
	weights32(FROM, false, x, kb, args.lanes, w);
	if (TO == Q8_0) {
		q8_0_of_f32(w, u8_ref(y + uint64_t(kb) * 34));
		return;
	}
	for (uint k = 0; k < 32 && 32 * kb + k < args.lanes; k++)
		store(y, 32 * kb + k, w[k]);
}
