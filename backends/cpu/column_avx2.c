/* column_avx2.c - class Q8 with AVX2 for up to four columns: packed quants
 * are multiplied as they come, 16 rows at a time, and never stored as a tile. The sums
 * are those of linear_avx2_q8.c. */
#include "linear_avx2.h"
#include "rows_avx2.h"

enum { HALVES = 2, MAX_COLS = LIN_AVX2_COLUMNS, MAX_GROUP = 4, AHEAD = 24576 };

/* What the compiler has to know of a type. */
struct kind {
	uint32_t dtype, bytes; /* of a block                                         */
	uint32_t sub, depth;   /* depth: products whose pairs fit 16 bits; 1: signed */
	uint32_t partner;      /* blocks b and b + partner share words; 0: none */
	bool halves;           /* the halves of a block share words             */
	int32_t off;
	bool has_mid;          /* 32 is taken from quants with lin_act.mid      */
	bool has_min, has_scales;
	uint32_t n_cols;
};

typedef const struct lin_act *const *columns;
typedef __m256i dots[MAX_COLS][HALVES]; /* of a block of 32 */

ROWS_INLINE struct rows half(const uint8_t *w, uint32_t h)
{
	return (struct rows){w, 8 * h};
}

/* A word is loaded once for all that is in it where registers allow: for one column. */
ROWS_INLINE bool goes_in_pairs(const struct kind k)
{
	return k.partner && k.n_cols == 1;
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

/* The scales of half i of block b. */
ROWS_INLINE __m256i scale_of(const struct kind k, struct rows r, const uint32_t b, const uint32_t i)
{
	if (!k.has_scales)
		return _mm256_set1_epi16(1);
	return rows_scale(k.dtype, r, k.sub == 16 ? 2 * b + i : b);
}

/* The offset of quants times the sums of block b, scaled as its dots. `in` is the
 * block's place in the rows' own block. */
ROWS_INLINE void take_offset(const struct kind k, const uint8_t *w, columns x, uint32_t b,
                             const uint32_t in, dots dot)
{
	for (uint32_t h = 0; h < HALVES; h++) {
		__m256i v = _mm256_blend_epi16(scale_of(k, half(w, h), in, 0),
		                               scale_of(k, half(w, h), in, 1), 0xaa);

		v = _mm256_mullo_epi16(v, _mm256_set1_epi16((short)-k.off));
		for (uint32_t c = 0; c < k.n_cols; c++)
			dot[c][h] = _mm256_add_epi32(
				dot[c][h], _mm256_madd_epi16(broadcast(x[c]->sum + 2 * b), v));
	}
}

/* Asks for what comes AHEAD bytes later, to the second level, since the hardware stops
 * at the borders of pages: a share of the lines in each step that a block of the type
 * takes. q goes through, so that it happens where q is used: asked for all together,
 * lines wait for buffers, and loads behind them. Blocks of 32 are read from front to
 * back, and with one column fast enough for the hardware to follow better alone. */
ROWS_INLINE __m256i fetch(const struct kind k, const uint8_t *w, const uint32_t step, __m256i q)
{
	const uint32_t lines = k.has_scales || k.n_cols > 1 ? (LIN_ROWS * k.bytes + 63) / 64 : 0;
	const uint32_t steps = !k.has_scales ? 8 : goes_in_pairs(k) ? 32 : 64;
	const uint32_t end = lines * (step + 1) / steps;

#pragma GCC unroll 4
	for (uint32_t i = lines * step / steps; i < end; i++)
		__asm__("prefetcht1 %1" : "+x"(q) : "m"(w[AHEAD + 64 * i]));
	return q;
}

/* Elements 4 i to 4 i + 3 of block b times those of each column: the n-th of the
 * block's 8 products. Where 16 bits are full, they go to dot with their scale. */
ROWS_INLINE void multiply(const struct kind k, struct rows r, columns x, uint32_t b,
                          const uint32_t in, const uint32_t i, const uint32_t n, __m256i q,
                          dots pairs, dots dot)
{
	const uint32_t h = r.first / 8;

#pragma GCC unroll 4
	for (uint32_t c = 0; c < k.n_cols; c++) {
		__m256i p = product(k, q, broadcast(x[c]->q + 32 * b + 4 * i)), *sum = &pairs[c][h];

		if (k.has_mid && n % k.depth == 0)
			p = _mm256_sub_epi16(p, broadcast(x[c]->mid + 4 * b + n / 2));
		*sum = n % k.depth ? add16(*sum, p) : p;
		if (n % k.depth != k.depth - 1)
			continue;
		p = _mm256_madd_epi16(*sum, scale_of(k, r, in, i / 4));
		dot[c][h] = n == k.depth - 1 ? p : add32(dot[c][h], p);
	}
}

/* Block b of a chunk, and the one that goes with it, times the 32 activations of each
 * column, scaled: exact integers. `nth` of those that are in the rows' own block. */
ROWS_INLINE void dot_blocks(const struct kind k, const uint8_t *w, columns x, uint32_t b,
                            const uint32_t in, const uint32_t nth, dots *dot)
{
	const uint32_t n_blocks = goes_in_pairs(k) ? 2 : 1;
	dots pairs[2];

#pragma GCC unroll 8
	for (uint32_t n = 0; n < 8; n++) {
		const uint32_t i = k.halves ? n / 2 + 4 * (n % 2) : n;

#pragma GCC unroll 2
		for (uint32_t h = 0; h < HALVES; h++) {
#pragma GCC unroll 2
			for (uint32_t s = 0; s < n_blocks; s++) {
				const uint32_t at = s * k.partner;
				__m256i q = rows_quants(k.dtype, half(w, h), in + at, i);

				if (h == 0 && s == 0)
					q = fetch(k, w, 8 * nth + n, q);
				multiply(k, half(w, h), x, b + at, in + at, i, n, q, pairs[s],
				         dot[at]);
			}
		}
	}
	for (uint32_t s = 0; s < n_blocks && k.off; s++)
		take_offset(k, w, x, b + s * k.partner, in + s * k.partner, dot[s * k.partner]);
}

/* The blocks that share words with block b, the first of them. */
ROWS_INLINE void dot_group(const struct kind k, const uint8_t *w, columns x, const uint32_t b,
                           dots *dot)
{
	const uint32_t group = k.partner ? 2 * k.partner : 1;
	const uint32_t n = goes_in_pairs(k) ? k.partner : group;

#pragma GCC unroll 4
	for (uint32_t i = 0; i < n; i++)
		dot_blocks(k, w, x, b + i, b + i, b / group * n + i, dot + i);
}

/* Types with a factor per 32. */
ROWS_INLINE void add_factors(const struct kind k, const uint8_t *w, columns x, uint32_t blocks,
                             __m256 sum[MAX_COLS][HALVES])
{
	dots dot;

	for (uint32_t b = 0; b < blocks; b++, w += LIN_ROWS * k.bytes) {
		dot_blocks(k, w, x, b, 0, 0, &dot);
		for (uint32_t h = 0; h < HALVES; h++) {
			__m256 factor = rows_factor(k.dtype, half(w, h));

			for (uint32_t c = 0; c < k.n_cols; c++) {
				__m256 d = _mm256_mul_ps(factor, _mm256_broadcast_ss(x[c]->d + b));
				__m256 ds = _mm256_broadcast_ss(x[c]->ds + b), *to = &sum[c][h];

				*to = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[c][h]), d, *to);
				if (k.has_min)
					*to = _mm256_fnmadd_ps(rows_offset(k.dtype, half(w, h)), ds,
					                       *to);
			}
		}
	}
}

