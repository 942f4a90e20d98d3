/* test_tok_create.c - tokenizers over vocabularies small enough to reason about,
 * and what is said about broken ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/tokenizer.h"
#include "model/gguf.h"
#include "token/tok.h"
#include "unit/gguf_bytes.h"
#include "unit/tok_host.h"

#define B "\xe2\x96\x81" /* U+2581 */

enum { MAX = 32 };

/* Lists end with the first empty place; type 0 is TOK_NORMAL. */
struct vocab {
	const char *tokens[MAX];
	int32_t types[MAX];
	float scores[MAX];
	const char *merges[MAX];
	struct zinc_tok_spec spec;
	const char *model, *pre;   /* tokenizer.ggml.model and .pre */
	int32_t suppress;          /* tokenizer.ggml.suppress_tokens, 0: none */
	int32_t n_types, n_scores; /* as many as are written; 0: all, -1: none */
};

static const struct zinc_tok_spec no_ids = {
	.struct_size = sizeof(struct zinc_tok_spec),
	.bos = -1,
	.eos = -1,
	.unk = -1,
	.pad = -1,
};

static struct gguf *build(const struct vocab *v)
{
	struct bytes b = {0};
	struct zinc_err err;
	struct gguf *g;
	uint64_t n_kv = 0;
	size_t n = 0, at;

	while (v->tokens[n])
		n++;
	bytes_header(&b, 0, 0);
	if (n)
		n_kv++, bytes_kv_strs(&b, "tokenizer.ggml.tokens", v->tokens);
	if (v->n_types >= 0)
		n_kv++, bytes_kv_i32s(&b, "tokenizer.ggml.token_type", v->types,
				      v->n_types ? (size_t)v->n_types : n);
	if (v->n_scores >= 0)
		n_kv++, bytes_kv_f32s(&b, "tokenizer.ggml.scores", v->scores,
				      v->n_scores ? (size_t)v->n_scores : n);
	if (v->merges[0])
		n_kv++, bytes_kv_strs(&b, "tokenizer.ggml.merges", v->merges);
	if (v->suppress)
		n_kv++, bytes_kv_i32s(&b, "tokenizer.ggml.suppress_tokens", &v->suppress, 1);
	if (v->model)
		n_kv++, bytes_kv_str(&b, "tokenizer.ggml.model", v->model);
	if (v->pre)
		n_kv++, bytes_kv_str(&b, "tokenizer.ggml.pre", v->pre);
	at = 16; /* the header's count of keys */
	memcpy(b.data + at, &n_kv, sizeof(n_kv));
	if (gguf_open(temp_file("v.gguf", b.data, b.n), &g, &err))
		fail_msg("%s", err.msg);
	bytes_finish(&b);
	return g;
}

struct built {
	struct gguf *g;
	struct tok *t;
};

static struct built create(const struct vocab *v)
{
	struct built r = {.g = build(v)};
	struct zinc_err err;

	if (tok_create(r.g, &v->spec, &r.t, &err))
		fail_msg("%s", err.msg);
	return r;
}

static void destroy(struct built *r)
{
	tok_destroy(r->t);
	gguf_close(r->g);
}

/* want ends with -1. out is added to. */
static void check(const struct tok *t, const char *text, bool special, const int32_t *want,
		  struct tok_ids *out)
{
	struct zinc_err err;
	size_t n = 0;

	if (tok_encode(t, text, strlen(text), special, out, &err))
		fail_msg("%s", err.msg);
	while (want[n] >= 0)
		n++;
	assert_int_equal(out->n, n);
	if (n)
		assert_memory_equal(out->id, want, n * sizeof(*want));
}

#define CHECK(t, text, special, ...)                                                               \
	do {                                                                                       \
		struct tok_ids ids_ = {0};                                                         \
		check(t, text, special, (const int32_t[]){__VA_ARGS__, -1}, &ids_);                \
		tok_ids_finish(&ids_);                                                             \
	} while (0)

