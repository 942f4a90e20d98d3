/* linear_avx512.c - both classes with AVX-512 and VNNI. Tiles and kernels are
 * those of linear_avx2_q8.c and linear_avx2.c, twice as wide; tiles are filled,
 * and rows converted, with AVX2.
 *
 * VNNI multiplies unsigned by signed bytes, so quants that are signed are stored
 * with 128 added, which the offset takes back exactly.
 *
 * A test compiles this file with SIMDe, to run it on machines without AVX-512. */
#ifdef LIN_SIMDE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

/* Missing there. */
static inline simde__m512 simde_cvtepi32_ps(simde__m512i v)
{
	simde__m512i_private from = simde__m512i_to_private(v);
	simde__m512_private to;

	for (int i = 0; i < 16; i++)
		to.f32[i] = (float)from.i32[i];
	return simde__m512_from_private(to);
}
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps simde_cvtepi32_ps
#else
#include <immintrin.h>
#endif

#include "linear_avx2.h"
#include "unpack_avx2.h"

#define ROWS 16u
#define LANES 16u
#define MAX_COLS 8u
#define F32_COLS 4u
#define ALWAYS_INLINE __attribute__((always_inline)) static inline

static void fill(uint32_t dtype, const uint8_t *w, uint64_t stride, uint32_t blocks,
                 struct lin_tile *tile)
{
	lin_avx2_fill16(dtype, w, stride, blocks, quant_format(dtype)->is_signed ? 0x80 : 0, tile);
}

/* Reading the weights is what takes time here, so two halves in AVX2 do. */
static bool column(const struct lin_column *c)
{
	struct lin_column second = *c;

	second.w += 8 * c->stride;
	second.next += 8 * c->stride;
	second.acc += 8;
	return lin_avx2_column(c) && lin_avx2_column(&second);
}

/* Four activations, for every row. */
static inline __m512i act_q(const struct lin_act *x, uint32_t k4)
{
	int32_t four;

	__builtin_memcpy(&four, x->q + 4 * k4, sizeof(four));
	return _mm512_set1_epi32(four);
}

/* Dots of 4 vectors of the tile from k4 on. */
ALWAYS_INLINE void dot16(const struct lin_q8_step *s, const struct lin_act *const *x, uint32_t k4,
                         const uint32_t n_cols, __m512i *dot)
{
	for (uint32_t j = k4; j < k4 + 4; j++) {
		__m512i w = _mm512_load_si512((const void *)(s->tile->q + j * 4 * ROWS));

		for (uint32_t c = 0; c < n_cols; c++)
			dot[c] = _mm512_dpbusd_epi32(dot[c], w, act_q(x[c], j));
	}
}

static inline __m512 scale_of(const float *v, uint32_t sub)
{
	return _mm512_load_ps(v + sub * ROWS);
}

/* Formats with a scale per 32. */
ALWAYS_INLINE void cols_sub32(const struct lin_q8_step *s, const struct lin_act *const *x,
                              float *acc, const uint32_t n_cols, const bool has_min)
{
	int32_t off = s->format->is_signed ? 128 : s->format->off;
	__m512 sum[MAX_COLS];

	for (uint32_t c = 0; c < n_cols; c++)
		sum[c] = _mm512_loadu_ps(acc + c * ROWS);
	for (uint32_t b = 0; b < s->blocks; b++) {
		__m512 d = scale_of(s->tile->d, b);
		__m512i dot[MAX_COLS];

		for (uint32_t c = 0; c < n_cols; c++)
			dot[c] = _mm512_set1_epi32(-off * (x[c]->sum[2 * b] +
			                                   x[c]->sum[2 * b + 1]));
		dot16(s, x, 8 * b, n_cols, dot);
		dot16(s, x, 8 * b + 4, n_cols, dot);
		for (uint32_t c = 0; c < n_cols; c++) {
			__m512 v = _mm512_mul_ps(_mm512_cvtepi32_ps(dot[c]), d);

			v = _mm512_mul_ps(v, _mm512_set1_ps(x[c]->d[b]));
			sum[c] = _mm512_add_ps(sum[c], v);
			if (has_min)
				sum[c] = _mm512_sub_ps(sum[c],
				                       _mm512_mul_ps(scale_of(s->tile->m, b),
				                                     _mm512_set1_ps(x[c]->ds[b])));
		}
	}
	for (uint32_t c = 0; c < n_cols; c++)
		_mm512_storeu_ps(acc + c * ROWS, sum[c]);
}

/* Two halves with factors of their own, added, times the activation's scale. */
static inline __m512 halves(const float *factor, uint32_t b, __m512 v0, __m512 v1, __m512 xd)
{
	__m512 a = _mm512_mul_ps(v0, scale_of(factor, 2 * b));
	__m512 c = _mm512_mul_ps(v1, scale_of(factor, 2 * b + 1));

	return _mm512_mul_ps(_mm512_add_ps(a, c), xd);
}

