/* column_avx2.c - class Q8 with AVX2 for up to three columns: packed quants
 * are multiplied as they come, 16 rows at a time, and never stored as a tile. The sums
 * are those of linear_avx2_q8.c. */
#include "linear_avx2.h"
#include "rows_avx2.h"

enum { HALVES = 2, MAX_COLS = 3, AHEAD = 24576 };

/* What the compiler has to know of a type. */
struct kind {
	uint32_t dtype, bytes; /* of a block                                         */
	uint32_t sub, depth;   /* depth: products whose pairs fit 16 bits; 1: signed */
	int32_t off;
	bool has_min, has_scales;
	uint32_t n_cols;
};

typedef const struct lin_act *const columns[MAX_COLS];

/* The scales of a chunk's rows, as in struct lin_tile. */
struct scales {
	_Alignas(64) float d[LIN_ROWS * 8], m[LIN_ROWS * 16];
	_Alignas(64) int32_t s[LIN_ROWS * 16];
};

ROWS_INLINE __m256 factors(const float *v, uint32_t i, uint32_t h)
{
	return _mm256_load_ps(v + i * LIN_ROWS + 8 * h);
}

ROWS_INLINE __m256i integers(const struct scales *s, uint32_t sub, uint32_t h)
{
	const int32_t *p = s->s + sub * LIN_ROWS + 8 * h;

	return _mm256_load_si256((const __m256i *)(const void *)p);
}

/* Four activations, or the two sums of a block, for every row. */
ROWS_INLINE __m256i broadcast(const void *four_bytes)
{
	int32_t v;

	__builtin_memcpy(&v, four_bytes, sizeof(v));
	return _mm256_set1_epi32(v);
}

/* sum + v, here and now: left to itself the compiler makes all products first,
 * for which there are no registers. */
ROWS_INLINE __m256i add16(__m256i sum, __m256i v)
{
	__asm__("vpaddw %1, %0, %0" : "+x"(sum) : "x"(v));
	return sum;
}

ROWS_INLINE __m256i add32(__m256i sum, __m256i v)
{
	__asm__("vpaddd %1, %0, %0" : "+x"(sum) : "x"(v));
	return sum;
}

ROWS_INLINE __m256i product(const struct kind k, __m256i w, __m256i x)
{
	if (k.depth == 1)
		return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
	return _mm256_maddubs_epi16(w, x);
}

/* The offset of quants times the sums of block b, scaled as its dots. */
ROWS_INLINE void take_offset(const struct kind k, columns x, uint32_t b,
                             __m256i scale[2][HALVES], __m256i dot[MAX_COLS][HALVES])
{
	for (uint32_t h = 0; h < HALVES; h++) {
		__m256i v = _mm256_blend_epi16(scale[0][h], scale[1][h], 0xaa);

		v = _mm256_mullo_epi16(v, _mm256_set1_epi16((short)-k.off));
		for (uint32_t c = 0; c < k.n_cols; c++)
			dot[c][h] = _mm256_add_epi32(
				dot[c][h], _mm256_madd_epi16(broadcast(x[c]->sum + 2 * b), v));
	}
}

/* Block b of a chunk times the 32 activations of each column, scaled: exact
 * integers. `in` is the block's place in the rows' own block. */
ROWS_INLINE void dot_block(const struct kind k, const uint8_t *w, columns x, uint32_t b,
                           const uint32_t in, const struct scales *s,
                           __m256i dot[MAX_COLS][HALVES])
{
	__m256i scale[2][HALVES], pairs[MAX_COLS][HALVES];

	for (uint32_t h = 0; h < HALVES; h++) {
		for (uint32_t c = 0; c < k.n_cols; c++)
			dot[c][h] = _mm256_setzero_si256();
		for (uint32_t i = 0; i < 2; i++)
			scale[i][h] = k.has_scales
			                      ? integers(s, k.sub == 16 ? 2 * b + i : b, h)
			                      : _mm256_set1_epi16(1);
	}
#pragma GCC unroll 8
	for (uint32_t i = 0; i < 8; i++) {
		for (uint32_t h = 0; h < HALVES; h++) {
			__m256i q = rows_quants(k.dtype, (struct rows){w, 8 * h}, in, i);

			for (uint32_t c = 0; c < k.n_cols; c++) {
				__m256i p = product(k, q, broadcast(x[c]->q + 32 * b + 4 * i));
				__m256i *sum = &pairs[c][h];

				*sum = i % k.depth ? add16(*sum, p) : p;
				if (i % k.depth == k.depth - 1)
					dot[c][h] = add32(dot[c][h], _mm256_madd_epi16(
						*sum, scale[i / 4][h]));
			}
		}
	}
	if (k.off)
		take_offset(k, x, b, scale, dot);
}

