/* test_vulkan_hazard.c - where barriers stand, from the ranges that dispatches
 * touch. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "hazard.h"

static struct zinc_buf buf_a, buf_b;

static struct rdna4_range reads(struct zinc_buf *buf, uint64_t first, uint64_t end)
{
	return (struct rdna4_range){buf, first, end, false};
}

static struct rdna4_range writes(struct zinc_buf *buf, uint64_t first, uint64_t end)
{
	return (struct rdna4_range){buf, first, end, true};
}

static void test_readers_share(void **state)
{
	struct hazard h = {.n = 0};
	struct rdna4_range r = reads(&buf_a, 0, 100);

	(void)state;
	assert_false(hazard_add(&h, &r, 1));
	assert_false(hazard_add(&h, &r, 1));
}

static void test_flow(void **state)
{
	struct hazard h = {.n = 0};
	struct rdna4_range w = writes(&buf_a, 100, 200), before = reads(&buf_a, 0, 100);
	struct rdna4_range last = reads(&buf_a, 199, 200), behind = reads(&buf_a, 200, 300);
	struct rdna4_range other = writes(&buf_b, 100, 200);

	(void)state;
	assert_false(hazard_add(&h, &w, 1));
	assert_false(hazard_add(&h, &before, 1));
	assert_false(hazard_add(&h, &behind, 1));
	assert_false(hazard_add(&h, &other, 1));
	assert_true(hazard_add(&h, &last, 1));
	/* The barrier covers all that was before it. */
	assert_false(hazard_add(&h, &last, 1));
}

/* Inputs of a list: what nothing in it writes, ever. */
static void test_what_was_written(void **state)
{
	struct hazard h = {.n = 0};
	struct rdna4_range w = writes(&buf_a, 0, 100), r = reads(&buf_b, 0, 100);
	static struct zinc_buf many[HAZARD_BUFS];

	(void)state;
	assert_false(hazard_wrote(&h, &buf_a));
	hazard_add(&h, &w, 1);
	hazard_add(&h, &r, 1);
	hazard_add(&h, &w, 1); /* behind a barrier */
	assert_true(hazard_wrote(&h, &buf_a));
	assert_false(hazard_wrote(&h, &buf_b));
	w = writes(&buf_b, 0, 1);
	assert_true(hazard_join(&h, &w, 1, true));
	assert_true(hazard_wrote(&h, &buf_b));
	/* More than can be remembered: anything may have been written. */
	for (int i = 0; i < HAZARD_BUFS; i++) {
		w = writes(&many[i], 0, 1);
		hazard_add(&h, &w, 1);
	}
	assert_true(hazard_wrote(&h, NULL));
}

static void test_write_after_read(void **state)
{
	struct hazard h = {.n = 0};
	struct rdna4_range r = reads(&buf_a, 0, 100), w = writes(&buf_a, 50, 60);

	(void)state;
	assert_false(hazard_add(&h, &r, 1));
	assert_true(hazard_add(&h, &w, 1));
	assert_true(hazard_add(&h, &w, 1));
}

static void test_full(void **state)
{
	struct hazard h = {.n = 0};
	struct rdna4_range r = reads(&buf_a, 0, 1), w = writes(&buf_a, 0, 1);

	(void)state;
	for (int i = 0; i < HAZARD_MAX; i++)
		assert_false(hazard_add(&h, &r, 1));
	assert_true(hazard_add(&h, &r, 1));
	assert_true(hazard_add(&h, &w, 1));
}

/* What joins the last dispatch runs beside all since the barrier. */
static void test_join(void **state)
{
	struct hazard h = {.n = 0};
	struct rdna4_range r = reads(&buf_a, 0, 100), other = writes(&buf_b, 0, 10);
	struct rdna4_range hit = writes(&buf_a, 99, 120), miss = writes(&buf_a, 100, 120);

	(void)state;
	assert_false(hazard_add(&h, &r, 1));
	assert_false(hazard_add(&h, &other, 1));
	assert_false(hazard_join(&h, &hit, 1, false));
	assert_int_equal(h.n, 2);
	assert_true(hazard_join(&h, &miss, 1, false));
	assert_false(hazard_join(&h, &miss, 1, false));
	assert_true(hazard_add(&h, &miss, 1));
}

/* What runs behind the last dispatch's own work need not mind that, but all before. */
static void test_join_behind(void **state)
{
	struct hazard h = {.n = 0};
	struct rdna4_range first = reads(&buf_a, 0, 100), last = reads(&buf_b, 0, 100);
	struct rdna4_range over_first = writes(&buf_a, 50, 60);
	struct rdna4_range over_last = writes(&buf_b, 50, 60);

	(void)state;
	assert_false(hazard_add(&h, &first, 1));
	assert_false(hazard_add(&h, &last, 1));
	assert_false(hazard_join(&h, &over_last, 1, false));
	assert_true(hazard_join(&h, &over_last, 1, true));
	assert_false(hazard_join(&h, &over_first, 1, true));
	/* It is part of what the next one must wait for. */
	assert_true(hazard_add(&h, &over_last, 1));
}

static void test_views(void **state)
{
	/* 8 lanes of rows 64 bytes apart. */
	struct zinc_view v = {.buf = &buf_a, .off = 16, .dtype = ZINC_F32, .ne = {8, 3, 1, 1},
	                      .nb = {4, 64, 192, 192}};
	struct zinc_view none = {.buf = NULL, .ne = {1, 1, 1, 1}};
	struct rdna4_call call = {.n_ranges = 0};

	(void)state;
	rdna4_reads(&call, &v);
	rdna4_writes(&call, &none);
	assert_int_equal(call.n_ranges, 1);
	assert_int_equal(call.ranges[0].first, 16);
	assert_int_equal(call.ranges[0].end, 16 + 2 * 64 + 32);
	assert_false(call.ranges[0].write);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_share), cmocka_unit_test(test_flow),
		cmocka_unit_test(test_what_was_written),
		cmocka_unit_test(test_write_after_read), cmocka_unit_test(test_full),
		cmocka_unit_test(test_join), cmocka_unit_test(test_join_behind),
		cmocka_unit_test(test_views),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
