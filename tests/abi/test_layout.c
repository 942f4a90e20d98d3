/* test_layout.c - the layout itself is checked when layout_structs.c and
 * layout_values.c are compiled; what is left is what the code around them
 * promises. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <zinc/plugin.h>

extern const int layout_structs, layout_values;

static void test_compiled(void **state)
{
	(void)state;
	assert_int_equal(layout_structs + layout_values, 2);
}

/* ZINC_HAS looks at the size that the table's author knew, then at the field. */
static void test_has(void **state)
{
	struct zinc_backend b;

	(void)state;
	memset(&b, 0xff, sizeof(b));
	b.struct_size = sizeof(b);
	assert_true(ZINC_HAS(&b, tl_free));
	b.struct_size = offsetof(struct zinc_backend, tl_free);
	assert_false(ZINC_HAS(&b, tl_free));
	assert_true(ZINC_HAS(&b, tl_value));
	b.struct_size += sizeof(b.tl_free) - 1;
	assert_false(ZINC_HAS(&b, tl_free));
	b.cmd_times = NULL;
	assert_false(ZINC_HAS(&b, cmd_times));
}

/* A mask of dtypes and the masks made of it. */
static void test_masks(void **state)
{
	(void)state;
	assert_true(ZINC_TMASK_BLOCK & ZINC_TBIT(ZINC_Q8_0));
	assert_true(ZINC_TMASK_BLOCK & ZINC_TBIT(ZINC_MXFP4));
	assert_false(ZINC_TMASK_BLOCK & ZINC_TMASK_PLAIN);
	assert_int_equal(ZINC_TMASK_WEIGHT & ZINC_TBIT(ZINC_I32), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compiled),
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_masks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
