/* rmsnorm.comp - the RMS norm with its fusions; a workgroup per row. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"
#include "../common/reduce.glsl"

/* Which optional views are there. */
layout(constant_id = 1) const uint HAS_WEIGHT = 0;
layout(constant_id = 2) const uint HAS_RESIDUAL = 0;
layout(constant_id = 3) const uint HAS_GATE = 0;
layout(constant_id = 4) const uint HAS_AFTER = 0;

ARGS_IN_MEMORY {
	uint64_t slots, weight;
	rows x, y, residual, sum, gate, after;
	count n;
	uint lanes, heads;
	float eps;
};
ARGS_POINTER;
#define args pushed.at

void main()
{
	uint r = group_index(), t = r / args.heads, h = r % args.heads;
	f32_ref x = row_of(args.x, t, h), y = row_of(args.y, t, h), sum = row_of(args.sum, t, h);
	f32_ref residual = row_of(args.residual, t, h), gate = row_of(args.gate, t, h);
	f32_ref after = row_of(args.after, t, h), weight = f32_ref(args.weight);
	float squares = 0.0, scale;

	if (t >= live(args.slots, args.n))
		return;
	for (uint i = gl_LocalInvocationID.x; i < args.lanes; i += GROUP) {
		float v = x.v[i];

		if (HAS_RESIDUAL != 0) {
			v += residual.v[i];
			sum.v[i] = v;
		}
		squares = fma(v, v, squares);
	}
	scale = 1.0 / sqrt(group_sum(squares) / float(args.lanes) + args.eps);
	for (uint i = gl_LocalInvocationID.x; i < args.lanes; i += GROUP) {
		float v = (HAS_RESIDUAL != 0 ? sum.v[i] : x.v[i]) * scale;

		if (HAS_WEIGHT != 0)
			v *= weight.v[i];
		if (HAS_GATE != 0)
			v *= silu(gate.v[i]);
		if (HAS_AFTER != 0)
			v += after.v[i];
		y.v[i] = v;
	}
}
