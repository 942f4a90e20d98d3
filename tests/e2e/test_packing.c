/* test_packing.c - the same tokens whether weights are packed before the answer, during
 * it, after it, or not at all. */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "e2e/models.h"
#include "e2e/rig.h"
#include "model/model.h"
#include "plugin/plug.h"
#include "run/ledger.h"

enum { PROMPT = 40, ANSWER = 16, SEQS = 2 };

/* A gate before the backend's weight_pack(): so many calls may pass. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint32_t allowed, packed;
static uint32_t n_windows; /* of this model */
enum { ALL = 1 << 30 };

static const struct zinc_backend *real;

static void allow(uint32_t times)
{
	pthread_mutex_lock(&lock);
	allowed = times;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static int gated_pack(struct zinc_dev *dev, const struct zinc_weight_use *use, uint32_t layout,
                      const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err)
{
	int rc;

	pthread_mutex_lock(&lock);
	while (!allowed)
		pthread_cond_wait(&changed, &lock);
	allowed--;
	pthread_mutex_unlock(&lock);
	rc = real->weight_pack(dev, use, layout, src, dst, off, err);
	pthread_mutex_lock(&lock);
	packed++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return rc;
}

static const struct plug *gate(const struct plug *backend)
{
	static struct zinc_backend b;
	static struct zinc_plugin table;
	static struct plug plug;

	real = backend->table->backend;
	b = *real;
	b.weight_pack = gated_pack;
	table = *backend->table;
	table.backend = &b;
	plug = *backend;
	plug.table = &table;
	return &plug;
}

/* Lets some windows through, and waits until they are packed. */
static void pack_more(uint32_t times)
{
	pthread_mutex_lock(&lock);
	times = times < n_windows - packed ? times : n_windows - packed;
	allowed += times;
	times += packed;
	pthread_cond_broadcast(&changed);
	while (packed < times)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

enum when { NEVER, BEFORE, DURING, AFTER, RIGHT_AWAY };

struct answer {
	int32_t ids[SEQS][ANSWER];
};

static struct engine_config config(enum when when)
{
	struct engine_config c = rig_config();

	c.numerics = RUN_NUM_FAST;
	c.kv_type = ZINC_F16;
	c.n_ctx = 128;
	c.chunk = 16;
	c.max_seqs = SEQS;
	c.n_best = 2;
	c.pack = when == NEVER ? RUN_PACK_OFF : RUN_PACK_BACKGROUND;
	return c;
}

static void must(int rc, const char *path, const struct zinc_err *err)
{
	if (rc)
		fail_msg("%s: %s", path, err->msg);
}

/* Prompts of two lengths, read and answered side by side. */
static void answer(struct rig *r, const char *path, enum when when, struct answer *out)
{
	uint32_t n[SEQS] = {0}, left = SEQS;
	struct seq *seqs[SEQS];
	int32_t ids[PROMPT];
	struct zinc_err err;

	for (uint32_t s = 0; s < SEQS; s++) {
		models_prompt(ids, PROMPT, r->model->info.n_vocab, 7 + s);
		must(engine_seq_create(r->engine, &seqs[s], &err), path, &err);
		must(engine_seq_push(r->engine, seqs[s], ids, PROMPT / (s + 1), &err), path, &err);
	}
	while (left) {
		must(engine_step(r->engine, NULL, &err), path, &err);
		for (uint32_t s = 0; s < SEQS; s++) {
			if (n[s] == ANSWER || !engine_seq_ready(seqs[s]))
				continue;
			out->ids[s][n[s]] = rig_choose(r, seqs[s]);
			must(engine_seq_push(r->engine, seqs[s], &out->ids[s][n[s]], 1, &err),
			     path, &err);
			left -= ++n[s] == ANSWER;
		}
		if (when == DURING)
			pack_more(n_windows / 8 + 1);
	}
}

static void run(const char *path, enum when when, struct answer *out)
{
	struct engine_config c = config(when);
	const struct ledger *l;
	struct rig r;

	packed = 0;
	allow(when == DURING || when == AFTER ? 0 : ALL);
	rig_open_wrapped(&r, path, &c, gate);
	if (when == BEFORE) {
		engine_pack_wait(r.engine);
		n_windows = packed;
	}
	answer(&r, path, when, out);
	if (when == AFTER)
		assert_int_equal(packed, 0);
	if (when == DURING)
		assert_int_equal(packed, n_windows);
	allow(ALL);
	engine_pack_wait(r.engine);
	l = engine_ledger(r.engine);
	for (int k = 0; k < LEDGER_COUNT; k++)
		assert_int_equal(l->used[k], l->planned[k]);
	rig_close(&r);
}

static void check(const char *path)
{
	static const char *const names[] = {
		[BEFORE] = "before", [DURING] = "during", [AFTER] = "after",
		[RIGHT_AWAY] = "beside"};
	struct answer plain, got;

	run(path, NEVER, &plain);
	for (int when = BEFORE; when <= RIGHT_AWAY; when++) {
		run(path, when, &got);
		if (memcmp(&plain, &got, sizeof(got)))
			fail_msg("%s: other tokens when weights are packed %s the answer", path,
			         names[when]);
	}
}

static void test_same_tokens(void **state)
{
	(void)state;
	models_each(check);
}

static void test_ends_in_the_middle(void **state)
{
	struct engine_config c = config(RIGHT_AWAY);

	(void)state;
	allow(ALL);
	for (int i = 0; i < 10; i++) {
		struct rig r;

		rig_open_wrapped(&r, ZINC_MODEL_DIR "/pocket-gemma4.Q4_K_M.gguf", &c, gate);
		rig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_tokens),
		cmocka_unit_test(test_ends_in_the_middle),
	};

	return cmocka_run_group_tests_name("packing", tests, NULL, NULL);
}
