/* combine.comp - the weighted sum of the chosen experts' outputs. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"

layout(constant_id = 1) const uint HAS_SHARED = 0;
layout(constant_id = 2) const uint HAS_SHARED_GATE = 0;
layout(constant_id = 3) const uint HAS_RESIDUAL = 0;

ARGS_PUSHED {
	uint64_t slots;
	rows x, y, weights, shared_y, shared_gate, residual;
	count n;
	uint lanes, k;
} args;

void main()
{
	uint i = group_index() * GROUP + gl_LocalInvocationID.x, t = i / args.lanes;
	uint lane = i % args.lanes;
	float sum = 0.0;

	if (t >= live(args.slots, args.n))
		return;
	for (uint s = 0; s < args.k; s++)
		sum = fma(row_of(args.weights, t, 0).v[s], row_of(args.x, t, s).v[lane], sum);
	if (HAS_SHARED != 0) {
		float f = HAS_SHARED_GATE != 0 ? sigmoid(row_of(args.shared_gate, t, 0).v[0]) : 1.0;

		sum = fma(f, row_of(args.shared_y, t, 0).v[lane], sum);
	}
	if (HAS_RESIDUAL != 0)
		sum += row_of(args.residual, t, 0).v[lane];
	row_of(args.y, t, 0).v[lane] = sum;
}
