/* tokenizer.c - which algorithm and which patterns a file's tokenizer needs.
 *
 * Byte-level BPE is told apart by tokenizer.ggml.pre, which names the patterns
 * that the model was trained with. A wrong guess there gives a model that seems
 * to work and answers badly, so an unknown name is refused. */
#include "tokenizer.h"

#include <stdbool.h>
#include <string.h>

#include "base.h"

/* Unicode's White_Space, for use inside a class. PCRE2's own \s also has
 * U+180E, which Unicode took out of it. */
#define WS "\\t-\\r\\x{85}\\p{Z}"
#define BLANKS "[" WS "]+(?![^" WS "])|[" WS "]+"

#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" WS "\\p{L}\\p{N}]+|" BLANKS

/* The later families differ in what a word is made of and in how digits go
 * together. */
#define WORDS(letters, digits)                                                                     \
	"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[" letters "]+|" digits                \
	"| ?[^" WS letters "\\p{N}]+[\\r\\n]*|[" WS "]*[\\r\\n]+|" BLANKS

struct pre {
	const char *name;
	const char *patterns[2];
	uint32_t flags;
};

static const struct pre pres[] = {
	{"gpt-2", {GPT2}, 0},
	{"phi-2", {GPT2}, 0},
	{"olmo", {GPT2}, 0},
	{"smollm", {"\\p{N}", GPT2}, 0},
	{"starcoder", {"\\p{N}", GPT2}, 0},
	{"refact", {"\\p{N}", GPT2}, 0},
	{"qwen2", {WORDS("\\p{L}", "\\p{N}")}, ZINC_TOK_NFC},
	{"deepseek-r1-qwen", {WORDS("\\p{L}", "\\p{N}")}, 0},
	{"qwen35", {WORDS("\\p{L}\\p{M}", "\\p{N}")}, ZINC_TOK_NFC},
	{"llama-bpe", {WORDS("\\p{L}", "\\p{N}{1,3}")}, ZINC_TOK_WHOLE_PIECE | ZINC_TOK_ADD_BOS},
	{"llama3", {WORDS("\\p{L}", "\\p{N}{1,3}")}, ZINC_TOK_WHOLE_PIECE | ZINC_TOK_ADD_BOS},
	{"llama-v3", {WORDS("\\p{L}", "\\p{N}{1,3}")}, ZINC_TOK_WHOLE_PIECE | ZINC_TOK_ADD_BOS},
};

enum { N_PRES = sizeof(pres) / sizeof(pres[0]) };

#define KEY(name) "tokenizer.ggml." name

/* The file being read, and the first error in it. */
struct reader {
	const struct zinc_arch_host *host;
	const struct zinc_meta *meta;
	struct zinc_err *err;
	int rc;
};

static int32_t read_id(struct reader *r, const char *key, int32_t absent)
{
	uint32_t v;
	int rc = r->host->meta_u32(r->meta, key, &v);

	if (rc == ZINC_E_UNSUPPORTED)
		return absent;
	/* Some converters write "none" as -1. */
	if (!rc && v == UINT32_MAX)
		return -1;
	if ((rc || v > INT32_MAX) && !r->rc)
		r->rc = arch_fail(r->err, ZINC_E_INVALID, "%s is no token id", key);
	return rc || v > INT32_MAX ? -1 : (int32_t)v;
}

static void read_flag(struct reader *r, const char *key, uint32_t flag, uint32_t *flags)
{
	uint32_t v;
	int rc = r->host->meta_bool(r->meta, key, &v);

	if (rc == ZINC_E_UNSUPPORTED)
		return;
	if (rc) {
		if (!r->rc)
			r->rc = arch_fail(r->err, ZINC_E_INVALID, "%s is no boolean", key);
		return;
	}
	*flags = v ? *flags | flag : *flags & ~flag;
}

static void read_stop(struct reader *r, const char *key, struct zinc_tok_spec *out)
{
	int32_t id = read_id(r, key, -1);

	if (id >= 0)
		out->stop[out->n_stop++] = id;
}

static bool is(const char *s, uint64_t n, const char *name)
{
	return n == strlen(name) && !memcmp(s, name, n);
}

static int unknown_pre(const char *name, uint64_t n, struct zinc_err *err)
{
	char known[160] = "";

	for (size_t i = 0; i < N_PRES; i++) {
		if (i)
			strcat(known, ", ");
		strcat(known, pres[i].name);
	}
	return arch_fail(err, ZINC_E_UNSUPPORTED,
			 KEY("pre") " is %.*s, which zinc does not know; it knows %s",
			 (int)(n < 40 ? n : 40), name, known);
}

