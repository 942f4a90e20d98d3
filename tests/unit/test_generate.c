/* test_generate.c - answers, on an engine whose sequences follow scripts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "run/engine.h"
#include "run/generate.h"
#include "unit/fake_tok.h"
#include "util/err.h"

enum { N_LOGITS = N_VOCAB + 2 };

struct engine {
	uint32_t n_ctx, chunk, steps;
	struct seq *seq[4];
	int n_seqs;
	int fail_at; /* step; 0: never */
};

struct seq {
	uint32_t pos, waiting;
	const int32_t *script; /* the likeliest token after each step */
	size_t n_script, at;
	float logits[N_LOGITS];
	bool ready;
	bool gives_best; /* then it is the only way to its logits */
	int32_t best_ids[2];
};

uint32_t model_n_tokens(const struct model *m)
{
	return tok_n_vocab(m->tok);
}

int engine_seq_push(struct engine *e, struct seq *s, const int32_t *ids, uint32_t n,
		    struct zinc_err *err)
{
	(void)ids;
	if (s->pos + s->waiting + n > e->n_ctx)
		return err_set(err, ZINC_E_INVALID, "%u tokens, context %u",
			       s->pos + s->waiting + n, e->n_ctx);
	s->waiting += n;
	return ZINC_OK;
}

uint32_t engine_seq_pos(const struct seq *s)
{
	return s->pos;
}

uint32_t engine_seq_waiting(const struct seq *s)
{
	return s->waiting;
}

uint32_t engine_n_ctx(const struct engine *e)
{
	return e->n_ctx;
}

bool engine_seq_ready(const struct seq *s)
{
	return s->ready;
}

uint32_t engine_seq_best(const struct seq *s, const int32_t **ids, const float **logits)
{
	static const float best[2] = {50.0f, 10.0f};

	if (!s->ready || !s->gives_best)
		return 0;
	*ids = s->best_ids;
	*logits = best;
	return 2;
}

int engine_seq_logits(struct seq *s, const float **out, struct zinc_err *err)
{
	(void)err;
	assert_true(s->ready);
	assert_false(s->gives_best);
	*out = s->logits;
	return ZINC_OK;
}

int engine_step(struct engine *e, uint32_t *n_done, struct zinc_err *err)
{
	(void)n_done;
	if ((int)++e->steps == e->fail_at)
		return err_set(err, ZINC_E_DEVICE_LOST, "the device is gone");
	for (int i = 0; i < e->n_seqs; i++) {
		struct seq *s = e->seq[i];
		uint32_t n = s->waiting < e->chunk ? s->waiting : e->chunk;

		s->pos += n;
		s->waiting -= n;
		s->ready = n && !s->waiting;
		if (!s->ready)
			continue;
		memset(s->logits, 0, sizeof(s->logits));
		s->logits[N_VOCAB] = 100.0f; /* padding: must never be chosen */
		s->logits[SUPPRESSED] = 50.0f;
		s->best_ids[0] = SUPPRESSED;
		s->best_ids[1] = s->at < s->n_script ? s->script[s->at] : EOS;
		s->logits[s->best_ids[1]] = 10.0f;
		s->at++;
	}
	return ZINC_OK;
}

/* The chat format: <think> switches thinking on and off, <call> opens a
 * call that '.' ends; content runs through a parser that holds one byte. */

struct zinc_chat_parser {
	bool thinking, calling;
	char held;
};

static int send(struct zinc_chat_parser *p, zinc_chat_event_fn *fn, void *ctx, uint32_t kind,
		const char *text, size_t n)
{
	struct zinc_chat_event ev = {sizeof(ev), kind, text, n, "f", "{}"};

	(void)p;
	return fn(ctx, &ev);
}

static int release(struct zinc_chat_parser *p, zinc_chat_event_fn *fn, void *ctx)
{
	char c = p->held;

	p->held = 0;
	return c ? send(p, fn, ctx, p->thinking ? ZINC_CHAT_REASONING : ZINC_CHAT_CONTENT, &c, 1)
		 : 0;
}

static int parser_create(void *model, const struct zinc_chat_request *req,
			 struct zinc_chat_parser **out, struct zinc_err *err)
{
	(void)model;
	(void)req;
	(void)err;
	*out = calloc(1, sizeof(**out));
	return *out ? ZINC_OK : ZINC_E_NO_MEMORY;
}

