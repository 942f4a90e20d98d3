/* math.glsl - functions where the built-in ones may be off by more than a few
 * units in the last place. */
#ifndef MATH_GLSL
#define MATH_GLSL

/* Precise where the same function is part of several kernels that must agree to the
 * bit: a compiler may join a product and a sum in one of them. */
float sigmoid(float x)
{
	precise float y = 1.0 / (1.0 + exp(-x));

	return y;
}

float silu(float x)
{
	precise float y = x / (1.0 + exp(-x));

	return y;
}

/* Near zero 1 - 2/(e^2x + 1) would cancel. */
float tanh_exact(float x)
{
	float t = abs(x), s = x * x;

	if (t < 0.25)
		return x * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 +
		       s * (62.0 / 2835.0 - s * (1382.0 / 155925.0))))));
	t = t > 15.0 ? 1.0 : 1.0 - 2.0 / (exp(2.0 * t) + 1.0);
	return x < 0.0 ? -t : t;
}

/* 1 + tanh(u) is 2 / (1 + e^-2u), which does not cancel. */
float gelu_tanh(float x)
{
	precise float u = -1.5957691216057308 * (x + 0.044715 * x * x * x);
	precise float y = x / (1.0 + exp(u));

	return y;
}

float log1p_exact(float x)
{
	precise float u = 1.0 + x;
	precise float d = u - 1.0;

	return d == 0.0 ? x : log(u) * (x / d);
}

float softplus(float x)
{
	return x > 20.0 ? x : log1p_exact(exp(x));
}

/* a * b without rounding, as x + y: halves of 12 bits have exact products. fma()
 * would do, but may be a product and a sum. */
vec2 exact_product(float a, float b)
{
	float ah = uintBitsToFloat(floatBitsToUint(a) & 0xfffff000);
	float bh = uintBitsToFloat(floatBitsToUint(b) & 0xfffff000);
	precise float al = a - ah, bl = b - bh, p = a * b;
	precise float e = ah * bh - p;

	e += ah * bl;
	e += al * bh;
	e += al * bl;
	return vec2(p, e);
}

/* cos and sin of hi + lo, |hi| up to some 1e6: reduced to a quarter turn with pi/2
 * in two parts, then Taylor's series to the last bit of a float. */
vec2 cos_sin(float hi, float lo)
{
	float n = roundEven(hi * 0.6366197723675814);
	vec2 turns = exact_product(n, 1.57079637050628662);
	precise float r = hi - turns.x;
	precise float s, c, z;
	int q = int(n) & 3;

	r -= turns.y;
	r += n * 4.37113900018624283e-8;
	r += lo;
	z = r * r;
	s = r + r * z * (-1.6666667e-1 + z * (8.3333333e-3 + z * (-1.9841270e-4 +
	    z * 2.7557319e-6)));
	c = 1.0 + z * (-0.5 + z * (4.1666667e-2 + z * (-1.3888889e-3 + z * 2.4801587e-5)));
	return q == 0 ? vec2(c, s) : q == 1 ? vec2(-s, c) : q == 2 ? vec2(-c, -s) : vec2(s, -c);
}

#endif
