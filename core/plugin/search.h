/* search.h - the folders that manifests are looked for in. */
#ifndef CORE_PLUGIN_SEARCH_H
#define CORE_PLUGIN_SEARCH_H

#include "plugin/plug.h"

enum { SEARCH_MAX_DIRS = 64 };

/* Absolute paths in order of precedence, each a string of its own. They need
 * not exist, except those of --plugin-dir. */
struct search {
	char *dirs[SEARCH_MAX_DIRS];
	uint32_t n;
};

int search_init(struct search *s, const struct plug_config *cfg, struct zinc_err *err);
void search_finish(struct search *s);

#endif
