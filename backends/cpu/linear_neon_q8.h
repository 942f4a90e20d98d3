/* linear_neon_q8.h - class Q8 with NEON. Included after DOT4(sum, w, x), which
 * adds to the sums of 4 rows the dots of their 4 elements each in w with the
 * same 4 activations, repeated in x; and with LIN_ISA, the table's name.
 *
 * Quants are at most 63 where they have no sign, so that signed products serve
 * all types. */
#include "linear_neon.h"

#include <arm_neon.h>

#define ALWAYS_INLINE __attribute__((always_inline)) static inline
#define MAX_COLS 4u
#define VECS 4u /* vectors of 4 rows in a tile */

/* What the compiler has to know of a type. */
struct kind {
	uint32_t sub;
	bool has_min;
};

typedef const struct lin_act *const *columns;

ALWAYS_INLINE int8x16_t act4(const struct lin_act *x, uint32_t k4)
{
	int32_t four;

	__builtin_memcpy(&four, x->q + 4 * k4, sizeof(four));
	return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

ALWAYS_INLINE float32x4_t row_factors(const float *v, uint32_t i, uint32_t h)
{
	return vld1q_f32(v + i * LIN_ROWS + 4 * h);
}

/* Dots of n4 groups of 4 elements from k4 on. */
ALWAYS_INLINE void dots(const struct lin_q8_step *s, columns x, uint32_t k4, const uint32_t n4,
                        const uint32_t n_cols, int32x4_t out[][VECS])
{
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < VECS; h++)
			out[c][h] = vdupq_n_s32(0);
	for (uint32_t j = k4; j < k4 + n4; j++) {
		const int8_t *q = (const int8_t *)s->tile->q + j * 4 * LIN_ROWS;

		for (uint32_t c = 0; c < n_cols; c++) {
			int8x16_t a = act4(x[c], j);

			for (uint32_t h = 0; h < VECS; h++)
				out[c][h] = DOT4(out[c][h], vld1q_s8(q + 16 * h), a);
		}
	}
}

/* Types with a factor per 32. */
ALWAYS_INLINE void add_factors(const struct lin_q8_step *s, columns x, const uint32_t n_cols,
                               const struct kind k, float32x4_t acc[][VECS])
{
	for (uint32_t b = 0; b < s->blocks; b++) {
		int32x4_t dot[MAX_COLS][VECS];

		dots(s, x, 8 * b, 8, n_cols, dot);
		for (uint32_t c = 0; c < n_cols; c++) {
			int32_t off = s->format->off * (x[c]->sum[2 * b] + x[c]->sum[2 * b + 1]);

			for (uint32_t h = 0; h < VECS; h++) {
				int32x4_t t = vsubq_s32(dot[c][h], vdupq_n_s32(off));
				float32x4_t d = vmulq_n_f32(row_factors(s->tile->d, b, h),
				                            x[c]->d[b]);

				acc[c][h] = vfmaq_f32(acc[c][h], vcvtq_f32_s32(t), d);
				if (k.has_min)
					acc[c][h] = vfmsq_f32(acc[c][h],
					                      row_factors(s->tile->m, b, h),
					                      vdupq_n_f32(x[c]->ds[b]));
			}
		}
	}
}

/* Block b's dots times their scales, added to part times the activations'. */
ALWAYS_INLINE void add_block(const struct lin_q8_step *s, columns x, uint32_t b,
                             const uint32_t n_cols, const struct kind k, float32x4_t part[][VECS])
{
	const uint32_t n_sub = 32 / k.sub;
	int32x4_t t[MAX_COLS][VECS], dot[MAX_COLS][VECS];

	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < VECS; h++)
			t[c][h] = vdupq_n_s32(0);
	for (uint32_t i = 0; i < n_sub; i++) {
		const int32_t *scale = s->tile->s + (n_sub * b + i) * LIN_ROWS;

		dots(s, x, 8 * b + 4 * i, k.sub / 4, n_cols, dot);
		for (uint32_t c = 0; c < n_cols; c++) {
			int32_t sum = k.sub == 16 ? x[c]->sum[2 * b + i]
			                          : x[c]->sum[2 * b] + x[c]->sum[2 * b + 1];
			int32x4_t off = vdupq_n_s32(s->format->off * sum);

			for (uint32_t h = 0; h < VECS; h++)
				t[c][h] = vmlaq_s32(t[c][h], vsubq_s32(dot[c][h], off),
				                    vld1q_s32(scale + 4 * h));
		}
	}
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < VECS; h++)
			part[c][h] = vfmaq_n_f32(part[c][h], vcvtq_f32_s32(t[c][h]), x[c]->d[b]);
}

