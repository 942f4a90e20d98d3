/* cmd_plugin.c - what is installed, and does it work? */
#include "cli/cmd_plugin.h"

#include <stdio.h>
#include <string.h>

#include "cli/plugin_shaders.h"
#include "plugin/plug.h"

static const char usage[] = "usage: zinc plugin list [--json]\n"
                            "       zinc plugin check\n"
                            "       zinc plugin shaders [--backend=NAME] [--device=N] [--json]\n";

/* Healthy plugins without hardware, and plugins hidden on purpose, are fine. */
static bool is_fine(enum plug_state s)
{
	return s == PLUG_READY || s == PLUG_NO_DEVICE || s == PLUG_NO_MATCH || s == PLUG_MASKED;
}

static int check(struct plug_registry *reg)
{
	uint32_t n_bad = 0;

	plug_probe_all(reg);
	for (uint32_t i = 0; i < plug_count(reg); i++) {
		const struct plug_entry *e = plug_at(reg, i);

		if (is_fine(e->state))
			continue;
		n_bad++;
		printf("%s: %s: %s\n  %s\n", e->id, plug_state_name(e->state), e->reason,
		       e->manifest);
	}
	printf("%u plugins, %u with a fault\n", plug_count(reg), n_bad);
	return n_bad ? 1 : 0;
}

int cmd_plugin(struct plug_registry *reg, int argc, char **argv)
{
	bool list = argc > 0 && strcmp(argv[0], "list") == 0;
	bool json = list && argc == 2 && strcmp(argv[1], "--json") == 0;

	if (list && (argc == 1 || json)) {
		plug_probe_all(reg);
		return plug_list_print(reg, json, stdout) == ZINC_OK ? 0 : 1;
	}
	if (argc == 1 && strcmp(argv[0], "check") == 0)
		return check(reg);
	if (argc > 0 && strcmp(argv[0], "shaders") == 0)
		return plugin_shaders(reg, argc - 1, argv + 1);
	fputs(usage, stderr);
	return 2;
}
