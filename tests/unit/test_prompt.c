/* test_prompt.c - prompts from text and from chat requests: borders between pieces,
 * special tokens in a user's text, BOS, and the UTF-8 check. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "run/prompt.h"
#include "unit/fake_tok.h"

/* messages: pieces as "s:text" and "p:text" lines, '|' for a newline. */
static int render(void *model, const struct zinc_chat_request *req, zinc_chat_piece_fn *fn,
		  void *ctx, struct zinc_err *err)
{
	const char *at = req->messages;

	(void)model;
	(void)err;
	while (*at) {
		size_t n = strcspn(at, "\n");
		char text[64];

		assert_true(n >= 2 && n < sizeof(text));
		memcpy(text, at + 2, n - 2);
		for (size_t i = 0; i < n - 2; i++)
			text[i] = text[i] == '|' ? '\n' : text[i];
		if (fn(ctx, text, n - 2, at[0] == 's'))
			return ZINC_E_NO_MEMORY;
		at += n + (at[n] == '\n');
	}
	return ZINC_OK;
}

static const struct zinc_chat chat = {.struct_size = sizeof(chat), .render = render};
static const struct zinc_arch arch = {.struct_size = sizeof(arch), .chat = &chat};
static const struct zinc_arch arch_without_chat = {.struct_size = sizeof(arch)};
static struct model model = {.arch = &arch};

static void check_prompt(const char *messages, const int32_t *want, size_t n)
{
	struct zinc_chat_request req = {.struct_size = sizeof(req), .messages = messages};
	struct tok_ids ids = {0};
	struct zinc_err err;

	model.tok = the_tok;
	assert_int_equal(prompt_from_chat(&model, &req, &ids, &err), ZINC_OK);
	assert_int_equal(ids.n, n);
	assert_memory_equal(ids.id, want, n * sizeof(*want));
	tok_ids_finish(&ids);
}

static void test_chat_prompt(void **state)
{
	static const int32_t joined[] = {MARK, 'u', 1, 'e', MARK};
	static const int32_t safe[] = {MARK, '<', 'm', 'a', 'r', 'k', '>', '}', '\n', 'e'};
	static const int32_t across[] = {'<', 'm', 'a', 'r', 'k', '>'};
	static const int32_t with_bos[] = {BOS, MARK, 'u'};
	struct zinc_chat_request req = {.struct_size = sizeof(req), .messages = "s:a"};
	struct tok_ids ids = {0};
	struct zinc_err err;

	(void)state;
	/* Across a border as the whole text would be. */
	check_prompt("s:<mark>\np:u}\ns:|e<mark>", joined, 5);
	/* A user's text is characters, then borders stay. */
	check_prompt("s:<mark>\np:<mark>}\ns:|e", safe, 10);
	/* Nor do two pieces make one. */
	check_prompt("s:<ma\np:rk>", across, 6);
	/* Never two BOS, never an EOS. */
	spec.flags = ZINC_TOK_ADD_BOS | ZINC_TOK_ADD_EOS;
	check_prompt("s:<mark>\np:u", with_bos, 3);
	check_prompt("s:<bos><mark>\np:u", with_bos, 3);
	spec.flags = 0;
	model.arch = &arch_without_chat;
	assert_int_equal(prompt_from_chat(&model, &req, &ids, &err), ZINC_E_UNSUPPORTED);
	model.arch = &arch;
}

static void test_text_prompt(void **state)
{
	static const int32_t want[] = {BOS, 'a', MARK};
	struct tok_ids ids = {0};
	struct zinc_err err;

	(void)state;
	model.tok = the_tok;
	spec.flags = ZINC_TOK_ADD_BOS;
	assert_int_equal(prompt_from_text(&model, "a<mark>", 7, true, &ids, &err), ZINC_OK);
	assert_int_equal(ids.n, 3);
	assert_memory_equal(ids.id, want, sizeof(want));
	tok_ids_finish(&ids);
	spec.flags = 0;
}

static void test_utf8_check(void **state)
{
	static const char *const good[] = {"", "abc", "\xc3\xa9", "\xe2\x82\xac\xf0\x9f\x98\x80",
					   "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"};
	static const struct {
		const char *text, *offset;
	} bad[] = {
		{"a\xff", "offset 1"},
		{"ab\xc3", "offset 2"},
		{"\xc0\x80", "offset 0"},
		{"\xe0\x80\x80", "offset 0"},
		{"a\xed\xa0\x80", "offset 1"},
		{"\xf4\x90\x80\x80", "offset 0"},
		{"\xf0\x80\x80\x80", "offset 0"},
		{"abc\x80", "offset 3"},
		{"\xe2\x82z", "offset 0"},
		{"\xf5\x80\x80\x80", "offset 0"},
	};
	struct zinc_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(prompt_check_utf8("it", good[i], strlen(good[i]), &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(prompt_check_utf8("it", bad[i].text, strlen(bad[i].text), &err),
				 ZINC_E_INVALID);
		assert_non_null(strstr(err.msg, bad[i].offset));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chat_prompt),
		cmocka_unit_test(test_text_prompt),
		cmocka_unit_test(test_utf8_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