/* The minima of a chunk under one factor, times the sums of x. */
ALWAYS_INLINE float32x4_t low_of(const struct lin_tile *t, const struct lin_act *x, uint32_t h,
                                 const struct kind k)
{
	float32x4_t low = vdupq_n_f32(0.0f);

	for (uint32_t b = 0; b < 8; b++) {
		float32x4_t v;

		if (k.sub == 32) {
			low = vfmaq_n_f32(low, row_factors(t->m, b, h), x->ds[b]);
			continue;
		}
		v = vmulq_n_f32(row_factors(t->m, 2 * b, h), (float)x->sum[2 * b]);
		v = vfmaq_n_f32(v, row_factors(t->m, 2 * b + 1, h), (float)x->sum[2 * b + 1]);
		low = vfmaq_n_f32(low, v, x->d[b]);
	}
	return low;
}

/* Types with integer scales under one factor per 256. */
ALWAYS_INLINE void add_scales(const struct lin_q8_step *s, columns x, const uint32_t n_cols,
                              const struct kind k, float32x4_t acc[][VECS])
{
	float32x4_t part[MAX_COLS][VECS];

	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < VECS; h++)
			part[c][h] = vdupq_n_f32(0.0f);
	for (uint32_t b = 0; b < s->blocks; b++)
		add_block(s, x, b, n_cols, k, part);
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < VECS; h++) {
			acc[c][h] = vfmaq_f32(acc[c][h], part[c][h], row_factors(s->tile->d, 0, h));
			if (k.has_min)
				acc[c][h] = vfmsq_f32(acc[c][h], row_factors(s->tile->d, 1, h),
				                      low_of(s->tile, x[c], h, k));
		}
}

/* n_cols is a constant at each place it is called from. */
ALWAYS_INLINE void cols(const struct lin_q8_step *s, columns x, float *sums, const uint32_t n_cols)
{
	const struct quant_format *f = s->format;
	float32x4_t acc[MAX_COLS][VECS];

	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < VECS; h++)
			acc[c][h] = row_factors(sums, c, h);
	if (!f->has_scales)
		add_factors(s, x, n_cols, (struct kind){32, f->has_min}, acc);
	else if (f->sub == 32)
		add_scales(s, x, n_cols, (struct kind){32, f->has_min}, acc);
	else
		add_scales(s, x, n_cols, (struct kind){16, f->has_min}, acc);
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < VECS; h++)
			vst1q_f32(sums + c * LIN_ROWS + 4 * h, acc[c][h]);
}

static void dot_q8(const struct lin_q8_step *step)
{
	for (uint32_t c = 0; c < step->n_cols; c += MAX_COLS) {
		const struct lin_act *x[MAX_COLS];
		uint32_t n = step->n_cols - c < MAX_COLS ? step->n_cols - c : MAX_COLS;
		float *sums = step->acc + c * LIN_ROWS;

		for (uint32_t i = 0; i < n; i++)
			x[i] = step->x[c + i] + step->chunk;
		if (n == 4)
			cols(step, x, sums, 4);
		else if (n == 3)
			cols(step, x, sums, 3);
		else if (n == 2)
			cols(step, x, sums, 2);
		else
			cols(step, x, sums, 1);
	}
}

const struct lin_isa LIN_ISA = {
	.pack_words = lin_neon_pack_words,
	.pack_bits = lin_pack_bits,
	.unpack = lin_neon_unpack,
	.fill = lin_neon_fill,
	.dot_q8 = dot_q8,
	.expand = quant_chunk_to_f32,
	.widen = lin_neon_widen,
	.transpose = lin_neon_transpose,
	.dot_f32 = lin_neon_dot_f32,
	.quantise = lin_neon_quantise,
};
