/* merge.comp - the parts that attn/tile left of a query head, as one; a workgroup per
 * head of a token. With QUANT the result goes to the layout of a product, too, as part
 * of the row that all heads of the token make. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"
#include "../common/quant.glsl"
#include "../common/reduce.glsl"

layout(constant_id = 1) const uint SPLITS = 1;
layout(constant_id = 2) const uint HAS_GATE = 0;
layout(constant_id = 3) const uint QUANT = 0; /* QUANT_Q8, QUANT_F16 */

ARGS_PUSHED {
	uint64_t slots, partial, quants;
	rows y, gate;
	count n;
	uint heads, v_lanes; /* a multiple of 4, with QUANT of 32 */
	uint quant_row;      /* bytes                             */
} args;

const uint STEP = SPLITS < 4 ? SPLITS : 4; /* parts under way at once */

shared float factor[SPLITS]; /* of each part's sums; GROUP is at least SPLITS */

/* Sums of part s, lanes i .. i + 3; parts of no keys hold anything. */
vec4 weighed(uint64_t parts, uint s, uint stride, uint i)
{
	vec4 sum = uintBitsToFloat(uvec4_ref(parts + 4ul * (s * stride + i)).v[0]);

	return factor[s] > 0.0 ? factor[s] * sum : vec4(0.0);
}

void main()
{
	uint t = group_index() / args.heads, h = group_index() % args.heads;
	uint stride = args.v_lanes + 4;
	uint64_t parts = args.partial + 4ul * uint64_t(group_index() * SPLITS) * stride;
	f32_ref part = f32_ref(parts);
	f32_ref y = row_of(args.y, t, h), gate = row_of(args.gate, t, h);
	uint me = gl_LocalInvocationID.x;
	float mine = -1.0 / 0.0, seen = 0.0, top, total;
	uint end;

	if (t >= live(args.slots, args.n))
		return;
	if (me < SPLITS) {
		mine = part.v[me * stride + args.v_lanes];
		seen = part.v[me * stride + args.v_lanes + 1];
	}
	top = group_max(mine);
	mine = mine == -1.0 / 0.0 ? 0.0 : exp(mine - top);
	total = group_sum(mine * seen);
	if (me < SPLITS)
		factor[me] = mine;
	end = uint(group_max(mine > 0.0 ? float(me + 1) : 0.0)); /* and a barrier */
	for (uint i = 4 * gl_LocalInvocationID.x; i < args.v_lanes; i += 4 * GROUP) {
		vec4 sum = vec4(0.0);

		for (uint s = 0; s < end; s += STEP)
			[[unroll]] for (uint a = 0; a < STEP; a++)
				sum += weighed(parts, s + a, stride, i);
		sum = total > 0.0 ? sum / total : vec4(0.0);
		[[unroll]] for (uint j = 0; j < 4; j++) {
			if (HAS_GATE != 0)
				sum[j] *= sigmoid(gate.v[i + j]);
			y.v[i + j] = sum[j];
		}
		if (QUANT != 0)
			put_quants(QUANT, args.quants + uint64_t(t) * args.quant_row,
			           h * args.v_lanes + i, args.heads * args.v_lanes, sum, true);
	}
}
