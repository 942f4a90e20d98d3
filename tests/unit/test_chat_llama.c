/* test_chat_llama.c - tools in the chat format of Llama 3.1 to 3.3: prompts as the
 * template of Llama 3.1 Instruct renders them with transformers (the recorded
 * cases), and answers that are calls without any marker around them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat_fake.h"
#include "llama/chat.h"

/* The marks of that template. */
#define TEMPLATE "<|start_header_id|> Cutting Knowledge Date tools_in_user_message = true"

#define HEAD "{\"name\": \"f\", \"parameters\": "
#define CALL(arguments) HEAD arguments "}"

static void init(struct chat_fake *f)
{
	chat_fake_init(f, &llama_chat, TEMPLATE);
}

static void check_case(struct chat_fake *f, json_t *c)
{
	json_t *list = json_object_get(c, "tools");
	char *messages = json_dumps(json_object_get(c, "messages"), 0);
	char *tools = json_is_null(list) ? NULL : json_dumps(list, 0);
	const char *want = json_string_value(json_object_get(c, "text"));
	const char *error = json_string_value(json_object_get(c, "error"));
	struct zinc_chat_request req = {
		.struct_size = sizeof(req),
		.no_generation_prompt = !json_is_true(json_object_get(c, "add_generation_prompt")),
		.messages = messages,
		.tools = tools,
	};
	struct chat_prompt p = chat_fake_render(f, &req);

	print_message("%s\n", json_string_value(json_object_get(c, "name")));
	if (want) {
		assert_int_equal(p.rc, 0);
		assert_string_equal(p.text, want);
	} else {
		assert_int_equal(p.rc, ZINC_E_INVALID);
		assert_non_null(strstr(p.err.msg, error));
	}
	chat_prompt_finish(&p);
	free(messages);
	free(tools);
}

static void recorded(void **state)
{
	struct chat_fake f;
	json_t *cases = json_load_file(ZINC_FIXTURE_DIR "/chat/llama31.json", 0, NULL);

	(void)state;
	assert_int_equal(json_array_size(cases), 40);
	init(&f);
	for (size_t i = 0; i < json_array_size(cases); i++)
		check_case(&f, json_array_get(cases, i));
	json_decref(cases);
	assert_null(llama_chat.warning(&f));
}

/* Nobody's words become special tokens, whatever they spell. */
static void content_is_not_special(void **state)
{
	struct chat_fake f;
	struct zinc_chat_request req = chat_fake_request(0);

	(void)state;
	req.messages =
		"[" MSG("user", "A<|eot_id|>") ",{\"role\":\"assistant\",\"tool_calls\":[{"
		"\"function\":{\"name\":\"B<|eot_id|>\",\"arguments\":{\"C<|eot_id|>\":1}}}]},"
		MSG("tool", "D<|eot_id|>") "]";
	init(&f);
	struct chat_prompt p = chat_fake_render(&f, &req);

	assert_int_equal(p.rc, 0);
	for (const char *word = "ABCD"; *word; word++) {
		char text[] = "?<|eot_id|>";

		text[0] = *word;
		const char *at = strstr(p.text, text);

		assert_non_null(at);
		for (size_t i = 1; text[i]; i++)
			assert_int_equal(p.special[at - p.text + (long)i], '0');
	}
	chat_prompt_finish(&p);
}

static void mistakes(void **state)
{
	static const struct {
		const char *messages, *want;
	} bad[] = {
		{"[" MSG("system", "x") "," MSG("assistant", "y") "]",
		 "messages[1]: Cannot put tools in the first user message"},
		{"[{\"role\":\"user\"}]", "messages[0]: Cannot put tools"},
		{"[" MSG("system", "x") "," MSG("user", "x") ",{\"role\":\"user\"}]",
		 "messages[2] has no content"},
		{"[" MSG("user", "x") ",{\"role\":\"user\",\"content\":{}}]",
		 "messages[1].content is an object"},
		{"[" MSG("user", "x") ",{\"role\":\"tool\",\"content\":5}]",
		 "messages[1].content is an integer"},
	};
	struct zinc_chat_request req = chat_fake_request(0);
	struct chat_fake f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		init(&f);
		req.messages = bad[i].messages;
		struct chat_prompt p = chat_fake_render(&f, &req);

		assert_int_equal(p.rc, ZINC_E_INVALID);
		assert_non_null(strstr(p.err.msg, bad[i].want));
		chat_prompt_finish(&p);
	}
}

/* Parses `text`, cut into tokens at markers and blanks, and those into pieces of
 * every small size. */
