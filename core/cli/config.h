/* config.h - zinc.ini: options that hold without being written every time. */
#ifndef CORE_CLI_CONFIG_H
#define CORE_CLI_CONFIG_H

#include "cli/options.h"

extern const char config_help[];

/* Has any option that zinc.ini may set. */
bool command_has_config(enum cmd_id id);

/* Reads the file that --config or $ZINC_CONFIG names (it must exist), else the
 * first of the usual places that exists, else nothing. An unknown key, section
 * or value is an error with the file's name and the line. */
int config_load(struct options *o, struct zinc_err *err);

/* The same for one file. */
int config_read(struct options *o, const char *path, struct zinc_err *err);

#endif
