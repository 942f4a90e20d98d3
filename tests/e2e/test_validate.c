/* test_validate.c - batched prefill against one token at a time, for prompts
 * around every boundary: chunks, pages, buckets, windows. ZINC_TEST_SHORT=1 (for
 * sanitizers, which are slow) leaves out lengths above 100. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "e2e/models.h"
#include "e2e/rig.h"
#include "model/model.h"

static const uint32_t lengths[] = {1, 2, 7, 31, 32, 33, 63, 64, 65, 127, 200, 513};
enum { MAX_LEN = 1100 };

/* Of a model's lengths; about as much work each. */
enum part { SHORT, MIDDLE, LONG, WINDOW, PARTS };

static uint32_t numerics;

/* engine_step() itself compares and fails; this also makes sure that it did. */
static void check_length(struct rig *r, const char *path, uint32_t n)
{
	int32_t ids[MAX_LEN];
	struct zinc_err err;
	struct seq *s;

	models_prompt(ids, n, r->model->info.n_vocab, n);
	if (engine_seq_create(r->engine, &s, &err) || engine_seq_push(r->engine, s, ids, n, &err))
		fail_msg("%s: %s", path, err.msg);
	while (engine_seq_waiting(s))
		if (engine_step(r->engine, NULL, &err))
			fail_msg("%s: %u tokens: %s", strrchr(path, '/') + 1, n, err.msg);
	assert_int_equal(engine_seq_pos(s), n);
	assert_true(engine_seq_ready(s));
	engine_seq_destroy(r->engine, s);
}

static bool too_long(uint32_t n)
{
	return n > (getenv("ZINC_TEST_SHORT") ? 100 : MAX_LEN);
}

static enum part part_of(uint32_t n)
{
	return n < 100 ? SHORT : n < 300 ? MIDDLE : LONG;
}

static void check_window(struct rig *r, const char *path, uint32_t window)
{
	if (!window || too_long(window + 1))
		return;
	for (uint32_t n = window - 1; n <= window + 1; n++)
		if (n > 0)
			check_length(r, path, n);
}

static void check_model(const char *path)
{
	struct engine_config c = rig_config();
	bool mine[PARTS], any = false;
	uint32_t window = 0;
	struct rig r;

	for (int p = 0; p < PARTS; p++)
		any |= mine[p] = rig_mine();
	if (!any)
		return;
	c.batched = RUN_BATCHED_VALIDATE;
	c.numerics = numerics;
	c.kv_type = ZINC_F16;
	c.chunk = 256;
	c.n_ctx = 1200;
	rig_open(&r, path, &c);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		if (mine[part_of(lengths[i])] && !too_long(lengths[i]))
			check_length(&r, path, lengths[i]);
	for (uint32_t i = 0; i < r.model->n_states; i++)
		if (r.model->states[i].window > window)
			window = r.model->states[i].window;
	if (mine[WINDOW])
		check_window(&r, path, window);
	rig_close(&r);
}

static void test_strict(void **state)
{
	(void)state;
	numerics = RUN_NUM_STRICT;
	models_each(check_model);
}

static void test_fast(void **state)
{
	(void)state;
	numerics = RUN_NUM_FAST;
	models_each(check_model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_fast),
	};

	if (!rig_has_backend())
		return 77;
	return rig_result(cmocka_run_group_tests_name("validate", tests, NULL, NULL));
}
