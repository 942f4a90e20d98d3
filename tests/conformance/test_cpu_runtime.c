/* test_cpu_runtime.c - the CPU backend around its ops: command lists, threads,
 * timelines, running out of memory. */
#include "op_run.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <zinc/op.h>

#include "op_check.h"

/* y = y + one, on a vector that all threads share. */
static struct zinc_op_binary counting_op(struct op_run *r, const struct zinc_view *y)
{
	const float one = 1;
	struct zinc_op_binary op = {.struct_size = sizeof(op), .n = zinc_imm(y->ne[1])};

	op.a = op.y = *y;
	op.b = run_view_f32(r, &one, 1, 1, 1);
	return op;
}

static struct zinc_cmd *counting_list(struct op_run *r, const struct zinc_op_binary *op,
                                      uint32_t n, uint32_t flags)
{
	const struct zinc_op_impl *add = run_impl(r, ZINC_OP_ADD);
	struct zinc_cmd *cmd;
	struct zinc_err err;

	assert_int_equal(r->backend->cmd_begin(r->dev, flags, NULL, &cmd, &err), ZINC_OK);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(add->record(cmd, op, 0), ZINC_OK);
	assert_int_equal(r->backend->cmd_end(cmd, &err), ZINC_OK);
	return cmd;
}

static void submit(struct op_run *r, struct zinc_cmd *cmd, uint32_t times)
{
	struct zinc_cmd *cmds[2] = {cmd, cmd};
	struct zinc_submit s = {.struct_size = sizeof(s), .cmds = cmds, .n_cmds = 2};

	for (uint32_t i = 0; i < times; i++)
		assert_int_equal(r->backend->submit(r->dev, &s, NULL), ZINC_OK);
}

/* Every op sees the results of the one before, whichever threads ran them. */
static void ops_run_in_order(struct op_run *r)
{
	enum { LANES = 1024, ROWS = 5, OPS = 300, TIMES = 20 };
	struct zinc_view y = run_view_f32(r, NULL, LANES, ROWS, 1);
	struct zinc_op_binary op = counting_op(r, &y);
	struct zinc_cmd *cmd = counting_list(r, &op, OPS, ZINC_CMD_PROFILE);
	float *got = must_calloc(LANES * ROWS, sizeof(*got));
	uint64_t ns[OPS + 1];
	uint32_t n = OPS + 1;

	assert_int_equal(r->backend->cmd_times(cmd, ns, &n), ZINC_OK);
	assert_true(n == OPS && ns[0] == 0);
	submit(r, cmd, TIMES);
	run_get(r, &y, got);
	for (int i = 0; i < LANES * ROWS; i++)
		assert_true(got[i] == 2 * OPS * TIMES);
	n = OPS;
	assert_int_equal(r->backend->cmd_times(cmd, ns, &n), ZINC_OK);
	assert_int_equal(n, OPS);
	assert_true(ns[0] > 0 && ns[OPS - 1] > 0);
	r->backend->cmd_free(cmd);
	free(got);
}

/* Numbers below F32's normal range count as 0, in every thread; the caller's own
 * arithmetic stays as it was. */
static void tiny_numbers_are_zero(struct op_run *r)
{
	enum { LANES = 1024, ROWS = 64 };
	static const float inputs[] = {1e-39f, 1e-30f}, factors[] = {1e10f, 1e-10f};
	struct zinc_op_unary op = {.struct_size = sizeof(op), .n = zinc_imm(ROWS)};
	float *x = must_calloc(LANES * ROWS, sizeof(*x));
	volatile float tiny = 1e-39f;

	for (int c = 0; c < 2; c++) {
		for (int i = 0; i < LANES * ROWS; i++)
			x[i] = inputs[c];
		op.x = op.y = run_view_f32(r, x, LANES, ROWS, 1);
		op.value = factors[c];
		run_op(r, ZINC_OP_SCALE, &op, 0, &(struct run_params){0});
		run_get(r, &op.y, x);
		for (int i = 0; i < LANES * ROWS; i++)
			assert_true(x[i] == 0.0f);
		run_reset(r);
	}
	assert_true(tiny * 1e10f > 0.0f);
	free(x);
}

