/* config.c - reading zinc.ini. */
#include "cli/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/env.h"
#include "util/err.h"

const char config_help[] =
	"zinc.ini holds options as lines \"NAME = VALUE\", named as on the command line\n"
	"without the dashes. Lines before the first section hold for every command that\n"
	"has the option; those in a section such as [run] for that command. Switches take\n"
	"on or off. Options that may be repeated may be so here. The command line and the\n"
	"environment win. A name that zinc does not know is an error. Lines that begin\n"
	"with '#' or ';' are comments.\n"
	"\n"
	"The file is the first of: --config FILE, $ZINC_CONFIG, zinc/zinc.ini in\n"
	"$XDG_CONFIG_HOME or ~/.config, /etc/zinc/zinc.ini.\n"
	"\n"
	"  model = /srv/models/assistant.gguf\n"
	"  backend = cpu\n"
	"\n"
	"  [run]\n"
	"  temp = 0.7\n"
	"  stop = ###\n";

struct reading {
	struct options *o;
	struct zinc_err *err;
	bool failed; /* err holds the first line's error */
};

bool command_has_config(enum cmd_id id)
{
	for (size_t i = 0; i < opt_count; i++)
		if (opt_table[i].commands & 1u << id && !opt_table[i].command_line_only)
			return true;
	return false;
}

/* Is this key good in this section, and for this command? *d: the option to
 * set, NULL when it is another command's business. */
static int find_key(const struct options *o, const char *section, const char *name,
		    const struct opt_def **d, struct zinc_err *err)
{
	const struct opt_def *any = opt_find_any(name);
	enum cmd_id id = CMD_COUNT;

	*d = NULL;
	if (*section && (id = command_find(section)) == CMD_COUNT)
		return err_set(err, ZINC_E_INVALID, "no command is named [%s]", section);
	if (!any || any->command_line_only)
		return err_set(err, ZINC_E_INVALID, "unknown option '%s'", name);
	if (id != CMD_COUNT && !(any->commands & 1u << id))
		return err_set(err, ZINC_E_INVALID, "zinc %s has no option '%s'", section, name);
	if ((id == CMD_COUNT || id == o->command) && any->commands & 1u << o->command)
		*d = any;
	return ZINC_OK;
}

static int on_line(void *ctx, const char *section, const char *name, const char *value)
{
	struct reading *r = ctx;
	const struct opt_def *d;

	if (r->failed)
		return 0;
	if (find_key(r->o, section, name, &d, r->err) ||
	    (d && opt_store(r->o, d, value, OPT_CONFIG, r->err))) {
		r->failed = true;
		return 0;
	}
	return 1;
}

int config_read(struct options *o, const char *path, struct zinc_err *err)
{
	struct zinc_err ignored;
	struct reading r = {.o = o, .err = err ? err : &ignored};
	FILE *f = fopen(path, "r");
	int line;

	if (!f)
		return err_set_errno(err, ZINC_E_IO, errno, "cannot read %s", path);
	line = ini_parse_file(f, on_line, &r);
	if (ferror(f))
		line = -1;
	fclose(f);
	if (line == 0)
		return ZINC_OK;
	if (line < 0)
		return err_set(err, ZINC_E_IO, "cannot read %s", path);
	if (!r.failed)
		return err_set(err, ZINC_E_INVALID, "%s:%d: neither NAME = VALUE nor [SECTION]",
			       path, line);
	err_prefix(err, "%s:%d", path, line);
	return ZINC_E_INVALID;
}

static int read_if_there(struct options *o, const char *path, bool *there, struct zinc_err *err)
{
	*there = access(path, F_OK) == 0;
	return *there ? config_read(o, path, err) : ZINC_OK;
}

int config_load(struct options *o, struct zinc_err *err)
{
	const char *named = o->config ? o->config : env_get("ZINC_CONFIG");
	const char *xdg = env_get("XDG_CONFIG_HOME"), *home = env_get("HOME");
	char *path = NULL;
	bool there = false;
	int rc = ZINC_OK;

	if (named)
		return config_read(o, named, err);
	if ((xdg && asprintf(&path, "%s/zinc/zinc.ini", xdg) < 0) ||
	    (!xdg && home && asprintf(&path, "%s/.config/zinc/zinc.ini", home) < 0))
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for the options");
	if (path)
		rc = read_if_there(o, path, &there, err);
	free(path);
	if (!there)
		rc = read_if_there(o, "/etc/zinc/zinc.ini", &there, err);
	return rc;
}
