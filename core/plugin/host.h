/* host.h - what one plugin may call; the ctx of its struct zinc_host. */
#ifndef CORE_PLUGIN_HOST_H
#define CORE_PLUGIN_HOST_H

#include <stdatomic.h>
#include <zinc/plugin.h>

struct plug_host {
	struct zinc_host api;
	const char *id;
	char *const *options; /* "ID.KEY=VALUE", all plugins' */
	uint32_t n_options;
	atomic_ullong live;   /* allocations not yet freed */
};

/* id and options must outlive it. */
void plug_host_init(struct plug_host *h, const char *id, char *const *options,
                    uint32_t n_options);

/* If option is "ID.KEY=VALUE" for this id: its KEY, which ends at '=', else
 * NULL. */
const char *plug_option_key(const char *option, const char *id);

#endif
