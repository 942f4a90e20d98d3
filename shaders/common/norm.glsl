/* norm.glsl - the steps of an RMS norm, four neighbours of a row at a time. Kernels
 * that join one to something else must agree with rows/rmsnorm to the bit, so a
 * compiler may not choose which products and sums it makes one. */
#ifndef NORM_GLSL
#define NORM_GLSL

float add_squares(float sum, vec4 v)
{
	precise float four = v.x * v.x, all;

	[[unroll]] for (uint i = 1; i < 4; i++)
		four = fma(v[i], v[i], four);
	all = sum + four;
	return all;
}

/* lanes: a constant, since compilers divide by one in a way of their own. */
float norm_scale(float squares, const uint lanes, float eps)
{
	precise float mean = squares / float(lanes);
	precise float scale = 1.0 / sqrt(mean + eps);

	return scale;
}

vec4 exact_mul(vec4 a, vec4 b)
{
	precise vec4 y = a * b;

	return y;
}

vec4 exact_add(vec4 a, vec4 b)
{
	precise vec4 y = a + b;

	return y;
}

#endif