static struct vocab spm_vocab(void)
{
	return (struct vocab){
		.tokens = {"<unk>", "<s>", "</s>", B, "h", "i", B "h", B "hi", "hi", "a", "aa",
			   "aaa"},
		.types = {2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
		.scores = {0, 0, 0, -9, -9, -9, -3, -4, -2, -9, -1, -2},
		.spec = {.struct_size = sizeof(struct zinc_tok_spec),
			 .kind = ZINC_TOK_SPM,
			 .flags = ZINC_TOK_SPACE_PREFIX | ZINC_TOK_ADD_BOS,
			 .bos = 1,
			 .eos = 2,
			 .unk = -1,
			 .pad = -1},
	};
}

static void test_spm(void **state)
{
	struct vocab v = spm_vocab();
	struct built r = create(&v);
	struct tok_ids ids = {0};
	char *text;

	(void)state;
	CHECK(r.t, "", true, -1);
	CHECK(r.t, "hi", true, 7);
	CHECK(r.t, "hi hi", true, 7, 7);
	/* Equal scores: the leftmost pair first. */
	CHECK(r.t, "haaaa", false, 6, 10, 10);
	CHECK(r.t, "haaa", false, 6, 11);
	/* A run of unknown characters is one token, whichever they are. */
	CHECK(r.t, "X\xc3\xa9\xffz", false, 3, 0);
	CHECK(r.t, "<s>hi", true, 1, 7);
	/* A prompt in pieces gets its blank once. */
	check(r.t, "hi", false, (const int32_t[]){7, -1}, &ids);
	check(r.t, "hi", false, (const int32_t[]){7, 8, -1}, &ids);
	check(r.t, "</s>", true, (const int32_t[]){7, 8, 2, -1}, &ids);
	check(r.t, "hi", false, (const int32_t[]){7, 8, 2, 7, -1}, &ids);
	/* A literal U+2581 is the blank that it stands for. */
	CHECK(r.t, "hi" B "hi", false, 7, 7);
	ids.n = 0;
	check(r.t, "<s>hi hi", true, (const int32_t[]){1, 7, 7, -1}, &ids);
	text = tok_decode(r.t, ids.id, ids.n, false, NULL);
	assert_non_null(text);
	assert_string_equal(text, "hi hi");
	free(text);
	tok_ids_finish(&ids);
	destroy(&r);
}

static void test_unigram(void **state)
{
	struct vocab v = {
		.tokens = {"<unk>", "a", "b", "ab", "abc", "bc", "c", B},
		.types = {2, 1, 1, 1, 1, 1, 1, 1},
		.scores = {0, -2, -2, -3, -6, -1, -4, -1},
		.spec = no_ids,
	};
	struct built r;

	(void)state;
	v.spec.kind = ZINC_TOK_UNIGRAM;
	r = create(&v);
	CHECK(r.t, "abc", false, 1, 5); /* -3 beats -6 and -7 */
	CHECK(r.t, "ab", false, 3);     /* -3 beats -4        */
	CHECK(r.t, "abab", false, 3, 3);
	CHECK(r.t, "aXYb", false, 1, 0, 2);
	CHECK(r.t, "a b", false, 1, 7, 2);
	CHECK(r.t, "\xe2\x82", false, 0);
	destroy(&r);
}

static struct vocab bpe_vocab(void)
{
	struct vocab v = {
		.tokens = {"a", "b", "c", "d", "ab", "abc", "abcd", "<unk>", "\xc4\xa0"},
		.types = {1, 1, 1, 1, 1, 1, 1, 2, 1},
		.merges = {"a b", "c d", "ab cd"},
		.spec = no_ids,
	};

