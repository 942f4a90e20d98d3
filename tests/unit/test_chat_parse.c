/* test_chat_parse.c - generated streams to content, reasoning and tool calls:
 * cut at every byte and token by token, cut off, malformed, and markers that
 * only look like it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat_fake.h"
#include "gemma3/chat.h"
#include "gemma4/chat.h"
#include "llama/chat.h"
#include "qwen3/chat.h"
#include "qwen35/chat.h"

enum { MAX_TOKENS = 4096 };

/* Parses tokens whole and in pieces of 1 to 7 bytes, expecting the same. */
static void expect_tokens(const struct zinc_chat *chat, const struct zinc_chat_request *req,
                          const struct chat_token *token, size_t n, const char *want)
{
	struct chat_fake f;

	chat_fake_init(&f, chat, NULL);
	for (size_t piece = 0; piece < 8; piece++) {
		char *got = chat_fake_parse(&f, req, token, n, piece);

		assert_string_equal(got, want);
		free(got);
	}
}

/* Text in which markers are special tokens. Beside the usual cuts, every token
 * is once cut at every place, and neighbouring special ones are once glued. */
static void expect(const struct zinc_chat *chat, uint32_t thinking, const char *text,
                   const char *want)
{
	static struct chat_token token[MAX_TOKENS], cut[MAX_TOKENS + 1];
	struct zinc_chat_request req = chat_fake_request(thinking);
	size_t n = chat_fake_tokens(text, chat_fake_markers(chat), token, MAX_TOKENS), n_glued = 0;
	struct chat_fake f;

	expect_tokens(chat, &req, token, n, want);
	chat_fake_init(&f, chat, NULL);
	for (size_t i = 0; i < n; i++)
		for (size_t at = 1; at < token[i].n; at++) {
			memcpy(cut, token, i * sizeof(*cut));
			memcpy(cut + i + 1, token + i, (n - i) * sizeof(*cut));
			cut[i] = (struct chat_token){token[i].text, at, token[i].special};
			cut[i + 1].text += at;
			cut[i + 1].n -= at;
			char *got = chat_fake_parse(&f, &req, cut, n + 1, 0);

			assert_string_equal(got, want);
			free(got);
		}
	for (size_t i = 0; i < n; i++) {
		if (n_glued && token[i].special && cut[n_glued - 1].special)
			cut[n_glued - 1].n += token[i].n;
		else
			cut[n_glued++] = token[i];
	}
	char *got = chat_fake_parse(&f, &req, cut, n_glued, 0);

	assert_string_equal(got, want);
	free(got);
}

static void qwen_thoughts(void **state)
{
	(void)state;
	/* The prompt opened the thought. */
	expect(&qwen35_chat, ZINC_THINK_ON, "Hm.\n\nWell.\n</think>\n\nHello\n\nyou\n",
	       "R{Hm.\n\nWell.}C{Hello\n\nyou\n}");
	expect(&qwen35_chat, ZINC_THINK_DEFAULT, "\n\nHm</think>Hello<|im_end|>", "R{Hm}C{Hello}");
	expect(&qwen35_chat, ZINC_THINK_ON, "</think>Hello", "C{Hello}");
	expect(&qwen35_chat, ZINC_THINK_ON, "Hm.\nI never", "R{Hm.\nI never}");
	/* It closed an empty one. */
	expect(&qwen35_chat, ZINC_THINK_OFF, "\nHello\n", "C{Hello\n}");
	/* The model opens it. */
	expect(&qwen3_chat, ZINC_THINK_ON, "<think>\nHm.\n</think>\n\nHello", "R{Hm.}C{Hello}");
	expect(&qwen3_chat, ZINC_THINK_DEFAULT, "<think>\n\n</think>\n\nHello", "C{Hello}");
	expect(&qwen3_chat, ZINC_THINK_DEFAULT, "\nHello", "C{\nHello}");
	expect(&qwen3_chat, ZINC_THINK_OFF, "Hello</think> there", "C{Hello there}");
	expect(&qwen3_chat, ZINC_THINK_ON, "", "");
}

