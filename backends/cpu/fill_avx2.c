/* fill_avx2.c - packed rows to a tile of class Q8, 8 rows at a time. */
#include "linear_avx2.h"
#include "rows_avx2.h"

/* A block of 32 of half of the rows. */
ROWS_INLINE void fill_block(const uint32_t dtype, struct rows r, const uint32_t b, __m256i flip,
                            uint8_t *q)
{
	const bool is_signed = dtype == ZINC_Q8_0 || dtype == ZINC_IQ4_NL || dtype == ZINC_IQ4_XS;

#pragma GCC unroll 8
	for (uint32_t i = 0; i < 8; i++) {
		__m256i v = rows_quants(dtype, r, b, i);

		if (is_signed)
			v = _mm256_xor_si256(v, flip);
		_mm256_store_si256((__m256i *)(void *)(q + 4 * LIN_ROWS * i), v);
	}
}

/* Half of the rows of a chunk. */
struct fill {
	struct rows rows;
	struct rows_scales scales;
	uint8_t *q;
	uint32_t blocks;
	uint8_t flip;
};

ROWS_INLINE void fill_256(const uint32_t dtype, struct fill f)
{
	const __m256i flip = _mm256_set1_epi8((char)f.flip);

	rows_scales(dtype, f.rows, 0, f.scales);
#pragma GCC unroll 8
	for (uint32_t b = 0; b < 8; b++)
		fill_block(dtype, f.rows, b, flip, f.q + b * 32 * LIN_ROWS);
}

ROWS_INLINE void fill_32(const uint32_t dtype, const uint32_t bytes, struct fill f)
{
	const __m256i flip = _mm256_set1_epi8((char)f.flip);

	for (uint32_t b = 0; b < f.blocks; b++, f.rows.w += LIN_ROWS * bytes) {
		rows_scales(dtype, f.rows, b, f.scales);
		fill_block(dtype, f.rows, 0, flip, f.q + b * 32 * LIN_ROWS);
	}
}

static void fill_half(uint32_t dtype, struct fill f)
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

void lin_avx2_fill_flipped(uint32_t dtype, const uint8_t *packed, uint32_t blocks, uint8_t flip,
                           struct lin_tile *tile)
{
	for (uint32_t r = 0; r < LIN_ROWS; r += 8)
		fill_half(dtype, (struct fill){.rows = {packed, r}, .blocks = blocks, .flip = flip,
		                               .scales = {tile->d + r, tile->m + r, tile->s + r},
		                               .q = tile->q + 4 * r});
}

void lin_avx2_fill(uint32_t dtype, const uint8_t *packed, uint32_t blocks, struct lin_tile *tile)
{
	lin_avx2_fill_flipped(dtype, packed, blocks, 0, tile);
}
