/* plugin.h - the parts of a plugin's table that are the same for every
 * architecture. */
#ifndef ARCH_COMMON_PLUGIN_H
#define ARCH_COMMON_PLUGIN_H

#include <zinc/plugin.h>

/* Architectures keep nothing outside their models. */
int plugin_init(const struct zinc_host *host, void **self, struct zinc_err *err);
void plugin_fini(void *self);

/* How the file's text becomes tokens. stops: tokens that end an answer whatever
 * eos_token_id says, for real files disagree with themselves there. suppress:
 * tokens never to be sampled. Both NULL-terminated, or NULL; at most
 * ZINC_TOK_MAX_STOP. */
int plugin_tokenizer(void *model, const char *const *stops, const char *const *suppress,
                     struct zinc_tok_spec *out, struct zinc_err *err);

#endif