static int byte_level(struct reader *r, struct zinc_tok_spec *out)
{
	const struct pre *pre = &pres[0];
	const char *name;
	uint64_t n;
	int rc = r->host->meta_str(r->meta, KEY("pre"), &name, &n);

	if (rc == ZINC_E_UNSUPPORTED) {
		out->notice =
			"the file has no tokenizer.ggml.pre, so the pre-tokenizer of GPT-2 is "
			"assumed; answers are worse if that is wrong";
	} else if (rc) {
		return arch_fail(r->err, ZINC_E_INVALID, KEY("pre") " is no string");
	} else {
		while (pre < pres + N_PRES && !is(name, n, pre->name))
			pre++;
		if (pre == pres + N_PRES)
			return unknown_pre(name, n, r->err);
	}
	out->kind = ZINC_TOK_BPE_BYTES;
	out->flags = pre->flags;
	for (size_t i = 0; i < 2 && pre->patterns[i]; i++)
		out->patterns[out->n_patterns++] = pre->patterns[i];
	read_flag(r, KEY("add_bos_token"), ZINC_TOK_ADD_BOS, &out->flags);
	read_flag(r, KEY("add_eos_token"), ZINC_TOK_ADD_EOS, &out->flags);
	read_flag(r, KEY("normalizer.nfc"), ZINC_TOK_NFC, &out->flags);
	return r->rc;
}

static int sentencepiece(struct reader *r, struct zinc_tok_spec *out)
{
	out->kind = ZINC_TOK_SPM;
	out->flags = ZINC_TOK_ADD_BOS | ZINC_TOK_SPACE_PREFIX;
	out->bos = read_id(r, KEY("bos_token_id"), 1);
	out->eos = read_id(r, KEY("eos_token_id"), 2);
	read_flag(r, KEY("add_bos_token"), ZINC_TOK_ADD_BOS, &out->flags);
	read_flag(r, KEY("add_eos_token"), ZINC_TOK_ADD_EOS, &out->flags);
	read_flag(r, KEY("add_space_prefix"), ZINC_TOK_SPACE_PREFIX, &out->flags);
	return r->rc;
}

/* BOS is not asked of the file: without it the model degenerates, and some
 * files say false all the same. */
static int whole_lines(struct reader *r, struct zinc_tok_spec *out)
{
	out->kind = ZINC_TOK_BPE_CHARS;
	out->flags = ZINC_TOK_ADD_BOS | ZINC_TOK_NEWLINE_RUNS;
	read_flag(r, KEY("add_eos_token"), ZINC_TOK_ADD_EOS, &out->flags);
	return r->rc;
}

static int unigram(struct reader *r, struct zinc_tok_spec *out)
{
	uint64_t n = 0;
	uint32_t squeeze = 0;

	r->host->meta_len(r->meta, KEY("precompiled_charsmap"), &n);
	read_flag(r, KEY("remove_extra_whitespaces"), 1, &squeeze);
	if (n || squeeze)
		return arch_fail(
			r->err, ZINC_E_UNSUPPORTED,
			"the tokenizer rewrites text by a table of the file (%s), which zinc "
			"does not do",
			n ? KEY("precompiled_charsmap") : KEY("remove_extra_whitespaces"));
	out->kind = ZINC_TOK_UNIGRAM;
	out->flags = ZINC_TOK_ADD_EOS | ZINC_TOK_SPACE_PREFIX;
	read_flag(r, KEY("add_bos_token"), ZINC_TOK_ADD_BOS, &out->flags);
	read_flag(r, KEY("add_eos_token"), ZINC_TOK_ADD_EOS, &out->flags);
	read_flag(r, KEY("add_space_prefix"), ZINC_TOK_SPACE_PREFIX, &out->flags);
	return r->rc;
}

int arch_tokenizer(const struct zinc_arch_host *host, const struct zinc_meta *meta,
		   struct zinc_tok_spec *out, struct zinc_err *err)
{
	struct reader r = {.host = host, .meta = meta, .err = err};
	uint32_t size = out->struct_size;
	const char *model;
	uint64_t n;
	int rc = host->meta_str(meta, KEY("model"), &model, &n);

	if (rc)
		return arch_fail(
			err, ZINC_E_INVALID,
			KEY("model") " is missing or no string: the file has no tokenizer");
	*out = (struct zinc_tok_spec){.struct_size = size};
	out->bos = read_id(&r, KEY("bos_token_id"), -1);
	out->eos = read_id(&r, KEY("eos_token_id"), -1);
	out->unk = read_id(&r, KEY("unknown_token_id"), -1);
	out->pad = read_id(&r, KEY("padding_token_id"), -1);
	read_stop(&r, KEY("eot_token_id"), out);
	read_stop(&r, KEY("eom_token_id"), out);
	if (r.rc)
		return r.rc;
	if (is(model, n, "gpt2"))
		return byte_level(&r, out);
	if (is(model, n, "llama"))
		return sentencepiece(&r, out);
	if (is(model, n, "gemma4"))
		return whole_lines(&r, out);
	if (is(model, n, "t5"))
		return unigram(&r, out);
	return arch_fail(err, ZINC_E_UNSUPPORTED,
			 KEY("model") " is %.*s, which zinc does not know; it knows gpt2, llama, "
				      "gemma4 and t5",
			 (int)(n < 40 ? n : 40), model);
}