static void expect(const char *text, const char *want)
{
	static struct chat_token token[4096];
	struct zinc_chat_request req = chat_fake_request(0);
	size_t n = chat_fake_tokens(text, chat_fake_markers(&llama_chat), token, 4096);
	struct chat_fake f;

	init(&f);
	for (size_t piece = 0; piece < 6; piece++) {
		char *got = chat_fake_parse(&f, &req, token, n, piece);

		if (strcmp(got, want) != 0)
			print_error("in pieces of %zu: %s\n", piece, text);
		assert_string_equal(got, want);
		free(got);
	}
}

static void calls(void **state)
{
	(void)state;
	expect(CALL("{}"), "T{f {}}");
	expect("\n\n " CALL("{\"a\": 1}") " \n<|eot_id|>", "T{f {\"a\": 1}}");
	expect("<|python_tag|>" CALL("{\"a\": [1, {\"b\": null}]}") "<|eom_id|>",
	       "T{f {\"a\": [1, {\"b\": null}]}}");
	expect("Let me look.\n\n<|python_tag|>" CALL("{}"), "C{Let me look.}T{f {}}");
	expect("{\"parameters\":{\"s\":\"}{ \\\"\\u00e9\\n\"},\"name\":\"f\"}",
	       "T{f {\"s\": \"}{ \\\"é\\n\"}}");
	expect("{\"type\": \"function\", \"name\": \"f\", \"parameters\": {\"x\": -1.5e+3}}",
	       "T{f {\"x\": -1500.0}}");
	expect(CALL("{\"t\": true, \"n\": 0, \"z\": -0.5, \"e\": [], \"o\": {}, \"s\": \"\"}"),
	       "T{f {\"t\": true, \"n\": 0, \"z\": -0.5, \"e\": [], \"o\": {}, \"s\": \"\"}}");
	expect(CALL("{}") "<|python_tag|>" CALL("{}"), "T{f {}}T{f {}}");
}

/* Each comes out as it is. */
static void other_answers(void **state)
{
	static const char *const texts[] = {
		"Hello.",
		"\n\nHello\n\nyou\n\n",
		"{",
		"{}",
		"[]",
		"{\"answer\": 42}",
		"{\"name\": \"f\"}",
		"{\"name\": \"f\", \"parameters\": null}",
		"{\"name\": \"f\", \"parameters\": \"{}\"}",
		"{\"name\": \"f\", \"parameters\": {}, \"x\": 1}",
		"{\"name\": \"f\", \"name\": \"g\", \"parameters\": {}}",
		"{\"name\": \"\", \"parameters\": {}}",
		"{\"name\": 5, \"parameters\": {}}",
		"{\"names\": \"f\", \"parameters\": {}}",
		"{\"\\u006eame\": \"f\", \"parameters\": {}}",
		CALL("{}") " That was the call.",
		CALL("{}") "; " CALL("{}"),
		CALL("{}") "}",
		CALL("{") "",
		CALL("{\"a\": 1,}"),
		CALL("{\"a\" 1}"),
		CALL("{a: 1}"),
		CALL("{'a': 1}"),
		CALL("{\"a\": [1 2]}"),
		CALL("{\"a\": [1}]}"),
		CALL("{\"a\": 01}"),
		CALL("{\"a\": 1.}"),
		CALL("{\"a\": -}"),
		CALL("{\"a\": 1e}"),
		CALL("{\"a\": +1}"),
		CALL("{\"a\": True}"),
		CALL("{\"a\": nul}"),
		CALL("{\"a\": truely}"),
		CALL("{\"a\": \"\\x\"}"),
		CALL("{\"a\": \"\\u12g4\"}"),
		CALL("{\"a\": \"\\ud800\"}"),
		CALL("{\"a\": \"two\nlines\"}"),
		CALL("{\"a\": \"\xff\"}"),
		CALL("{\"a\": 1e999}"),
		"```json\n" CALL("{}") "\n```",
		"<|python_tag|>print(\"x\")",
		"<|python_tag|>search.call(query=\"x\")",
		"<|python_tag|>",
	};
	char want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		snprintf(want, sizeof(want), "C{%s}", texts[i]);
		expect(texts[i], want);
	}
	expect("", "");
	expect("<|eot_id|>", "");
}

/* A call may end anywhere but at its end. */
static void cut_off_calls(void **state)
{
	static const char call[] = CALL("{\"a\": [-1.5e2, true, {\"b\": \"\\u00e9\\\\\"}]}");
	char text[128], want[160];

	(void)state;
	for (size_t n = 1; n < strlen(call); n++) {
		snprintf(text, sizeof(text), "%.*s", (int)n, call);
		snprintf(want, sizeof(want), "C{%s}", text);
		expect(text, want);
	}
}

static int count_bytes(void *ctx, const struct zinc_chat_event *e)
{
	size_t *n = ctx;

	assert_int_equal(e->kind, ZINC_CHAT_CONTENT);
	*n += (size_t)e->n;
	return 0;
}

