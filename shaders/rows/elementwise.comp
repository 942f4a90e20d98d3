/* elementwise.comp - y = f(a, b), element by element; b may repeat. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "../common/base.glsl"
#include "../common/math.glsl"

const uint ADD = 0, MUL = 1, GLU_SILU = 2, GLU_GELU = 3, SCALE = 4, SOFTCAP = 5, SIGMOID_GATE = 6;

layout(constant_id = 1) const uint FUNCTION = 0;

ARGS_PUSHED {
	uint64_t slots;
	rows a, b, y;
	count n;
	uint lanes, heads;
	uint b_lane; /* 0: b has one lane, which repeats */
	float value; /* scale, cap, or limit of glu      */
	CHAIN_NEED
} args;

float apply(float a, float b)
{
	switch (FUNCTION) {
	case ADD: return a + b;
	case MUL: return a * b;
	case GLU_SILU: return silu(min(a, args.value)) * clamp(b, -args.value, args.value);
	case GLU_GELU: return gelu_tanh(min(a, args.value)) * clamp(b, -args.value, args.value);
	case SCALE: return a * args.value;
	case SOFTCAP: return args.value * tanh_exact(a / args.value);
	default: return a * sigmoid(b);
	}
}

void main()
{
	uint i = group_index() * GROUP + gl_LocalInvocationID.x, lane = i % args.lanes;
	uint r = i / args.lanes, t = r / args.heads, h = r % args.heads;
	float b = 0.0;

	chain_wait(args.slots, args.need);
	if (t < live(args.slots, args.n)) {
		if (FUNCTION != SCALE && FUNCTION != SOFTCAP)
			b = row_of(args.b, t, h).v[lane * args.b_lane];
		row_of(args.y, t, h).v[lane] = apply(row_of(args.a, t, h).v[lane], b);
	}
	chain_done(args.slots, args.need);
}
