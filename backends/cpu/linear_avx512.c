/* linear_avx512.c - both classes with AVX-512 and VNNI. Tiles and kernels are
 * those of linear_avx2_q8.c and linear_avx2.c, twice as wide; rows are converted
 * with AVX2.
 *
 * VNNI multiplies unsigned by signed bytes, so quants that are signed are stored
 * with 128 added (fill_avx512.c), which the offset takes back exactly. */
#include "linear_avx512.h"
#include "unpack_avx2.h"

#define MAX_COLS 8u
#define F32_SUMS 12u /* in registers */
#define ALWAYS_INLINE __attribute__((always_inline)) static inline

/* Dots of 4 vectors of the tile from k4 on. */
ALWAYS_INLINE void dot16(const struct lin_tile *t, const struct lin_act *const *x, uint32_t k4,
                         const uint32_t n_cols, __m512i *dot)
{
	for (uint32_t j = k4; j < k4 + 4; j++) {
		__m512i w = _mm512_load_si512((const void *)(t->q + j * 4 * LIN_ROWS));

		for (uint32_t c = 0; c < n_cols; c++)
			dot[c] = _mm512_dpbusd_epi32(dot[c], w, lin_avx512_four(x[c]->q + 4 * j));
	}
}

ALWAYS_INLINE __m512 row_factors(const float *v, uint32_t i)
{
	return _mm512_load_ps(v + i * LIN_ROWS);
}

ALWAYS_INLINE __m512 scale_of(const struct lin_tile *t, uint32_t sub)
{
	return lin_avx512_scale(_mm512_load_si512((const void *)(t->s + sub * LIN_ROWS)));
}

/* Types with a factor per 32. */
ALWAYS_INLINE void add_factors(const struct lin_q8_step *s, const struct lin_act *const *x,
                               float *acc, const uint32_t n_cols, const bool has_min)
{
	int32_t off = s->format->is_signed ? 128 : s->format->off;
	__m512 sum[MAX_COLS];

	for (uint32_t c = 0; c < n_cols; c++)
		sum[c] = _mm512_loadu_ps(acc + c * LIN_ROWS);
	for (uint32_t b = 0; b < s->blocks; b++) {
		__m512 d = row_factors(s->tile->d, b), m = row_factors(s->tile->m, b);
		__m512i dot[MAX_COLS];

		for (uint32_t c = 0; c < n_cols; c++)
			dot[c] = has_min ? _mm512_setzero_si512() : lin_avx512_less(x[c], b, off, off);
		dot16(s->tile, x, 8 * b, n_cols, dot);
		dot16(s->tile, x, 8 * b + 4, n_cols, dot);
		for (uint32_t c = 0; c < n_cols; c++) {
			__m512 both = _mm512_mul_ps(d, _mm512_set1_ps(x[c]->d[b]));

			sum[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[c]), both, sum[c]);
			if (has_min)
				sum[c] = _mm512_fnmadd_ps(m, _mm512_set1_ps(x[c]->ds[b]), sum[c]);
		}
	}
	for (uint32_t c = 0; c < n_cols; c++)
		_mm512_storeu_ps(acc + c * LIN_ROWS, sum[c]);
}

/* One block with a scale per 32: exact integers. */
ALWAYS_INLINE void block32(const struct lin_q8_step *s, const struct lin_act *const *x, uint32_t b,
                           const uint32_t n_cols, __m512 *t)
{
	__m512 scale = scale_of(s->tile, b);
	__m512i dot[MAX_COLS];

	for (uint32_t c = 0; c < n_cols; c++)
		dot[c] = s->format->is_signed ? lin_avx512_less(x[c], b, 128, 128) : _mm512_setzero_si512();
	dot16(s->tile, x, 8 * b, n_cols, dot);
	dot16(s->tile, x, 8 * b + 4, n_cols, dot);
	for (uint32_t c = 0; c < n_cols; c++)
		t[c] = _mm512_mul_ps(_mm512_cvtepi32_ps(dot[c]), scale);
}