/* dst[i] = src[i + 1] for all rows but the last, and dst[last] = src[0]. */
static void record_rotation(struct op_run *r, struct zinc_cmd *cmd, const struct zinc_view *src,
                            const struct zinc_view *dst, uint32_t rows)
{
	const struct zinc_op_impl *copy = run_impl(r, ZINC_OP_COPY);
	struct zinc_op_copy op = {.struct_size = sizeof(op)};

	op.x = zinc_view_rows(*src, 1, rows - 1);
	op.y = zinc_view_rows(*dst, 0, rows - 1);
	op.n = zinc_imm(rows - 1);
	assert_int_equal(copy->record(cmd, &op, 0), ZINC_OK);
	op.x = zinc_view_rows(*src, 0, 1);
	op.y = zinc_view_rows(*dst, rows - 1, 1);
	op.n = zinc_imm(1);
	assert_int_equal(copy->record(cmd, &op, 0), ZINC_OK);
}

/* Rows travel through all threads' shares: one that runs ahead or lags behind
 * by an op tears them. */
static void threads_wait_for_each_other(struct op_run *r)
{
	enum { LANES = 512, ROWS = 96, TURNS = 200 };
	float *x = must_calloc(LANES * ROWS, sizeof(*x));
	float *got = must_calloc(LANES * ROWS, sizeof(*got));
	struct zinc_view a, b;
	struct zinc_cmd *cmd;

	for (int i = 0; i < LANES * ROWS; i++)
		x[i] = (float)i;
	a = run_view_f32(r, x, LANES, ROWS, 1);
	b = run_view_f32(r, NULL, LANES, ROWS, 1);
	assert_int_equal(r->backend->cmd_begin(r->dev, 0, NULL, &cmd, NULL), ZINC_OK);
	for (int i = 0; i < TURNS; i++)
		record_rotation(r, cmd, i % 2 ? &b : &a, i % 2 ? &a : &b, ROWS);
	assert_int_equal(r->backend->cmd_end(cmd, NULL), ZINC_OK);
	submit(r, cmd, 6);
	run_get(r, &a, got);
	for (int i = 0; i < LANES * ROWS; i++)
		assert_true(got[i] == x[(i + 12 * TURNS * LANES) % (LANES * ROWS)]);
	r->backend->cmd_free(cmd);
	free(got);
	free(x);
}

/* An op that hands out its work by a counter finds it at 0, also behind another
 * such op: here one that takes y = v through states of a single lane. */
static void work_counter_starts_over(struct op_run *r)
{
	enum { HEADS = 40, N = 2 };
	const struct zinc_op_impl *impl = run_impl(r, ZINC_OP_DELTA_NET);
	const int32_t first[2] = {0, N}, slot = 0;
	struct zinc_op_delta_net op = {.struct_size = sizeof(op), .q_scale = 1, .n = zinc_imm(N),
	                               .n_seqs = zinc_imm(1)};
	float one[N * HEADS], far[N * HEADS], got[N * HEADS];
	struct zinc_buf *scratch;
	struct zinc_cmd *cmd;

	for (int i = 0; i < N * HEADS; i++) {
		one[i] = 1;
		far[i] = 100; /* beta is 1: the state becomes v */
	}
	op.q = op.k = op.v = run_view_f32(r, one, 1, HEADS, N);
	op.alpha = op.beta = run_view_f32(r, far, HEADS, N, 1);
	op.a = op.dt = run_view_f32(r, NULL, HEADS, 1, 1);
	op.state = run_view_f32(r, NULL, HEADS, 1, 1);
	op.seq_first = run_view_i32(r, first, 2, 1);
	op.state_slot = run_view_i32(r, &slot, 1, 1);
	assert_int_equal(r->backend->buf_alloc(r->dev, impl->scratch(r->dev, &op, 0), 0, &scratch,
	                                       NULL), ZINC_OK);
	assert_int_equal(r->backend->cmd_begin(r->dev, 0, scratch, &cmd, NULL), ZINC_OK);
	for (int i = 0; i < 2; i++) {
		op.y = run_view_f32(r, NULL, 1, HEADS, N);
		assert_int_equal(impl->record(cmd, &op, 0), ZINC_OK);
	}
	assert_int_equal(r->backend->cmd_end(cmd, NULL), ZINC_OK);
	submit(r, cmd, 1);
	run_get(r, &op.y, got);
	check_bits("y of the second op", got, one, sizeof(got));
	r->backend->cmd_free(cmd);
	r->backend->buf_free(scratch);
}

struct rival {
	struct op_run *r;
	struct zinc_cmd *cmd;
};

static void *rival_main(void *arg)
{
	struct rival *v = arg;

	submit(v->r, v->cmd, 50);
	return NULL;
}

