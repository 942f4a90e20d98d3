/* test_pocket.c - the bundled models doing their job: 200 words drawn from the
 * dictionary with a fixed seed, asked through the real chat path, greedy, as a
 * user's zinc runs them (fast numerics, F16 cache). Under sanitizers, which are
 * slow, ZINC_TEST_SHORT=1 asks for the first tenth of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "e2e/rig.h"
#include "model/model.h"
#include "run/generate.h"
#include "run/prompt.h"
#include "token/tok.h"

enum { WORDS = 200, MAY_MISS = 4, SHORT_WORDS = 20, MAX_LINE = 4096 };

struct text {
	char buf[MAX_LINE];
	size_t n;
};

static int collect(void *ctx, const struct answer_event *ev)
{
	struct text *t = ctx;

	if (ev->kind == ANSWER_CONTENT && t->n + ev->n < sizeof(t->buf)) {
		memcpy(t->buf + t->n, ev->text, ev->n);
		t->n += ev->n;
		t->buf[t->n] = '\0';
	}
	return 0;
}

static void must(int rc, const struct zinc_err *err)
{
	if (rc)
		fail_msg("%s", err->msg);
}

static void ask(struct rig *r, const char *word, struct text *out)
{
	struct zinc_chat_request req = {.struct_size = sizeof(req), .thinking = ZINC_THINK_OFF};
	struct answer_config c = {.model = r->model, .chat = &req, .max_tokens = 200,
	                          .fn = collect, .ctx = out};
	struct tok_ids ids = {0};
	struct answer *a;
	struct zinc_err err;
	char messages[256];

	snprintf(messages, sizeof(messages),
	         "[{\"role\":\"user\",\"content\":\"What does %s mean?\"}]", word);
	req.messages = messages;
	out->n = 0;
	out->buf[0] = '\0';
	sample_config_init(&c.sample);
	must(prompt_from_chat(r->model, &req, &ids, &err), &err);
	must(engine_seq_create(r->engine, &c.seq, &err), &err);
	c.ids = ids.id;
	c.n_ids = ids.n;
	must(generate_one(r->engine, &c, &a, &err), &err);
	answer_end(a);
	engine_seq_destroy(r->engine, c.seq);
	tok_ids_finish(&ids);
}

static char **read_pairs(size_t *n)
{
	FILE *f = popen("gzip -dc '" ZINC_MODEL_DIR "/pocket-pairs.tsv.gz'", "r");
	char line[MAX_LINE];
	char **list = NULL;

	assert_non_null(f);
	*n = 0;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		list = realloc(list, (*n + 1) * sizeof(*list));
		assert_non_null(list);
		list[(*n)++] = strdup(line);
	}
	assert_int_equal(pclose(f), 0);
	assert_true(*n > 20000);
	return list;
}

static void check_model(const char *file)
{
	struct engine_config c = {.kv_type = ZINC_F16, .numerics = RUN_NUM_FAST, .n_ctx = 512};
	uint32_t x = 20261121, right = 0, asked = 0;
	uint32_t words = getenv("ZINC_TEST_SHORT") ? SHORT_WORDS : WORDS;
	struct text answer;
	char path[MAX_LINE];
	size_t n;
	char **pairs = read_pairs(&n);
	struct rig r;

	snprintf(path, sizeof(path), "%s/%s", ZINC_MODEL_DIR, file);
	rig_open(&r, path, &c);
	for (uint32_t i = 0; i < words; i++) {
		char *pair, *tab;

		x = x * 1664525u + 1013904223u;
		if (!rig_mine())
			continue;
		asked++;
		pair = strdup(pairs[(x >> 8) % n]);
		tab = strchr(pair, '\t');
		assert_non_null(tab);
		*tab = '\0';
		ask(&r, pair, &answer);
		if (!strcmp(answer.buf, tab + 1))
			right++;
		else
			print_message("%s: got \"%s\", expected \"%s\"\n", pair, answer.buf, tab + 1);
		free(pair);
	}
	print_message("%s: %u of %u\n", file, right, asked);
	rig_close(&r);
	for (size_t i = 0; i < n; i++)
		free(pairs[i]);
	free(pairs);
	assert_true(asked - right <= MAY_MISS * asked / WORDS);
}

static void test_qwen(void **state)
{
	(void)state;
	check_model("pocket-qwen35moe.Q4_K_M.gguf");
}

static void test_gemma(void **state)
{
	(void)state;
	check_model("pocket-gemma4.Q4_K_M.gguf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qwen),
		cmocka_unit_test(test_gemma),
	};

	if (!rig_has_backend())
		return 77;
	return rig_result(cmocka_run_group_tests_name("pocket", tests, NULL, NULL));
}