/* The same with a scale per 16. */
ALWAYS_INLINE void block16(const struct lin_q8_step *s, const struct lin_act *const *x, uint32_t b,
                           const uint32_t n_cols, __m512 *t)
{
	for (uint32_t half = 0; half < 2; half++) {
		__m512 scale = scale_of(s->tile, 2 * b + half);
		int32_t first = half ? 0 : s->format->off, second = s->format->off - first;
		__m512i dot[MAX_COLS];

		for (uint32_t c = 0; c < n_cols; c++)
			dot[c] = lin_avx512_less(x[c], b, first, second);
		dot16(s->tile, x, 8 * b + 4 * half, n_cols, dot);
		for (uint32_t c = 0; c < n_cols; c++) {
			__m512 v = _mm512_cvtepi32_ps(dot[c]);

			t[c] = half ? _mm512_fmadd_ps(v, scale, t[c]) : _mm512_mul_ps(v, scale);
		}
	}
}

/* The minima of a chunk under one factor, times the sums of x. */
ALWAYS_INLINE __m512 low_of(const struct lin_q8_step *s, const struct lin_act *x,
                            const uint32_t sub)
{
	const float *m = s->tile->m;
	__m512 low = _mm512_setzero_ps();

	for (uint32_t b = 0; b < 8; b++) {
		__m512 v;

		if (sub == 32) {
			low = _mm512_fmadd_ps(row_factors(m, b), _mm512_set1_ps(x->ds[b]), low);
			continue;
		}
		v = _mm512_mul_ps(row_factors(m, 2 * b), _mm512_set1_ps((float)x->sum[2 * b]));
		v = _mm512_fmadd_ps(row_factors(m, 2 * b + 1),
		                    _mm512_set1_ps((float)x->sum[2 * b + 1]), v);
		low = _mm512_fmadd_ps(v, _mm512_set1_ps(x->d[b]), low);
	}
	return low;
}

/* Types with integer scales under one factor per 256. */
ALWAYS_INLINE void add_scales(const struct lin_q8_step *s, const struct lin_act *const *x,
                              float *acc, const uint32_t n_cols, const uint32_t sub,
                              const bool has_min)
{
	__m512 part[MAX_COLS], t[MAX_COLS];

	for (uint32_t c = 0; c < n_cols; c++)
		part[c] = _mm512_setzero_ps();
	for (uint32_t b = 0; b < 8; b++) {
		if (sub == 32)
			block32(s, x, b, n_cols, t);
		else
			block16(s, x, b, n_cols, t);
		for (uint32_t c = 0; c < n_cols; c++)
			part[c] = _mm512_fmadd_ps(t[c], _mm512_set1_ps(x[c]->d[b]), part[c]);
	}
	for (uint32_t c = 0; c < n_cols; c++) {
		float *dst = acc + c * LIN_ROWS;
		__m512 sum = _mm512_fmadd_ps(part[c], row_factors(s->tile->d, 0),
		                             _mm512_loadu_ps(dst));

		if (has_min)
			sum = _mm512_fnmadd_ps(row_factors(s->tile->d, 1), low_of(s, x[c], sub),
			                       sum);
		_mm512_storeu_ps(dst, sum);
	}
}

/* n_cols is a constant at each place it is called from. */
ALWAYS_INLINE void q8_cols(const struct lin_q8_step *s, uint32_t col0, const uint32_t n_cols)
{
	const struct quant_format *f = s->format;
	const struct lin_act *x[MAX_COLS];
	float *acc = s->acc + col0 * LIN_ROWS;

	for (uint32_t c = 0; c < n_cols; c++)
		x[c] = s->x[col0 + c] + s->chunk;
	if (!f->has_scales)
		add_factors(s, x, acc, n_cols, f->has_min);
	else if (f->sub == 16)
		add_scales(s, x, acc, n_cols, 16, f->has_min);
	else
		add_scales(s, x, acc, n_cols, 32, f->has_min);
}

