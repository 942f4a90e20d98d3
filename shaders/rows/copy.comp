/* copy.comp - rows of units of 1, 2, 4 or 16 bytes between views of any strides. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/region.glsl"

layout(constant_id = 1) const uint UNIT = 4;

ARGS_PUSHED {
	uint64_t slots, x, y;
	region live_part;
	uint units;                  /* in a row                       */
	uint block_elems, block_units;
	uint x_nb[3], y_nb[3];       /* strides of dimensions 1 to 3, units */
} args;

void main()
{
	uint i = group_index() * GROUP + gl_LocalInvocationID.x, u = i % args.units;
	uvec3 at = region_at(args.live_part, i / args.units);
	uint64_t x = args.x + uint64_t(UNIT) * (uint64_t(at.x) * args.x_nb[0] +
		uint64_t(at.y) * args.x_nb[1] + uint64_t(at.z) * args.x_nb[2] + u);
	uint64_t y = args.y + uint64_t(UNIT) * (uint64_t(at.x) * args.y_nb[0] +
		uint64_t(at.y) * args.y_nb[1] + uint64_t(at.z) * args.y_nb[2] + u);

	if (!region_has(args.live_part, args.slots, u / args.block_units * args.block_elems, at))
		return;
	if (UNIT == 16)
		uvec4_ref(y).v[0] = uvec4_ref(x).v[0];
	else if (UNIT == 4)
		u32_ref(y).v[0] = u32_ref(x).v[0];
	else if (UNIT == 2)
		u16_ref(y).v[0] = u16_ref(x).v[0];
	else
		u8_ref(y).v[0] = u8_ref(x).v[0];
}
