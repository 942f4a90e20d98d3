/* test_quant.c - the block formats against vectors frozen from the gguf Python
 * package (tests/fixtures/quant/make.py), and conversions from F32. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "quant.h"

static void check_record(FILE *f, const uint32_t head[3])
{
	uint32_t dtype = head[0], n = head[1], bytes = head[2];
	uint8_t *blocks = malloc(bytes);
	float *want = malloc(n * sizeof(float)), *got = malloc(n * sizeof(float));

	assert_int_equal(fread(blocks, 1, bytes, f), bytes);
	assert_int_equal(fread(want, sizeof(float), n, f), n);
	assert_non_null(quant_format(dtype));
	assert_int_equal((quant_row_bytes(dtype, n) + 3) / 4 * 4, bytes);
	quant_to_f32(dtype, blocks, got, n);
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(&got[i], &want[i], sizeof(float)) && got[i] != want[i])
			fail_msg("dtype %u element %u: %a, expected %a", dtype, i, (double)got[i],
			         (double)want[i]);
	free(blocks);
	free(want);
	free(got);
}

static void dequantises_like_gguf(void **state)
{
	const char *path = getenv("ZINC_QUANT_VECTORS");
	FILE *f = fopen(path ? path : ZINC_FIXTURE_DIR "/quant/vectors.bin", "rb");
	uint32_t head[3], n_types = 0;

	(void)state;
	assert_non_null(f);
	for (; fread(head, sizeof(head), 1, f) == 1; n_types++)
		check_record(f, head);
	fclose(f);
	assert_int_equal(n_types, 16);
}

static void knows_only_weight_types(void **state)
{
	(void)state;
	for (uint32_t t = 0; t < ZINC_DTYPE_MAX; t++)
		assert_int_equal(quant_format(t) != NULL, ZINC_TMASK_WEIGHT >> t & 1);
	assert_null(quant_format(ZINC_DTYPE_MAX));
	assert_int_equal(quant_row_bytes(ZINC_Q5_0, 704), 484);
}

static void f16_survives_the_round_trip(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 65536; h++) {
		float f = quant_f16_to_f32((uint16_t)h);

		if (isnan(f))
			assert_true(isnan(quant_f16_to_f32(quant_f32_to_f16(f))));
		else
			assert_int_equal(quant_f32_to_f16(f), h);
	}
}

/* Halfway between two neighbours goes to the even one, a hair more goes up. */
static void f16_rounds_to_nearest_even(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x7c00; h++) {
		float low = quant_f16_to_f32((uint16_t)h);
		float high = h == 0x7bff ? 65536.0f : quant_f16_to_f32((uint16_t)(h + 1));
		float middle = low + (high - low) / 2;

		assert_int_equal(quant_f32_to_f16(middle), h + (h & 1));
		assert_int_equal(quant_f32_to_f16(-middle), 0x8000 | (h + (h & 1)));
		assert_int_equal(quant_f32_to_f16(nextafterf(middle, 1e9f)), h + 1);
		assert_int_equal(quant_f32_to_f16(nextafterf(middle, 0.0f)), h);
	}
}

static void converts_from_f32(void **state)
{
	float src[64], back[64];
	uint8_t row[128];
	uint16_t bf[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		src[i] = sinf((float)i) * 3.0f;
	src[5] = 3.5f;
	quant_from_f32(ZINC_Q8_0, src, row, 64);
	quant_to_f32(ZINC_Q8_0, row, back, 64);
	for (int i = 0; i < 64; i++)
		assert_true(fabsf(back[i] - src[i]) <= 3.5f / 127 * 0.51f + 3.5f * 0x1p-11f);
	quant_from_f32(ZINC_BF16, src, bf, 64);
	quant_to_f32(ZINC_BF16, bf, back, 64);
	for (int i = 0; i < 64; i++)
		assert_true(fabsf(back[i] - src[i]) <= fabsf(src[i]) * 0x1p-8f);
	src[0] = 1.0f + 0x1p-8f; /* halfway: down to even */
	src[1] = 1.0f + 0x1.8p-7f; /* halfway: up to even */
	src[2] = NAN;
	quant_from_f32(ZINC_BF16, src, bf, 3);
	quant_to_f32(ZINC_BF16, bf, back, 3);
	assert_true(back[0] == 1.0f && back[1] == 1.0f + 0x1p-6f && isnan(back[2]));
}

static void q8_0_of_odd_blocks(void **state)
{
	float src[96] = {0}, back[96];
	uint8_t row[102];

	(void)state;
	src[32] = 1e-42f; /* too small for a scale: zero */
	src[64] = INFINITY;
	quant_from_f32(ZINC_Q8_0, src, row, 96);
	quant_to_f32(ZINC_Q8_0, row, back, 96);
	for (int i = 0; i < 64; i++)
		assert_true(back[i] == 0.0f);
	for (int i = 64; i < 96; i++)
		assert_true(isnan(back[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dequantises_like_gguf),
		cmocka_unit_test(knows_only_weight_types),
		cmocka_unit_test(f16_survives_the_round_trip),
		cmocka_unit_test(f16_rounds_to_nearest_even),
		cmocka_unit_test(converts_from_f32),
		cmocka_unit_test(q8_0_of_odd_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
