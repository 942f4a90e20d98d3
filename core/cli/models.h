/* models.h - which file a model's name means.
 *
 * A name is a file, or the short name of a bundled model: "pocket-x" for
 * pocket-x35moe.Q4_K_M.gguf. Short names are made from file names: the part
 * before the first digit, before the first dot, or before ".gguf". */
#ifndef CORE_CLI_MODELS_H
#define CORE_CLI_MODELS_H

#include <stdbool.h>
#include <zinc/status.h>

/* Does the word name a model (as opposed to being a prompt)? True for bundled
 * models and for what ends in .gguf and is a file or has no blank in it. */
bool model_is_name(const char *word);

/* The file that name means; NULL: the first bundled model by file name. *path
 * is newly allocated. */
int model_find(const char *name, char **path, struct zinc_err *err);

#endif