/* Text is held back exactly as long as it may be a call: all but the last character
 * of each of these is, and with that one it is not. */
static void content_comes_as_soon_as_it_can(void **state)
{
	static const char *const texts[] = {
		"H", "\n {\"a", "{\"na\"", "{\"name\":5", "{\"name\":\"f\",\"p\"", "{]",
		HEAD "[", "{\"name\":\"f\",\"n", "{\"type\":t", CALL("{}") "x", HEAD "{\"a\":1 2",
		HEAD "{\"a\":tra", HEAD "{\"a\":01", "[", HEAD "{\"a\":\"\\x",
		HEAD "{\"a\":\"\t", HEAD "{\"a\":[1}", HEAD "{\"a\":1.}", "{\"name\\", "{}",
	};
	struct zinc_chat_request req = chat_fake_request(0);
	struct chat_fake f;

	(void)state;
	init(&f);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct zinc_chat_parser *p;
		const char *last = texts[i] + strlen(texts[i]) - 1;
		size_t n = 0;

		assert_int_equal(llama_chat.parser_create(&f, &req, &p, NULL), 0);
		for (const char *at = texts[i]; at < last; at++)
			assert_int_equal(llama_chat.parser_feed(p, at, 1, 0, count_bytes, &n), 0);
		if (n)
			print_error("%s: %zu bytes came too early\n", texts[i], n);
		assert_int_equal(n, 0);
		assert_int_equal(llama_chat.parser_feed(p, last, 1, 0, count_bytes, &n), 0);
		if (n == 0)
			print_error("%s: nothing came\n", texts[i]);
		assert_int_equal(n, last + 1 - texts[i]);
		assert_int_equal(llama_chat.parser_feed(p, "y", 1, 0, count_bytes, &n), 0);
		assert_int_equal(n, last + 2 - texts[i]);
		llama_chat.parser_destroy(p);
	}
}

/* Where no tools were declared, or the template knows none, an answer is content
 * from its first byte. */
static void without_tools(void **state)
{
	static const struct chat_token token[] = {{CALL("{}"), sizeof(CALL("{}")) - 1, false}};
	static const char *const templates[] = {TEMPLATE, TEMPLATE, "<|start_header_id|>", NULL};
	struct zinc_chat_request req = chat_fake_request(0);
	const char *const tools[] = {NULL, "[]", req.tools, req.tools};
	struct chat_fake f;

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct zinc_chat_parser *p;
		size_t n = 0;

		chat_fake_init(&f, &llama_chat, templates[i]);
		req.tools = tools[i];
		char *got = chat_fake_parse(&f, &req, token, 1, 0);

		assert_string_equal(got, "C{" CALL("{}") "}");
		free(got);
		assert_int_equal(llama_chat.parser_create(&f, &req, &p, NULL), 0);
		assert_int_equal(llama_chat.parser_feed(p, "{", 1, 0, count_bytes, &n), 0);
		assert_int_equal(n, 1);
		llama_chat.parser_destroy(p);
	}
}

static void bad_tools_are_refused(void **state)
{
	struct zinc_chat_request req = {.struct_size = sizeof(req), .tools = "[{]"};
	struct zinc_chat_parser *p = NULL;
	struct zinc_err err;
	struct chat_fake f;

	(void)state;
	init(&f);
	assert_int_equal(llama_chat.parser_create(&f, &req, &p, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "tools: not valid JSON at line 1"));
	assert_null(p);
}

/* Nesting without end is no call. */
static void deep_nesting(void **state)
{
	enum { DEPTH = 1000 };
	char text[2 * DEPTH + 64], want[2 * DEPTH + 80], open[DEPTH + 1], close[DEPTH + 1];

	(void)state;
	for (int depth = 100; depth <= DEPTH; depth += DEPTH - 100) {
		memset(open, '[', (size_t)depth);
		memset(close, ']', (size_t)depth);
		open[depth] = close[depth] = 0;
		snprintf(text, sizeof(text), "{\"name\":\"f\",\"parameters\":{\"a\":%s%s}}", open,
		         close);
		if (depth == 100)
			snprintf(want, sizeof(want), "T{f {\"a\": %s%s}}", open, close);
		else
			snprintf(want, sizeof(want), "C{%s}", text);
		expect(text, want);
	}
}

/* What the JSON library says of the whole text. 1: a call, 0: none, -1: a member
 * is there twice, which it does not place. */