static int parser_feed(struct zinc_chat_parser *p, const char *text, size_t n, int special,
		       zinc_chat_event_fn *fn, void *ctx)
{
	if (special) {
		if (release(p, fn, ctx))
			return ZINC_E_INVALID;
		p->thinking ^= !memcmp(text, "<think>", n);
		p->calling |= !memcmp(text, "<call>", n);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (p->calling) {
			p->calling = text[i] != '.';
			if (!p->calling && send(p, fn, ctx, ZINC_CHAT_TOOL_CALL, NULL, 0))
				return ZINC_E_INVALID;
			continue;
		}
		if (release(p, fn, ctx))
			return ZINC_E_INVALID;
		p->held = text[i];
	}
	return 0;
}

static int parser_end(struct zinc_chat_parser *p, zinc_chat_event_fn *fn, void *ctx)
{
	return release(p, fn, ctx) ? ZINC_E_INVALID : 0;
}

static void parser_destroy(struct zinc_chat_parser *p)
{
	free(p);
}

static const struct zinc_chat chat = {
	.struct_size = sizeof(chat),
	.parser_create = parser_create,
	.parser_feed = parser_feed,
	.parser_end = parser_end,
	.parser_destroy = parser_destroy,
};
static const struct zinc_arch arch = {.struct_size = sizeof(arch), .chat = &chat};
static struct model model = {.arch = &arch, .info = {.n_vocab = N_LOGITS}};

struct log {
	char text[256];
	int tokens, prefill_calls, calls;
	uint32_t last_done;
	int cancel_after_tokens; /* 0: never */
	bool cancel_prefill;
};

static int on_event(void *ctx, const struct answer_event *ev)
{
	struct log *l = ctx;
	const char *mark = ev->kind == ANSWER_REASONING ? "~" : "";

	switch (ev->kind) {
	case ANSWER_PREFILL:
		l->prefill_calls++;
		l->last_done = ev->done;
		return l->cancel_prefill;
	case ANSWER_TOKEN: return ++l->tokens == l->cancel_after_tokens;
	case ANSWER_TOOL_CALL:
		l->calls++;
		strcat(l->text, "[");
		strcat(l->text, ev->name);
		strcat(l->text, ev->arguments);
		strcat(l->text, "]");
		return 0;
	default:
		strcat(l->text, mark);
		strncat(l->text, ev->text, ev->n);
		return 0;
	}
}

struct run {
	struct engine e;
	struct seq s;
	struct log log;
	struct answer_stats stats;
	enum answer_finish finish;
	struct zinc_err err;
	int rc;
};

static int32_t prompt[] = {'a', 'b', 'c', 'd', 'e'};

/* The answer to a script, with c's other fields as given. */
static void go(struct run *r, struct answer_config c, const int32_t *script, size_t n)
{
	struct answer *a;

	if (!r->e.n_ctx)
		r->e.n_ctx = 100;
	r->e.chunk = 2;
	r->e.seq[0] = &r->s;
	r->e.n_seqs = 1;
	r->s.script = script;
	r->s.n_script = n;
	model.tok = the_tok;
	c.model = &model;
	c.seq = &r->s;
	if (!c.ids) {
		c.ids = prompt;
		c.n_ids = 5;
	}
	c.fn = on_event;
	c.ctx = &r->log;
	r->rc = generate_one(&r->e, &c, &a, &r->err);
	if (r->rc) {
		assert_null(a);
		return;
	}
	r->finish = answer_finish(a);
	answer_get_stats(a, &r->stats);
	assert_true(answer_finished(a));
	assert_int_equal(answer_tokens(a)->n, r->stats.tokens);
	assert_int_equal(answer_advance(a, &r->err), ZINC_OK);
	answer_end(a);
}

static struct answer_config config(void)
{
	struct answer_config c = {0};

	sample_config_init(&c.sample);
	return c;
}

static void test_plain_answer(void **state)
{
	static const int32_t script[] = {' ', 'h', 'i', MARK, THINK, 0xc3, 0xa9, EOS, 'x'};
	struct run r = {0};

	(void)state;
	go(&r, config(), script, 9);
	assert_int_equal(r.rc, ZINC_OK);
	/* CONTROL text is not shown, USER_DEFINED is. */
	assert_string_equal(r.log.text, " hi<think>\xc3\xa9");
	assert_int_equal(r.finish, ANSWER_STOP);
	assert_string_equal(answer_finish_name(r.finish), "stop");
	assert_int_equal(r.stats.tokens, 7);
	assert_int_equal(r.stats.prompt_tokens, 5);
	assert_int_equal(r.log.tokens, 7);
	/* Chunks of 2: 2, 4, 5. */
	assert_int_equal(r.log.prefill_calls, 3);
	assert_int_equal(r.log.last_done, 5);
	/* The prompt and all but the token that ended the answer were read. */
	assert_int_equal(r.s.pos, 12);
	assert_int_equal(r.s.waiting, 0);
}

