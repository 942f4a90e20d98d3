/* plug.h - finding, checking, loading and choosing plugins.
 *
 * A registry is made once per process. It reads manifests (plugins.d, .ini files)
 * from the search path, checks their trust, and opens libraries on demand.
 * Nothing found wrong with a plugin is fatal: it becomes that plugin's state,
 * with one sentence that says why and what to do. */
#ifndef CORE_PLUGIN_PLUG_H
#define CORE_PLUGIN_PLUG_H

#include <stdbool.h>
#include <stdio.h>
#include <zinc/plugin.h>

enum plug_state {
	PLUG_FOUND = 0,     /* manifest read, library not yet opened             */
	PLUG_READY,         /* loaded (or probed) and usable                     */
	PLUG_NO_DEVICE,     /* healthy, hardware or driver absent                */
	PLUG_NO_MATCH,      /* healthy, but its [match] excludes what is here    */
	PLUG_UNTRUSTED,     /* a path component that others may write to         */
	PLUG_WRONG_ABI,
	PLUG_BAD_MANIFEST,
	PLUG_LOAD_FAILED,   /* dlopen's reason                                   */
	PLUG_BAD_TABLE,     /* symbol there, contents wrong (id, kind, pointers) */
	PLUG_CRASHED,       /* the probe died; the signal's name, or a deadline  */
	PLUG_MASKED         /* hidden by a manifest of higher precedence         */
};

struct plug_registry;

/* One manifest and what became of it. Owned by the registry. */
struct plug_entry {
	const char *id;       /* "cpu"; the file's name when the manifest
	                       * could not be read                            */
	const char *summary, *version;
	const char *manifest; /* path                                         */
	const char *library;  /* resolved path                                */
	uint32_t kind;        /* enum zinc_kind                               */
	int priority;
	enum plug_state state;
	const char *reason;   /* one sentence; "" when READY or FOUND         */
	const char *const *gguf_names; /* ARCH: from [match], NULL-terminated */
	uint32_t n_gguf_names;
	const char *device; /* BACKEND, once probed: the device it would use; "" */
};

struct plug_config {
	const char *const *dirs; /* --plugin-dir, in order of precedence      */
	uint32_t n_dirs;
	bool only_dirs;          /* tests: skip every other place             */
	uint32_t probe_timeout_ms; /* 0: 15000, for drivers of several GPUs */
	/* "ID.KEY=VALUE": options handed to plugins through host->option      */
	const char *const *options;
	uint32_t n_options;
};

int plug_registry_create(const struct plug_config *cfg, struct plug_registry **out,
                         struct zinc_err *err);
/* Plugins are finished and unloaded; nothing of theirs may be in use. */
void plug_registry_destroy(struct plug_registry *r); /* NULL ok */

uint32_t plug_count(const struct plug_registry *r);
const struct plug_entry *plug_at(const struct plug_registry *r, uint32_t i);

/* Probes every entry in a forked child with a deadline, so that states are
 * known; loads nothing into this process. */
void plug_probe_all(struct plug_registry *r);

/* A loaded plugin: its table, and self from init(). The table and all that it
 * points to are the host's own copies, of the host's size: fields that an older
 * plugin does not have are NULL, and ops that this host does not know are left
 * out. So a pointer in them may be tested and used without ZINC_HAS. */
struct plug {
	const struct plug_entry *entry;
	const struct zinc_plugin *table;
	void *self;
};

/* Loads a backend. want: "auto", an id, or a family (text before the first
 * '_'). A name must load or the call fails with the reason; an id counts even
 * where the manifest's [match] does not fit. "auto" prefers discrete over
 * integrated over CPU, never takes a software rasteriser, nor a plugin of
 * priority 0. Candidates are probed in children first, so call this before
 * threads exist. *why (from the registry, valid as long as it) is one
 * line that says what was chosen and why installed others were not. */
int plug_backend(struct plug_registry *r, const char *want, const struct plug **out,
                 const char **why, struct zinc_err *err);

/* Loads the architecture plugin that takes this general.architecture; the
 * error lists what is installed. */
int plug_arch(struct plug_registry *r, const char *gguf_name, const struct plug **out,
              struct zinc_err *err);

const char *plug_state_name(enum plug_state s); /* "no-device" */

/* `zinc plugin list`: a table, or JSON. */
int plug_list_print(struct plug_registry *r, bool json, FILE *out);

#endif
