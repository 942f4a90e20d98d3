/* column_avx512.c - class Q8 with AVX-512 and VNNI for up to eight columns: packed
 * quants are multiplied as they come, 16 rows at a time, and never stored as a tile.
 * The sums are those of linear_avx512.c. */
#include "quant.h"
#include "rows_avx512.h"

/* At once: with more than MAX_SCALED, a K-quant's sums do not fit into registers. */
enum { MAX_COLS = 8, MAX_SCALED = 5 };

/* What the compiler has to know of a type. */
struct kind {
	uint32_t dtype, bytes; /* of a block                          */
	uint32_t sub;          /* elements of a scale                 */
	int32_t off;           /* with the 128 of rows_unsigned()     */
	bool has_min, has_scales;
	uint32_t n_cols;
};

typedef const struct lin_act *const *columns;

/* Adds the products of words `first` to `end` of block b, the in-th of the rows' own
 * block, to dot. */
ROWS_INLINE void add_dots(const struct kind k, struct rows r, columns x, uint32_t b,
                          const uint32_t in, const uint32_t first, const uint32_t end,
                          __m512i *dot)
{
#pragma GCC unroll 8
	for (uint32_t i = first; i < end; i++) {
		__m512i q = rows_fetch(k.bytes, k.has_scales, r, 8 * in + i,
		                       rows_unsigned(k.dtype, r, in, i));

#pragma GCC unroll 8
		for (uint32_t c = 0; c < k.n_cols; c++)
			dot[c] = _mm512_dpbusd_epi32(dot[c], q,
			                             lin_avx512_four(x[c]->q + 32 * b + 4 * i));
	}
}

/* What the offset takes from the dots of one half of a block, or of both. */
ROWS_INLINE void begin_dots(const struct kind k, columns x, uint32_t b, const bool first,
                            const bool second, __m512i *dot)
{
#pragma GCC unroll 8
	for (uint32_t c = 0; c < k.n_cols; c++)
		dot[c] = k.off ? lin_avx512_less(x[c], b, first ? k.off : 0, second ? k.off : 0)
		               : _mm512_setzero_si512();
}

/* Types with a factor per 32. */
ROWS_INLINE void add_factors(const struct kind k, struct rows r, columns x, uint32_t blocks,
                             __m512 *sum)
{
	for (uint32_t b = 0; b < blocks; b++, r.w += LIN_ROWS * k.bytes) {
		__m512 factor = rows_factor(k.dtype, r);
		__m512i dot[MAX_COLS];

		begin_dots(k, x, b, true, true, dot);
		add_dots(k, r, x, b, 0, 0, 8, dot);
#pragma GCC unroll 8
		for (uint32_t c = 0; c < k.n_cols; c++) {
			__m512 d = _mm512_mul_ps(factor, _mm512_set1_ps(x[c]->d[b]));

			sum[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[c]), d, sum[c]);
			if (k.has_min)
				sum[c] = _mm512_fnmadd_ps(rows_offset(k.dtype, r),
				                          _mm512_set1_ps(x[c]->ds[b]), sum[c]);
		}
	}
}

/* Block b of 256, scaled: exact integers. */
ROWS_INLINE void scaled_dots(const struct kind k, struct rows r, columns x, const uint32_t b,
                             __m512 *t)
{
	const uint32_t n = k.sub == 16 ? 2 : 1;
	__m512i dot[MAX_COLS];

#pragma GCC unroll 2
	for (uint32_t h = 0; h < n; h++) {
		__m512 scale = lin_avx512_scale(rows_scale(k.dtype, r, n * b + h));

		begin_dots(k, x, b, h == 0, n == 1 || h == 1, dot);
		add_dots(k, r, x, b, b, 8 * h / n, 8 * (h + 1) / n, dot);
#pragma GCC unroll 8
		for (uint32_t c = 0; c < k.n_cols; c++) {
			__m512 v = _mm512_cvtepi32_ps(dot[c]);

			t[c] = h ? _mm512_fmadd_ps(v, scale, t[c]) : _mm512_mul_ps(v, scale);
		}
	}
}

/* The minima of block b times the sums of x. */
ROWS_INLINE void add_low(const struct kind k, struct rows r, columns x, const uint32_t b,
                         __m512 *low)
{
	const uint32_t n = k.sub == 16 ? 2 : 1;
	__m512 first = rows_minimum(k.dtype, r, n * b);
	__m512 second = rows_minimum(k.dtype, r, n * b + n - 1);

#pragma GCC unroll 8
	for (uint32_t c = 0; c < k.n_cols; c++) {
		__m512 v;

		if (n == 1) {
			low[c] = _mm512_fmadd_ps(first, _mm512_set1_ps(x[c]->ds[b]), low[c]);
			continue;
		}
		v = _mm512_mul_ps(first, _mm512_set1_ps((float)x[c]->sum[2 * b]));
		v = _mm512_fmadd_ps(second, _mm512_set1_ps((float)x[c]->sum[2 * b + 1]), v);
		low[c] = _mm512_fmadd_ps(v, _mm512_set1_ps(x[c]->d[b]), low[c]);
	}
}

