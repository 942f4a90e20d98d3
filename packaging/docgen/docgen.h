/* docgen.h - manual pages and shell completions, written from the tables that
 * --help is printed from (core/cli). */
#ifndef PACKAGING_DOCGEN_H
#define PACKAGING_DOCGEN_H

#include <stdio.h>

#include "cli/commands.h"
#include "cli/options.h"

/* The options of a command in the order of its help, ended by name NULL: rows of
 * opt_table, and those of commands that read their own. At most DOC_MAX. */
enum { DOC_MAX = 97 };
void doc_options(enum cmd_id id, struct opt_def *out);

/* What may follow an option or be an argument. */
enum doc_value {
	DOC_NONE,   /* nothing, or nothing that a shell could know */
	DOC_FILE,
	DOC_DIR,
	DOC_MODEL,  /* a model file or a bundled model's name */
	DOC_WORDS   /* one of the words in doc_words()        */
};

/* By the name that help gives it: "FILE", "a|b|c", "[MODEL] PROMPT" (its first
 * word). */
enum doc_value doc_value_of(const char *arg);
/* "a b c" of "a|b|c", or the types of zinc quantize; in buf of n bytes. */
const char *doc_words(const char *arg, char *buf, size_t n);
/* The argument's i-th word, without brackets; false: there is none. */
bool doc_argument(const char *args, int i, char *buf, size_t n);

extern const char doc_models[]; /* names of the bundled models */

void doc_man_overview(FILE *out);
void doc_man_command(enum cmd_id id, FILE *out);
void doc_man_config(FILE *out);

void doc_bash(FILE *out);
void doc_zsh(FILE *out);
void doc_fish(FILE *out);

#endif