	v.spec.kind = ZINC_TOK_BPE_BYTES;
	v.spec.n_patterns = 1;
	v.spec.patterns[0] = " ?[a-z]+";
	return v;
}

static void test_bpe(void **state)
{
	struct vocab v = bpe_vocab();
	struct built r = create(&v);

	(void)state;
	CHECK(r.t, "abc", false, 4, 2);
	/* "cd" is a rule's result and no token: alone it falls apart again. */
	CHECK(r.t, "abcd", false, 6);
	CHECK(r.t, "cd", false, 2, 3);
	CHECK(r.t, "ab cd", false, 4, 8, 2, 3);
	CHECK(r.t, "aXb", false, 0, 7, 1);
	destroy(&r);
	v.spec.flags = ZINC_TOK_WHOLE_PIECE;
	r = create(&v);
	CHECK(r.t, "abc", false, 5);
	CHECK(r.t, "abca", false, 4, 2, 0);
	destroy(&r);
}

/* Patterns apply one after the other, each inside the pieces of the one before;
 * what no pattern matches is a piece too. */
static void test_patterns(void **state)
{
	struct vocab v = bpe_vocab();
	struct built r;

	(void)state;
	v.spec.n_patterns = 2;
	v.spec.patterns[0] = "c";
	v.spec.patterns[1] = "a(?=b)|x*";
	v.spec.flags = ZINC_TOK_WHOLE_PIECE;
	r = create(&v);
	CHECK(r.t, "abcd", false, 0, 1, 2, 3);
	CHECK(r.t, "ab", false, 0, 1);
	CHECK(r.t, "bb", false, 1, 1);
	destroy(&r);
}

static void test_blank_tokens(void **state)
{
	struct vocab v = bpe_vocab();
	struct built r;

	(void)state;
	v.tokens[9] = "  ";
	v.types[9] = TOK_USER_DEFINED;
	v.tokens[10] = "<x>";
	v.types[10] = TOK_USER_DEFINED;
	v.tokens[11] = "<x>a";
	v.types[11] = TOK_CONTROL;
	r = create(&v);
	CHECK(r.t, "a  b   ", false, 0, 9, 1, 9, 8);
	CHECK(r.t, "a<x>", false, 0, 7);
	CHECK(r.t, "a<x>b<x>a", true, 0, 10, 1, 11);
	destroy(&r);
}

static void test_lists(void **state)
{
	static const int32_t own[] = {3};
	struct vocab v = bpe_vocab();
	struct built r;
	const int32_t *list;
	size_t n;

	(void)state;
	v.suppress = 5;
	v.spec.eos = 0;
	v.spec.stop[0] = 1;
	v.spec.n_stop = 1;
	v.spec.stop_text[0] = "abcd";
	v.spec.stop_text[1] = "none";
	v.spec.stop_text[2] = "b";
	v.spec.n_stop_text = 3;
	v.spec.suppress = own;
	v.spec.n_suppress = 1;
	v.spec.suppress_text[0] = "ab";
	v.spec.suppress_text[1] = "none";
	v.spec.n_suppress_text = 2;
	r = create(&v);
	assert_true(tok_is_stop(r.t, 0));
	assert_true(tok_is_stop(r.t, 1));
	assert_true(tok_is_stop(r.t, 6));
	assert_false(tok_is_stop(r.t, 2));
	assert_int_equal(tok_spec(r.t)->n_stop, 2);
	list = tok_suppressed(r.t, &n);
	assert_int_equal(n, 3);
	assert_memory_equal(list, ((const int32_t[]){5, 3, 4}), 12);
	assert_int_equal(tok_spec(r.t)->n_suppress, 3);
	destroy(&r);
}

static void refused(const struct vocab *v, const char *why)
{
	struct gguf *g = build(v);
	struct zinc_err err = {0};
	struct tok *t;

	if (!tok_create(g, &v->spec, &t, &err))
		fail_msg("created, but expected: %s", why);
	assert_null(t);
	if (!strstr(err.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
	gguf_close(g);
}

static void test_refused(void **state)
{
	struct vocab v;

	(void)state;
#define REFUSED(start, change, why) (v = (start), change, refused(&v, why))
	REFUSED(bpe_vocab(), v.tokens[0] = NULL, "tokenizer.ggml.tokens");
	REFUSED(bpe_vocab(), v.n_types = 3, "tokenizer.ggml.token_type");
	REFUSED(bpe_vocab(), v.types[1] = 9, "token_type entry 1");
	REFUSED(bpe_vocab(), v.merges[0] = NULL, "tokenizer.ggml.merges is missing");
	REFUSED(bpe_vocab(), v.merges[1] = "ab", "merges entry 1");
	REFUSED(bpe_vocab(), v.merges[1] = "ab ", "merges entry 1");
	REFUSED(bpe_vocab(), v.spec.bos = 99, "tokenizer.ggml.bos_token_id is 99");
	REFUSED(bpe_vocab(), v.spec.eos = -2, "tokenizer.ggml.eos_token_id is -2");
	REFUSED(bpe_vocab(), v.spec.flags = ZINC_TOK_ADD_BOS, "has no tokenizer.ggml.bos_token_id");
	REFUSED(bpe_vocab(), (v.spec.stop[0] = 9, v.spec.n_stop = 1), "stop token 9");
	REFUSED(bpe_vocab(), v.suppress = 100, "suppress_tokens names token 100");
	REFUSED(bpe_vocab(), v.spec.patterns[0] = "a(", "pattern number 0");
	REFUSED(bpe_vocab(), v.spec.kind = 9, "kind 9");
	REFUSED(bpe_vocab(), v.spec.n_patterns = 9, "overflows");
	REFUSED(spm_vocab(), v.n_scores = -1, "tokenizer.ggml.scores");
	REFUSED(spm_vocab(), v.n_scores = 3, "tokenizer.ggml.scores");
	REFUSED(spm_vocab(), v.scores[4] = NAN, "scores entry 4");
	REFUSED(spm_vocab(), (v.spec.kind = ZINC_TOK_UNIGRAM, v.scores[4] = INFINITY), "scores");
#undef REFUSED
}

/* Without byte tokens and unknown token some text has no ids; the list that was
 * being filled stays as it was. */
static void test_no_way_out(void **state)
{
	struct vocab v = bpe_vocab();
	struct tok_ids ids = {0};
	struct zinc_err err;
	struct built r;

	(void)state;
	v.types[7] = TOK_NORMAL;
	r = create(&v);
	check(r.t, "ab", false, (const int32_t[]){4, -1}, &ids);
	assert_int_equal(tok_encode(r.t, "abX", 3, false, &ids, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "0x58"));
	assert_int_equal(ids.n, 1);
	tok_ids_finish(&ids);
	destroy(&r);
}

static int spec_of(const struct vocab *v, struct zinc_tok_spec *spec, struct zinc_err *err)
{
	struct gguf *g = build(v);
	int rc;

	*spec = (struct zinc_tok_spec){.struct_size = sizeof(*spec)};
	rc = arch_tokenizer(&tok_host, (const void *)g, spec, err);
	gguf_close(g);
	return rc;
}

static void test_arch(void **state)
{
	struct vocab v = bpe_vocab();
	struct zinc_tok_spec spec;
	struct zinc_err err;

	(void)state;
	assert_int_equal(spec_of(&v, &spec, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "tokenizer.ggml.model"));
	v.model = "rwkv";
	assert_int_equal(spec_of(&v, &spec, &err), ZINC_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "rwkv"));
	v.model = "gpt2";
	assert_int_equal(spec_of(&v, &spec, &err), ZINC_OK);
	assert_non_null(spec.notice);
	assert_int_equal(spec.kind, ZINC_TOK_BPE_BYTES);
	v.pre = "qwen3";
	assert_int_equal(spec_of(&v, &spec, &err), ZINC_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "qwen3"));
	assert_non_null(strstr(err.msg, "llama-v3"));
	v.pre = "llama-bpe";
	assert_int_equal(spec_of(&v, &spec, &err), ZINC_OK);
	assert_null(spec.notice);
	assert_int_equal(spec.flags, ZINC_TOK_WHOLE_PIECE | ZINC_TOK_ADD_BOS);
	assert_int_equal(spec.bos, -1);
	v.model = "llama";
	assert_int_equal(spec_of(&v, &spec, &err), ZINC_OK);
	assert_int_equal(spec.kind, ZINC_TOK_SPM);
	assert_int_equal(spec.flags, ZINC_TOK_SPACE_PREFIX | ZINC_TOK_ADD_BOS);
	assert_int_equal(spec.bos, 1);
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
		cmocka_unit_test(test_spm),          cmocka_unit_test(test_unigram),
		cmocka_unit_test(test_bpe),          cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_blank_tokens), cmocka_unit_test(test_lists),
		cmocka_unit_test(test_refused),      cmocka_unit_test(test_no_way_out),
		cmocka_unit_test(test_arch),
	};

	return cmocka_run_group_tests(tests, NULL, clear);
}