static void gemma_thoughts(void **state)
{
	(void)state;
	expect(&gemma4_chat, ZINC_THINK_ON, "<|channel>thought\nHm.\nWell.\n<channel|>Hello<turn|>",
	       "R{Hm.\nWell.}C{Hello}");
	expect(&gemma4_chat, ZINC_THINK_ON, "<|channel>thought\n<channel|>Hello", "C{Hello}");
	expect(&gemma4_chat, ZINC_THINK_OFF, "<|channel>thought<channel|>\nHello", "C{Hello}");
	/* No channel of that name: its words are not lost. */
	expect(&gemma4_chat, ZINC_THINK_ON, "<|channel>though it is<channel|>Hello",
	       "R{though it is}C{Hello}");
	expect(&gemma4_chat, ZINC_THINK_ON, "<|channel>tho<channel|>Hello", "R{tho}C{Hello}");
	expect(&gemma4_chat, ZINC_THINK_ON, "<|channel>thought\nI never", "R{I never}");
	expect(&gemma4_chat, ZINC_THINK_ON, "<|channel>thou", "R{thou}");
	expect(&gemma4_chat, ZINC_THINK_ON, "Hello", "C{Hello}");
	/* A quote mark outside a call is what it looks like. */
	expect(&gemma4_chat, ZINC_THINK_OFF, "a <|\"|> b", "C{a <|\"|> b}");
}

/* Since July 2026 the prompt itself goes on with a thought behind a result. */
static void gemma_thought_after_result(void **state)
{
	static const struct chat_token token[] = {{"Hm", 2, false}, {"<channel|>", 10, true},
	                                          {"Ok", 2, false}};
	struct zinc_chat_request req = chat_fake_request(ZINC_THINK_ON);
	struct chat_fake f;

	(void)state;
	chat_fake_init(&f, &gemma4_chat, "<|turn> <|tool_call> <|think|>\\n continues_into_next");
	req.messages = "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]},"
	               MSG("tool", "1") "]";
	char *got = chat_fake_parse(&f, &req, token, 3, 0);

	assert_string_equal(got, "R{Hm}C{Ok}");
	free(got);
	req.messages = chat_fake_request(0).messages;
	got = chat_fake_parse(&f, &req, token, 3, 0);
	assert_string_equal(got, "C{HmOk}");
	free(got);
}

#define QWEN35_CALL(body) "<tool_call>\n<function=f>\n" body "</function>\n</tool_call>"
#define PARAMETER(key, value) "<parameter=" key ">\n" value "\n</parameter>\n"

static void qwen_calls(void **state)
{
	(void)state;
	expect(&qwen35_chat, ZINC_THINK_ON,
	       "Tools.\n</think>\n\nLook:\n\n"
	       QWEN35_CALL(PARAMETER("s", "18") PARAMETER("n", "18"))
	       "\n<tool_call>\n<function=g>\n</function>\n</tool_call><|im_end|>",
	       "R{Tools.}C{Look:}T{f {\"s\": \"18\", \"n\": 18}}T{g {}}");
	expect(&qwen3_chat, ZINC_THINK_OFF,
	       "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, {\"b\": null}], "
	       "\"c\": 1.0}}\n</tool_call>\nDone",
	       "T{f {\"a\": [1, {\"b\": null}], \"c\": 1.0}}C{Done}");
	/* Either family may have learned the other's way. */
	expect(&qwen35_chat, ZINC_THINK_OFF, "<tool_call>{\"name\": \"f\"}</tool_call>", "T{f {}}");
	expect(&qwen3_chat, ZINC_THINK_OFF,
	       "<tool_call><function=f><parameter=s>x</parameter></function></tool_call>",
	       "T{f {\"s\": \"x\"}}");
	/* Inside a thought, and without its end. */
	expect(&qwen35_chat, ZINC_THINK_ON,
	       "Hm\n<tool_call>\n<function=f>\n</function>\n</tool_call>", "R{Hm}T{f {}}");
	/* The closing marker forgotten between two. */
	expect(&qwen3_chat, ZINC_THINK_OFF,
	       "<tool_call>\n{\"name\": \"f\"}\n<tool_call>\n{\"name\": \"g\"}\n</tool_call>",
	       "T{f {}}T{g {}}");
	expect(&qwen3_chat, ZINC_THINK_OFF,
	       "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}</tool_call>",
	       "T{f {\"a\": 1}}");
}

