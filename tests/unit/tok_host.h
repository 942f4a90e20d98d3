/* tok_host.h - an architecture's host that only reads metadata: enough for
 * arch_tokenizer(). A struct zinc_meta is a struct gguf. */
#ifndef TESTS_TOK_HOST_H
#define TESTS_TOK_HOST_H

#include <zinc/arch.h>

extern const struct zinc_arch_host tok_host;
/* Given instead of the file's tokenizer.ggml.pre; NULL: the file's. */
extern const char *tok_host_pre;

#endif