static void two_callers_take_turns(struct op_run *r)
{
	enum { LANES = 4096, OPS = 10 };
	struct zinc_view y = run_view_f32(r, NULL, LANES, 1, 1);
	struct zinc_op_binary op = counting_op(r, &y);
	struct rival a = {r, counting_list(r, &op, OPS, 0)}, b = {r, counting_list(r, &op, OPS, 0)};
	float *got = must_calloc(LANES, sizeof(*got));
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, rival_main, &a), 0);
	rival_main(&b);
	pthread_join(thread, NULL);
	run_get(r, &y, got);
	for (int i = 0; i < LANES; i++)
		assert_true(got[i] == 2 * 2 * OPS * 50);
	free(got);
	r->backend->cmd_free(a.cmd);
	r->backend->cmd_free(b.cmd);
}

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Threads that wait for work sleep: half a second of nothing costs less than a
 * tenth of one thread. */
static void idle_threads_sleep(struct op_run *r)
{
	struct zinc_view y = run_view_f32(r, NULL, 64, 1, 1);
	struct zinc_op_binary op = counting_op(r, &y);
	struct zinc_cmd *cmd = counting_list(r, &op, 5, 0);
	const struct timespec nap = {0, 500000000};
	double before;

	submit(r, cmd, 1);
	before = cpu_seconds();
	nanosleep(&nap, NULL);
	assert_true(cpu_seconds() - before < 0.05);
	r->backend->cmd_free(cmd);
}

static void first_error_sticks(struct op_run *r)
{
	const struct zinc_op_impl *add = run_impl(r, ZINC_OP_ADD);
	struct zinc_view y = run_view_f32(r, NULL, 8, 2, 1);
	struct zinc_op_binary good = counting_op(r, &y), bad = good;
	struct zinc_op_argmax greedy = {.struct_size = sizeof(greedy), .x = y, .n = zinc_imm(2)};
	struct zinc_submit s = {.struct_size = sizeof(s), .n_cmds = 1};
	struct zinc_err err = {0};
	struct zinc_cmd *cmd;

	bad.flags = 1;
	greedy.ids = run_view(r, ZINC_I32, 2, 1, 1, 1);
	assert_int_equal(r->backend->cmd_begin(r->dev, 0, NULL, &cmd, &err), ZINC_OK);
	assert_int_equal(add->record(cmd, &good, 0), ZINC_OK);
	assert_int_equal(add->record(cmd, &bad, 0), ZINC_E_UNSUPPORTED);
	assert_int_equal(add->record(cmd, &good, 0), ZINC_E_UNSUPPORTED);
	assert_int_equal(r->backend->cmd_end(cmd, &err), ZINC_E_UNSUPPORTED);
	assert_int_equal(err.code, ZINC_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "add"));
	s.cmds = &cmd;
	assert_int_equal(r->backend->submit(r->dev, &s, &err), ZINC_E_INVALID);
	r->backend->cmd_free(cmd);
	/* An op that needs scratch memory, in a list that has none. */
	assert_int_equal(r->backend->cmd_begin(r->dev, 0, NULL, &cmd, &err), ZINC_OK);
	assert_int_equal(run_impl(r, ZINC_OP_ARGMAX)->record(cmd, &greedy, 0), ZINC_E_INVALID);
	assert_int_equal(r->backend->cmd_end(cmd, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "argmax"));
	r->backend->cmd_free(cmd);
	/* Not ended, and a queue that does not exist. */
	assert_int_equal(r->backend->cmd_begin(r->dev, 0, NULL, &cmd, &err), ZINC_OK);
	assert_int_equal(r->backend->submit(r->dev, &s, &err), ZINC_E_INVALID);
	assert_int_equal(r->backend->cmd_end(cmd, &err), ZINC_OK);
	s.queue = 1;
	assert_int_equal(r->backend->submit(r->dev, &s, &err), ZINC_E_INVALID);
	r->backend->cmd_free(cmd);
	r->backend->cmd_free(NULL);
	assert_int_equal(r->backend->cmd_begin(r->dev, 2, NULL, &cmd, &err), ZINC_E_UNSUPPORTED);
}

struct waiter {
	struct op_run *r;
	struct zinc_timeline *tl;
	int rc;
};

static void *waiter_main(void *arg)
{
	struct waiter *w = arg;

	w->rc = w->r->backend->tl_wait(w->tl, 7, UINT64_MAX);
	return NULL;
}