static void dot_q8(const struct lin_q8_step *step)
{
	uint32_t c = 0, n = step->n_cols;

	for (; c + 8 <= n; c += 8)
		q8_cols(step, c, 8);
	for (; c + 4 <= n; c += 4)
		q8_cols(step, c, 4);
	for (; c + 2 <= n; c += 2)
		q8_cols(step, c, 2);
	if (c < n)
		q8_cols(step, c, 1);
}

/* As in linear_avx2.c: one vector where two are there. */
ALWAYS_INLINE void f32_blocks(const struct lin_f32_step *s, uint32_t col0, uint32_t k,
                              uint32_t len, const uint32_t n_cols, const uint32_t n_blocks)
{
	const float *w = s->w + k * LIN_ROWS, *x[F32_SUMS];
	float *acc = s->acc + col0 * LIN_ROWS;
	__m512 part[F32_SUMS];

#pragma GCC unroll 12
	for (uint32_t c = 0; c < n_cols; c++)
		x[c] = s->x[col0 + c] + s->k0 + k;

#pragma GCC unroll 12
	for (uint32_t i = 0; i < n_cols * n_blocks; i++)
		part[i] = _mm512_setzero_ps();
	for (uint32_t i = 0; i < len; i++)
#pragma GCC unroll 12
		for (uint32_t b = 0; b < n_blocks; b++) {
			uint32_t at = i + b * LIN_F32_BLOCK;
			__m512 v = _mm512_loadu_ps(w + at * LIN_ROWS);

#pragma GCC unroll 12
			for (uint32_t c = 0; c < n_cols; c++) {
				__m512 *sum = part + b * n_cols + c;

				*sum = _mm512_fmadd_ps(v, _mm512_set1_ps(x[c][at]), *sum);
			}
		}
#pragma GCC unroll 12
	for (uint32_t c = 0; c < n_cols; c++) {
		__m512 sum = _mm512_load_ps(acc + c * LIN_ROWS);

#pragma GCC unroll 12
		for (uint32_t b = 0; b < n_blocks; b++)
			sum = _mm512_add_ps(sum, part[b * n_cols + c]);
		_mm512_store_ps(acc + c * LIN_ROWS, sum);
	}
}

ALWAYS_INLINE void f32_cols(const struct lin_f32_step *s, uint32_t col0, const uint32_t n_cols,
                            const uint32_t n_blocks)
{
	uint32_t k = 0;

	for (; k + n_blocks * LIN_F32_BLOCK <= s->n; k += n_blocks * LIN_F32_BLOCK)
		f32_blocks(s, col0, k, LIN_F32_BLOCK, n_cols, n_blocks);
	for (; k < s->n; k += LIN_F32_BLOCK)
		f32_blocks(s, col0, k, s->n - k < LIN_F32_BLOCK ? s->n - k : LIN_F32_BLOCK, n_cols,
		           1);
}

static void dot_f32(const struct lin_f32_step *step)
{
	uint32_t c = 0, n = step->n_cols;

	for (; c + 12 <= n; c += 12)
		f32_cols(step, c, 12, 1);
	for (; c + 4 <= n; c += 4)
		f32_cols(step, c, 4, 2);
	for (; c < n; c++)
		f32_cols(step, c, 1, 4);
}

const struct lin_isa lin_avx512 = {
	.pack_words = lin_avx2_pack_words,
	.pack_bits = lin_avx2_pack_bits,
	.unpack = unpack_avx2,
	.fill = lin_avx512_fill,
	.fill_fetches = true,
	.dot_q8 = dot_q8,
	.column = lin_avx512_column,
	.columns_at_once = lin_avx512_columns_at_once,
	.most_columns = lin_avx512_most_columns,
	.expand = lin_avx2_expand,
	.widen = lin_avx2_widen,
	.transpose = lin_avx2_transpose,
	.dot_f32 = dot_f32,
	.quantise = lin_avx2_quantise,
};
