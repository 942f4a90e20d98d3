/* test_tok_vectors.c - the tokenizers against the reference implementations:
 * every string of tests/fixtures/tokenizer must give exactly its ids, and the
 * ids their text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/gguf_bytes.h"
#include "unit/tok_fixture.h"

#define VECTORS ZINC_FIXTURE_DIR "/tokenizer/"

static void print_ids(const char *name, const int32_t *id, size_t n)
{
	print_error("%s:", name);
	for (size_t i = 0; i < n; i++)
		print_error(" %d", id[i]);
	print_error("\n");
}

/* 1 when text gives other ids than the array says. */
static int differs(const struct tok *t, json_t *text, json_t *want, bool special, bool bos)
{
	struct tok_ids got = {0}, expect = {0};
	struct zinc_err err = {0};
	int bad = 0;

	for (size_t i = 0; i < json_array_size(want); i++)
		tok_ids_push(&expect, (int32_t)json_integer_value(json_array_get(want, i)));
	if (tok_encode(t, json_string_value(text), json_string_length(text), special, &got, &err))
		fail_msg("%s", err.msg);
	/* The reference puts BOS in front of a text that already starts with it;
	 * zinc never gives a second one. */
	if (bos && expect.n > 1 && expect.id[0] == expect.id[1] && expect.id[0] == tok_spec(t)->bos)
		memmove(expect.id, expect.id + 1, --expect.n * sizeof(*expect.id));
	if (bos)
		tok_add_bos_eos(t, &got);
	if (got.n != expect.n || (got.n && memcmp(got.id, expect.id, got.n * sizeof(*got.id)))) {
		print_error("text: %s\n", json_string_value(text));
		print_ids("want", expect.id, expect.n);
		print_ids("got ", got.id, got.n);
		bad = 1;
	}
	tok_ids_finish(&got);
	tok_ids_finish(&expect);
	return bad;
}

static int decodes_otherwise(const struct tok *t, json_t *ids, json_t *want)
{
	struct tok_ids list = {0};
	size_t len;
	char *text;
	int bad;

	for (size_t i = 0; i < json_array_size(ids); i++)
		tok_ids_push(&list, (int32_t)json_integer_value(json_array_get(ids, i)));
	text = tok_decode(t, list.id, list.n, true, &len);
	assert_non_null(text);
	bad = len != json_string_length(want) || memcmp(text, json_string_value(want), len);
	if (bad)
		print_error("want: %s\ngot:  %s\n", json_string_value(want), text);
	free(text);
	tok_ids_finish(&list);
	return bad;
}

static json_t *load(const char *path)
{
	json_error_t err;
	json_t *doc = json_load_file(path, JSON_ALLOW_NUL, &err);

	if (!doc)
		fail_msg("%s: %s", path, err.text);
	return doc;
}

/* NAME.tok.json: ids, ids with BOS, and the text that the ids decode to. The
 * tokenizers behind these did not normalise. */
static void check_small(const char *vectors, const char *model)
{
	struct tok_fixture f;
	json_t *doc = load(vectors), *list = json_object_get(doc, "vectors"), *v;
	size_t i;
	int bad = 0;

	tok_fixture_open(&f, model, NULL, ZINC_TOK_NFC);
	assert_int_equal(json_array_size(list), 21);
	json_array_foreach(list, i, v)
	{
		json_t *text = json_object_get(v, "text");

		bad += differs(f.tok, text, json_object_get(v, "ids"), true, false);
		bad += differs(f.tok, text, json_object_get(v, "ids_with_special"), true, true);
		bad += decodes_otherwise(f.tok, json_object_get(v, "ids"),
					 json_object_get(v, "detok"));
	}
	tok_fixture_close(&f);
	json_decref(doc);
	assert_int_equal(bad, 0);
}

/* NAME.json: user text, and text with special tokens. skip: the text that the
 * file's own note excludes. */
static void check_large(const char *vectors, const char *model, const char *pre, const char *skip)
{
	struct tok_fixture f;
	json_t *doc = load(vectors), *list, *v;
	size_t i;
	int bad = 0;

	tok_fixture_open(&f, model, pre, 0);
	list = json_object_get(doc, "plain");
	assert_int_equal(json_array_size(list), 273);
	json_array_foreach(list, i, v)
	{
		json_t *text = json_object_get(v, "text");

		if (skip && !strcmp(json_string_value(text), skip))
			continue;
		bad += differs(f.tok, text, json_object_get(v, "ids"), false, false);
	}
	list = json_object_get(doc, "with_special");
	assert_int_equal(json_array_size(list), 11);
	json_array_foreach(list, i, v)
	{
		json_t *text = json_object_get(v, "text");

		if (skip && !strcmp(json_string_value(text), skip))
			continue;
		bad += differs(f.tok, text, json_object_get(v, "ids"), true, false);
	}
	tok_fixture_close(&f);
	json_decref(doc);
	assert_int_equal(bad, 0);
}

#define SMALL(name)                                                                                \
	check_small(VECTORS name ".tok.json", ZINC_FIXTURE_DIR "/q8_0/" name ".Q8_0.gguf")

static void test_small_gemma4(void **state)
{
	(void)state;
	SMALL("gemma4-31b");
}

static void test_small_gemma3(void **state)
{
	(void)state;
	SMALL("gemma3");
}

static void test_small_qwen3(void **state)
{
	(void)state;
	SMALL("qwen3");
}

static void test_small_qwen35(void **state)
{
	(void)state;
	SMALL("qwen35");
}

static void test_small_llama(void **state)
{
	(void)state;
	SMALL("llama");
}

static void test_qwen2(void **state)
{
	(void)state;
	check_large(VECTORS "qwen2.json", tok_fixture_qwen(), NULL, NULL);
}

static void test_qwen35(void **state)
{
	(void)state;
	check_large(VECTORS "qwen35.json", tok_fixture_qwen(), "qwen35", NULL);
}

static void test_pocket_qwen(void **state)
{
	(void)state;
	check_large(VECTORS "pocket-qwen.json", ZINC_MODEL_DIR "/pocket-qwen35moe.Q4_K_M.gguf",
		    NULL, NULL);
}

static void test_pocket_gemma(void **state)
{
	(void)state;
	check_large(VECTORS "pocket-gemma.json", ZINC_MODEL_DIR "/pocket-gemma4.Q4_K_M.gguf", NULL,
		    "<0x41>");
}

static int clear(void **state)
{
	(void)state;
	temp_clear();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_gemma4), cmocka_unit_test(test_small_gemma3),
		cmocka_unit_test(test_small_qwen3),  cmocka_unit_test(test_small_qwen35),
		cmocka_unit_test(test_small_llama),  cmocka_unit_test(test_qwen2),
		cmocka_unit_test(test_qwen35),       cmocka_unit_test(test_pocket_qwen),
		cmocka_unit_test(test_pocket_gemma),
	};

	return cmocka_run_group_tests(tests, NULL, clear);
}