static void values_have_the_types_of_the_schema(void **state)
{
	(void)state;
	expect(&qwen35_chat, ZINC_THINK_OFF,
	       QWEN35_CALL(PARAMETER("b", "True") PARAMETER("l", "[1, \"x\"]")
	                   PARAMETER("o", "{\"k\": {\"j\": 0.5}}") PARAMETER("n", "-3")),
	       "T{f {\"b\": true, \"l\": [1, \"x\"], \"o\": {\"k\": {\"j\": 0.5}}, \"n\": -3}}");
	expect(&qwen35_chat, ZINC_THINK_OFF,
	       QWEN35_CALL(PARAMETER("sn", "null") PARAMETER("u", "None") PARAMETER("e", "1")),
	       "T{f {\"sn\": null, \"u\": null, \"e\": \"1\"}}");
	expect(&qwen35_chat, ZINC_THINK_OFF,
	       QWEN35_CALL(PARAMETER("sn", "true") PARAMETER("s", "null")),
	       "T{f {\"sn\": \"true\", \"s\": \"null\"}}");
	/* Not of the type it should be: a string. */
	expect(&qwen35_chat, ZINC_THINK_OFF, QWEN35_CALL(PARAMETER("n", "three")),
	       "T{f {\"n\": \"three\"}}");
	/* Unknown: JSON if it is. */
	expect(&qwen35_chat, ZINC_THINK_OFF,
	       QWEN35_CALL(PARAMETER("x", "7") PARAMETER("y", "seven") PARAMETER("z", "False")),
	       "T{f {\"x\": 7, \"y\": \"seven\", \"z\": false}}");
	/* Exactly one line break at each end is the format's. */
	expect(&qwen35_chat, ZINC_THINK_OFF, QWEN35_CALL(PARAMETER("s", "\n a\n\nb \n")),
	       "T{f {\"s\": \"\\n a\\n\\nb \\n\"}}");
	expect(&qwen35_chat, ZINC_THINK_OFF, QWEN35_CALL(PARAMETER("s", "")), "T{f {\"s\": \"\"}}");
	/* A value that quotes the tags. */
	expect(&qwen35_chat, ZINC_THINK_OFF,
	       QWEN35_CALL(PARAMETER("s", "<parameter=x>\ny\n</parameter>\n!") PARAMETER("n", "1")),
	       "T{f {\"s\": \"<parameter=x>\\ny\\n</parameter>\\n!\", \"n\": 1}}");
	expect(&qwen35_chat, ZINC_THINK_OFF,
	       QWEN35_CALL(PARAMETER("s", "Grüße, 世界 🌍") PARAMETER("ключ", "é")),
	       "T{f {\"s\": \"Grüße, 世界 🌍\", \"ключ\": \"é\"}}");
}

#define Q "<|\"|>"

static void gemma_calls(void **state)
{
	(void)state;
	expect(&gemma4_chat, ZINC_THINK_OFF,
	       "Look:\n<|tool_call>call:f{city:" Q "Paris" Q ",n:-2.5,ok:true,no:false,nil:null,"
	       "l:[1,[],{}," Q "x" Q "],o:{a:{b:" Q Q "}}}<tool_call|>"
	       "<|tool_call>call:g{}<tool_call|><|tool_response>",
	       "C{Look:}T{f {\"city\": \"Paris\", \"n\": -2.5, \"ok\": true, \"no\": false, "
	       "\"nil\": null, \"l\": [1, [], {}, \"x\"], \"o\": {\"a\": {\"b\": \"\"}}}}T{g {}}");
	expect(&gemma4_chat, ZINC_THINK_ON,
	       "<|channel>thought\nHm\n<channel|><|tool_call>call:f{s:" Q
	       "a{b}:[c],\n\"d\" 世界 🌍" Q "}<tool_call|>",
	       "R{Hm}T{f {\"s\": \"a{b}:[c],\\n\\\"d\\\" 世界 🌍\"}}");
	/* Bare words, quoted keys, blanks and JSON's strings are understood. */
	expect(&gemma4_chat, ZINC_THINK_OFF,
	       "<|tool_call>call:f { " Q "a b" Q
	       " : New York , \"c\": \"x\\n,}\" ,d:[ 1 , two ],e:None} <tool_call|>",
	       "T{f {\"a b\": \"New York\", \"c\": \"x\\n,}\", \"d\": [1, \"two\"], \"e\": null}}");
}