/* The minima of block b times the sums of x. */
ROWS_INLINE __m256 add_low(const struct kind k, struct rows r, const struct lin_act *x, uint32_t b,
                           __m256 low)
{
	__m256 v;

	if (k.sub == 32)
		return _mm256_fmadd_ps(rows_minimum(k.dtype, r, b), _mm256_broadcast_ss(x->ds + b),
		                       low);
	v = _mm256_mul_ps(rows_minimum(k.dtype, r, 2 * b), _mm256_set1_ps((float)x->sum[2 * b]));
	v = _mm256_fmadd_ps(rows_minimum(k.dtype, r, 2 * b + 1),
	                    _mm256_set1_ps((float)x->sum[2 * b + 1]), v);
	return _mm256_fmadd_ps(v, _mm256_broadcast_ss(x->d + b), low);
}

/* Types with integer scales under one factor per 256. */
ROWS_INLINE void add_scales(const struct kind k, const uint8_t *w, columns x,
                            __m256 sum[MAX_COLS][HALVES])
{
	const uint32_t group = k.partner ? 2 * k.partner : 1;
	__m256 part[MAX_COLS][HALVES], low[MAX_COLS][HALVES];
	dots dot[MAX_GROUP];

	for (uint32_t c = 0; c < k.n_cols; c++)
		for (uint32_t h = 0; h < HALVES; h++)
			part[c][h] = low[c][h] = _mm256_setzero_ps();
#pragma GCC unroll 8
	for (uint32_t b = 0; b < 8; b++) {
		if (b % group == 0)
			dot_group(k, w, x, b, dot);
		for (uint32_t c = 0; c < k.n_cols; c++) {
			__m256 xd = _mm256_broadcast_ss(x[c]->d + b);

			for (uint32_t h = 0; h < HALVES; h++) {
				__m256 t = _mm256_cvtepi32_ps(dot[b % group][c][h]);

				part[c][h] = _mm256_fmadd_ps(t, xd, part[c][h]);
				if (k.has_min)
					low[c][h] = add_low(k, half(w, h), x[c], b, low[c][h]);
			}
		}
	}
	for (uint32_t h = 0; h < HALVES; h++) {
		for (uint32_t c = 0; c < k.n_cols; c++) {
			__m256 *to = &sum[c][h];

			*to = _mm256_fmadd_ps(part[c][h], rows_factor(k.dtype, half(w, h)), *to);
			if (k.has_min)
				*to = _mm256_fnmadd_ps(rows_offset(k.dtype, half(w, h)), low[c][h],
				                       *to);
		}
	}
}

