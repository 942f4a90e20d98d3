/* linear_avx2_q8.c - class Q8 with AVX2.
 *
 * A vector of the tile holds 4 elements of each of 8 rows; multiplying it with 4
 * broadcast activations gives 8 partial dots, one per row, that never need a sum
 * across lanes. Both vectors of a tile's rows go together, so that an activation
 * is loaded once for 16 rows. */
#include <immintrin.h>

#include "linear_avx2.h"

#define ALWAYS_INLINE __attribute__((always_inline)) static inline
#define MAX_COLS 4u
#define HALVES 2u /* vectors of 8 rows */

/* What the compiler has to know of a type. */
struct kind {
	uint32_t sub;
	uint32_t depth; /* products whose pairs fit 16 bits when added up */
	bool is_signed, has_min, has_scales;
};

typedef const struct lin_act *const *columns;

/* Four activations, for every row. */
ALWAYS_INLINE __m256i act_q(const struct lin_act *x, uint32_t k4)
{
	int32_t four;

	__builtin_memcpy(&four, x->q + 4 * k4, sizeof(four));
	return _mm256_set1_epi32(four);
}

/* The two sums of 16 activations of block b, for every row. */
ALWAYS_INLINE __m256i act_sums(const struct lin_act *x, uint32_t b)
{
	int32_t two;

	__builtin_memcpy(&two, x->sum + 2 * b, sizeof(two));
	return _mm256_set1_epi32(two);
}

ALWAYS_INLINE __m256i tile_q(const struct lin_tile *t, uint32_t k4, uint32_t h)
{
	const uint8_t *q = t->q + 4 * LIN_ROWS * k4 + 32 * h;

	return _mm256_load_si256((const __m256i *)(const void *)q);
}

ALWAYS_INLINE __m256i scales(const struct lin_tile *t, uint32_t sub, uint32_t h,
                             const struct kind k)
{
	const int32_t *s = t->s + sub * LIN_ROWS + 8 * h;

	if (!k.has_scales)
		return _mm256_set1_epi16(1);
	return _mm256_load_si256((const __m256i *)(const void *)s);
}

/* sum + v, here and now: left to itself the compiler makes all products first,
 * for which there are no registers. */
ALWAYS_INLINE __m256i add_pairs(__m256i sum, __m256i v)
{
	__asm__("vpaddw %1, %0, %0" : "+x"(sum) : "x"(v));
	return sum;
}

ALWAYS_INLINE __m256i add_dots(__m256i sum, __m256i v)
{
	__asm__("vpaddd %1, %0, %0" : "+x"(sum) : "x"(v));
	return sum;
}

/* k.depth vectors of the tile from k4 on times each column, times a scale of the
 * row, added to dot. */
ALWAYS_INLINE void dots(const struct lin_tile *t, columns x, uint32_t k4, const uint32_t n_cols,
                        const struct kind k, const __m256i s[HALVES], __m256i dot[][HALVES])
{
	__m256i pairs[MAX_COLS][HALVES];

	for (uint32_t c = 0; c < n_cols; c++)
		pairs[c][0] = pairs[c][1] = _mm256_setzero_si256();
#pragma GCC unroll 8
	for (uint32_t j = 0; j < k.depth; j++) {
		__m256i w0 = tile_q(t, k4 + j, 0), w1 = tile_q(t, k4 + j, 1);

		for (uint32_t c = 0; c < n_cols; c++) {
			__m256i xq = act_q(x[c], k4 + j);

			pairs[c][0] = add_pairs(pairs[c][0], _mm256_maddubs_epi16(w0, xq));
			pairs[c][1] = add_pairs(pairs[c][1], _mm256_maddubs_epi16(w1, xq));
		}
	}
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < HALVES; h++)
			dot[c][h] = add_dots(dot[c][h], _mm256_madd_epi16(pairs[c][h], s[h]));
}

/* The same for signed quants, one vector: |w| times x with the sign of w. */
ALWAYS_INLINE void dots_signed(const struct lin_tile *t, columns x, uint32_t k4,
                               const uint32_t n_cols, const __m256i s[HALVES],
                               __m256i dot[][HALVES])
{
	__m256i w0 = tile_q(t, k4, 0), w1 = tile_q(t, k4, 1);
	__m256i abs0 = _mm256_abs_epi8(w0), abs1 = _mm256_abs_epi8(w1);

	for (uint32_t c = 0; c < n_cols; c++) {
		__m256i xq = act_q(x[c], k4);
		__m256i v0 = _mm256_maddubs_epi16(abs0, _mm256_sign_epi8(xq, w0));
		__m256i v1 = _mm256_maddubs_epi16(abs1, _mm256_sign_epi8(xq, w1));

		dot[c][0] = add_dots(dot[c][0], _mm256_madd_epi16(v0, s[0]));
		dot[c][1] = add_dots(dot[c][1], _mm256_madd_epi16(v1, s[1]));
	}
}

