/* k_convert.h - kernel templates for rows of the cache's types. The values are
 * those of quant.h, whose functions do what has no vector form here. */
#ifndef CPU_K_CONVERT_H
#define CPU_K_CONVERT_H

static void f16_to_f32(const uint16_t *src, float *dst, uint32_t n)
{
	uint32_t i = 0;

	for (; i + VF <= n; i += VF)
		vf_store(dst + i, vf_from_f16(src + i));
	if (i < n) {
		uint16_t t[VF] = {0};

		memcpy(t, src + i, (n - i) * sizeof(*t));
		vf_store_n(dst + i, vf_from_f16(t), n - i);
	}
}

static void f32_to_f16(const float *src, uint16_t *dst, uint32_t n)
{
	uint32_t i = 0;

	for (; i + VF <= n; i += VF)
		vf_to_f16(dst + i, vf_load(src + i));
	if (i < n) {
		uint16_t t[VF];

		vf_to_f16(t, vf_load_n(src + i, n - i));
		memcpy(dst + i, t, (n - i) * sizeof(*t));
	}
}

static void bf16_to_f32(const uint16_t *src, float *dst, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t bits = (uint32_t)src[i] << 16;

		memcpy(dst + i, &bits, sizeof(bits));
	}
}

/* A block is a half-precision scale and 32 signed bytes. */
static void q8_0_to_f32(const uint8_t *src, float *dst, uint32_t n)
{
	for (uint32_t b = 0; b < n / 32; b++, src += 34, dst += 32) {
		const int8_t *q = (const int8_t *)src + 2;
		uint16_t h;
		float d;

		memcpy(&h, src, sizeof(h));
		d = quant_f16_to_f32(h);
		for (int i = 0; i < 32; i++)
			dst[i] = d * (float)q[i];
	}
}

static void to_f32(uint32_t dtype, const void *src, float *dst, uint32_t n)
{
	if (dtype == ZINC_F16)
		f16_to_f32(src, dst, n);
	else if (dtype == ZINC_BF16)
		bf16_to_f32(src, dst, n);
	else if (dtype == ZINC_Q8_0)
		q8_0_to_f32(src, dst, n);
	else
		memcpy(dst, src, n * sizeof(*dst));
}

static void from_f32(uint32_t dtype, const float *src, void *dst, uint32_t n)
{
	if (dtype == ZINC_F16)
		f32_to_f16(src, dst, n);
	else if (dtype == ZINC_F32)
		memmove(dst, src, n * sizeof(*src));
	else
		quant_from_f32(dtype, src, dst, n);
}

#endif
