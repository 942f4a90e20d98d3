/* test_dtype.c - facts about element types. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/dtype.h"

static void test_sizes(void **state)
{
	static const struct {
		uint32_t dtype, elems, bytes, gguf;
	} want[] = {
		{ZINC_F32, 1, 4, 0},       {ZINC_F16, 1, 2, 1},         {ZINC_BF16, 1, 2, 30},
		{ZINC_I32, 1, 4, 26},      {ZINC_U8, 1, 1, UINT32_MAX}, {ZINC_Q8_0, 32, 34, 8},
		{ZINC_Q4_0, 32, 18, 2},    {ZINC_Q4_1, 32, 20, 3},      {ZINC_Q5_0, 32, 22, 6},
		{ZINC_Q5_1, 32, 24, 7},    {ZINC_Q2_K, 256, 84, 10},    {ZINC_Q3_K, 256, 110, 11},
		{ZINC_Q4_K, 256, 144, 12}, {ZINC_Q5_K, 256, 176, 13},   {ZINC_Q6_K, 256, 210, 14},
		{ZINC_IQ4_NL, 32, 18, 20}, {ZINC_IQ4_XS, 256, 136, 23}, {ZINC_MXFP4, 32, 17, 39},
	};
	uint32_t known = 0, back;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct zinc_dtype_info *info = dtype_info(want[i].dtype);

		assert_non_null(info);
		assert_int_equal(info->block_elems, want[i].elems);
		assert_int_equal(info->block_bytes, want[i].bytes);
		assert_int_equal(dtype_to_gguf(want[i].dtype), want[i].gguf);
		assert_true(dtype_by_name(info->name, &back));
		assert_int_equal(back, want[i].dtype);
		if (want[i].gguf == UINT32_MAX)
			continue;
		assert_true(dtype_from_gguf(want[i].gguf, &back));
		assert_int_equal(back, want[i].dtype);
		assert_string_equal(gguf_type_name(want[i].gguf), info->name);
	}
	for (uint32_t d = 0; d < 200; d++)
		known += dtype_info(d) != NULL;
	assert_int_equal(known, sizeof(want) / sizeof(want[0]));
}

static void test_names(void **state)
{
	uint32_t d;

	(void)state;
	assert_true(dtype_by_name("Q4_K", &d));
	assert_int_equal(d, ZINC_Q4_K);
	assert_false(dtype_by_name("q4", &d));
	assert_string_equal(dtype_name(ZINC_BF16), "bf16");
	assert_string_equal(dtype_name(63), "?");
	assert_string_equal(dtype_name(UINT32_MAX), "?");
	assert_string_equal(gguf_type_name(16), "iq2_xxs");
	assert_string_equal(gguf_type_name(UINT32_MAX), "?");
	assert_false(dtype_from_gguf(16, &d));
	assert_false(dtype_from_gguf(UINT32_MAX, &d));
}

static void test_rows(void **state)
{
	struct zinc_view v = dtype_view(ZINC_Q4_K, 512, 3, 2, 1);

	(void)state;
	assert_int_equal(dtype_row_bytes(ZINC_Q4_K, 512), 288);
	assert_int_equal(dtype_row_bytes(ZINC_Q4_K, 500), 0);
	assert_int_equal(dtype_row_bytes(ZINC_F32, UINT64_MAX), 0);
	assert_int_equal(dtype_row_bytes(99, 32), 0);
	assert_null(v.buf);
	assert_int_equal(v.nb[0], 144);
	assert_int_equal(v.nb[1], 288);
	assert_int_equal(v.nb[2], 3 * 288);
	assert_int_equal(v.nb[3], 6 * 288);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