/* The offset of unsigned quants times the sums of block b, scaled as its dots. */
ALWAYS_INLINE void take_offset(columns x, uint32_t b, int32_t off, const uint32_t n_cols,
                               const __m256i s0[HALVES], const __m256i s1[HALVES],
                               __m256i dot[][HALVES])
{
	for (uint32_t h = 0; h < HALVES; h++) {
		__m256i s = _mm256_mullo_epi16(_mm256_blend_epi16(s0[h], s1[h], 0xaa),
		                               _mm256_set1_epi16((short)-off));

		for (uint32_t c = 0; c < n_cols; c++)
			dot[c][h] = _mm256_add_epi32(dot[c][h],
			                             _mm256_madd_epi16(act_sums(x[c], b), s));
	}
}

/* Block b of 32: exact integers as floats. */
ALWAYS_INLINE void dot_block(const struct lin_q8_step *st, columns x, uint32_t b,
                             const uint32_t n_cols, const struct kind k, __m256 out[][HALVES])
{
	__m256i dot[MAX_COLS][HALVES], s[2][HALVES];

	for (uint32_t h = 0; h < HALVES; h++) {
		s[0][h] = scales(st->tile, k.sub == 16 ? 2 * b : b, h, k);
		s[1][h] = k.sub == 16 ? scales(st->tile, 2 * b + 1, h, k) : s[0][h];
		for (uint32_t c = 0; c < n_cols; c++)
			dot[c][h] = _mm256_setzero_si256();
	}
#pragma GCC unroll 8
	for (uint32_t i = 0; i < 8; i += k.depth) {
		if (k.is_signed)
			dots_signed(st->tile, x, 8 * b + i, n_cols, s[0], dot);
		else
			dots(st->tile, x, 8 * b + i, n_cols, k, s[i / 4], dot);
	}
	if (!k.is_signed && !k.has_min)
		take_offset(x, b, st->format->off, n_cols, s[0], s[1], dot);
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < HALVES; h++)
			out[c][h] = _mm256_cvtepi32_ps(dot[c][h]);
}

ALWAYS_INLINE __m256 row_factors(const float *v, uint32_t i, uint32_t h)
{
	return _mm256_load_ps(v + i * LIN_ROWS + 8 * h);
}

/* Types with a factor per 32. */
ALWAYS_INLINE void add_factors(const struct lin_q8_step *st, columns x, const uint32_t n_cols,
                               const struct kind k, float *acc)
{
	__m256 sum[MAX_COLS][HALVES], t[MAX_COLS][HALVES];

	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < HALVES; h++)
			sum[c][h] = row_factors(acc, c, h);
	for (uint32_t b = 0; b < st->blocks; b++) {
		dot_block(st, x, b, n_cols, k, t);
		for (uint32_t c = 0; c < n_cols; c++) {
			__m256 xd = _mm256_broadcast_ss(x[c]->d + b);
			__m256 ds = _mm256_broadcast_ss(x[c]->ds + b);

			for (uint32_t h = 0; h < HALVES; h++) {
				__m256 d = _mm256_mul_ps(row_factors(st->tile->d, b, h), xd);

				sum[c][h] = _mm256_fmadd_ps(t[c][h], d, sum[c][h]);
				if (k.has_min)
					sum[c][h] = _mm256_fnmadd_ps(
						row_factors(st->tile->m, b, h), ds, sum[c][h]);
			}
		}
	}
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < HALVES; h++)
			_mm256_storeu_ps(acc + c * LIN_ROWS + 8 * h, sum[c][h]);
}

/* The minima of a chunk under one factor, times the sums of x. */
ALWAYS_INLINE __m256 low_of(const struct lin_tile *t, const struct lin_act *x, uint32_t h,
                            const struct kind k)
{
	__m256 low = _mm256_setzero_ps();

	for (uint32_t b = 0; b < 8; b++) {
		__m256 v;

		if (k.sub == 32) {
			low = _mm256_fmadd_ps(row_factors(t->m, b, h),
			                      _mm256_broadcast_ss(x->ds + b), low);
			continue;
		}
		v = _mm256_mul_ps(row_factors(t->m, 2 * b, h),
		                  _mm256_set1_ps((float)x->sum[2 * b]));
		v = _mm256_fmadd_ps(row_factors(t->m, 2 * b + 1, h),
		                    _mm256_set1_ps((float)x->sum[2 * b + 1]), v);
		low = _mm256_fmadd_ps(v, _mm256_broadcast_ss(x->d + b), low);
	}
	return low;
}

