/* k_act.h - kernel templates that map elements to elements. A lane's result
 * does not depend on the lanes beside it, so a tail is a vector padded with
 * zeros. y may be one of the inputs. */
#ifndef CPU_K_ACT_H
#define CPU_K_ACT_H

typedef vf act_fn(vf x);

static inline __attribute__((always_inline)) void glu_with(act_fn *act, float *y,
                                                           const float *gate, const float *up,
                                                           float limit, uint32_t n)
{
	const vf hi = vf_set1(limit), lo = vf_set1(-limit);
	uint32_t i = 0;

	for (; i + VF <= n; i += VF) {
		vf g = vf_min(hi, vf_load(gate + i));
		vf u = vf_min(hi, vf_max(lo, vf_load(up + i)));

		vf_store(y + i, act(g) * u);
	}
	if (i < n) {
		vf g = vf_min(hi, vf_load_n(gate + i, n - i));
		vf u = vf_min(hi, vf_max(lo, vf_load_n(up + i, n - i)));

		vf_store_n(y + i, act(g) * u, n - i);
	}
}

static void glu_silu(float *y, const float *gate, const float *up, float limit, uint32_t n)
{
	glu_with(vf_silu, y, gate, up, limit, n);
}

static void glu_gelu_tanh(float *y, const float *gate, const float *up, float limit, uint32_t n)
{
	glu_with(vf_gelu_tanh, y, gate, up, limit, n);
}

static void sigmoid_gate(float *y, const float *x, const float *gate, uint32_t n)
{
	uint32_t i = 0;

	for (; i + VF <= n; i += VF)
		vf_store(y + i, vf_load(x + i) * vf_sigmoid(vf_load(gate + i)));
	if (i < n)
		vf_store_n(y + i, vf_load_n(x + i, n - i) * vf_sigmoid(vf_load_n(gate + i, n - i)),
		           n - i);
}

static void softcap(float *y, const float *x, float value, uint32_t n)
{
	const vf cap = vf_set1(value);
	uint32_t i = 0;

	for (; i + VF <= n; i += VF)
		vf_store(y + i, cap * vf_tanh(vf_load(x + i) / cap));
	if (i < n)
		vf_store_n(y + i, cap * vf_tanh(vf_load_n(x + i, n - i) / cap), n - i);
}

#endif
