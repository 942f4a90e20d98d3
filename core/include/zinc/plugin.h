/* SPDX-License-Identifier: MIT */
/* plugin.h - the one symbol a plugin exports, and what the host offers it.
 *
 * The ABI major version is part of the symbol's name, so a plugin for another
 * major is recognised without reading a byte of it. The minor version counts
 * appended fields. A plugin links against no zinc library: all it can call
 * arrives in struct zinc_host (and, for architectures, struct
 * zinc_arch_host). */
#ifndef ZINC_PLUGIN_H
#define ZINC_PLUGIN_H

#include <zinc/arch.h>
#include <zinc/device.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZINC_ABI_MAJOR 0
#define ZINC_ABI_MINOR 4
#define ZINC_PLUGIN_SYMBOL "zinc_plugin_v0"
#define ZINC_PLUGIN_MAGIC UINT32_C(0x434e495a) /* "ZINC" */

#if defined(__GNUC__)
#define ZINC_EXPORT __attribute__((visibility("default")))
#else
#define ZINC_EXPORT
#endif

/* True when the table `p`, as sized by whoever filled it, contains `field` and
 * it is set. */
#define ZINC_HAS(p, field)                                                                         \
	((p)->struct_size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field) &&             \
	 (p)->field)

enum zinc_log_level { ZINC_LOG_ERROR = 0, ZINC_LOG_WARN = 1, ZINC_LOG_INFO = 2, ZINC_LOG_DEBUG = 3 };

struct zinc_host {
	uint32_t struct_size;
	uint32_t abi_minor;
	void *ctx;
	/* [any] One line, no newline. */
	void (*log)(void *ctx, int level, const char *msg);
	/* [any] An option of this plugin, as named in its manifest; NULL when
	 * unset; valid while the plugin is loaded. */
	const char *(*option)(void *ctx, const char *key);
	/* [any] Counted memory; may fail. align is a power of two, free() takes
	 * NULL. */
	void *(*alloc)(void *ctx, size_t n, size_t align);
	void (*free)(void *ctx, void *p);
};

enum zinc_kind { ZINC_KIND_BACKEND = 1, ZINC_KIND_ARCH = 2 };

struct zinc_plugin {
	uint32_t magic;
	uint32_t struct_size;
	uint32_t abi_minor; /* ZINC_ABI_MINOR it was built with */
	uint32_t kind;      /* enum zinc_kind                   */
	const char *id;     /* equals the manifest's id         */
	const char *version;
	/* [dev] Once, before any other call; `host` outlives the plugin. On
	 * failure nothing of the plugin is called again. */
	int (*init)(const struct zinc_host *host, void **self, struct zinc_err *err);
	void (*fini)(void *self);
	const struct zinc_backend *backend; /* kind == BACKEND */
	const struct zinc_arch *arch;       /* kind == ARCH    */
};

extern ZINC_EXPORT const struct zinc_plugin zinc_plugin_v0;

#ifdef __cplusplus
}
#endif
#endif /* ZINC_PLUGIN_H */
