/* linear_neon.c - class F32 with NEON, and the conversions. */
#include "linear_neon.h"

#include <arm_neon.h>
#include <string.h>

#define MAX_COLS 2u

quant_unpack_fn *lin_neon_unpack(uint32_t dtype)
{
	return quant_format(dtype)->unpack;
}

void lin_neon_fill(uint32_t dtype, const uint8_t *packed, uint32_t blocks, struct lin_tile *tile)
{
	lin_plain.fill(dtype, packed, blocks, tile);
}

void lin_neon_widen(uint32_t dtype, const void *src, float *dst, uint64_t n)
{
	const uint16_t *h = src;
	uint64_t i = 0;

	for (; i + 4 <= n; i += 4) {
		uint16x4_t v = vld1_u16(h + i);

		vst1q_f32(dst + i, dtype == ZINC_F16 ? vcvt_f32_f16(vreinterpret_f16_u16(v))
		                                     : vreinterpretq_f32_u32(vshll_n_u16(v, 16)));
	}
	quant_to_f32(dtype, h + i, dst + i, n - i);
}

/* n_cols is a constant at each place it is called from. */
__attribute__((always_inline)) static inline void
cols(const struct lin_f32_step *s, const float *const *x, float *acc, const uint32_t n_cols)
{
	float32x4_t sum[MAX_COLS][LIN_F32_ROWS][2];
	uint32_t i = 0;

	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t r = 0; r < LIN_F32_ROWS; r++)
			for (uint32_t h = 0; h < 2; h++)
				sum[c][r][h] = vld1q_f32(acc + (c * LIN_F32_ROWS + r) * NEON_LANES +
				                         4 * h);
	for (; i + NEON_LANES <= s->n; i += NEON_LANES)
		for (uint32_t r = 0; r < LIN_F32_ROWS; r++)
			for (uint32_t h = 0; h < 2; h++) {
				float32x4_t w = vld1q_f32(s->w[r] + i + 4 * h);

				for (uint32_t c = 0; c < n_cols; c++)
					sum[c][r][h] = vfmaq_f32(sum[c][r][h], w,
					                         vld1q_f32(x[c] + i + 4 * h));
			}
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t r = 0; r < LIN_F32_ROWS; r++) {
			float *a = acc + (c * LIN_F32_ROWS + r) * NEON_LANES;

			vst1q_f32(a, sum[c][r][0]);
			vst1q_f32(a + 4, sum[c][r][1]);
			for (uint32_t k = i; k < s->n; k++)
				a[k - i] = __builtin_fmaf(s->w[r][k], x[c][k], a[k - i]);
		}
}

void lin_neon_dot_f32(const struct lin_f32_step *step)
{
	for (uint32_t c = 0; c < step->n_cols; c += MAX_COLS) {
		uint32_t n = step->n_cols - c < MAX_COLS ? step->n_cols - c : MAX_COLS;
		float *acc = step->acc + c * LIN_F32_ROWS * NEON_LANES;
		const float *x[MAX_COLS];

		for (uint32_t i = 0; i < n; i++)
			x[i] = step->x[c + i] + step->k0;
		if (n == 2)
			cols(step, x, acc, 2);
		else
			cols(step, x, acc, 1);
	}
}

/* One block of 32; false where it holds an infinity or a NaN. */
static bool quantise_block(const float *x, struct lin_act *y, uint32_t b)
{
	float32x4_t v[8], amax = vdupq_n_f32(0.0f);
	uint32x4_t finite = vdupq_n_u32(UINT32_MAX);
	int16x8_t h[4];
	int32_t sum0, sum1;
	float top, inverse;

	for (int i = 0; i < 8; i++) {
		float32x4_t a;

		v[i] = vld1q_f32(x + 4 * i);
		a = vabsq_f32(v[i]);
		amax = vmaxq_f32(amax, a);
		finite = vandq_u32(finite, vcleq_f32(a, vdupq_n_f32(3.4e38f)));
	}
	if (vminvq_u32(finite) == 0)
		return false;
	top = vmaxvq_f32(amax);
	top = top < 1e-30f ? 0.0f : top;
	inverse = top > 0.0f ? 127.0f / top : 0.0f;
	for (int i = 0; i < 4; i++) {
		int32x4_t lo = vcvtnq_s32_f32(vmulq_n_f32(v[2 * i], inverse));
		int32x4_t hi = vcvtnq_s32_f32(vmulq_n_f32(v[2 * i + 1], inverse));

		h[i] = vcombine_s16(vmovn_s32(lo), vmovn_s32(hi));
		vst1_s8(y->q + 32 * b + 8 * i, vmovn_s16(h[i]));
	}
	sum0 = vaddlvq_s16(vaddq_s16(h[0], h[1]));
	sum1 = vaddlvq_s16(vaddq_s16(h[2], h[3]));
	y->d[b] = top / 127.0f;
	y->ds[b] = y->d[b] * (float)(sum0 + sum1);
	y->sum[2 * b] = (int16_t)sum0;
	y->sum[2 * b + 1] = (int16_t)sum1;
	return true;
}

/* Whole blocks here; chunks that end early or hold no numbers in plain C. */
void lin_neon_quantise(const float *x, uint32_t k, struct lin_act *y)
{
	for (uint32_t k0 = 0; k0 < k; k0 += LIN_CHUNK, y++) {
		bool done = k - k0 >= LIN_CHUNK;

		for (uint32_t b = 0; b < 8 && done; b++)
			done = quantise_block(x + k0 + 32 * b, y, b);
		if (!done)
			lin_plain.quantise(x + k0, k - k0 < LIN_CHUNK ? k - k0 : LIN_CHUNK, y);
	}
}
