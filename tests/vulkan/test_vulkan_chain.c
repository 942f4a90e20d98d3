/* test_vulkan_chain.c - what the steps of a chained list wait for, by running the plan as
 * workgroups would: each waits, then signals. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"
#include "chain.h"
#include "pack.h"

enum { MAX_STEPS = 200 };

/* A shader "silent" was not compiled for this. */
const struct pack_entry *rdna4_pack_find(const struct rdna4_pack *pack, const char *name)
{
	static const struct pack_entry entry = {.name = "loud.chain"};

	(void)pack;
	return strcmp(name, entry.name) ? NULL : &entry;
}

struct rdna4_pipeline *rdna4_pipelines_get(struct rdna4_pipelines *p, const char *shader,
                                           const uint32_t *spec, uint32_t n_spec)
{
	static struct rdna4_pipeline chained;

	(void)p;
	(void)shader;
	(void)spec;
	(void)n_spec;
	return &chained;
}

int rdna4_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                    struct zinc_err *err)
{
	(void)dev;
	(void)bytes;
	(void)kind;
	(void)out;
	(void)err;
	return ZINC_E_NO_MEMORY;
}

void rdna4_buf_free(struct zinc_buf *buf)
{
	(void)buf;
}

static struct rdna4_pipeline loud = {.shader = "loud"}, silent = {.shader = "silent"};
static struct rdna4_step steps[MAX_STEPS];
static struct zinc_buf alarm;
static struct zinc_dev dev;
static struct zinc_cmd cmd;

static void begin(void)
{
	memset(steps, 0, sizeof(steps));
	memset(&dev, 0, sizeof(dev));
	dev.alarm = &alarm;
	cmd = (struct zinc_cmd){.dev = &dev, .steps = steps, .n_parts = 1};
}

static void add(struct rdna4_pipeline *p, bool barrier, uint32_t groups)
{
	assert_true(cmd.n_steps < MAX_STEPS);
	steps[cmd.n_steps++] = (struct rdna4_step){.pipeline = p, .barrier = barrier,
	                                           .groups = {groups, 1, 1}};
}

static uint32_t need_of(uint64_t i)
{
	return steps[i].need >> RDNA4_CHAIN_LEVEL_BITS;
}

static uint32_t counter_of(uint64_t i, uint32_t back)
{
	return (steps[i].need - back) % RDNA4_CHAIN_COUNTERS;
}

/* What a step waits for is made by all workgroups of the levels before it, and by no
 * other. */
static void check_waits(void)
{
	uint64_t done[RDNA4_CHAIN_COUNTERS] = {0}, level = 0;

	for (uint64_t i = 0; i < cmd.n_steps; i++) {
		const struct rdna4_step *s = &steps[i];

		for (; s->barrier && level < i; level++)
			if (steps[level].chained)
				done[counter_of(level, 0)] += steps[level].groups[0];
		if (need_of(i))
			assert_int_equal(need_of(i), done[counter_of(i, 1)]);
		if (s->barrier)
			assert_true(s->fence || need_of(i));
	}
}

static void test_levels(void **state)
{
	(void)state;
	begin();
	add(&loud, false, 3);
	add(&loud, false, 4);
	add(&loud, true, 5);
	add(&loud, true, 1);
	rdna4_chain_plan(&cmd);
	assert_true(cmd.chained);
	assert_int_equal(need_of(0), 0);
	assert_int_equal(need_of(1), 0);
	assert_int_equal(need_of(2), 7);
	assert_int_equal(need_of(3), 5);
	for (int i = 0; i < 4; i++)
		assert_false(steps[i].fence);
	check_waits();
}

/* Of some dispatches a few workgroups signal for all. */
static void test_few_signals(void **state)
{
	(void)state;
	begin();
	add(&loud, false, 512);
	steps[0].signals = 8;
	add(&loud, true, 3);
	rdna4_chain_plan(&cmd);
	assert_int_equal(need_of(1), 8);
}

/* A shader that cannot signal keeps its barriers, and so does what follows it. */
static void test_silent_steps(void **state)
{
	(void)state;
	begin();
	add(&loud, false, 2);
	add(&silent, true, 9);
	add(&loud, false, 3);
	add(&loud, true, 4);
	add(&loud, true, 5);
	add(&silent, false, 9); /* beside a step that waits */
	add(&loud, true, 6);
	rdna4_chain_plan(&cmd);
	assert_null(steps[1].chained);
	assert_true(steps[1].fence);
	assert_false(steps[2].fence);
	assert_int_equal(need_of(2), 0);
	assert_true(steps[3].fence);
	assert_false(steps[4].fence);
	assert_int_equal(need_of(4), 4);
	assert_true(steps[5].fence);
	assert_true(steps[6].fence);
	check_waits();
}

/* Counters are taken in turn and never set back. */
static void test_many_levels(void **state)
{
	(void)state;
	begin();
	for (uint32_t i = 0; i < MAX_STEPS; i++)
		add(i % 23 == 7 ? &silent : &loud, i && i % 3 != 1, 1 + i % 5);
	rdna4_chain_plan(&cmd);
	check_waits();
}

static void test_what_stays(void **state)
{
	(void)state;
	begin();
	add(&loud, false, 2);
	cmd.flags = ZINC_CMD_PROFILE;
	rdna4_chain_plan(&cmd);
	assert_false(cmd.chained);
	cmd.flags = 0;
	cmd.n_parts = 2;
	rdna4_chain_plan(&cmd);
	assert_false(cmd.chained);
	cmd.n_parts = 1;
	atomic_store(&dev.unchained, true);
	rdna4_chain_plan(&cmd);
	assert_false(cmd.chained);
	assert_null(steps[0].chained);
}

static int n_lines;

static void count_line(void *ctx, int level, const char *msg)
{
	(void)ctx;
	(void)level;
	(void)msg;
	n_lines++;
}

/* A list that gave up fails once, with a line; the next ones are not chained. */
static void test_alarm(void **state)
{
	struct zinc_host host = {.log = count_line};
	uint32_t word = 0;

	(void)state;
	begin();
	dev.host = &host;
	alarm.map = (uint8_t *)&word;
	n_lines = 0;
	assert_int_equal(rdna4_chain_check(&dev), ZINC_OK);
	word = 1;
	assert_int_equal(rdna4_chain_check(&dev), ZINC_E_INTERNAL);
	assert_int_equal(rdna4_chain_check(&dev), ZINC_OK);
	word = 1;
	assert_int_equal(rdna4_chain_check(&dev), ZINC_E_INTERNAL);
	assert_int_equal(n_lines, 1);
	add(&loud, false, 1);
	rdna4_chain_plan(&cmd);
	assert_false(cmd.chained);
	alarm.map = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels), cmocka_unit_test(test_few_signals),
		cmocka_unit_test(test_silent_steps), cmocka_unit_test(test_many_levels), cmocka_unit_test(test_what_stays),
		cmocka_unit_test(test_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
