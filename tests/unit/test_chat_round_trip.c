/* test_chat_round_trip.c - calls written by the renderer as the family's template
 * does, fed to the parser as the model would generate them: the same calls come
 * back, whatever is in their arguments. */
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
#include "gemma4/chat.h"
#include "qwen3/chat.h"
#include "qwen35/chat.h"

enum { MAX_TOKENS = 4096 };

/* Cuts the template's own words at its markers; content is spelled out. */
static size_t tokens_of_prompt(const struct chat_prompt *p, size_t from,
                               const char *const *markers, struct chat_token *out, size_t room)
{
	size_t n = 0;

	for (size_t at = from; at < p->n;) {
		size_t end = at;

		while (end < p->n && p->special[end] == p->special[at])
			end++;
		if (p->special[at] == '0') {
			assert_true(n < room);
			out[n++] = (struct chat_token){p->text + at, end - at, false};
		} else {
			char *words = strndup(p->text + at, end - at);
			size_t more = chat_fake_tokens(words, markers, out + n, room - n);

			for (size_t i = n; i < n + more; i++)
				out[i].text = p->text + at + (out[i].text - words);
			n += more;
			free(words);
		}
		at = end;
	}
	return n;
}

/* Renders an assistant's message and expects to read its calls back. */
static void round_trip(const struct zinc_chat *chat, json_t *message, const char *tool_list)
{
	static struct chat_token token[MAX_TOKENS];
	json_t *user = json_pack("[{ss,ss}]", "role", "user", "content", "?");
	char *without = json_dumps(user, 0);
	json_t *calls = json_object_get(message, "tool_calls");
	struct zinc_chat_request req = chat_fake_request(ZINC_THINK_OFF);
	struct chat_fake f;

	json_array_append(user, message);
	char *with = json_dumps(user, 0);

	chat_fake_init(&f, chat, NULL);
	req.no_generation_prompt = 1;
	req.tools = tool_list;
	req.messages = without;
	struct chat_prompt before = chat_fake_render(&f, &req);

	req.messages = with;
	struct chat_prompt p = chat_fake_render(&f, &req);

	assert_int_equal(before.rc, 0);
	assert_int_equal(p.rc, 0);
	size_t head = strlen(chat == &gemma4_chat ? "<|turn>model\n" : "<|im_start|>assistant\n");
	size_t n =
		tokens_of_prompt(&p, before.n + head, chat_fake_markers(chat), token, MAX_TOKENS);

	for (size_t piece = 0; piece < 2; piece++) {
		char *got = chat_fake_parse(&f, &req, token, n, piece), *at = got;

		for (size_t i = 0; i < json_array_size(calls); i++) {
			json_t *function = json_object_get(json_array_get(calls, i), "function");
			char want[128];

			snprintf(want, sizeof(want), "T{%s ",
			         json_string_value(json_object_get(function, "name")));
			at = strstr(at, want);
			assert_non_null(at);
			at += strlen(want);
			json_t *args = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);

			assert_non_null(args);
			assert_true(json_equal(args, json_object_get(function, "arguments")));
			json_decref(args);
		}
		assert_null(strstr(at, "T{"));
		free(got);
	}
	chat_prompt_finish(&before);
	chat_prompt_finish(&p);
	free(without);
	free(with);
	json_decref(user);
}

static void recorded_calls_round_trip(void **state)
{
	static const struct zinc_chat *const chats[] = {&qwen35_chat, &qwen3_chat, &gemma4_chat};
	char path[512];
	unsigned n = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/chat/qwen35.json", ZINC_FIXTURE_DIR);
	json_t *cases = json_load_file(path, 0, NULL);

	assert_non_null(cases);
	for (size_t i = 0; i < json_array_size(cases); i++) {
		json_t *c = json_array_get(cases, i), *list = json_object_get(c, "messages");
		char *tool_list = json_dumps(json_object_get(c, "tools"), JSON_ENCODE_ANY);

		for (size_t k = 0; k < json_array_size(list); k++) {
			json_t *message = json_array_get(list, k);

			if (!json_object_get(message, "tool_calls"))
				continue;
			for (size_t f = 0; f < 3; f++, n++)
				round_trip(chats[f], message, tool_list);
		}
		free(tool_list);
	}
	json_decref(cases);
	assert_int_equal(n, 60);
}

/* Arguments that are hard to write down. */
static void hard_arguments_round_trip(void **state)
{
	static const char *const arguments[] = {
		"{}",
		"{\"s\": \"</parameter>\\n</function>\\n</tool_call> <tool_call>\"}",
		"{\"s\": \"<|\\\"|> <tool_call|> <|im_end|> \\\\ \\\" '\"}",
		"{\"s\": \"\\n\\nlines\\n\\n\"}",
		"{\"s\": \"18\", \"n\": 18, \"b\": true, \"sn\": null}",
		"{\"l\": [[], {}, [{\"a\": \"x, y}\"}], -1.5, 1e300, false, null, \"\"]}",
		"{\"o\": {\"ключ\": \"世界 🌍\", \"\": {\"deep\": [[[[1]]]]}}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(arguments) / sizeof(*arguments); i++) {
		json_t *message = json_pack("{ss,ss,s[{s{ss,so}}]}", "role", "assistant", "content",
		                            "Well.", "tool_calls", "function", "name", "f",
		                            "arguments", json_loads(arguments[i], 0, NULL));

		assert_non_null(message);
		round_trip(&qwen35_chat, message, chat_fake_request(0).tools);
		round_trip(&qwen3_chat, message, chat_fake_request(0).tools);
		round_trip(&gemma4_chat, message, chat_fake_request(0).tools);
		json_decref(message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_calls_round_trip),
		cmocka_unit_test(hard_arguments_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
