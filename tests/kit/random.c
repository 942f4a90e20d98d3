/* random.c - random weights of every dtype. */
#include <string.h>

#include "numbers.h"

/* Byte offsets of the F16 factors of a block; -1: none. */
static const struct {
	uint32_t dtype;
	int16_t at[2];
	float size; /* of the factors, so that values are about 0.1 */
} factors[] = {
	{ZINC_Q8_0, {0, -1}, 2e-3f},   {ZINC_Q4_0, {0, -1}, 3e-2f}, {ZINC_Q4_1, {0, 2}, 2e-2f},
	{ZINC_Q5_0, {0, -1}, 1.5e-2f}, {ZINC_Q5_1, {0, 2}, 1e-2f},  {ZINC_Q2_K, {80, 82}, 1e-2f},
	{ZINC_Q3_K, {108, -1}, 4e-3f}, {ZINC_Q4_K, {0, 2}, 6e-4f},  {ZINC_Q5_K, {0, 2}, 3e-4f},
	{ZINC_Q6_K, {208, -1}, 1e-4f}, {ZINC_IQ4_NL, {0, -1}, 2e-3f}, {ZINC_IQ4_XS, {0, -1}, 1e-4f},
};

static void random_bytes(struct rnd *r, uint8_t *dst, uint64_t n)
{
	for (uint64_t i = 0; i < n; i += 8) {
		uint64_t v = rnd_u64(r);

		memcpy(dst + i, &v, n - i < 8 ? n - i : 8);
	}
}

static void set_factors(struct rnd *r, uint32_t dtype, uint8_t *block)
{
	if (dtype == ZINC_MXFP4)
		block[0] = (uint8_t)(121 + rnd_below(r, 6));
	for (size_t f = 0; f < sizeof(factors) / sizeof(factors[0]); f++)
		for (int i = 0; i < 2 && factors[f].dtype == dtype; i++) {
			float v = rnd_float(r, 0.25f, 1.75f) * factors[f].size;

			/* The sign of a factor is part of the format; minima are mostly
			 * positive in K formats, mostly negative in the older ones. */
			if (rnd_below(r, 4) == 0)
				v = -v;
			if (factors[f].at[i] >= 0)
				num_encode(ZINC_F16, &v, 1, block + factors[f].at[i]);
		}
}

/* Any sign and mantissa, with one of four exponents: 2^-7 to 2^-3. */
static void random_plain(struct rnd *r, uint32_t dtype, uint64_t n, uint8_t *dst)
{
	uint32_t bits = dtype == ZINC_F16 ? 10 : dtype == ZINC_BF16 ? 7 : 23;
	uint32_t bytes = num_block_bytes(dtype), top = bytes * 8 - 1;
	uint32_t low = dtype == ZINC_F16 ? 8 : 120;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t u = rnd_u64(r);
		uint32_t v = (uint32_t)(u >> 8 & ((1u << bits) - 1)) |
		             (low + (uint32_t)(u & 3)) << bits | (uint32_t)(u >> 2 & 1) << top;

		memcpy(dst + i * bytes, &v, bytes);
	}
}

void num_random(struct rnd *r, uint32_t dtype, uint64_t n, uint8_t fill, void *dst)
{
	uint32_t elems = num_block(dtype), bytes = num_block_bytes(dtype);
	uint8_t *p = dst;

	if (elems == 1) {
		random_plain(r, dtype, n, dst);
		return;
	}
	if (fill)
		memset(dst, fill, n / elems * bytes);
	else
		random_bytes(r, dst, n / elems * bytes);
	for (uint64_t i = 0; i < n / elems; i++)
		set_factors(r, dtype, p + i * bytes);
}
