/* state_copy.comp - copies or clears one entry of a pool, in units of 1 or 4
 * bytes. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"

layout(constant_id = 1) const uint UNIT = 4;

const uint ZERO = 0xffffffff;

ARGS_PUSHED {
	uint64_t slots, pool;
	uint64_t bytes; /* of an entry */
	count src, dst;
	uint n_entries, units;
} args;

/* Not live(): imm is no bound of ZERO. */
uint number(count c)
{
	return c.slot == 0 ? c.imm : u32_ref(args.slots).v[c.slot];
}

void main()
{
	uint i = group_index() * GROUP + gl_LocalInvocationID.x;
	uint src = number(args.src), dst = number(args.dst);
	uint64_t x = args.pool + uint64_t(src) * args.bytes + uint64_t(i) * UNIT;
	uint64_t y = args.pool + uint64_t(dst) * args.bytes + uint64_t(i) * UNIT;

	if (i >= args.units || dst >= args.n_entries || src == dst ||
	    src != ZERO && src >= args.n_entries)
		return;
	if (UNIT == 4)
		u32_ref(y).v[0] = src == ZERO ? 0 : u32_ref(x).v[0];
	else
		u8_ref(y).v[0] = src == ZERO ? uint8_t(0) : u8_ref(x).v[0];
}
