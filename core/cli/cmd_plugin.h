/* cmd_plugin.h - `zinc plugin list`, `check` and `shaders`. */
#ifndef CORE_CLI_CMD_PLUGIN_H
#define CORE_CLI_CMD_PLUGIN_H

struct plug_registry;

/* argv[0] is "list", "check" or "shaders". Returns the program's exit status: 0, or 1 when
 * check found something wrong or shaders nothing to tell, or 2 for a wrong command line. */
int cmd_plugin(struct plug_registry *reg, int argc, char **argv);

#endif
