/* env.h - the environment variables that zinc reads, in one table. */
#ifndef CORE_CLI_ENV_H
#define CORE_CLI_ENV_H

#include "cli/options.h"

struct env_def {
	const char *name;
	const char *arg;
	const char *help;
	const char *option; /* sets this option; NULL: read where it is used */
};

extern const struct env_def env_table[];
extern const size_t env_count;

/* The value, or NULL when unset or empty. */
const char *env_get(const char *name);
/* Set to something else than "0". */
bool env_is_on(const char *name);

/* Options from the environment, as far as the command has them. */
int env_apply(struct options *o, struct zinc_err *err);

#endif