static void timelines(struct op_run *r)
{
	const struct zinc_backend *b = r->backend;
	struct zinc_timeline *tl, *gate;
	struct zinc_point wait, signal;
	struct zinc_submit s = {.struct_size = sizeof(s), .wait = &wait, .signal = &signal,
	                        .n_wait = 1, .n_signal = 1};
	struct waiter w = {.r = r, .rc = ZINC_E_INTERNAL};
	pthread_t thread;
	uint64_t value;

	assert_int_equal(b->tl_create(r->dev, 5, &tl), ZINC_OK);
	assert_int_equal(b->tl_create(r->dev, 2, &gate), ZINC_OK);
	assert_int_equal(b->tl_wait(tl, 5, 0), ZINC_OK);
	assert_int_equal(b->tl_wait(tl, 6, 1000000), ZINC_E_TIMEOUT);
	w.tl = tl;
	assert_int_equal(pthread_create(&thread, NULL, waiter_main, &w), 0);
	wait = (struct zinc_point){gate, 1};
	signal = (struct zinc_point){tl, 7};
	assert_int_equal(b->submit(r->dev, &s, NULL), ZINC_OK);
	pthread_join(thread, NULL);
	assert_int_equal(w.rc, ZINC_OK);
	signal.value = 3; /* a timeline only grows */
	assert_int_equal(b->submit(r->dev, &s, NULL), ZINC_OK);
	assert_int_equal(b->tl_value(tl, &value), ZINC_OK);
	assert_int_equal(value, 7);
	b->tl_free(tl);
	b->tl_free(gate);
	b->tl_free(NULL);
}

/* Opens a device, makes a buffer, records and ends a list; true when all of it
 * went well. Whatever fails leaves nothing behind. */
static bool all_steps(struct op_run *r, const struct zinc_op_binary *op)
{
	const struct zinc_backend *b = r->backend;
	struct zinc_dev *dev = NULL;
	struct zinc_buf *buf = NULL;
	struct zinc_cmd *cmd = NULL;
	struct zinc_timeline *tl = NULL;
	struct zinc_err err = {0};
	int rc = b->dev_open(r->self, 0, &dev, &err);

	if (!rc)
		rc = b->buf_alloc(dev, 1000, ZINC_MEM_UPLOAD, &buf, &err);
	if (!rc)
		rc = b->tl_create(dev, 0, &tl);
	if (!rc)
		rc = b->cmd_begin(dev, ZINC_CMD_PROFILE, buf, &cmd, &err);
	for (int i = 0; i < 100 && !rc; i++)
		run_impl(r, ZINC_OP_ADD)->record(cmd, op, 0);
	if (!rc)
		rc = b->cmd_end(cmd, &err);
	assert_true(rc == ZINC_OK || rc == ZINC_E_NO_MEMORY);
	b->cmd_free(cmd);
	b->tl_free(tl);
	b->buf_free(buf);
	b->dev_close(dev);
	return rc == ZINC_OK;
}

static void memory_runs_out(struct op_run *r)
{
	struct zinc_view y = run_view_f32(r, NULL, 8, 2, 1);
	struct zinc_op_binary op = counting_op(r, &y);
	int64_t live = r->n_allocs;
	bool done = false;
	int at;

	for (at = 1; at < 100 && !done; at++) {
		r->fail_at = at;
		done = all_steps(r, &op);
		assert_int_equal(r->n_allocs, live);
	}
	r->fail_at = 0;
	assert_true(done && at > 6);
}

EVERYWHERE(ops_run_in_order)
EVERYWHERE(tiny_numbers_are_zero)
EVERYWHERE(threads_wait_for_each_other)
EVERYWHERE(work_counter_starts_over)
EVERYWHERE(two_callers_take_turns)
EVERYWHERE(idle_threads_sleep)
EVERYWHERE(first_error_sticks)
EVERYWHERE(timelines)
EVERYWHERE(memory_runs_out)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ops_run_in_order),
		cmocka_unit_test(test_tiny_numbers_are_zero),
		cmocka_unit_test(test_threads_wait_for_each_other),
		cmocka_unit_test(test_work_counter_starts_over),
		cmocka_unit_test(test_two_callers_take_turns),
		cmocka_unit_test(test_idle_threads_sleep),
		cmocka_unit_test(test_first_error_sticks),
		cmocka_unit_test(test_timelines),
		cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