static void test_best_logits_suffice(void **state)
{
	static const int32_t script[] = {' ', 'h', 'i', EOS};
	struct run r = {.s = {.gives_best = true}};

	(void)state;
	go(&r, config(), script, 4);
	assert_int_equal(r.rc, ZINC_OK);
	assert_string_equal(r.log.text, " hi");
}

static void test_half_a_character_at_the_end(void **state)
{
	static const int32_t script[] = {'a', 0xc3, EOS};
	struct run r = {0};

	(void)state;
	go(&r, config(), script, 3);
	assert_string_equal(r.log.text, "a\xef\xbf\xbd");
}

static void test_max_tokens(void **state)
{
	static const int32_t script[] = {'a', 'b', 'c', 'd'};
	struct answer_config c = config();
	struct run r = {0};

	(void)state;
	c.max_tokens = 3;
	go(&r, c, script, 4);
	assert_string_equal(r.log.text, "abc");
	assert_int_equal(r.finish, ANSWER_LENGTH);
	assert_int_equal(r.s.waiting, 0);
	assert_int_equal(r.s.pos, 7); /* the third token was not read */
}

static void test_context_full(void **state)
{
	static const int32_t script[] = {'a', 'b', 'c', 'd', 'e', 'f'};
	struct run r = {.e.n_ctx = 7};

	(void)state;
	go(&r, config(), script, 6);
	assert_string_equal(r.log.text, "abc");
	assert_int_equal(r.finish, ANSWER_CONTEXT);
	assert_int_equal(r.s.pos, 7);
}

static void test_prompt_too_long(void **state)
{
	struct run r = {.e.n_ctx = 4};

	(void)state;
	go(&r, config(), NULL, 0);
	assert_int_equal(r.rc, ZINC_E_INVALID);
	assert_non_null(strstr(r.err.msg, "5"));
	assert_non_null(strstr(r.err.msg, "4"));
	assert_int_equal(r.s.waiting, 0);
}

static void test_bad_prompts(void **state)
{
	static const int32_t foreign[] = {'a', 5000};
	struct answer_config c = config();
	struct run r = {0};

	(void)state;
	c.ids = prompt;
	c.n_ids = c.n_reused = 3;
	go(&r, c, NULL, 0);
	assert_int_equal(r.rc, ZINC_E_INVALID);
	assert_non_null(strstr(r.err.msg, "empty"));
	c.ids = foreign;
	c.n_ids = 2;
	c.n_reused = 0;
	go(&r, c, NULL, 0);
	assert_int_equal(r.rc, ZINC_E_INVALID);
	assert_non_null(strstr(r.err.msg, "5000"));
}

static void test_stop_strings(void **state)
{
	static const int32_t script[] = {'a', 'b', 'E', 'N', 'D', 'c'};
	static const int32_t partial[] = {'a', 'E', 'N', EOS};
	const char *stop[] = {"END"};
	struct answer_config c = config();
	struct run r = {0}, q = {0};

	(void)state;
	c.stop = stop;
	c.n_stop = 1;
	go(&r, c, script, 6);
	assert_string_equal(r.log.text, "ab");
	assert_int_equal(r.finish, ANSWER_STOP);
	assert_int_equal(r.stats.tokens, 5);
	go(&q, c, partial, 4);
	assert_string_equal(q.log.text, "aEN");
}

static void test_chat_answer(void **state)
{
	static const int32_t script[] = {THINK, 'h', 'm', THINK, 'o', 'k', CALL, 'x', '.', EOS};
	struct zinc_chat_request req = {.struct_size = sizeof(req)};
	struct answer_config c = config();
	struct run r = {0};

	(void)state;
	c.chat = &req;
	go(&r, c, script, 10);
	assert_string_equal(r.log.text, "~h~mok[f{}]");
	assert_int_equal(r.finish, ANSWER_TOOL_CALLS);
	assert_string_equal(answer_finish_name(r.finish), "tool_calls");
	assert_int_equal(r.log.calls, 1);
}

/* A thought is not the answer, and a stop string does not reach across one. */
static void test_chat_stop_strings(void **state)
{
	static const int32_t thought[] = {THINK, 'n', 'o', THINK, 'a', 'n', 'o', 'b'};
	static const int32_t across[] = {'n', THINK, 'x', THINK, 'o', EOS};
	static const int32_t at_end[] = {'n', 'o', EOS};
	const char *stop[] = {"no"};
	struct zinc_chat_request req = {.struct_size = sizeof(req)};
	struct answer_config c = config();
	struct run r = {0}, q = {0}, s = {0};

	(void)state;
	c.chat = &req;
	c.stop = stop;
	c.n_stop = 1;
	go(&r, c, thought, 8);
	assert_string_equal(r.log.text, "~n~oa");
	assert_int_equal(r.finish, ANSWER_STOP);
	go(&q, c, across, 6);
	assert_string_equal(q.log.text, "n~xo");
	/* The parser gives its last byte at the end only. */
	go(&s, c, at_end, 3);
	assert_string_equal(s.log.text, "");
	assert_int_equal(s.finish, ANSWER_STOP);
}