ROWS_INLINE void take_scales(const struct kind k, const uint8_t *w, uint32_t b, struct scales *s)
{
	for (uint32_t h = 0; h < HALVES; h++)
		rows_scales(k.dtype, (struct rows){w, 8 * h}, b,
		            (struct rows_scales){s->d + 8 * h, s->m + 8 * h, s->s + 8 * h});
}

/* What comes AHEAD bytes later, to the second level: the hardware stops at the
 * borders of pages. */
ROWS_INLINE void fetch(const uint8_t *w, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i += 64)
		__builtin_prefetch(w + AHEAD + i, 0, 2);
}

/* Types with a factor per 32. */
ROWS_INLINE void add_factors(const struct kind k, const uint8_t *w, columns x, uint32_t blocks,
                             __m256 sum[MAX_COLS][HALVES])
{
	struct scales s;
	__m256i dot[MAX_COLS][HALVES];

	for (uint32_t b = 0; b < blocks; b++, w += LIN_ROWS * k.bytes) {
		fetch(w, LIN_ROWS * k.bytes);
		take_scales(k, w, 0, &s);
		dot_block(k, w, x, b, 0, &s, dot);
		for (uint32_t c = 0; c < k.n_cols; c++) {
			__m256 xd = _mm256_broadcast_ss(x[c]->d + b);
			__m256 ds = _mm256_broadcast_ss(x[c]->ds + b);

			for (uint32_t h = 0; h < HALVES; h++) {
				__m256 d = _mm256_mul_ps(factors(s.d, 0, h), xd), *to = &sum[c][h];

				*to = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[c][h]), d, *to);
				if (k.has_min)
					*to = _mm256_fnmadd_ps(factors(s.m, 0, h), ds, *to);
			}
		}
	}
}

/* The minima of block b times the sums of x. */
ROWS_INLINE __m256 add_low(const struct kind k, const struct scales *s, const struct lin_act *x,
                           uint32_t b, uint32_t h, __m256 low)
{
	__m256 v;

	if (k.sub == 32)
		return _mm256_fmadd_ps(factors(s->m, b, h), _mm256_broadcast_ss(x->ds + b), low);
	v = _mm256_mul_ps(factors(s->m, 2 * b, h), _mm256_set1_ps((float)x->sum[2 * b]));
	v = _mm256_fmadd_ps(factors(s->m, 2 * b + 1, h), _mm256_set1_ps((float)x->sum[2 * b + 1]),
	                    v);
	return _mm256_fmadd_ps(v, _mm256_broadcast_ss(x->d + b), low);
}

/* Types with integer scales under one factor per 256. */
ROWS_INLINE void add_scales(const struct kind k, const uint8_t *w, columns x,
                            __m256 sum[MAX_COLS][HALVES])
{
	__m256 part[MAX_COLS][HALVES], low[MAX_COLS][HALVES];
	struct scales s;
	__m256i dot[MAX_COLS][HALVES];

	for (uint32_t c = 0; c < k.n_cols; c++)
		for (uint32_t h = 0; h < HALVES; h++)
			part[c][h] = low[c][h] = _mm256_setzero_ps();
	fetch(w, LIN_ROWS * k.bytes);
	take_scales(k, w, 0, &s);
#pragma GCC unroll 8
	for (uint32_t b = 0; b < 8; b++) {
		dot_block(k, w, x, b, b, &s, dot);
		for (uint32_t c = 0; c < k.n_cols; c++) {
			__m256 xd = _mm256_broadcast_ss(x[c]->d + b);

			for (uint32_t h = 0; h < HALVES; h++) {
				part[c][h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[c][h]), xd,
				                             part[c][h]);
				if (k.has_min)
					low[c][h] = add_low(k, &s, x[c], b, h, low[c][h]);
			}
		}
	}
	for (uint32_t c = 0; c < k.n_cols; c++) {
		for (uint32_t h = 0; h < HALVES; h++) {
			__m256 *to = &sum[c][h];

			*to = _mm256_fmadd_ps(part[c][h], factors(s.d, 0, h), *to);
			if (k.has_min)
				*to = _mm256_fnmadd_ps(factors(s.d, 1, h), low[c][h], *to);
		}
	}
}

