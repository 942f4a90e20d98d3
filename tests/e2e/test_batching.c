/* test_batching.c - sequences that share steps must not know of each other:
 * each gives the tokens that it gives alone, a token at a time. Also that the
 * ledger's plan is what gets used. */
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
#include "run/ledger.h"

/* SLOTS: recordings are for more rows that are read than some variants of attention take. */
enum { SEQS = 4, SLOTS = 6, ANSWER = 12, LONGEST = 150 };

static const uint32_t prompt_len[SEQS] = {5, 150, 1, 70};
static const uint32_t start_step[SEQS] = {0, 1, 3, 4};

struct one {
	int32_t prompt[LONGEST];
	int32_t alone[ANSWER], together[ANSWER];
	struct seq *seq;
	uint32_t n;
};

static struct engine_config config(uint32_t max_seqs)
{
	struct engine_config c = rig_config();

	c.numerics = RUN_NUM_STRICT;
	c.kv_type = ZINC_F16;
	c.n_ctx = 256;
	c.chunk = 48;
	c.max_seqs = max_seqs;
	c.n_best = 3;
	return c;
}

static void must(int rc, const char *path, const struct zinc_err *err)
{
	if (rc)
		fail_msg("%s: %s", path, err->msg);
}

static void start(struct rig *r, struct one *o, uint32_t len, const char *path)
{
	struct zinc_err err;

	must(engine_seq_create(r->engine, &o->seq, &err), path, &err);
	must(engine_seq_push(r->engine, o->seq, o->prompt, len, &err), path, &err);
}

/* Greedy: takes a token from each sequence that has logits. */
static uint32_t advance(struct rig *r, struct one *all, const char *path)
{
	uint32_t finished = 0;

	for (int i = 0; i < SEQS; i++) {
		struct one *o = &all[i];
		struct zinc_err err;

		if (o->seq && o->n < ANSWER && engine_seq_ready(o->seq)) {
			o->together[o->n] = rig_choose(r, o->seq);
			must(engine_seq_push(r->engine, o->seq, &o->together[o->n++], 1, &err), path,
			     &err);
		}
		finished += o->n == ANSWER;
	}
	return finished;
}

static void check_model(const char *path)
{
	struct engine_config c = config(1);
	struct zinc_err err;
	struct one *all;
	struct rig r;

	if (!rig_mine())
		return;
	all = calloc(SEQS, sizeof(*all));
	assert_non_null(all);
	c.batched = RUN_BATCHED_OFF;
	rig_open(&r, path, &c);
	for (uint32_t i = 0; i < SEQS; i++) {
		models_prompt(all[i].prompt, prompt_len[i], r.model->info.n_vocab, 100 + i);
		rig_greedy(&r, all[i].prompt, prompt_len[i], all[i].alone, ANSWER);
	}
	rig_close(&r);

	c = config(SLOTS);
	rig_open(&r, path, &c);
	for (uint32_t step = 0; advance(&r, all, path) < SEQS; step++) {
		for (uint32_t i = 0; i < SEQS; i++)
			if (start_step[i] == step)
				start(&r, &all[i], prompt_len[i], path);
		assert_true(step < 200);
		must(engine_step(r.engine, NULL, &err), path, &err);
	}
	for (uint32_t i = 0; i < SEQS; i++)
		if (memcmp(all[i].alone, all[i].together, sizeof(all[i].alone)))
			fail_msg("%s: sequence %u differs when it runs beside others", path, i);
	rig_close(&r);
	free(all);
}

static void test_together_as_alone(void **state)
{
	(void)state;
	models_each(check_model);
}

static void check_ledger(const char *path)
{
	struct engine_config c = config(2);
	const struct ledger *l;
	struct rig r;

	if (!rig_mine())
		return;
	rig_open(&r, path, &c);
	l = engine_ledger(r.engine);
	for (int k = 0; k < LEDGER_COUNT; k++)
		assert_int_equal(l->planned[k], l->used[k]);
	assert_true(ledger_planned_total(l) > 0);
	rig_close(&r);
}

static void test_planned_is_used(void **state)
{
	(void)state;
	models_each(check_ledger);
}

/* A sequence's slot and pages are as new for the next one. */
static void check_reuse(const char *path)
{
	struct engine_config c = config(1);
	int32_t prompt[90], first[ANSWER], second[ANSWER], other[60];
	struct rig r;

	if (!rig_mine())
		return;
	rig_open(&r, path, &c);
	models_prompt(prompt, 90, r.model->info.n_vocab, 7);
	models_prompt(other, 60, r.model->info.n_vocab, 8);
	rig_greedy(&r, prompt, 90, first, ANSWER);
	rig_greedy(&r, other, 60, second, ANSWER);
	rig_greedy(&r, prompt, 90, second, ANSWER);
	assert_memory_equal(first, second, sizeof(first));
	rig_close(&r);
}

static void test_slots_are_reused_clean(void **state)
{
	(void)state;
	models_each(check_reuse);
}

static void test_over_context(void **state)
{
	struct engine_config c = config(1);
	int32_t ids[257];
	struct zinc_err err;
	struct seq *s;
	struct rig r;

	(void)state;
	if (!rig_mine())
		return;
	rig_open(&r, ZINC_FIXTURE_DIR "/q8_0/qwen3.Q8_0.gguf", &c);
	models_prompt(ids, 257, r.model->info.n_vocab, 1);
	must(engine_seq_create(r.engine, &s, &err), "qwen3", &err);
	assert_int_equal(engine_seq_push(r.engine, s, ids, 257, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "257"));
	assert_non_null(strstr(err.msg, "256"));
	assert_int_equal(engine_seq_waiting(s), 0);
	must(engine_seq_push(r.engine, s, ids, 256, &err), "qwen3", &err);
	rig_run(&r, s);
	assert_int_equal(engine_seq_push(r.engine, s, ids, 1, &err), ZINC_E_INVALID);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_together_as_alone),
		cmocka_unit_test(test_planned_is_used),
		cmocka_unit_test(test_slots_are_reused_clean),
		cmocka_unit_test(test_over_context),
	};

	if (!rig_has_backend())
		return 77;
	return rig_result(cmocka_run_group_tests_name("batching", tests, NULL, NULL));
}