/* One type, all of K. */
ROWS_INLINE void column_of(const struct kind k, const struct lin_column *c)
{
	const uint32_t chunk = LIN_ROWS * k.bytes * (k.has_scales ? 1 : 8);
	const struct lin_act *x[MAX_COLS];
	__m256 sum[MAX_COLS][HALVES];
	const uint8_t *w = c->packed;

	for (uint32_t i = 0; i < k.n_cols; i++) {
		x[i] = c->x[i];
		sum[i][0] = sum[i][1] = _mm256_setzero_ps();
	}
	for (uint32_t at = 0; at < c->k; at += LIN_CHUNK, w += chunk) {
		if (k.has_scales)
			add_scales(k, w, x, sum);
		else
			add_factors(k, w, x, c->k - at < LIN_CHUNK ? (c->k - at) / 32 : 8, sum);
		for (uint32_t i = 0; i < k.n_cols; i++)
			x[i]++;
	}
	for (uint32_t i = 0; i < k.n_cols; i++)
		for (uint32_t h = 0; h < HALVES; h++)
			_mm256_storeu_ps(c->acc + i * LIN_ROWS + 8 * h, sum[i][h]);
}

/* A function for each type and number of columns: all in one take a compiler minutes. */
#define COLUMNS(type, n, ...)                                                                      \
	static __attribute__((noinline)) void type##_##n(const struct lin_column *c)               \
	{                                                                                          \
		column_of((struct kind){.dtype = ZINC_##type, .n_cols = n, __VA_ARGS__}, c);       \
	}
#define UP_TO_FOUR(type, ...)                                                                      \
	COLUMNS(type, 1, __VA_ARGS__)                                                              \
	COLUMNS(type, 2, __VA_ARGS__)                                                              \
	COLUMNS(type, 3, __VA_ARGS__)                                                              \
	COLUMNS(type, 4, __VA_ARGS__)

UP_TO_FOUR(Q4_K, .bytes = 144, .sub = 32, .depth = 8, .partner = 1, .has_min = true,
           .has_scales = true)
UP_TO_FOUR(Q5_K, .bytes = 176, .sub = 32, .depth = 4, .has_min = true, .has_scales = true)
UP_TO_FOUR(Q6_K, .bytes = 210, .sub = 16, .depth = 4, .has_mid = true, .has_scales = true)
UP_TO_FOUR(Q2_K, .bytes = 84, .sub = 16, .depth = 4, .partner = 1, .has_min = true,
           .has_scales = true)
UP_TO_FOUR(Q3_K, .bytes = 110, .sub = 16, .depth = 4, .partner = 1, .off = 4, .has_scales = true)
UP_TO_FOUR(IQ4_XS, .bytes = 136, .sub = 32, .depth = 1, .halves = true, .has_scales = true)
UP_TO_FOUR(Q8_0, .bytes = 34, .sub = 32, .depth = 1)
UP_TO_FOUR(Q4_0, .bytes = 18, .sub = 32, .depth = 8, .halves = true, .off = 8)
UP_TO_FOUR(Q4_1, .bytes = 20, .sub = 32, .depth = 8, .halves = true, .has_min = true)
UP_TO_FOUR(Q5_0, .bytes = 22, .sub = 32, .depth = 4, .halves = true, .off = 16)
UP_TO_FOUR(Q5_1, .bytes = 24, .sub = 32, .depth = 4, .halves = true, .has_min = true)
UP_TO_FOUR(IQ4_NL, .bytes = 18, .sub = 32, .depth = 1, .halves = true)
UP_TO_FOUR(MXFP4, .bytes = 17, .sub = 32, .depth = 4, .halves = true, .off = 12)

#define ROW(type) [ZINC_##type] = {type##_1, type##_2, type##_3, type##_4}

void lin_avx2_column(const struct lin_column *c)
{
	static void (*const table[][MAX_COLS])(const struct lin_column *) = {
		ROW(Q4_K), ROW(Q5_K), ROW(Q6_K), ROW(Q2_K), ROW(Q3_K), ROW(IQ4_XS), ROW(Q8_0),
		ROW(Q4_0), ROW(Q4_1), ROW(Q5_0), ROW(Q5_1), ROW(IQ4_NL), ROW(MXFP4),
	};

	table[c->dtype][c->n_cols - 1](c);
}

uint32_t lin_avx2_columns_at_once(uint32_t dtype)
{
	(void)dtype;
	return MAX_COLS;
}

/* As measured: tests/bench/README.md. */
uint32_t lin_avx2_most_columns(uint32_t dtype)
{
	switch (dtype) {
	case ZINC_Q4_K:
	case ZINC_Q6_K:
	case ZINC_Q2_K:
	case ZINC_Q8_0:
	case ZINC_Q4_0: return LIN_PANEL;
	case ZINC_Q5_K:
	case ZINC_Q4_1: return 16;
	case ZINC_IQ4_NL:
	case ZINC_MXFP4: return 8;
	case ZINC_IQ4_XS:
	case ZINC_Q3_K: return 6;
	default: return 4;
	}
}