/* Formats with a scale per 16, all of them unsigned. */
ALWAYS_INLINE void cols_sub16(const struct lin_q8_step *s, const struct lin_act *const *x,
                              float *acc, const uint32_t n_cols, const bool has_min)
{
	__m512 sum[MAX_COLS];

	for (uint32_t c = 0; c < n_cols; c++)
		sum[c] = _mm512_loadu_ps(acc + c * ROWS);
	for (uint32_t b = 0; b < s->blocks; b++) {
		__m512i dot[2][MAX_COLS];

		for (uint32_t half = 0; half < 2; half++) {
			for (uint32_t c = 0; c < n_cols; c++)
				dot[half][c] = _mm512_set1_epi32(-s->format->off *
				                                 x[c]->sum[2 * b + half]);
			dot16(s, x, 8 * b + 4 * half, n_cols, dot[half]);
		}
		for (uint32_t c = 0; c < n_cols; c++) {
			__m512 xd = _mm512_set1_ps(x[c]->d[b]);
			__m512 sum0 = _mm512_set1_ps((float)x[c]->sum[2 * b]);
			__m512 sum1 = _mm512_set1_ps((float)x[c]->sum[2 * b + 1]);

			sum[c] = _mm512_add_ps(sum[c],
			                       halves(s->tile->d, b, _mm512_cvtepi32_ps(dot[0][c]),
			                              _mm512_cvtepi32_ps(dot[1][c]), xd));
			if (has_min)
				sum[c] = _mm512_sub_ps(sum[c],
				                       halves(s->tile->m, b, sum0, sum1, xd));
		}
	}
	for (uint32_t c = 0; c < n_cols; c++)
		_mm512_storeu_ps(acc + c * ROWS, sum[c]);
}

/* n_cols is a constant at each place it is called from. */
ALWAYS_INLINE void q8_cols(const struct lin_q8_step *s, uint32_t col0, const uint32_t n_cols)
{
	const struct quant_format *f = s->format;
	const struct lin_act *x[MAX_COLS];
	float *acc = s->acc + col0 * ROWS;

	for (uint32_t c = 0; c < n_cols; c++)
		x[c] = s->x[col0 + c] + s->chunk;
	if (f->sub == 16 && f->has_min)
		cols_sub16(s, x, acc, n_cols, true);
	else if (f->sub == 16)
		cols_sub16(s, x, acc, n_cols, false);
	else if (f->has_min)
		cols_sub32(s, x, acc, n_cols, true);
	else
		cols_sub32(s, x, acc, n_cols, false);
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

/* n <= LANES elements, and zeros; short at most once in a row */
static inline __m512 load_lanes(const float *p, uint32_t n)
{
	float lanes[LANES] = {0};

	if (n == LANES)
		return _mm512_loadu_ps(p);
	__builtin_memcpy(lanes, p, n * sizeof(float));
	return _mm512_loadu_ps(lanes);
}

ALWAYS_INLINE void f32_cols(const struct lin_f32_step *s, uint32_t col0, const uint32_t n_cols)
{
	__m512 sum[F32_COLS][LIN_F32_ROWS], x[F32_COLS];
	float *acc = s->acc + col0 * LIN_F32_ROWS * LANES;

	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t r = 0; r < LIN_F32_ROWS; r++)
			sum[c][r] = _mm512_load_ps(acc + (c * LIN_F32_ROWS + r) * LANES);
	for (uint32_t i = 0; i < s->n; i += LANES) {
		uint32_t n = s->n - i < LANES ? s->n - i : LANES;

		for (uint32_t c = 0; c < n_cols; c++)
			x[c] = load_lanes(s->x[col0 + c] + s->k0 + i, n);
		for (uint32_t r = 0; r < LIN_F32_ROWS; r++) {
			__m512 w = load_lanes(s->w[r] + i, n);

			for (uint32_t c = 0; c < n_cols; c++)
				sum[c][r] = _mm512_fmadd_ps(w, x[c], sum[c][r]);
		}
	}
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t r = 0; r < LIN_F32_ROWS; r++)
			_mm512_store_ps(acc + (c * LIN_F32_ROWS + r) * LANES, sum[c][r]);
}

static void dot_f32(const struct lin_f32_step *step)
{
	uint32_t c = 0, n = step->n_cols;

	for (; c + 4 <= n; c += 4)
		f32_cols(step, c, 4);
	for (; c + 2 <= n; c += 2)
		f32_cols(step, c, 2);
	if (c < n)
		f32_cols(step, c, 1);
}

const struct lin_isa lin_avx512 = {
	.rows = ROWS,
	.lanes = LANES,
	.unpack = unpack_avx2,
	.fill = fill,
	.dot_q8 = dot_q8,
	.column = column,
	.expand = lin_avx2_expand,
	.widen = lin_avx2_widen,
	.dot_f32 = dot_f32,
	.quantise = lin_avx2_quantise,
};