/* Types with integer scales under one factor per 256. */
ALWAYS_INLINE void add_scales(const struct lin_q8_step *st, columns x, const uint32_t n_cols,
                              const struct kind k, float *acc)
{
	__m256 part[MAX_COLS][HALVES], t[MAX_COLS][HALVES];

	for (uint32_t c = 0; c < n_cols; c++)
		part[c][0] = part[c][1] = _mm256_setzero_ps();
	for (uint32_t b = 0; b < 8; b++) {
		dot_block(st, x, b, n_cols, k, t);
		for (uint32_t c = 0; c < n_cols; c++) {
			__m256 xd = _mm256_broadcast_ss(x[c]->d + b);

			for (uint32_t h = 0; h < HALVES; h++)
				part[c][h] = _mm256_fmadd_ps(t[c][h], xd, part[c][h]);
		}
	}
	for (uint32_t c = 0; c < n_cols; c++) {
		for (uint32_t h = 0; h < HALVES; h++) {
			float *dst = acc + c * LIN_ROWS + 8 * h;
			__m256 sum = _mm256_fmadd_ps(part[c][h], row_factors(st->tile->d, 0, h),
			                             _mm256_loadu_ps(dst));

			if (k.has_min)
				sum = _mm256_fnmadd_ps(row_factors(st->tile->d, 1, h),
				                       low_of(st->tile, x[c], h, k), sum);
			_mm256_storeu_ps(dst, sum);
		}
	}
}

ALWAYS_INLINE void cols(const struct lin_q8_step *st, uint32_t col0, const uint32_t n_cols,
                        const struct kind k)
{
	const struct lin_act *x[MAX_COLS];
	float *acc = st->acc + col0 * LIN_ROWS;

	for (uint32_t c = 0; c < n_cols; c++)
		x[c] = st->x[col0 + c] + st->chunk;
	if (k.has_scales)
		add_scales(st, x, n_cols, k, acc);
	else
		add_factors(st, x, n_cols, k, acc);
}

/* k is a constant at each place this is called from. */
ALWAYS_INLINE void all_cols(const struct lin_q8_step *st, const struct kind k)
{
	uint32_t c = 0, n = st->n_cols;

	for (; c + 4 <= n && n - c != 5; c += 4)
		cols(st, c, 4, k);
	if (n - c == 3 || n - c == 5) { /* one alone costs as much as two */
		cols(st, c, 3, k);
		c += 3;
	}
	if (n - c == 2)
		cols(st, c, 2, k);
	else if (n - c == 1)
		cols(st, c, 1, k);
}

/* Sums of `depth` pairs stay below 2^15: 2 * 8 * 15 * 127, 2 * 4 * 31 * 127,
 * 2 * 2 * 63 * 127, and 2 * 128 * 127 of the signed. */
static void signed_factors(const struct lin_q8_step *s)
{
	all_cols(s, (struct kind){.sub = 32, .depth = 1, .is_signed = true});
}

static void offset_factors(const struct lin_q8_step *s)
{
	all_cols(s, (struct kind){.sub = 32, .depth = 4});
}

static void min_factors(const struct lin_q8_step *s)
{
	all_cols(s, (struct kind){.sub = 32, .depth = 4, .has_min = true});
}

static void q4_k(const struct lin_q8_step *s)
{
	all_cols(s, (struct kind){.sub = 32, .depth = 8, .has_min = true, .has_scales = true});
}

static void q5_k(const struct lin_q8_step *s)
{
	all_cols(s, (struct kind){.sub = 32, .depth = 4, .has_min = true, .has_scales = true});
}

static void iq4_xs(const struct lin_q8_step *s)
{
	all_cols(s, (struct kind){.sub = 32, .depth = 1, .is_signed = true, .has_scales = true});
}

static void q2_k(const struct lin_q8_step *s)
{
	all_cols(s, (struct kind){.sub = 16, .depth = 4, .has_min = true, .has_scales = true});
}

static void offset_scales16(const struct lin_q8_step *s)
{
	all_cols(s, (struct kind){.sub = 16, .depth = 2, .has_scales = true});
}

void lin_avx2_dot_q8(const struct lin_q8_step *s)
{
	const struct quant_format *f = s->format;

	if (!f->has_scales)
		(f->is_signed ? signed_factors : f->has_min ? min_factors : offset_factors)(s);
	else if (f->sub == 16)
		(f->has_min ? q2_k : offset_scales16)(s);
	else if (f->is_signed)
		iq4_xs(s);
	else
		(f->bytes == 144 ? q4_k : q5_k)(s);
}
