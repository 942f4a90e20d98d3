/* test_tok_long.c - long texts: a megabyte that nothing splits must not take
 * quadratic time (the test's time limit says so), and what the tokenizer
 * remembers while it reads a text must not show in the result. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "unit/gguf_bytes.h"
#include "unit/tok_fixture.h"

static const char *const models[] = {
	ZINC_FIXTURE_DIR "/q8_0/gemma3.Q8_0.gguf",
	ZINC_MODEL_DIR "/pocket-gemma4.Q4_K_M.gguf",
	ZINC_MODEL_DIR "/pocket-qwen35moe.Q4_K_M.gguf",
	ZINC_FIXTURE_DIR "/q8_0/llama.Q8_0.gguf",
};

enum { N_MODELS = sizeof(models) / sizeof(models[0]), MEGABYTE = 1 << 20 };

static void encode(const struct tok *t, const char *s, size_t n, struct tok_ids *ids)
{
	struct zinc_err err = {0};

	if (tok_encode(t, s, n, false, ids, &err))
		fail_msg("%s", err.msg);
}

/* unit, repeated to a megabyte, goes in and comes back. */
static void check_run(const struct tok *t, const char *unit)
{
	size_t step = strlen(unit), n = MEGABYTE / step * step, len;
	char *text = malloc(n), *back;
	struct tok_ids ids = {0};

	assert_non_null(text);
	for (size_t i = 0; i < n; i += step)
		memcpy(text + i, unit, step);
	encode(t, text, n, &ids);
	back = tok_decode(t, ids.id, ids.n, true, &len);
	assert_non_null(back);
	assert_int_equal(len, n);
	assert_memory_equal(back, text, n);
	free(back);
	free(text);
	tok_ids_finish(&ids);
}

static void test_runs(void **state)
{
	static const char *const units[] = {
		"a",
		"e",
		" ",
		"\n",
		"\t",
		"<",
		"<|",
		"0",
		"'",
		"\xc3\xa9",
		"\xe4\xb8\xad",
		" \n",
		"ab",
		"\xcc\xa7\xcc\x81",
		"\xf0\x9f\x98\x80",
	};

	(void)state;
	for (size_t m = 0; m < N_MODELS; m++) {
		struct tok_fixture f;

		tok_fixture_open(&f, models[m], NULL, ZINC_TOK_NFC);
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			check_run(f.tok, units[i]);
		tok_fixture_close(&f);
	}
}

/* A megabyte of combining marks in the wrong order, which normalising sorts. */
static void test_marks(void **state)
{
	struct tok_ids ids = {0};
	struct bytes b = {0};
	struct tok_fixture f;

	(void)state;
	while (b.n < MEGABYTE)
		bytes_put(&b, "\xcc\x81\xcc\xa7", 4);
	tok_fixture_open(&f, models[2], NULL, 0);
	encode(f.tok, (const char *)b.data, b.n, &ids);
	assert_true(ids.n > 1000);
	tok_ids_finish(&ids);
	tok_fixture_close(&f);
	bytes_finish(&b);
}

static uint32_t next_random(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return *s >> 8;
}

/* Words of a small alphabet, so that most repeat; a line break now and then. */
static struct bytes random_text(uint32_t seed, size_t n)
{
	static const char *const parts[] = {
		"th", "e", "in", "a",    "n", "\xc3\xa9",     " ",  " ", " the",
		"er", "s", ",",  "\xff", "0", "\xe4\xb8\xad", "on",
	};
	struct bytes b = {0};

	while (b.n < n) {
		const char *p = parts[next_random(&seed) % (sizeof(parts) / sizeof(parts[0]))];

		bytes_put(&b, p, strlen(p));
		if (next_random(&seed) % 40 == 0)
			bytes_put(&b, "\n", 1);
	}
	return b;
}

/* No token of these two vocabularies joins a line break with anything else, so
 * a text is the sum of its lines. */
static void test_sum_of_lines(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		struct bytes b = random_text(7 + (uint32_t)m, 30000);
		struct tok_ids whole = {0}, lines = {0};
		struct tok_fixture f;

		tok_fixture_open(&f, models[m], NULL, 0);
		encode(f.tok, (const char *)b.data, b.n, &whole);
		for (size_t i = 0, end; i < b.n; i = end) {
			bool newline = b.data[i] == '\n';

			for (end = i; end < b.n && (b.data[end] == '\n') == newline;)
				end++;
			encode(f.tok, (const char *)b.data + i, end - i, &lines);
		}
		assert_int_equal(whole.n, lines.n);
		assert_memory_equal(whole.id, lines.id, whole.n * sizeof(*whole.id));
		tok_ids_finish(&whole);
		tok_ids_finish(&lines);
		tok_fixture_close(&f);
		bytes_finish(&b);
	}
}

/* Composition across a long text: it is done in chunks, which must not show. */
static void test_nfc_chunks(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {
		{"e\xcc\x81", "\xc3\xa9"},
		{"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"},
		{"\xe4\xb8\xad"
		 "o\xcc\x88",
		 "\xe4\xb8\xad\xc3\xb6"},
	};
	struct tok_fixture f;

	(void)state;
	tok_fixture_open(&f, models[2], NULL, 0);
	assert_true(tok_spec(f.tok)->flags & ZINC_TOK_NFC);
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
		for (size_t shift = 0; shift < 8; shift++) {
			struct bytes from = {0}, to = {0};
			struct tok_ids a = {0}, b = {0};

			for (size_t i = 0; i < shift; i++) {
				bytes_put(&from, "\xe4\xb8\xad", 3);
				bytes_put(&to, "\xe4\xb8\xad", 3);
			}
			for (size_t i = 0; i < 2000; i++) {
				bytes_put(&from, cases[c].from, strlen(cases[c].from));
				bytes_put(&to, cases[c].to, strlen(cases[c].to));
			}
			encode(f.tok, (const char *)from.data, from.n, &a);
			encode(f.tok, (const char *)to.data, to.n, &b);
			assert_int_equal(a.n, b.n);
			assert_memory_equal(a.id, b.id, a.n * sizeof(*a.id));
			tok_ids_finish(&a);
			tok_ids_finish(&b);
			bytes_finish(&from);
			bytes_finish(&to);
		}
	tok_fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_sum_of_lines),
		cmocka_unit_test(test_nfc_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
