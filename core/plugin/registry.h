/* registry.h - what the files of core/plugin share.
 *
 * The way of a plugin: search.c names folders, scan.c reads and ranks what lies
 * in them (manifest.c, trust.c), probe.c tries a plugin in a child process,
 * load.c opens it here (table.c checks what it exports, host.c is what it may
 * call), select.c decides which one, list.c shows them. */
#ifndef CORE_PLUGIN_REGISTRY_H
#define CORE_PLUGIN_REGISTRY_H

#include "plugin/host.h"
#include "plugin/manifest.h"
#include "plugin/plug.h"
#include "plugin/table.h"

/* A plugin and all that is known about it. */
struct plug_slot {
	struct plug_entry pub; /* its strings are those below */
	char *file;            /* the manifest's name in its folder: "cpu.ini" */
	char *manifest_path, *real_manifest, *library_path, *reason;
	struct manifest *m;    /* NULL when it could not be read */
	const char *names[MANIFEST_MAX_GGUF + 1];

	/* a backend's best device, once READY by a probe */
	uint32_t dev_class, n_dev;
	char device[96];

	/* from plug_load() */
	void *lib; /* dlopen's handle; NULL: not loaded here */
	struct plug_tables tables;
	struct plug_host host;
	struct plug plug;
};

struct plug_registry {
	struct plug_slot **slots; /* they stay where they are: entries are lent out */
	uint32_t n, room;
	char **options;           /* "ID.KEY=VALUE" */
	uint32_t n_options;
	uint32_t probe_timeout_ms;
	char *why;                /* of the last plug_backend() */
};

/* Sets the state and its sentence; control bytes (a newline of dlerror's)
 * become blanks. */
__attribute__((format(printf, 3, 4))) void plug_set_state(struct plug_slot *s,
                                                          enum plug_state state,
                                                          const char *fmt, ...);

/* scan.c: fills the registry from the folders of cfg. */
int plug_scan(struct plug_registry *r, const struct plug_config *cfg, struct zinc_err *err);

/* What plug_load() is about to do; a probe tells its parent. */
enum plug_stage {
	PLUG_STAGE_OPEN,  /* dlopen, so constructors too */
	PLUG_STAGE_TABLE, /* reading what it exports     */
	PLUG_STAGE_INIT,
	PLUG_STAGE_DEVICES,
	PLUG_STAGE_FINI,
	PLUG_STAGE_DONE
};

typedef void plug_stage_fn(void *ctx, enum plug_stage stage);

/* load.c. Opens, checks and inits the plugin in this process; false leaves it
 * closed, with state and reason set. at may be NULL. */
bool plug_load(struct plug_registry *r, struct plug_slot *s, plug_stage_fn *at, void *ctx);
/* Returns how many allocations the plugin forgot. */
uint64_t plug_unload(struct plug_slot *s);

/* probe.c. Makes the state of a FOUND slot known; with match also against
 * [match]. True when it is READY. */
bool plug_probe(struct plug_registry *r, struct plug_slot *s, bool match);

/* Discrete (3), integrated, CPU, then what only pretends to be a GPU (0). */
int plug_class_rank(uint32_t dev_class);

#endif
