/* plugin_shaders.h - `zinc plugin shaders`. */
#ifndef CORE_CLI_PLUGIN_SHADERS_H
#define CORE_CLI_PLUGIN_SHADERS_H

struct plug_registry;

/* argv holds what follows "shaders". Returns the program's exit status: 0, 1 when no
 * device tells about its kernels, or 2 for a wrong command line. */
int plugin_shaders(struct plug_registry *reg, int argc, char **argv);

#endif
