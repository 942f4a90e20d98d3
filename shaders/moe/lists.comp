/* lists.comp - the routed cells grouped by expert, each group ascending. One
 * workgroup; an invocation counts and then collects the cells of some experts. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"

layout(constant_id = 1) const uint EXPERTS_MAX = 256;

ARGS_PUSHED {
	uint64_t slots, ids, expert_first, perm;
	count n;
	uint n_expert, k;
} args;

shared uint first[EXPERTS_MAX + 1];

void main()
{
	uint cells = live(args.slots, args.n) * args.k;
	i32_ref ids = i32_ref(args.ids), perm = i32_ref(args.perm);

	for (uint e = gl_LocalInvocationID.x; e < args.n_expert; e += GROUP) {
		uint n = 0;

		for (uint i = 0; i < cells; i++)
			n += ids.v[i] == int(e) ? 1 : 0;
		first[e] = n;
	}
	barrier();
	if (gl_LocalInvocationID.x == 0) {
		uint sum = 0;

		for (uint e = 0; e < args.n_expert; e++) {
			uint n = first[e];

			first[e] = sum;
			sum += n;
		}
		first[args.n_expert] = sum;
	}
	barrier();
	for (uint e = gl_LocalInvocationID.x; e <= args.n_expert; e += GROUP)
		i32_ref(args.expert_first).v[e] = int(first[e]);
	for (uint e = gl_LocalInvocationID.x; e < args.n_expert; e += GROUP) {
		uint at = first[e];

		for (uint i = 0; i < cells; i++)
			if (ids.v[i] == int(e))
				perm.v[at++] = int(i);
	}
}