/* What is no call comes out as it was; the text around it as well. */
static void malformed_calls(void **state)
{
	static const char *const qwen[] = {
		"<tool_call>\nno call\n</tool_call>",
		"<tool_call></tool_call>",
		"<tool_call>\n{\"name\": \"f\", \"arguments\": [1]}\n</tool_call>",
		"<tool_call>\n{\"name\": 5}\n</tool_call>",
		"<tool_call>\n{\"name\": \"\"}\n</tool_call>",
		"<tool_call>\n{\"name\": \"f\"}}\n</tool_call>",
		"<tool_call>\n{\"name\": \"f\", \"arguments\": \"{\"}\n</tool_call>",
		"<tool_call>\n<function=f>\n</tool_call>",
		"<tool_call>\n<function=>\n</function>\n</tool_call>",
		"<tool_call>\n<function=f\n</function>\n</tool_call>",
		"<tool_call>\n<function=f>\n<parameter=s>\nx\n</function>\n</tool_call>",
		"<tool_call>\n<function=f>\n<parameter=s>\nx\n</parameter>\n</tool_call>",
		"<tool_call>\n<function=f>\n</function>\n!</tool_call>",
		"<tool_call>\n<function=f>\n</function>\n<think></tool_call>",
	};
	static const char *const gemma[] = {
		"<|tool_call>f{}<tool_call|>",
		"<|tool_call>call:{}<tool_call|>",
		"<|tool_call>call:f<tool_call|>",
		"<|tool_call>call:f{<tool_call|>",
		"<|tool_call>call:f{a}<tool_call|>",
		"<|tool_call>call:f{a:}<tool_call|>",
		"<|tool_call>call:f{a:1,}<tool_call|>",
		"<|tool_call>call:f{a:" Q "x}<tool_call|>",
		"<|tool_call>call:f{a:" Q "x" Q Q "}<tool_call|>",
		"<|tool_call>call:f{" Q "a:1}<tool_call|>",
		"<|tool_call>call:f{\"a:1}<tool_call|>",
		"<|tool_call>call:f{a:\"\\q\"}<tool_call|>",
		"<|tool_call>call:f{a:[1}<tool_call|>",
		"<|tool_call>call:f{a:1}}<tool_call|>",
		"<|tool_call>call:f{a:1} x<tool_call|>",
		"<|tool_call><tool_call|>",
	};
	char text[256], want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(qwen) / sizeof(*qwen); i++) {
		snprintf(text, sizeof(text), "a\n\n%s\nb", qwen[i]);
		snprintf(want, sizeof(want), "C{a\n\n%s\nb}", qwen[i]);
		expect(&qwen35_chat, ZINC_THINK_OFF, text, want);
		want[0] = 'R';
		expect(&qwen35_chat, ZINC_THINK_ON, text, want);
	}
	for (size_t i = 0; i < sizeof(gemma) / sizeof(*gemma); i++) {
		snprintf(text, sizeof(text), "a\n%s\nb", gemma[i]);
		snprintf(want, sizeof(want), "C{a\n%s\nb}", gemma[i]);
		expect(&gemma4_chat, ZINC_THINK_OFF, text, want);
	}
}

/* Nesting without end is refused, not followed. */
static void deep_nesting(void **state)
{
	enum { DEPTH = 100000 };
	static const char head[] = "call:f{a:";
	char *text = malloc(sizeof(head) + 2 * DEPTH);
	struct zinc_chat_request req = chat_fake_request(ZINC_THINK_OFF);
	struct chat_fake f;

	(void)state;
	assert_non_null(text);
	memcpy(text, head, sizeof(head));
	memset(text + strlen(head), '[', DEPTH);
	memset(text + strlen(head) + DEPTH, ']', DEPTH);
	text[strlen(head) + 2 * DEPTH] = 0;
	const struct chat_token token[] = {{"<|tool_call>", 12, true},
	                                   {text, strlen(text), false},
	                                   {"<tool_call|>", 12, true}};

	chat_fake_init(&f, &gemma4_chat, NULL);
	char *got = chat_fake_parse(&f, &req, token, 3, 0);

	assert_memory_equal(got, "C{<|tool_call>call:f{a:[", 24);
	free(got);
	free(text);
}

