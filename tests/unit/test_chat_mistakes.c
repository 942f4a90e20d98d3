/* test_chat_mistakes.c - chat requests that are wrong: the place and the mistake
 * are named, in one line, and nothing is delivered. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "chat_fake.h"
#include "gemma3/chat.h"
#include "gemma4/chat.h"
#include "llama/chat.h"
#include "qwen3/chat.h"
#include "qwen35/chat.h"

#define HELLO "[" MSG("user", "Hello") "]"

/* An assistant's call with these arguments. */
#define CALL(arguments) \
	"[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\"," \
	"\"arguments\":" arguments "}}]}]"

static const struct bad {
	const struct zinc_chat *chat;
	const char *messages, *tools;
	const char *want; /* part of the message */
} bad[] = {
	{&qwen35_chat, NULL, NULL, "has no messages"},
	{&qwen35_chat, "[]", NULL, "No messages provided."},
	{&qwen35_chat, "{}", NULL, "messages is an object; it must be an array"},
	{&qwen35_chat, "[{\"role\":\"user\",}]", NULL,
	 "messages: not valid JSON at line 1, column"},
	{&qwen35_chat, "[\n 3]", NULL, "messages[0] is an integer; it must be an object"},
	{&qwen35_chat, "[{\"content\":\"x\"}]", NULL, "messages[0].role is missing"},
	{&qwen35_chat, "[{\"role\":\"user\",\"content\":5}]", NULL,
	 "messages[0].content is an integer"},
	{&qwen35_chat, "[{\"role\":\"user\",\"content\":[\"x\"]}]", NULL,
	 "messages[0].content[0] is a string; it must be an object"},
	{&qwen35_chat, "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]", NULL,
	 "messages[0].content[0] is of type \"image_url\""},
	{&qwen35_chat, "[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", NULL,
	 "messages[0].content[0].text is missing"},
	{&qwen35_chat, "[" MSG("assistant", "x") "]", NULL,
	 "No user query found in messages."},
	{&qwen35_chat,
	 "[" MSG("user", "x") "," MSG("system", "x") "]", NULL,
	 "messages[1]: System message must be at the beginning."},
	{&qwen35_chat,
	 "[" MSG("user", "x") "," MSG("judge", "x") "]", NULL,
	 "messages[1]: Unexpected message role."},
	{&qwen3_chat, "[" MSG("judge", "x") "]", NULL,
	 "messages[0] has the role \"judge\""},
	{&qwen35_chat, "[{\"role\":\"assistant\",\"reasoning_content\":[]}]", NULL,
	 "messages[0].reasoning_content is an array; it must be a string"},
	{&qwen35_chat, "[{\"role\":\"assistant\",\"tool_calls\":{}}]", NULL,
	 "messages[0].tool_calls is an object; it must be an array"},
	{&qwen35_chat, "[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"x\"}]}]", NULL,
	 "messages[0].tool_calls[0].function is missing"},
	{&qwen35_chat, "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{}}]}]", NULL,
	 "messages[0].tool_calls[0].function.name is missing"},
	{&gemma4_chat, CALL("\"{x\""), NULL,
	 "messages[0].tool_calls[0].arguments: not valid JSON at line 1"},
	{&gemma4_chat, CALL("\"[]\""), NULL,
	 "messages[0].tool_calls[0].arguments is the text of an array"},
	{&gemma4_chat, CALL("7"), NULL, "messages[0].tool_calls[0].arguments is an integer"},
	{&qwen3_chat, HELLO, "[", "tools: not valid JSON at line 1"},
	{&qwen3_chat, HELLO, "{}", "tools is an object"},
	{&qwen3_chat, HELLO, "[1]", "tools[0] is an integer"},
	{&qwen3_chat, HELLO, "[{}]", "tools[0].function is missing"},
	{&qwen3_chat, HELLO, "[{\"function\":{\"name\":\"f\",\"parameters\":[]}}]",
	 "tools[0].function.parameters is an array"},
	{&gemma3_chat,
	 "[" MSG("user", "x") "," MSG("user", "x") "]", NULL,
	 "messages[1]: Conversation roles must alternate user/assistant/user/assistant/..."},
	{&gemma3_chat, "[{\"role\":\"user\"}]", NULL, "messages[0]: Invalid content type"},
	{&llama_chat, "[{\"role\":\"user\"}]", NULL, "messages[0] has no content"},
};

static void mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct zinc_chat_request req = {.struct_size = sizeof(req),
		                                .messages = bad[i].messages,
		                                .tools = bad[i].tools};
		struct chat_fake f;

		chat_fake_init(&f, bad[i].chat, NULL);
		struct chat_prompt p = chat_fake_render(&f, &req);

		if (p.rc != ZINC_E_INVALID || !strstr(p.err.msg, bad[i].want))
			print_error("got \"%s\", not \"%s\"\n", p.err.msg, bad[i].want);
		assert_int_equal(p.rc, ZINC_E_INVALID);
		assert_non_null(strstr(p.err.msg, bad[i].want));
		chat_prompt_finish(&p);
		/* err may be NULL */
		assert_int_equal(bad[i].chat->render(&f, &req, NULL, NULL, NULL), ZINC_E_INVALID);
	}
}

/* Better than to leave them out without a word. */
static void llama3_says_that_it_has_no_tools(void **state)
{
	struct chat_fake f;
	struct zinc_chat_request req = {
		.struct_size = sizeof(req),
		.messages = HELLO,
		.tools = "[{\"function\":{\"name\":\"f\"}}]",
	};

	(void)state;
	chat_fake_init(&f, &llama_chat, "<|start_header_id|> Cutting Knowledge Date");
	struct chat_prompt p = chat_fake_render(&f, &req);

	assert_int_equal(p.rc, ZINC_E_UNSUPPORTED);
	chat_prompt_finish(&p);
}

static void bad_tools_are_refused(void **state)
{
	struct chat_fake f;
	struct zinc_chat_parser *p = NULL;
	struct zinc_chat_request req = {.struct_size = sizeof(req), .tools = "[{]"};
	struct zinc_err err;

	(void)state;
	chat_fake_init(&f, &qwen35_chat, NULL);
	assert_int_equal(qwen35_chat.parser_create(&f, &req, &p, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "tools: not valid JSON at line 1"));
	assert_null(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(llama3_says_that_it_has_no_tools),
		cmocka_unit_test(bad_tools_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
