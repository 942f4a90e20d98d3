/* test_weights_later.c - weights that are packed while the engine runs: from where each
 * step reads them, and what becomes of it where packing cannot be, or fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "unit/pack_model.h"

/* Recorded products; pack_start() says of what. */
enum { PART, A, ROUTER, SOME_ROWS, HEAD };

static struct seq *seq;

static struct engine *begin(void)
{
	struct engine *e = NULL;
	struct zinc_err err;

	pack_fake.imports = true;
	if (pack_make(&e, RUN_PACK_BACKGROUND, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(engine_seq_create(e, &seq, &err), ZINC_OK);
	return e;
}

static void end(struct engine *e)
{
	engine_destroy(e);
	assert_int_equal(pack_fake.n_bufs, 0);
}

/* Steps until ops are recorded anew, which happens when packing has got further. */
static void step_until_recorded(struct engine *e)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < 50; i++) {
		pack_step(e, seq);
		if (pack_fake.n_linear)
			return;
		nanosleep(&ms, NULL);
	}
	fail_msg("nothing is recorded anew");
}

static void check_mapped(int product, int weight)
{
	const struct zinc_view *w = &pack_fake.linear[product].w;

	assert_int_equal(w->layout, 0);
	assert_int_equal(w->nb[1], pack_tensors[weight]->bytes / pack_tensors[weight]->ne[1] /
	                                   pack_tensors[weight]->ne[2]);
	assert_in_range((uintptr_t)pack_bytes(w->buf, w->off, 1),
	                (uintptr_t)pack_tensors[weight]->data,
	                (uintptr_t)pack_tensors[weight]->data + pack_tensors[weight]->bytes - 1);
}

static void check_packed(int product, int weight, uint32_t at)
{
	const struct zinc_view *w = &pack_fake.linear[product].w;

	assert_int_equal(w->layout, PACK_LAYOUT);
	assert_int_equal(w->nb[1], PACK_ROW);
	pack_check_row(w, 0, 0, weight, at);
}

/* In the order of the weights: a, the experts, the head. */
static void test_one_by_one(void **state)
{
	struct engine *e;

	(void)state;
	pack_hold();
	e = begin();
	step_until_recorded(e);
	check_mapped(PART, W_A);
	check_mapped(A, W_A);
	check_mapped(SOME_ROWS, W_EXPERTS);
	check_mapped(HEAD, W_HEAD);
	pack_check_row(&pack_fake.linear[PART].w, 0, 0, W_A, 4);
	pack_check_row(&pack_fake.linear[SOME_ROWS].w, 3, 0, W_EXPERTS, 3 * E_ROWS + 2);
	pack_step(e, seq);
	assert_int_equal(pack_fake.n_linear, 0);

	pack_allow(1);
	step_until_recorded(e);
	check_packed(PART, W_A, 4);
	check_packed(A, W_A, 0);
	check_mapped(SOME_ROWS, W_EXPERTS);
	check_mapped(HEAD, W_HEAD);

	pack_allow(2);
	engine_pack_wait(e);
	step_until_recorded(e);
	check_packed(A, W_A, 0);
	check_packed(SOME_ROWS, W_EXPERTS, 2);
	check_packed(HEAD, W_HEAD, 0);
	check_mapped(ROUTER, W_ROUTER);
	pack_step(e, seq);
	assert_int_equal(pack_fake.n_linear, 0);
	assert_int_equal(pack_fake.n_pack, 3);
	pack_check_ledger(e, pack_packed_bytes(), 0,
	                  pack_data_bytes(W_EMBD) + pack_data_bytes(W_ROUTER));
	end(e);
}

static void test_in_the_middle(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct engine *e = begin();

		if (i % 2)
			pack_step(e, seq);
		end(e);
		pack_setup(NULL);
	}
}

/* What is packed when packing fails is used, the rest stays mapped. */
static void test_failure(void **state)
{
	struct engine *e;

	(void)state;
	pack_fake.fail_pack_of = E_ROWS;
	pack_hold();
	e = begin();
	pack_step(e, seq);
	pack_allow(1);
	step_until_recorded(e);
	check_packed(A, W_A, 0);
	pack_free();
	engine_pack_wait(e);
	pack_step(e, seq);
	assert_int_equal(pack_fake.n_linear, 0);
	check_packed(A, W_A, 0);
	check_mapped(SOME_ROWS, W_EXPERTS);
	check_mapped(HEAD, W_HEAD);
	end(e);
}

/* What another thread has packed behind the one that fails does not count. */
static void test_failure_among_several(void **state)
{
	struct engine *e;

	(void)state;
	pack_fake.fail_pack_of = E_ROWS;
	pack_fake.fail_after = 2;
	pack_hold();
	e = begin();
	pack_free();
	engine_pack_wait(e);
	pack_step(e, seq);
	assert_int_equal(pack_fake.n_linear, 5);
	assert_int_equal(pack_fake.n_packed, 2);
	check_mapped(SOME_ROWS, W_EXPERTS);
	end(e);
}

static void test_no_room(void **state)
{
	struct engine *e;

	(void)state;
	pack_fake.fail_alloc_of = pack_packed_bytes();
	e = begin();
	engine_pack_wait(e);
	step_until_recorded(e);
	check_mapped(A, W_A);
	check_mapped(HEAD, W_HEAD);
	assert_int_equal(pack_fake.n_pack, 0);
	assert_int_equal(engine_ledger(e)->used[LEDGER_WEIGHTS_PACKED], 0);
	end(e);
}

/* A state in between that the backend cannot run: then not before all is packed. */
static void test_retreat(void **state)
{
	struct engine *e;

	(void)state;
	pack_hold();
	e = begin();
	step_until_recorded(e);
	pack_fake.decline_packed = true;
	pack_allow(1);
	step_until_recorded(e);
	check_mapped(A, W_A);
	check_mapped(HEAD, W_HEAD);
	pack_fake.decline_packed = false;
	pack_step(e, seq);
	assert_int_equal(pack_fake.n_linear, 0);
	pack_allow(2);
	engine_pack_wait(e);
	step_until_recorded(e);
	check_packed(A, W_A, 0);
	check_packed(HEAD, W_HEAD, 0);
	end(e);
}

/* Packed before the first step: another's memory, results that the layout may change,
 * a file that cannot be read in place. */
static void test_waits(void **state)
{
	struct engine *e;

	(void)state;
	pack_fake.discrete = true;
	e = begin();
	assert_int_equal(pack_fake.n_pack, 3);
	end(e);
	pack_setup(NULL);
	pack_fake.free_sums = true;
	e = begin();
	assert_int_equal(pack_fake.n_pack, 3);
	step_until_recorded(e);
	check_packed(A, W_A, 0);
	end(e);
	pack_setup(NULL);
	e = pack_start(RUN_PACK_BACKGROUND);
	assert_int_equal(pack_fake.n_pack, 3);
	check_packed(A, W_A, 0);
	end(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_by_one, pack_setup),
		cmocka_unit_test_setup(test_in_the_middle, pack_setup),
		cmocka_unit_test_setup(test_failure, pack_setup),
		cmocka_unit_test_setup(test_failure_among_several, pack_setup),
		cmocka_unit_test_setup(test_no_room, pack_setup),
		cmocka_unit_test_setup(test_retreat, pack_setup),
		cmocka_unit_test_setup(test_waits, pack_setup),
	};

	return cmocka_run_group_tests_name("weights_later", tests, pack_setup_file,
	                                   pack_teardown_file);
}