/* Types with integer scales under one factor per 256. */
ROWS_INLINE void add_scales(const struct kind k, struct rows r, columns x, __m512 *sum)
{
	__m512 part[MAX_COLS], low[MAX_COLS], t[MAX_COLS];

#pragma GCC unroll 8
	for (uint32_t c = 0; c < k.n_cols; c++)
		part[c] = low[c] = _mm512_setzero_ps();
#pragma GCC unroll 8
	for (uint32_t b = 0; b < 8; b++) {
		scaled_dots(k, r, x, b, t);
#pragma GCC unroll 8
		for (uint32_t c = 0; c < k.n_cols; c++)
			part[c] = _mm512_fmadd_ps(t[c], _mm512_set1_ps(x[c]->d[b]), part[c]);
		if (k.has_min)
			add_low(k, r, x, b, low);
	}
#pragma GCC unroll 8
	for (uint32_t c = 0; c < k.n_cols; c++) {
		sum[c] = _mm512_fmadd_ps(part[c], rows_factor(k.dtype, r), sum[c]);
		if (k.has_min)
			sum[c] = _mm512_fnmadd_ps(rows_offset(k.dtype, r), low[c], sum[c]);
	}
}

/* One type, all of K. */
ROWS_INLINE void column_of(const struct kind k, const struct lin_column *c)
{
	const uint32_t chunk = LIN_ROWS * k.bytes * (k.has_scales ? 1 : 8);
	const struct lin_act *x[MAX_COLS];
	struct rows r = {c->packed};
	__m512 sum[MAX_COLS];

	for (uint32_t i = 0; i < k.n_cols; i++) {
		x[i] = c->x[i];
		sum[i] = _mm512_setzero_ps();
	}
	for (uint32_t at = 0; at < c->k; at += LIN_CHUNK, r.w += chunk) {
		if (k.has_scales)
			add_scales(k, r, x, sum);
		else
			add_factors(k, r, x, c->k - at < LIN_CHUNK ? (c->k - at) / 32 : 8, sum);
		for (uint32_t i = 0; i < k.n_cols; i++)
			x[i]++;
	}
	for (uint32_t i = 0; i < k.n_cols; i++)
		_mm512_storeu_ps(c->acc + i * LIN_ROWS, sum[i]);
}

#define COLUMN(type, ...)                                                                          \
	case type:                                                                                 \
		column_of((struct kind){.dtype = type, .n_cols = n_cols, __VA_ARGS__}, c);         \
		break
#define SCALED(type, ...)                                                                          \
	case type:                                                                                 \
		if (n_cols <= MAX_SCALED)                                                          \
			column_of((struct kind){.dtype = type, .n_cols = n_cols,                   \
			                        .has_scales = true, __VA_ARGS__}, c);              \
		break

ROWS_INLINE void columns_of(const uint32_t n_cols, const struct lin_column *c)
{
	switch (c->dtype) {
	SCALED(ZINC_Q4_K, .bytes = 144, .sub = 32, .has_min = true);
	SCALED(ZINC_Q5_K, .bytes = 176, .sub = 32, .has_min = true);
	SCALED(ZINC_Q6_K, .bytes = 210, .sub = 16, .off = 32);
	SCALED(ZINC_Q2_K, .bytes = 84, .sub = 16, .has_min = true);
	SCALED(ZINC_Q3_K, .bytes = 110, .sub = 16, .off = 4);
	COLUMN(ZINC_IQ4_XS, .bytes = 136, .sub = 32, .off = 128, .has_scales = true);
	COLUMN(ZINC_Q8_0, .bytes = 34, .sub = 32, .off = 128);
	COLUMN(ZINC_Q4_0, .bytes = 18, .sub = 32, .off = 8);
	COLUMN(ZINC_Q4_1, .bytes = 20, .sub = 32, .has_min = true);
	COLUMN(ZINC_Q5_0, .bytes = 22, .sub = 32, .off = 16);
	COLUMN(ZINC_Q5_1, .bytes = 24, .sub = 32, .has_min = true);
	COLUMN(ZINC_IQ4_NL, .bytes = 18, .sub = 32, .off = 128);
	COLUMN(ZINC_MXFP4, .bytes = 17, .sub = 32, .off = 12);
	default: break;
	}
}

void lin_avx512_column(const struct lin_column *c)
{
	switch (c->n_cols) {
	case 1: columns_of(1, c); break;
	case 2: columns_of(2, c); break;
	case 3: columns_of(3, c); break;
	case 4: columns_of(4, c); break;
	case 5: columns_of(5, c); break;
	case 6: columns_of(6, c); break;
	case 7: columns_of(7, c); break;
	default: columns_of(8, c); break;
	}
}

uint32_t lin_avx512_columns_at_once(uint32_t dtype)
{
	return quant_format(dtype)->has_scales && dtype != ZINC_IQ4_XS ? MAX_SCALED : MAX_COLS;
}

/* As measured: tests/bench/README.md. */
uint32_t lin_avx512_most_columns(uint32_t dtype)
{
	switch (dtype) {
	case ZINC_Q4_K:
	case ZINC_Q8_0:
	case ZINC_Q4_0: return LIN_PANEL;
	case ZINC_Q5_K:
	case ZINC_Q6_K:
	case ZINC_Q2_K:
	case ZINC_Q3_K: return 16;
	default: return MAX_COLS;
	}
}
