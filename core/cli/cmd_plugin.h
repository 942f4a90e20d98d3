/* cmd_plugin.h - `zinc plugin list [--json]` and `zinc plugin check`. */
#ifndef CORE_CLI_CMD_PLUGIN_H
#define CORE_CLI_CMD_PLUGIN_H

struct plug_registry;

/* argv[0] is "list" or "check". Returns the program's exit status: 0, or 1 when
 * check found something wrong, or 2 for a wrong command line. */
int cmd_plugin(struct plug_registry *reg, int argc, char **argv);

#endif
