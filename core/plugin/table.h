/* table.h - checking what a plugin exports, and making it this host's own.
 *
 * The plugin's structs have the size of the headers it was built with. Each is
 * copied into one of ours, zero past the plugin's end, so that the rest of the
 * core sees NULL where an older plugin has nothing and never reads past it. */
#ifndef CORE_PLUGIN_TABLE_H
#define CORE_PLUGIN_TABLE_H

#include "plugin/manifest.h"

#include <zinc/plugin.h>

struct plug_tables {
	struct zinc_plugin plugin; /* its pointers lead to the copies below */
	struct zinc_backend backend;
	struct zinc_arch arch;
	struct zinc_chat chat;
	struct zinc_op_impl *impls;
	const struct zinc_op_impl **ops;
};

/* ZINC_OK, or ZINC_E_INVALID with one sentence that names the field; *out is
 * then empty. */
int plug_tables_init(struct plug_tables *out, const struct zinc_plugin *foreign,
                     const struct manifest *m, char *why, size_t room);
void plug_tables_finish(struct plug_tables *t);

#endif
