/* env.c - the table of environment variables. */
#include "cli/env.h"

#include <stdlib.h>
#include <string.h>

#include "util/err.h"

const struct env_def env_table[] = {
	{"ZINC_CONFIG", "FILE", "the configuration file, instead of those zinc looks for", NULL},
	{"ZINC_MODEL_DIR", "DIR", "look for bundled models in DIR first", NULL},
	{"ZINC_PLUGIN_PATH", "DIR:DIR",
	 "folders with plugin manifests, after those of --plugin-dir", NULL},
	{"ZINC_THREADS", "N", "the same as --threads", "threads"},
	{"ZINC_BATCHED_PREFILL", "on|off|validate",
	 "read prompts in chunks (on, the default), token by token (off), or both ways and compare "
	 "(validate)",
	 NULL},
	{"ZINC_PROFILE", "1",
	 "time every operation and print the sums, and their share of the roofline that the device "
	 "was measured to have, to standard error",
	 NULL},
	{"ZINC_PREFILL_PROFILE", "1", "the same, for the prompt alone", NULL},
	{"NO_COLOR", "1", "no colours on the terminal", NULL},
	{"XDG_CONFIG_HOME", "DIR", "where zinc/zinc.ini is (default ~/.config)", NULL},
	{"XDG_STATE_HOME", "DIR", "where zinc/history is (default ~/.local/state)", NULL},
};
const size_t env_count = sizeof(env_table) / sizeof(env_table[0]);

const char *env_get(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

bool env_is_on(const char *name)
{
	const char *v = env_get(name);

	return v && strcmp(v, "0");
}

int env_apply(struct options *o, struct zinc_err *err)
{
	for (size_t i = 0; i < env_count; i++) {
		const struct env_def *e = &env_table[i];
		const char *v = env_get(e->name);
		const struct opt_def *d;

		if (!e->option || !v)
			continue;
		d = opt_find(o->command, e->option, strlen(e->option));
		if (d && opt_store(o, d, v, OPT_ENVIRONMENT, err))
			return err_prefix(err, "%s", e->name);
	}
	return ZINC_OK;
}