static void test_cancel(void **state)
{
	static const int32_t script[] = {'a', 'b', 'c', 'd'};
	struct run r = {.log.cancel_after_tokens = 3}, q = {.log.cancel_prefill = true};

	(void)state;
	go(&r, config(), script, 4);
	assert_int_equal(r.finish, ANSWER_CANCELLED);
	assert_string_equal(r.log.text, "ab");
	assert_int_equal(r.s.waiting, 0);
	go(&q, config(), script, 4);
	assert_int_equal(q.finish, ANSWER_CANCELLED);
	assert_int_equal(q.log.prefill_calls, 1);
	assert_int_equal(q.stats.tokens, 0);
}

static void test_engine_error(void **state)
{
	static const int32_t script[] = {'a', 'b', 'c', 'd'};
	struct run r = {.e.fail_at = 5};

	(void)state;
	go(&r, config(), script, 4);
	assert_int_equal(r.rc, ZINC_E_DEVICE_LOST);
	assert_string_equal(r.log.text, "ab");
}

static void test_reused_prompt(void **state)
{
	static const int32_t script[] = {'a', EOS};
	struct answer_config c = config();
	struct run r = {.s.pos = 3};

	(void)state;
	c.ids = prompt;
	c.n_ids = 5;
	c.n_reused = 3;
	go(&r, c, script, 2);
	assert_int_equal(r.rc, ZINC_OK);
	assert_int_equal(r.s.pos, 6);
	assert_int_equal(r.stats.reused_tokens, 3);
	assert_int_equal(r.log.last_done, 5);
}

/* Two answers in one engine, of different lengths, each as if alone. */
static void test_two_at_once(void **state)
{
	static const int32_t one[] = {'a', 'b', EOS}, two[] = {'u', 'v', 'w', 'x', 'y', EOS};
	struct engine e = {.n_ctx = 100, .chunk = 2, .n_seqs = 2};
	struct seq s[2] = {{.script = one, .n_script = 3}, {.script = two, .n_script = 6}};
	struct log log[2] = {{.tokens = 0}};
	struct answer *a[2];
	struct zinc_err err;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct answer_config c = config();

		e.seq[i] = &s[i];
		model.tok = the_tok;
		c.model = &model;
		c.seq = &s[i];
		c.ids = prompt;
		c.n_ids = i ? 2 : 5;
		c.fn = on_event;
		c.ctx = &log[i];
		assert_int_equal(answer_begin(&e, &c, &a[i], &err), ZINC_OK);
	}
	while (!answer_finished(a[0]) || !answer_finished(a[1])) {
		assert_int_equal(engine_step(&e, NULL, &err), ZINC_OK);
		assert_int_equal(answer_advance(a[0], &err), ZINC_OK);
		assert_int_equal(answer_advance(a[1], &err), ZINC_OK);
	}
	assert_string_equal(log[0].text, "ab");
	assert_string_equal(log[1].text, "uvwxy");
	answer_end(a[0]);
	answer_end(a[1]);
}

static void test_breakers(void **state)
{
	static const char *const strings[] = {"a", ">"};
	struct tok_ids ids = {0};

	(void)state;
	assert_int_equal(answer_breakers(the_tok, strings, 2, &ids), ZINC_OK);
	/* 'a', '>' and the six special tokens. */
	assert_int_equal(ids.n, 8);
	assert_int_equal(ids.id[0], '>');
	assert_int_equal(ids.id[1], 'a');
	assert_int_equal(ids.id[2], EOS);
	tok_ids_finish(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_answer),
		cmocka_unit_test(test_best_logits_suffice),
		cmocka_unit_test(test_half_a_character_at_the_end),
		cmocka_unit_test(test_max_tokens),
		cmocka_unit_test(test_context_full),
		cmocka_unit_test(test_prompt_too_long),
		cmocka_unit_test(test_bad_prompts),
		cmocka_unit_test(test_stop_strings),
		cmocka_unit_test(test_chat_answer),
		cmocka_unit_test(test_chat_stop_strings),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_engine_error),
		cmocka_unit_test(test_reused_prompt),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_breakers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
