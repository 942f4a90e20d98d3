/* argmax.comp - the index of the largest of each row; a workgroup per row. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/best.glsl"

ARGS_PUSHED {
	uint64_t slots, ids;
	rows x;
	count n;
	uint lanes;
} args;

void main()
{
	uint t = group_index();
	candidate best = NOBODY;
	f32_ref x;

	if (t >= live(args.slots, args.n))
		return;
	x = row_of(args.x, t, 0);
	for (uint i = gl_LocalInvocationID.x; i < args.lanes; i += GROUP)
		best = better(best, candidate(x.v[i], i));
	best = group_best(best);
	if (gl_LocalInvocationID.x == 0)
		i32_ref(args.ids).v[t] = int(best.id);
}
