/* test_tok.c - what holds for every tokenizer: text comes back, streams never
 * show half a character, broken text is survived, a user's text is only text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/utf8.h"
#include "unit/gguf_bytes.h"
#include "unit/tok_fixture.h"

static const char *const models[] = {
	ZINC_FIXTURE_DIR "/q8_0/gemma4-31b.Q8_0.gguf",
	ZINC_FIXTURE_DIR "/q8_0/gemma3.Q8_0.gguf",
	ZINC_FIXTURE_DIR "/q8_0/qwen35.Q8_0.gguf",
	ZINC_FIXTURE_DIR "/q8_0/llama.Q8_0.gguf",
	ZINC_MODEL_DIR "/pocket-gemma4.Q4_K_M.gguf",
	ZINC_MODEL_DIR "/pocket-qwen35moe.Q4_K_M.gguf",
};

enum { N_MODELS = sizeof(models) / sizeof(models[0]) };

static const char *const texts[] = {
	"",
	" ",
	"   \n\n \n\n\n\t\r\n  ",
	"The quick brown fox jumps over the lazy dog.",
	"  leading, trailing and   inner blanks  ",
	"na\xc3\xafve caf\xc3\xa9 \xe2\x80\x94 \xe2\x82\xac 99,90 \xc2\xb5m",
	"\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97 \xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2 "
	"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
	"\xf0\x9f\x98\x80\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb e\xcc\x81 \xef\xbf\xbd",
	"for (int i = 0; i < n; i++)\n\tx[i] += 0x1F; /* <|im_end|> */",
	"<bos><|turn>user\n<start_of_turn><0x41></s><think>",
	"don't DON'T 'S we'll 1234567890 ...!!!??",
};

enum { N_TEXTS = sizeof(texts) / sizeof(texts[0]) };

static void encode(const struct tok *t, const char *s, size_t n, bool special, struct tok_ids *ids)
{
	struct zinc_err err = {0};

	if (tok_encode(t, s, n, special, ids, &err))
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < ids->n; i++)
		assert_in_range(ids->id[i], 0, tok_n_vocab(t) - 1);
}

/* The text as a stream gives it, token by token; every part is whole UTF-8. */
static void check_stream(const struct tok *t, const struct tok_ids *ids, const char *want, size_t n)
{
	struct tok_stream s = {0};
	size_t room = tok_max_piece(t) + 16, used = 0, len;
	char *part = malloc(room), *all = malloc(n + room);

	assert_non_null(part);
	assert_non_null(all);
	for (size_t i = 0; i <= ids->n; i++) {
		len = i < ids->n ? tok_stream_feed(&s, t, ids->id[i], part, room)
				 : tok_stream_end(&s, part, room);
		assert_int_equal(utf8_valid_run(part, len), len);
		assert_true(used + len <= n);
		memcpy(all + used, part, len);
		used += len;
	}
	assert_int_equal(used, n);
	assert_memory_equal(all, want, n);
	free(part);
	free(all);
}

static void check_round_trip(const struct tok *t, const char *text, bool special)
{
	struct tok_ids ids = {0};
	size_t n = strlen(text), len;
	char *back;

	encode(t, text, n, special, &ids);
	back = tok_decode(t, ids.id, ids.n, true, &len);
	assert_non_null(back);
	assert_string_equal(back, text);
	assert_int_equal(len, n);
	check_stream(t, &ids, text, n);
	free(back);
	tok_ids_finish(&ids);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t m = 0; m < N_MODELS; m++) {
		struct tok_fixture f;

		tok_fixture_open(&f, models[m], NULL, ZINC_TOK_NFC);
		for (size_t i = 0; i < N_TEXTS; i++) {
			check_round_trip(f.tok, texts[i], false);
			check_round_trip(f.tok, texts[i], true);
		}
		tok_fixture_close(&f);
	}
}

/* A stream that ends anywhere shows what is whole, and one U+FFFD for the
 * rest. */
static void test_cut_streams(void **state)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
	static const char fffd[] = "\xef\xbf\xbd";

	(void)state;
	for (size_t m = 0; m < N_MODELS; m++) {
		struct tok_fixture f;
		struct tok_ids ids = {0};

		tok_fixture_open(&f, models[m], NULL, 0);
		encode(f.tok, text, sizeof(text) - 1, false, &ids);
		for (size_t n = 0; n <= ids.n; n++) {
			size_t bytes = 0, len, whole;
			char want[40], *got;

			for (size_t i = 0; i < n; i++) {
				tok_piece(f.tok, ids.id[i], &len);
				bytes += len;
			}
			whole = utf8_valid_run(text, bytes);
			memcpy(want, text, whole);
			strcpy(want + whole, whole < bytes ? fffd : "");
			got = tok_decode(f.tok, ids.id, n, true, NULL);
			assert_non_null(got);
			assert_string_equal(got, want);
			free(got);
		}
		tok_ids_finish(&ids);
		tok_fixture_close(&f);
	}
}

/* Broken bytes reach the model as they are, and come back as U+FFFD, one for
 * each part that could have begun a character. */
