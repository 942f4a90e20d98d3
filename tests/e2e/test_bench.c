/* test_bench.c - what a benchmark counts and asks for; nothing about speed. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "e2e/rig.h"
#include "run/bench.h"

#define MODEL ZINC_MODEL_DIR "/pocket-qwen35moe.Q4_K_M.gguf"

enum { PROMPT = 40, DECODING = 2 };

static void open_rig(struct rig *r)
{
	struct engine_config c = rig_config();

	c.numerics = RUN_NUM_FAST;
	c.n_ctx = 128;
	c.chunk = 16;
	c.max_seqs = DECODING + 1;
	c.n_best = 1;
	rig_open(r, MODEL, &c);
}

static struct bench_result run_at(struct rig *r, uint32_t depth, uint32_t kind, uint32_t n_tokens,
                                  uint32_t n_seqs)
{
	struct bench_case c = {.kind = kind, .n_tokens = n_tokens, .depth = depth,
	                       .n_seqs = n_seqs, .reps = 3};
	struct bench_result got;
	struct zinc_err err;

	if (bench_run(r->engine, &c, &got, &err))
		fail_msg("%s", err.msg);
	assert_true(got.min > 0 && got.min <= got.median && got.median <= got.max);
	assert_true(got.bytes_per_s > 0 && got.flops_per_s > 0);
	return got;
}

static struct bench_result run(struct rig *r, uint32_t kind, uint32_t n_tokens, uint32_t n_seqs)
{
	return run_at(r, 0, kind, n_tokens, n_seqs);
}

/* Both rates are of the same run, so their ratio does not depend on time. */
static double flops_per_token(struct bench_result r)
{
	return r.flops_per_s / r.median;
}

static void test_rows(void **state)
{
	double prefill, decode, mixed, together;
	struct rig r;

	(void)state;
	open_rig(&r);
	prefill = flops_per_token(run(&r, BENCH_PREFILL, PROMPT, 1));
	decode = flops_per_token(run(&r, BENCH_DECODE, 3, 1));
	together = flops_per_token(run(&r, BENCH_DECODE, 3, DECODING + 1));
	mixed = flops_per_token(run(&r, BENCH_MIXED, PROMPT, DECODING + 1));
	/* Logits are made of the last token of a prompt and of every decoded one. */
	assert_true(prefill < mixed && mixed < decode);
	assert_true(fabs(together / decode - 1) < 1e-6);
	/* Attention sees what is in the cache. */
	assert_true(flops_per_token(run_at(&r, 64, BENCH_DECODE, 3, 1)) > decode);
	rig_close(&r);
}

/* Steps of 16 tokens, 2 of them decoded: the prompt's 40 take 14, 14 and 12. */
static void test_mixed_tokens(void **state)
{
	double prefill, decode, mixed, tokens = PROMPT + 3 * DECODING;
	struct rig r;

	(void)state;
	open_rig(&r);
	mixed = flops_per_token(run(&r, BENCH_MIXED, PROMPT, DECODING + 1)) * tokens;
	prefill = flops_per_token(run(&r, BENCH_PREFILL, PROMPT, 1)) * PROMPT;
	decode = flops_per_token(run(&r, BENCH_DECODE, 3, DECODING)) * 3 * DECODING;
	/* Where the prompt is cut changes a little of what attention sees. */
	assert_true(fabs(mixed / (prefill + decode) - 1) < 0.005);
	rig_close(&r);
}

static double bytes_per_token(struct bench_result r)
{
	return r.bytes_per_s / r.median;
}

/* Prompts that fit one step share its reading of the weights, and count all their tokens. */
static void test_prompts_side_by_side(void **state)
{
	struct bench_result one, two, whole;
	struct rig r;

	(void)state;
	open_rig(&r);
	one = run(&r, BENCH_PREFILL, 8, 1);
	two = run(&r, BENCH_PREFILL, 8, 2);
	whole = run(&r, BENCH_PREFILL, 16, 1);
	assert_true(fabs(flops_per_token(two) / flops_per_token(one) - 1) < 0.005);
	assert_true(bytes_per_token(two) < 0.9 * bytes_per_token(one));
	assert_true(bytes_per_token(two) < 1.1 * bytes_per_token(whole));
	/* In more steps than one, of which each ends another prompt. */
	assert_true(flops_per_token(run(&r, BENCH_PREFILL, PROMPT, DECODING + 1)) > 0);
	rig_close(&r);
}

/* A context shorter than a step does not keep prompts from sharing one. */
static void test_short_contexts_side_by_side(void **state)
{
	struct engine_config c = rig_config();
	struct bench_result one, three;
	struct rig r;

	(void)state;
	c.n_ctx = 9;
	c.max_seqs = 3;
	c.n_best = 1;
	rig_open(&r, MODEL, &c);
	one = run(&r, BENCH_PREFILL, 8, 1);
	three = run(&r, BENCH_PREFILL, 8, 3);
	assert_true(bytes_per_token(three) < 0.8 * bytes_per_token(one));
	rig_close(&r);
}

static void test_refusals(void **state)
{
	struct bench_case c = {.kind = BENCH_MIXED, .n_tokens = PROMPT, .n_seqs = 1, .reps = 1};
	struct bench_result got;
	struct zinc_err err;
	struct rig r;

	(void)state;
	open_rig(&r);
	assert_int_equal(bench_run(r.engine, &c, &got, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "between 2 and 3"));
	c.n_seqs = DECODING + 2;
	assert_int_equal(bench_run(r.engine, &c, &got, &err), ZINC_E_INVALID);
	c = (struct bench_case){.kind = BENCH_DECODE, .n_tokens = 0, .n_seqs = 1, .reps = 1};
	assert_int_equal(bench_run(r.engine, &c, &got, &err), ZINC_E_INVALID);
	rig_close(&r);
}

static void test_peaks(void **state)
{
	struct bench_peaks p;
	struct zinc_err err;
	struct rig r;

	(void)state;
	open_rig(&r);
	if (bench_peaks(r.engine, &p, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(p.bytes_are, "read");
	assert_true(p.bytes_per_s > 0);
	assert_true(p.ops_per_s >= 0);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_mixed_tokens),
		cmocka_unit_test(test_prompts_side_by_side),
		cmocka_unit_test(test_short_contexts_side_by_side),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_peaks),
	};

	return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
