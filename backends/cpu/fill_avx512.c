/* fill_avx512.c - packed rows to a tile of class Q8, all 16 rows at a time. */
#include "rows_avx512.h"

/* Block b of 32 of a block of the type, which has `bytes` a row. */
ROWS_INLINE void fill_block(const uint32_t dtype, const uint32_t bytes, const bool is_256,
                            struct rows r, const uint32_t b, uint8_t *q)
{
#pragma GCC unroll 8
	for (uint32_t i = 0; i < 8; i++)
		_mm512_store_si512(q + 4 * LIN_ROWS * i,
		                   rows_fetch(bytes, is_256, r, 8 * b + i,
		                              rows_unsigned(dtype, r, b, i)));
}

ROWS_INLINE void put(float *base, uint32_t i, __m512 v)
{
	_mm512_store_ps(base + i * LIN_ROWS, v);
}

ROWS_INLINE void fill_256(const uint32_t dtype, const uint32_t bytes, struct rows r,
                          struct lin_tile *tile)
{
	const bool sub16 = dtype == ZINC_Q6_K || dtype == ZINC_Q2_K || dtype == ZINC_Q3_K;
	const bool has_min = dtype == ZINC_Q4_K || dtype == ZINC_Q5_K || dtype == ZINC_Q2_K;
	const uint32_t n_sub = sub16 ? 16 : 8;

	put(tile->d, 0, rows_factor(dtype, r));
	if (has_min)
		put(tile->d, 1, rows_offset(dtype, r));
#pragma GCC unroll 16
	for (uint32_t i = 0; i < n_sub; i++) {
		_mm512_store_si512(tile->s + i * LIN_ROWS, rows_scale(dtype, r, i));
		if (has_min)
			put(tile->m, i, rows_minimum(dtype, r, i));
	}
#pragma GCC unroll 8
	for (uint32_t b = 0; b < 8; b++)
		fill_block(dtype, bytes, true, r, b, tile->q + b * 32 * LIN_ROWS);
}

ROWS_INLINE void fill_32(const uint32_t dtype, const uint32_t bytes, struct rows r, uint32_t blocks,
                         struct lin_tile *tile)
{
	const bool has_min = dtype == ZINC_Q4_1 || dtype == ZINC_Q5_1;

	for (uint32_t b = 0; b < blocks; b++, r.w += LIN_ROWS * bytes) {
		put(tile->d, b, rows_factor(dtype, r));
		if (has_min)
			put(tile->m, b, rows_offset(dtype, r));
		fill_block(dtype, bytes, false, r, 0, tile->q + b * 32 * LIN_ROWS);
	}
}

void lin_avx512_fill(uint32_t dtype, const uint8_t *packed, uint32_t blocks,
                     struct lin_tile *tile)
{
	struct rows r = {packed};

	switch (dtype) {
	case ZINC_Q4_K: fill_256(ZINC_Q4_K, 144, r, tile); break;
	case ZINC_Q5_K: fill_256(ZINC_Q5_K, 176, r, tile); break;
	case ZINC_Q6_K: fill_256(ZINC_Q6_K, 210, r, tile); break;
	case ZINC_Q2_K: fill_256(ZINC_Q2_K, 84, r, tile); break;
	case ZINC_Q3_K: fill_256(ZINC_Q3_K, 110, r, tile); break;
	case ZINC_IQ4_XS: fill_256(ZINC_IQ4_XS, 136, r, tile); break;
	case ZINC_Q8_0: fill_32(ZINC_Q8_0, 34, r, blocks, tile); break;
	case ZINC_Q4_0: fill_32(ZINC_Q4_0, 18, r, blocks, tile); break;
	case ZINC_Q4_1: fill_32(ZINC_Q4_1, 20, r, blocks, tile); break;
	case ZINC_Q5_0: fill_32(ZINC_Q5_0, 22, r, blocks, tile); break;
	case ZINC_Q5_1: fill_32(ZINC_Q5_1, 24, r, blocks, tile); break;
	case ZINC_IQ4_NL: fill_32(ZINC_IQ4_NL, 18, r, blocks, tile); break;
	default: fill_32(ZINC_MXFP4, 17, r, blocks, tile); break;
	}
}