/* One type, all of K. */
ROWS_INLINE void column_of(const struct kind k, const struct lin_column *c)
{
	const uint32_t chunk = LIN_ROWS * k.bytes * (k.has_scales ? 1 : 8);
	const struct lin_act *x0 = c->x[0], *x1 = c->x[k.n_cols / 2], *x2 = c->x[k.n_cols - 1];
	__m256 sum[MAX_COLS][HALVES];
	const uint8_t *w = c->packed;

	for (uint32_t h = 0; h < HALVES; h++)
		sum[0][h] = sum[1][h] = sum[2][h] = _mm256_setzero_ps();
	for (uint32_t at = 0; at < c->k; at += LIN_CHUNK, x0++, x1++, x2++, w += chunk) {
		columns x = {x0, x1, x2};

		if (k.has_scales)
			add_scales(k, w, x, sum);
		else
			add_factors(k, w, x, c->k - at < LIN_CHUNK ? (c->k - at) / 32 : 8, sum);
	}
	for (uint32_t i = 0; i < k.n_cols; i++)
		for (uint32_t h = 0; h < HALVES; h++)
			_mm256_storeu_ps(c->acc + i * LIN_ROWS + 8 * h, sum[i][h]);
}

#define COLUMN(type, ...)                                                                          \
	case type:                                                                                 \
		column_of((struct kind){.dtype = type, .n_cols = n_cols, __VA_ARGS__}, c);         \
		break

ROWS_INLINE void columns_of(const uint32_t n_cols, const struct lin_column *c)
{
	switch (c->dtype) {
	COLUMN(ZINC_Q4_K, .bytes = 144, .sub = 32, .depth = 8, .has_min = true, .has_scales = true);
	COLUMN(ZINC_Q5_K, .bytes = 176, .sub = 32, .depth = 4, .has_min = true, .has_scales = true);
	COLUMN(ZINC_Q6_K, .bytes = 210, .sub = 16, .depth = 2, .off = 32, .has_scales = true);
	COLUMN(ZINC_Q2_K, .bytes = 84, .sub = 16, .depth = 4, .has_min = true, .has_scales = true);
	COLUMN(ZINC_Q3_K, .bytes = 110, .sub = 16, .depth = 4, .off = 4, .has_scales = true);
	COLUMN(ZINC_IQ4_XS, .bytes = 136, .sub = 32, .depth = 1, .has_scales = true);
	COLUMN(ZINC_Q8_0, .bytes = 34, .sub = 32, .depth = 1);
	COLUMN(ZINC_Q4_0, .bytes = 18, .sub = 32, .depth = 4, .off = 8);
	COLUMN(ZINC_Q4_1, .bytes = 20, .sub = 32, .depth = 4, .has_min = true);
	COLUMN(ZINC_Q5_0, .bytes = 22, .sub = 32, .depth = 4, .off = 16);
	COLUMN(ZINC_Q5_1, .bytes = 24, .sub = 32, .depth = 4, .has_min = true);
	COLUMN(ZINC_IQ4_NL, .bytes = 18, .sub = 32, .depth = 1);
	COLUMN(ZINC_MXFP4, .bytes = 17, .sub = 32, .depth = 4, .off = 12);
	default: break;
	}
}

void lin_avx2_column(const struct lin_column *c)
{
	if (c->n_cols == 1)
		columns_of(1, c);
	else if (c->n_cols == 2)
		columns_of(2, c);
	else
		columns_of(3, c);
}
