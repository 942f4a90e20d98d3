/* tok_fixture.h - tokenizers of the fixture files, opened as the core does it:
 * the spec comes from the architectures' own code. */
#ifndef TESTS_TOK_FIXTURE_H
#define TESTS_TOK_FIXTURE_H

#include "model/gguf.h"
#include "token/tok.h"

struct tok_fixture {
	struct gguf *g;
	struct zinc_tok_spec spec;
	struct tok *tok;
};

/* Fails the test when the file or its tokenizer does not open. pre: taken
 * instead of the file's tokenizer.ggml.pre; NULL: the file's. clear: spec flags
 * to take away. */
void tok_fixture_open(struct tok_fixture *f, const char *path, const char *pre, uint32_t clear);
void tok_fixture_close(struct tok_fixture *f);

/* The real vocabulary of tests/fixtures/tokenizer/qwen-vocab.gguf.zst, unpacked
 * into the test's temporary directory (static path). */
const char *tok_fixture_qwen(void);

#endif