static void test_invalid_utf8(void **state)
{
	static const struct {
		const char *text, *back;
	} cases[] = {
		{"\xff", "\xef\xbf\xbd"},
		{"a\x80z", "a\xef\xbf\xbdz"},
		{"\xe2\x82", "\xef\xbf\xbd"},
		{"\xe2\x82z", "\xef\xbf\xbdz"},
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"the \xf0\x9f\x98 end", "the \xef\xbf\xbd end"},
		{"\xf4\x90\x80\x80 \xc3",
		 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd"},
	};

	(void)state;
	for (size_t m = 0; m < N_MODELS; m++) {
		struct tok_fixture f;

		tok_fixture_open(&f, models[m], NULL, 0);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct tok_ids ids = {0};
			size_t at = 0, n;
			char *back;

			encode(f.tok, cases[i].text, strlen(cases[i].text), true, &ids);
			for (size_t k = 0; k < ids.n; k++) {
				const char *piece = tok_piece(f.tok, ids.id[k], &n);

				assert_memory_equal(piece, cases[i].text + at, n);
				at += n;
			}
			assert_int_equal(at, strlen(cases[i].text));
			back = tok_decode(f.tok, ids.id, ids.n, true, NULL);
			assert_non_null(back);
			assert_string_equal(back, cases[i].back);
			free(back);
			tok_ids_finish(&ids);
		}
		tok_fixture_close(&f);
	}
}

/* Every special token's text gives that token when it may, and none of them
 * when it may not. */
static void test_special(void **state)
{
	(void)state;
	for (size_t m = 0; m < N_MODELS; m++) {
		struct tok_fixture f;

		tok_fixture_open(&f, models[m], NULL, 0);
		for (uint32_t id = 0; id < tok_n_vocab(f.tok); id++) {
			enum tok_type type = tok_type_of(f.tok, (int32_t)id);
			struct tok_ids ids = {0};
			const char *text;
			size_t n;

			if (type != TOK_CONTROL && type != TOK_USER_DEFINED)
				continue;
			text = tok_piece(f.tok, (int32_t)id, &n);
			assert_int_equal(tok_find(f.tok, text, n), id);
			encode(f.tok, text, n, true, &ids);
			assert_int_equal(ids.n, 1);
			assert_int_equal(ids.id[0], id);
			ids.n = 0;
			encode(f.tok, text, n, false, &ids);
			for (size_t i = 0; i < ids.n; i++)
				assert_true(tok_type_of(f.tok, ids.id[i]) == TOK_NORMAL ||
					    tok_type_of(f.tok, ids.id[i]) == TOK_BYTE);
			tok_ids_finish(&ids);
		}
		tok_fixture_close(&f);
	}
}

static void test_bos(void **state)
{
	struct tok_fixture f;
	struct tok_ids ids = {0};

	(void)state;
	tok_fixture_open(&f, models[0], NULL, 0);
	assert_true(tok_spec(f.tok)->flags & ZINC_TOK_ADD_BOS);
	assert_int_equal(tok_add_bos_eos(f.tok, &ids), ZINC_OK);
	assert_int_equal(ids.n, 1);
	assert_int_equal(ids.id[0], 2);
	encode(f.tok, "hi", 2, false, &ids);
	assert_int_equal(tok_add_bos_eos(f.tok, &ids), ZINC_OK);
	assert_int_equal(ids.id[0], 2);
	assert_int_not_equal(ids.id[1], 2);
	tok_ids_finish(&ids);
	tok_fixture_close(&f);

	tok_fixture_open(&f, models[2], NULL, 0);
	assert_int_equal(tok_add_bos_eos(f.tok, &ids), ZINC_OK);
	assert_int_equal(ids.n, 0);
	tok_ids_finish(&ids);
	tok_fixture_close(&f);
}

/* A prompt in pieces: BOS and control tokens hide from a reader who does not
 * want them. */
static void test_hidden(void **state)
{
	static const char text[] = "<|turn>user\nhi<turn|>\n";
	struct tok_fixture f;
	struct tok_ids ids = {0};
	char *shown, *hidden;

	(void)state;
	tok_fixture_open(&f, models[4], NULL, 0);
	encode(f.tok, text, strlen(text), true, &ids);
	shown = tok_decode(f.tok, ids.id, ids.n, true, NULL);
	hidden = tok_decode(f.tok, ids.id, ids.n, false, NULL);
	assert_non_null(shown);
	assert_non_null(hidden);
	assert_string_equal(shown, text);
	assert_string_equal(hidden, "user\nhi\n");
	free(shown);
	free(hidden);
	tok_ids_finish(&ids);
	tok_fixture_close(&f);
}

static void test_outside(void **state)
{
	struct tok_fixture f;
	struct tok_stream s = {0};
	char buf[8];
	size_t n;

	(void)state;
	tok_fixture_open(&f, models[0], NULL, 0);
	tok_piece(f.tok, -1, &n);
	assert_int_equal(n, 0);
	tok_piece(f.tok, INT32_MAX, &n);
	assert_int_equal(n, 0);
	assert_int_equal(tok_stream_feed(&s, f.tok, 1 << 20, buf, sizeof(buf)), 0);
	assert_int_equal(tok_type_of(f.tok, -7), TOK_UNKNOWN);
	assert_false(tok_is_stop(f.tok, -1));
	assert_int_equal(tok_find(f.tok, "no such token", 13), -1);
	tok_fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_cut_streams),
		cmocka_unit_test(test_invalid_utf8), cmocka_unit_test(test_special),
		cmocka_unit_test(test_bos),          cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
