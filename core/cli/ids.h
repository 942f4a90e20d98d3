/* ids.h - lists of token ids as people write them: "1, 2 3" or @FILE. */
#ifndef CORE_CLI_IDS_H
#define CORE_CLI_IDS_H

#include <stdint.h>

#include "token/tok.h"

/* Numbers below n_vocab, separated by commas or blanks. The message names the
 * word that is none, and what (the option) it stands in. */
int ids_parse(const char *what, const char *text, uint32_t n_vocab, struct tok_ids *out,
	      struct zinc_err *err);

#endif