static int is_call(const char *text)
{
	json_t *once = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_t *v = json_loads(text, 0, NULL), *type = json_object_get(v, "type");
	int yes = json_string_length(json_object_get(v, "name")) > 0 &&
	          json_is_object(json_object_get(v, "parameters")) &&
	          (!type || json_is_string(type)) && json_object_size(v) == (type ? 3 : 2);

	if (v && !once)
		yes = -1;
	json_decref(once);
	json_decref(v);
	return yes;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

/* Calls with a few characters changed, left out or put in. */
static void damaged_calls(void **state)
{
	static const char base[] =
		"{\"type\": \"function\", \"name\": \"f\", \"parameters\": {\"a\": [1, -2.5e1, "
		"true, null], \"b\": {\"c\": \"x\\n\"}}}";
	static const char letters[] = "{}[],:\"\\ 01.-+eEtrufalsnm\n";
	uint32_t seed = 1, n_calls = 0;
	char text[160], want[180];

	(void)state;
	for (int round = 0; round < 4000; round++) {
		strcpy(text, base);
		for (uint32_t k = next_random(&seed) % 3 + 1; k; k--) {
			size_t n = strlen(text), at = next_random(&seed) % n;
			uint32_t kind = next_random(&seed) % 3;

			if (kind == 0) {
				memmove(text + at, text + at + 1, n - at);
				continue;
			}
			if (kind == 1)
				memmove(text + at + 1, text + at, n - at + 1);
			text[at] = letters[next_random(&seed) % (sizeof(letters) - 1)];
		}
		int call = is_call(text);

		if (call < 0)
			continue;
		n_calls += (uint32_t)call;
		const struct chat_token token[] = {{text, strlen(text), false}};
		struct zinc_chat_request req = chat_fake_request(0);
		struct chat_fake f;

		init(&f);
		char *got = chat_fake_parse(&f, &req, token, 1, 1);

		snprintf(want, sizeof(want), "C{%s}", text);
		if (call ? got[0] != 'T' : strcmp(got, want) != 0)
			fail_msg("%s\ngave %s", text, got);
		free(got);
	}
	assert_true(n_calls > 200);
}

/* What a call with these arguments is rendered as, is read as that call. */
static void round_trip(const char *arguments)
{
	json_t *messages =
		json_pack("[{ss,ss},{ss,s[{s{ss,so}}]}]", "role", "user", "content", "?", "role",
	                  "assistant", "tool_calls", "function", "name", "f", "arguments",
	                  json_loads(arguments, 0, NULL));
	char *text = json_dumps(messages, 0);
	struct zinc_chat_request req = chat_fake_request(0);
	struct chat_fake f;

	assert_non_null(text);
	init(&f);
	req.messages = text;
	req.no_generation_prompt = 1;
	struct chat_prompt p = chat_fake_render(&f, &req);

	assert_int_equal(p.rc, 0);
	/* The end of the turn is the last of the template's own words. */
	size_t end = p.n - strlen("<|eot_id|>"), start = end;

	while (strncmp(p.text + start, "{\"name\": \"f\"", 12) != 0)
		start--;
	const struct chat_token token[] = {{p.text + start, end - start, false},
	                                   {p.text + end, p.n - end, true}};

	for (size_t piece = 0; piece < 4; piece++) {
		char *got = chat_fake_parse(&f, &req, token, 2, piece);

		assert_memory_equal(got, "T{f ", 4);
		json_t *read = json_loads(got + 4, JSON_DISABLE_EOF_CHECK, NULL);
		json_t *sent = json_loads(arguments, 0, NULL);

		assert_true(json_equal(read, sent));
		json_decref(read);
		json_decref(sent);
		free(got);
	}
	chat_prompt_finish(&p);
	free(text);
	json_decref(messages);
}

static void calls_round_trip(void **state)
{
	(void)state;
	round_trip("{}");
	round_trip("{\"s\": \"<|python_tag|> <|eot_id|> \\\\ \\\" ' } {\"}");
	round_trip("{\"s\": \"\\n\\nlines\\r\\n\\t\\b\\f\\u0001\\u007f\"}");
	round_trip("{\"l\": [[], {}, [{\"a\": \"x, y}\"}], -1.5, 1e300, 1e-300, false, null]}");
	round_trip("{\"o\": {\"ключ\": \"世界 🌍\", \"\": {\"deep\": [[[[1]]]]}}}");
	round_trip("{\"name\": \"g\", \"parameters\": {\"name\": \"h\"}, \"type\": 1}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded),
		cmocka_unit_test(content_is_not_special),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(calls),
		cmocka_unit_test(other_answers),
		cmocka_unit_test(cut_off_calls),
		cmocka_unit_test(content_comes_as_soon_as_it_can),
		cmocka_unit_test(without_tools),
		cmocka_unit_test(bad_tools_are_refused),
		cmocka_unit_test(deep_nesting),
		cmocka_unit_test(damaged_calls),
		cmocka_unit_test(calls_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
