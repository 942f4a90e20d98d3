/* fuzz_tok.c - any bytes as a text: every byte must reach the model, and come
 * back. The first byte chooses the vocabulary and whether special tokens count. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tokenizer.h"
#include "model/gguf.h"
#include "token/tok.h"
#include "token/utf8.h"
#include "unit/tok_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const files[] = {
	ZINC_FIXTURE_DIR "/q8_0/gemma4-31b.Q8_0.gguf",
	ZINC_FIXTURE_DIR "/q8_0/gemma3.Q8_0.gguf",
	ZINC_FIXTURE_DIR "/q8_0/qwen35.Q8_0.gguf",
	ZINC_FIXTURE_DIR "/q8_0/llama.Q8_0.gguf",
	ZINC_MODEL_DIR "/pocket-gemma4.Q4_K_M.gguf",
	ZINC_MODEL_DIR "/pocket-qwen35moe.Q4_K_M.gguf",
};

enum { N_FILES = sizeof(files) / sizeof(files[0]) };

static struct tok *toks[N_FILES];

/* They live as long as the process. */
static void open_all(void)
{
	for (size_t i = 0; i < N_FILES; i++) {
		struct zinc_tok_spec spec = {.struct_size = sizeof(spec)};
		struct zinc_err err = {0};
		struct gguf *g;

		if (gguf_open(files[i], &g, &err) ||
		    arch_tokenizer(&tok_host, (const void *)g, &spec, &err))
			abort();
		spec.flags &= ~(uint32_t)ZINC_TOK_NFC;
		if (tok_create(g, &spec, &toks[i], &err)) {
			fprintf(stderr, "%s: %s\n", files[i], err.msg);
			abort();
		}
	}
}

/* The pieces of the ids are the text, byte for byte; only U+2581 may have become
 * a blank. */
static void check_bytes(const struct tok *t, const struct tok_ids *ids, const char *text, size_t n)
{
	bool blocks = tok_spec(t)->kind != ZINC_TOK_BPE_BYTES;
	size_t at = 0, len;

	for (size_t i = 0; i < ids->n; i++) {
		const char *piece = tok_piece(t, ids->id[i], &len);

		for (size_t k = 0; k < len; k++) {
			if (blocks && n - at >= 3 && !memcmp(text + at, "\xe2\x96\x81", 3) &&
			    piece[k] == ' ')
				at += 2;
			else if (at >= n || piece[k] != text[at])
				abort();
			at++;
		}
	}
	if (at != n)
		abort();
}

static void check_stream(const struct tok *t, const struct tok_ids *ids)
{
	size_t room = tok_max_piece(t) + 16, used = 0, len, whole_len;
	char *whole = tok_decode(t, ids->id, ids->n, true, &whole_len), *part = malloc(room);
	struct tok_stream s = {0};

	for (size_t i = 0; i <= ids->n; i++) {
		len = i < ids->n ? tok_stream_feed(&s, t, ids->id[i], part, room)
				 : tok_stream_end(&s, part, room);
		if (utf8_valid_run(part, len) != len || used + len > whole_len ||
		    memcmp(whole + used, part, len))
			abort();
		used += len;
	}
	if (used != whole_len)
		abort();
	free(whole);
	free(part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tok_ids ids = {0};
	struct zinc_err err;
	const struct tok *t;
	const char *text = (const char *)data + 1;

	if (!toks[0])
		open_all();
	if (n < 1)
		return 0;
	t = toks[data[0] / 2 % N_FILES];
	if (tok_encode(t, text, n - 1, data[0] & 1, &ids, &err))
		abort();
	check_bytes(t, &ids, text, n - 1);
	check_stream(t, &ids);
	tok_ids_finish(&ids);
	return 0;
}
