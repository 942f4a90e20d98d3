/* k_rows.h - kernel templates that go over one row: norms, activations,
 * conversions, one step of a convolution. See kernels.h. */
#ifndef CPU_K_ROWS_H
#define CPU_K_ROWS_H

/* Four running sums keep the adders busy; the order depends on n alone. */
static float sum_squares(const float *x, uint32_t n)
{
	vf s0 = vf_set1(0), s1 = s0, s2 = s0, s3 = s0;
	uint32_t i = 0;

	for (; i + 4 * VF <= n; i += 4 * VF) {
		vf a = vf_load(x + i), b = vf_load(x + i + VF);
		vf c = vf_load(x + i + 2 * VF), d = vf_load(x + i + 3 * VF);

		s0 = vf_fma(a, a, s0);
		s1 = vf_fma(b, b, s1);
		s2 = vf_fma(c, c, s2);
		s3 = vf_fma(d, d, s3);
	}
	for (; i < n; i += VF) {
		vf a = n - i < VF ? vf_load_n(x + i, n - i) : vf_load(x + i);

		s0 = vf_fma(a, a, s0);
	}
	return vf_sum((s0 + s1) + (s2 + s3));
}

enum { NORM_BLOCK = 256 };

/* Elements i .. i + n: the product first, then what is fused to it. They meet in
 * a buffer, since y may be x or after itself. */
static void norm_block(const struct kern_norm *r, const float *x, float inv, uint32_t i, uint32_t n)
{
	float t[NORM_BLOCK];

	if (r->weight)
		for (uint32_t k = 0; k < n; k++)
			t[k] = x[i + k] * inv * r->weight[i + k];
	else
		for (uint32_t k = 0; k < n; k++)
			t[k] = x[i + k] * inv;
	if (r->gate)
		glu_silu(t, r->gate + i, t, INFINITY, n);
	if (r->after)
		for (uint32_t k = 0; k < n; k++)
			r->y[i + k] = t[k] + r->after[i + k];
	else
		for (uint32_t k = 0; k < n; k++)
			r->y[i + k] = t[k];
}

static void rmsnorm(const struct kern_norm *r)
{
	const float *x = r->x;
	float inv;

	if (r->residual) {
		for (uint32_t i = 0; i < r->n; i++)
			r->sum[i] = r->x[i] + r->residual[i];
		x = r->sum;
	}
	inv = 1.0f / sqrtf(sum_squares(x, r->n) / (float)r->n + r->eps);
	for (uint32_t i = 0; i < r->n; i += NORM_BLOCK)
		norm_block(r, x, inv, i, r->n - i < NORM_BLOCK ? r->n - i : NORM_BLOCK);
}

static float exp_sum(float *y, const float *x, float shift, uint32_t n)
{
	vf s = vf_set1(0), sh = vf_set1(shift);
	uint32_t i = 0;

	for (; i + VF <= n; i += VF) {
		vf e = vf_exp(vf_load(x + i) - sh);

		vf_store(y + i, e);
		s += e;
	}
	if (i < n) {
		vf e = vf_exp(vf_load_n(x + i, n - i) - sh);

		vf_store_n(y + i, e, n - i);
		s += vf_load_n(y + i, n - i);
	}
	return vf_sum(s);
}

static void conv_token(const struct kern_conv *c)
{
	for (uint32_t i = 0; i < c->n; i += VF) {
		uint32_t left = c->n - i;
		vf s = vf_set1(0);

		for (uint32_t t = 0; t < c->taps; t++) {
			const float *x = c->rows[t] + i;

			s = vf_fma(vf_load(c->w + t * KERN_CONV_COLS + i),
			           left < VF ? vf_load_n(x, left) : vf_load(x), s);
		}
		if (c->silu)
			s = vf_silu(s);
		if (left < VF)
			vf_store_n(c->y + i, s, left);
		else
			vf_store(c->y + i, s);
	}
}

#endif
