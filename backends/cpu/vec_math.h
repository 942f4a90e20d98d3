/* vec_math.h - exp, sigmoid and tanh on vectors of any width. Included after
 * one of vec_plain.h, vec_avx2.h and vec_avx512.h.
 *
 * The polynomials interpolate at Chebyshev nodes; relative errors, rounding of
 * the coefficients included: exp 1.1e-8, tanh 1.6e-8 on its short range. With
 * float arithmetic all three stay within 2 units in the last place of exp and
 * tanh, 3 of sigmoid. NaN goes in and comes out. */
#ifndef CPU_VEC_MATH_H
#define CPU_VEC_MATH_H

/* Sums of these may wrap around. */
typedef uint32_t vu __attribute__((vector_size(sizeof(vf))));

/* mask: all bits set or clear per lane, as comparisons give. */
static inline vf vf_select(vi mask, vf yes, vf no)
{
	return (vf)(((vi)yes & mask) | ((vi)no & ~mask));
}

static inline vf vf_abs(vf x)
{
	return (vf)((vi)x & vi_set1(0x7fffffff));
}

/* The first n < VF lanes, zeros behind. */
static inline vf vf_load_n(const float *p, uint32_t n)
{
	float t[VF] = {0};

	memcpy(t, p, n * sizeof(float));
	return vf_load(t);
}

static inline void vf_store_n(float *p, vf v, uint32_t n)
{
	float t[VF];

	vf_store(t, v);
	memcpy(p, t, n * sizeof(float));
}

/* exp(x) = 2^n exp(r), |r| <= ln(2)/2. Zero below -87, where results would
 * become subnormal and 2^n wraps around; held at exp(88.3) above. */
static inline vf vf_exp(vf x)
{
	const vf lowest = vf_set1(-87.0f), magic = vf_set1(0x1.8p23f);
	vf y = vf_min(vf_set1(88.3f), x);
	/* Adding 1.5 * 2^23 rounds to an integer in the low bits. */
	vf t = vf_fma(y, vf_set1(1.44269504f), magic);
	vf n = t - magic;
	/* ln(2) in two parts, the first short enough to make n times it exact. */
	vf r = vf_fma(n, vf_set1(2.12194440e-4f), vf_fma(n, vf_set1(-0.693359375f), y));
	vf p = vf_set1(0.00139269268f), power = (vf)(((vu)t << 23) + (vu)vf_set1(1.0f));

	p = vf_fma(p, r, vf_set1(0.00836377405f));
	p = vf_fma(p, r, vf_set1(0.0416665487f));
	p = vf_fma(p, r, vf_set1(0.166665733f));
	p = vf_fma(p, r, vf_set1(0.5f));
	p = vf_fma(p * r, r, r) + vf_set1(1.0f);
	return (vf)((vi)(p * power) & ~(vi)(x < lowest));
}

static inline vf vf_sigmoid(vf x)
{
	return vf_set1(1.0f) / (vf_set1(1.0f) + vf_exp(-x));
}

static inline vf vf_tanh(vf x)
{
	vf a = vf_abs(x), z = x * x, one = vf_set1(1.0f), two = vf_set1(2.0f);
	vf p = vf_set1(-0.00609671418f), far;

	p = vf_fma(p, z, vf_set1(0.0209971797f));
	p = vf_fma(p, z, vf_set1(-0.0538509078f));
	p = vf_fma(p, z, vf_set1(0.133327693f));
	p = vf_fma(p, z, vf_set1(-0.333333284f));
	p = vf_fma(p * z, x, x);
	far = one - two / (vf_exp(a + a) + one);
	far = (vf)((vi)far | ((vi)x & vi_set1(INT32_MIN)));
	return vf_select((vi)(a < vf_set1(0.625f)), p, far);
}

static inline vf vf_silu(vf x)
{
	return x * vf_sigmoid(x);
}

/* a/2 (1 + tanh(u)) = a sigmoid(2u): no difference of near-equal numbers where
 * a is very negative. */
static inline vf vf_gelu_tanh(vf a)
{
	const vf c = vf_set1(1.59576912f); /* 2 sqrt(2/pi) */
	vf u = c * vf_fma(vf_set1(0.044715f) * a * a, a, a);

	return a * vf_sigmoid(u);
}

#endif
