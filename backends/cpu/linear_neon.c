/* linear_neon.c - class F32 with NEON, and the conversions. */
#include "linear_neon.h"

#include <arm_neon.h>
#include <string.h>

#define MAX_COLS 4u

void lin_neon_pack_words(const uint8_t *w, uint64_t stride, uint32_t n, uint8_t *packed)
{
	lin_plain.pack_words(w, stride, n, packed);
}

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

void lin_neon_transpose(const float *const *rows, uint32_t n, float *dst)
{
	lin_plain.transpose(rows, n, dst);
}

/* A block of n elements from k on; n_cols is a constant at each place it is called
 * from. */
__attribute__((always_inline)) static inline void
block(const struct lin_f32_step *s, uint32_t col0, uint32_t k, uint32_t n, const uint32_t n_cols)
{
	float32x4_t part[MAX_COLS][LIN_ROWS / 4];

	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t i = 0; i < LIN_ROWS / 4; i++)
			part[c][i] = vdupq_n_f32(0.0f);
	for (uint32_t end = k + n; k < end; k++)
		for (uint32_t i = 0; i < LIN_ROWS / 4; i++) {
			float32x4_t w = vld1q_f32(s->w + k * LIN_ROWS + 4 * i);

			for (uint32_t c = 0; c < n_cols; c++)
				part[c][i] = vfmaq_n_f32(part[c][i], w, s->x[col0 + c][s->k0 + k]);
		}
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t i = 0; i < LIN_ROWS / 4; i++) {
			float *acc = s->acc + (col0 + c) * LIN_ROWS + 4 * i;

			vst1q_f32(acc, vaddq_f32(vld1q_f32(acc), part[c][i]));
		}
}

void lin_neon_dot_f32(const struct lin_f32_step *s)
{
	for (uint32_t k = 0; k < s->n; k += LIN_F32_BLOCK) {
		uint32_t n = s->n - k < LIN_F32_BLOCK ? s->n - k : LIN_F32_BLOCK, c = 0;

		for (; c + MAX_COLS <= s->n_cols; c += MAX_COLS)
			block(s, c, k, n, MAX_COLS);
		for (; c < s->n_cols; c++)
			block(s, c, k, n, 1);
	}
}

/* lin_act.mid of 16 elements. */
static void put_mid(int16x8_t first, int16x8_t second, int16_t *mid)
{
	int16x8_t v = vaddq_s16(first, second);
	int16x4_t sums = vadd_s16(vget_low_s16(v), vget_high_s16(v));

	sums = vshl_n_s16(vpadd_s16(sums, sums), 5);
	mid[0] = vget_lane_s16(sums, 0);
	mid[1] = vget_lane_s16(sums, 1);
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
	put_mid(h[0], h[1], y->mid + 4 * b);
	put_mid(h[2], h[3], y->mid + 4 * b + 2);
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
