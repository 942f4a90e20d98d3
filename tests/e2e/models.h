/* models.h - the models that path tests run over: every fixture of the tree and
 * the bundled ones. */
#ifndef TESTS_E2E_MODELS_H
#define TESTS_E2E_MODELS_H

#include <stdint.h>

/* Calls fn for one quantisation of every fixture and for the bundled models. */
void models_each(void (*fn)(const char *path));

/* n repeatable token ids below n_vocab, without the first few (specials). */
void models_prompt(int32_t *ids, uint32_t n, uint32_t n_vocab, uint32_t seed);

#endif
