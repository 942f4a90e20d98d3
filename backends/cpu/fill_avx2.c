/* fill_avx2.c - packed rows to a tile of class Q8, 8 rows at a time. */
#include "linear_avx2.h"
#include "rows_avx2.h"

/* Half of the rows of a chunk, and where they go in a tile. */
struct fill {
	struct rows rows;
	float *d, *m;
	int32_t *s;
	uint8_t *q;
	uint32_t blocks;
};

/* A block of 32. */
ROWS_INLINE void fill_block(const uint32_t dtype, struct rows r, const uint32_t b, uint8_t *q)
{
#pragma GCC unroll 8
	for (uint32_t i = 0; i < 8; i++)
		_mm256_store_si256((__m256i *)(void *)(q + 4 * LIN_ROWS * i),
		                   rows_quants(dtype, r, b, i));
}

ROWS_INLINE void put(float *base, uint32_t i, __m256 v)
{
	_mm256_store_ps(base + i * LIN_ROWS, v);
}

ROWS_INLINE void fill_256(const uint32_t dtype, const struct fill f)
{
	const bool sub16 = dtype == ZINC_Q6_K || dtype == ZINC_Q2_K || dtype == ZINC_Q3_K;
	const bool has_min = dtype == ZINC_Q4_K || dtype == ZINC_Q5_K || dtype == ZINC_Q2_K;
	const uint32_t n_sub = sub16 ? 16 : 8;

	put(f.d, 0, rows_factor(dtype, f.rows));
	if (has_min)
		put(f.d, 1, rows_offset(dtype, f.rows));
#pragma GCC unroll 16
	for (uint32_t i = 0; i < n_sub; i++) {
		_mm256_store_si256((__m256i *)(void *)(f.s + i * LIN_ROWS),
		                   rows_scale(dtype, f.rows, i));
		if (has_min)
			put(f.m, i, rows_minimum(dtype, f.rows, i));
	}
#pragma GCC unroll 8
	for (uint32_t b = 0; b < 8; b++)
		fill_block(dtype, f.rows, b, f.q + b * 32 * LIN_ROWS);
}

ROWS_INLINE void fill_32(const uint32_t dtype, const uint32_t bytes, const struct fill f)
{
	const bool has_min = dtype == ZINC_Q4_1 || dtype == ZINC_Q5_1;
	struct rows r = f.rows;

	for (uint32_t b = 0; b < f.blocks; b++, r.w += LIN_ROWS * bytes) {
		put(f.d, b, rows_factor(dtype, r));
		if (has_min)
			put(f.m, b, rows_offset(dtype, r));
		fill_block(dtype, r, 0, f.q + b * 32 * LIN_ROWS);
	}
}

static void fill_half(uint32_t dtype, const struct fill f)
{
	switch (dtype) {
	case ZINC_Q4_K: fill_256(ZINC_Q4_K, f); break;
	case ZINC_Q5_K: fill_256(ZINC_Q5_K, f); break;
	case ZINC_Q6_K: fill_256(ZINC_Q6_K, f); break;
	case ZINC_Q2_K: fill_256(ZINC_Q2_K, f); break;
	case ZINC_Q3_K: fill_256(ZINC_Q3_K, f); break;
	case ZINC_IQ4_XS: fill_256(ZINC_IQ4_XS, f); break;
	case ZINC_Q8_0: fill_32(ZINC_Q8_0, 34, f); break;
	case ZINC_Q4_0: fill_32(ZINC_Q4_0, 18, f); break;
	case ZINC_Q4_1: fill_32(ZINC_Q4_1, 20, f); break;
	case ZINC_Q5_0: fill_32(ZINC_Q5_0, 22, f); break;
	case ZINC_Q5_1: fill_32(ZINC_Q5_1, 24, f); break;
	case ZINC_IQ4_NL: fill_32(ZINC_IQ4_NL, 18, f); break;
	default: fill_32(ZINC_MXFP4, 17, f); break;
	}
}

void lin_avx2_fill(uint32_t dtype, const uint8_t *packed, uint32_t blocks, struct lin_tile *tile)
{
	for (uint32_t r = 0; r < LIN_ROWS; r += 8)
		fill_half(dtype, (struct fill){.rows = {packed, r}, .blocks = blocks,
		                               .d = tile->d + r, .m = tile->m + r, .s = tile->s + r,
		                               .q = tile->q + 4 * r});
}
