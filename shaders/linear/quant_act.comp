/* quant_act.comp - activations to the layouts that products read, four elements to an
 * invocation. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/quant.glsl"

layout(constant_id = 1) const uint HOW = QUANT_Q8;

ARGS_PUSHED {
	uint64_t slots, y;
	rows x;
	count n;
	uint heads, k;
	uint row_bytes;
	CHAIN_NEED
} args;

void main()
{
	uint i = group_index() * GROUP + gl_LocalInvocationID.x, fours = args.k / 4;
	uint r = i / fours, at = 4 * (i % fours), t = r / args.heads;
	bool mine = t < live(args.slots, args.n);
	f32_ref x = row_of(args.x, mine ? t : 0, mine ? r % args.heads : 0);

	chain_wait(args.slots, args.need);
	put_quants(HOW, args.y + uint64_t(r) * args.row_bytes, at, args.k,
	           vec4(x.v[at], x.v[at + 1], x.v[at + 2], x.v[at + 3]), mine);
	chain_done(args.slots, args.need);
}
