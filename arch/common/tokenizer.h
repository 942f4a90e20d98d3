/* tokenizer.h - from a file's tokenizer.ggml.* keys to a tokenizer spec. */
#ifndef ARCH_COMMON_TOKENIZER_H
#define ARCH_COMMON_TOKENIZER_H

#include <zinc/arch.h>

/* Fills *out (struct_size set by the caller) from tokenizer.ggml.model, .pre,
 * the token ids and the add_* flags. Model and pre-tokenizer names that it does
 * not know are ZINC_E_UNSUPPORTED, with the names it does know in err. The
 * caller may then append stop and suppress texts of its own. */
int arch_tokenizer(const struct zinc_arch_host *host, const struct zinc_meta *meta,
                   struct zinc_tok_spec *out, struct zinc_err *err);

#endif
