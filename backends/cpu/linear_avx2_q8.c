/* linear_avx2_q8.c - class Q8 with AVX2.
 *
 * A tile has 8 rows. Its quants lie as [k / 4][row][4], its scales as
 * [sub-block][row]: one vector holds 4 elements of each row, and multiplying it
 * with 4 broadcast activations gives 8 partial dots, one per row, that never
 * need a sum across lanes. */
#include "linear_avx2_q8.h"

#include "linear_avx2.h"

#define ROWS 8u
#define MAX_COLS 4u

static inline __m256i tile_q(const struct lin_q8_step *s, uint32_t k4)
{
	return _mm256_load_si256((const __m256i *)(const void *)(s->tile->q + k4 * 4 * ROWS));
}

/* Dots of 4 vectors of the tile from k4 on, unsigned quants. Pairs of products
 * are added in 16 bits `depth` vectors deep: 2 * 4 * 31 * 127 and
 * 2 * 2 * 63 * 127 both fit. */
ALWAYS_INLINE void dot16(const struct lin_q8_step *s, const struct lin_act *const *x, uint32_t k4,
                         const uint32_t n_cols, const uint32_t depth, __m256i *dot)
{
	const __m256i ones = _mm256_set1_epi16(1);
	__m256i pairs[MAX_COLS];

	for (uint32_t j = 0; j < 4; j++) {
		__m256i w = tile_q(s, k4 + j);

		for (uint32_t c = 0; c < n_cols; c++) {
			__m256i v = _mm256_maddubs_epi16(w, act_q(x[c], k4 + j));

			pairs[c] = j % depth ? _mm256_add_epi16(pairs[c], v) : v;
			if (j % depth < depth - 1)
				continue;
			dot[c] = _mm256_add_epi32(dot[c], _mm256_madd_epi16(pairs[c], ones));
		}
	}
}

/* The same for signed quants: |w| times x with the sign of w. */
ALWAYS_INLINE void dot16_signed(const struct lin_q8_step *s, const struct lin_act *const *x,
                                uint32_t k4, const uint32_t n_cols, __m256i *dot)
{
	const __m256i ones = _mm256_set1_epi16(1);

	for (uint32_t j = 0; j < 4; j++) {
		__m256i w = tile_q(s, k4 + j), abs = _mm256_abs_epi8(w);

		for (uint32_t c = 0; c < n_cols; c++) {
			__m256i xs = _mm256_sign_epi8(act_q(x[c], k4 + j), w);

			dot[c] = _mm256_add_epi32(
				dot[c], _mm256_madd_epi16(_mm256_maddubs_epi16(abs, xs), ones));
		}
	}
}

/* Formats with a scale per 32. */
ALWAYS_INLINE void cols_sub32(const struct lin_q8_step *s, const struct lin_act *const *x,
                              float *acc, const uint32_t n_cols, const enum quant_kind kind)
{
	__m256 sum[MAX_COLS];

	for (uint32_t c = 0; c < n_cols; c++)
		sum[c] = _mm256_loadu_ps(acc + c * ROWS);
	for (uint32_t b = 0; b < s->blocks; b++) {
		__m256i dot[MAX_COLS];

		for (uint32_t c = 0; c < n_cols; c++)
			dot[c] = _mm256_setzero_si256();
		for (uint32_t k4 = 8 * b; k4 < 8 * b + 8; k4 += 4) {
			if (kind == SIGNED)
				dot16_signed(s, x, k4, n_cols, dot);
			else
				dot16(s, x, k4, n_cols, 4, dot);
		}
		for (uint32_t c = 0; c < n_cols; c++)
			sum[c] = add_sub32(sum[c], dot[c], s->tile->d + b * ROWS,
			                   s->tile->m + b * ROWS, x[c], b, s->format->off, kind);
	}
	for (uint32_t c = 0; c < n_cols; c++)
		_mm256_storeu_ps(acc + c * ROWS, sum[c]);
}

/* Formats with a scale per 16, all of them unsigned. */
ALWAYS_INLINE void cols_sub16(const struct lin_q8_step *s, const struct lin_act *const *x,
                              float *acc, const uint32_t n_cols, const enum quant_kind kind)
{
	__m256 sum[MAX_COLS];

	for (uint32_t c = 0; c < n_cols; c++)
		sum[c] = _mm256_loadu_ps(acc + c * ROWS);
	for (uint32_t b = 0; b < s->blocks; b++) {
		__m256i dot[2][MAX_COLS];

		for (uint32_t half = 0; half < 2; half++) {
			for (uint32_t c = 0; c < n_cols; c++)
				dot[half][c] = _mm256_setzero_si256();
			dot16(s, x, 8 * b + 4 * half, n_cols, 2, dot[half]);
		}
		for (uint32_t c = 0; c < n_cols; c++)
			sum[c] = add_sub16(sum[c], dot[0][c], dot[1][c],
			                   s->tile->d + 2 * b * ROWS, s->tile->m + 2 * b * ROWS,
			                   x[c], b, s->format->off, kind);
	}
	for (uint32_t c = 0; c < n_cols; c++)
		_mm256_storeu_ps(acc + c * ROWS, sum[c]);
}

/* n_cols is a constant at each place it is called from. */
ALWAYS_INLINE void cols(const struct lin_q8_step *s, const struct lin_act *const *x, float *acc,
                        const uint32_t n_cols)
{
	const struct quant_format *f = s->format;

	if (f->sub == 16 && f->has_min)
		cols_sub16(s, x, acc, n_cols, UNSIGNED_MIN);
	else if (f->sub == 16)
		cols_sub16(s, x, acc, n_cols, UNSIGNED_OFFSET);
	else if (f->is_signed)
		cols_sub32(s, x, acc, n_cols, SIGNED);
	else if (f->has_min)
		cols_sub32(s, x, acc, n_cols, UNSIGNED_MIN);
	else
		cols_sub32(s, x, acc, n_cols, UNSIGNED_OFFSET);
}

void lin_avx2_dot_q8(const struct lin_q8_step *step)
{
	for (uint32_t c = 0; c < step->n_cols; c += MAX_COLS) {
		const struct lin_act *x[MAX_COLS];
		uint32_t n = step->n_cols - c < MAX_COLS ? step->n_cols - c : MAX_COLS;
		float *acc = step->acc + c * ROWS;

		for (uint32_t i = 0; i < n; i++)
			x[i] = step->x[c + i] + step->chunk;
		if (n == 4)
			cols(step, x, acc, 4);
		else if (n == 3)
			cols(step, x, acc, 3);
		else if (n == 2)
			cols(step, x, acc, 2);
		else
			cols(step, x, acc, 1);
	}
}