/* The answer may end anywhere. */
static void cut_off_calls(void **state)
{
	static const struct {
		const struct zinc_chat *chat;
		const char *text;
	} list[] = {
		{&qwen35_chat,
		 "<tool_call>\n<function=f>\n<parameter=s>\n18\n</parameter>\n</function>\n"},
		{&qwen3_chat, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n"},
		{&gemma4_chat, "<|tool_call>call:f{a:" Q "x" Q ",b:[1]}"},
	};
	char text[256], want[300];

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		for (size_t n = 13; n <= strlen(list[i].text); n++) {
			/* An ordinary token cut inside a marker is not the marker. */
			snprintf(text, sizeof(text), "a\n%.*s", (int)n, list[i].text);
			snprintf(want, sizeof(want), "C{%s}", text);
			expect(list[i].chat, ZINC_THINK_OFF, text, want);
		}
	/* A marker that was just begun. */
	const struct chat_token begun[] = {{"a\n", 2, false}, {"<tool_", 6, true}};
	struct zinc_chat_request req = chat_fake_request(ZINC_THINK_OFF);

	expect_tokens(&qwen35_chat, &req, begun, 2, "C{a\n<tool_}");
}

/* Markers spelled with ordinary characters are content, unless one token spells
 * a whole one. */
static void markers_are_tokens(void **state)
{
	const struct chat_token spelled[] = {{"Use </", 6, false}, {"think", 5, false},
	                                     {"> or <tool_call>\n", 17, false},
	                                     {"</think>", 8, true}, {"ok <think>", 10, false}};
	const struct chat_token typed[] = {{"Hm", 2, false}, {"</think>", 8, false},
	                                   {"ok", 2, false}};
	const struct chat_token broken[] = {{"<thi", 4, true}, {"nk>", 3, false},
	                                    {"</thi", 5, true}, {"<think>", 7, true},
	                                    {"x", 1, false}};
	const struct chat_token quoted[] = {
		{"<|tool_call>", 12, true}, {"call:f{s:", 9, false}, {Q, 5, true},
		{"a <|", 4, false}, {"\"|> ", 4, false}, {"<tool", 5, false}, {"_call|>", 7, false},
		{Q, 5, true}, {"}", 1, false}, {"<tool_call|>", 12, true}};
	struct zinc_chat_request req = chat_fake_request(ZINC_THINK_ON);
	struct chat_fake f;

	(void)state;
	expect_tokens(&qwen35_chat, &req, spelled, 5,
	              "R{Use </think> or <tool_call>}C{ok <think>}");
	expect_tokens(&qwen3_chat, &req, broken, 5, "C{<think></thi}R{x}");
	expect_tokens(&gemma4_chat, &req, quoted, 10,
	              "T{f {\"s\": \"a <|\\\"|> <tool_call|>\"}}");
	chat_fake_init(&f, &qwen35_chat, NULL);
	char *got = chat_fake_parse(&f, &req, typed, 3, 0);

	assert_string_equal(got, "R{Hm}C{ok}");
	free(got);
}

static void special_tokens_that_are_no_markers(void **state)
{
	const struct chat_token token[] = {{"a", 1, false}, {"<|fim_pad|>", 11, true},
	                                   {"<|im_end|>", 10, true}, {"b", 1, false},
	                                   {"<|im_e", 6, true}};
	struct zinc_chat_request req = chat_fake_request(ZINC_THINK_OFF);

	(void)state;
	expect_tokens(&qwen35_chat, &req, token, 5, "C{a<|fim_pad|>b<|im_e}");
}

static void content_only_families(void **state)
{
	(void)state;
	expect(&llama_chat, ZINC_THINK_DEFAULT, "\nHello <think> you\n<|im_end|>",
	       "C{\nHello <think> you\n}");
	expect(&gemma3_chat, ZINC_THINK_DEFAULT, "Hello {\"name\": \"f\"}\n",
	       "C{Hello {\"name\": \"f\"}\n}");
}

static int stop_at_second(void *ctx, const struct zinc_chat_event *e)
{
	unsigned *count = ctx;

	(void)e;
	return ++*count == 2 ? 42 : 0;
}

static void receiver_may_stop(void **state)
{
	struct chat_fake f;
	struct zinc_chat_parser *p;
	struct zinc_chat_request req = chat_fake_request(ZINC_THINK_ON);
	unsigned count = 0;

	(void)state;
	chat_fake_init(&f, &qwen35_chat, NULL);
	assert_int_equal(qwen35_chat.parser_create(&f, &req, &p, NULL), 0);
	assert_int_equal(qwen35_chat.parser_feed(p, "Hm", 2, 0, stop_at_second, &count), 0);
	assert_int_equal(qwen35_chat.parser_feed(p, "!", 1, 0, stop_at_second, &count), 42);
	qwen35_chat.parser_destroy(p);
	qwen35_chat.parser_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(qwen_thoughts),
		cmocka_unit_test(gemma_thoughts),
		cmocka_unit_test(gemma_thought_after_result),
		cmocka_unit_test(qwen_calls),
		cmocka_unit_test(values_have_the_types_of_the_schema),
		cmocka_unit_test(gemma_calls),
		cmocka_unit_test(malformed_calls),
		cmocka_unit_test(deep_nesting),
		cmocka_unit_test(cut_off_calls),
		cmocka_unit_test(markers_are_tokens),
		cmocka_unit_test(special_tokens_that_are_no_markers),
		cmocka_unit_test(content_only_families),
		cmocka_unit_test(receiver_may_stop),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
