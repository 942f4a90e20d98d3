/* manifest.h - what a plugin says about itself before it is opened.
 *
 *   [plugin]  id, kind = arch | backend, abi, library, priority, version, summary
 *   [match]   gguf = names (arch) | pci = vvvv:dddd or vvvv:* ... (backend)
 *   [option]  KEY = what it does
 *
 * Parsing allocates nothing: every part has a fixed bound, and going over it is
 * an error with a line number like any other. */
#ifndef CORE_PLUGIN_MANIFEST_H
#define CORE_PLUGIN_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

enum {
	MANIFEST_MAX_BYTES = 16384,
	MANIFEST_ID = 32,      /* sizes of the strings, with the NUL */
	MANIFEST_TEXT = 192,
	MANIFEST_MAX_GGUF = 32,
	MANIFEST_MAX_PCI = 64,
	MANIFEST_MAX_OPTIONS = 32,
	MANIFEST_WHY = 512
};

#define MANIFEST_PCI_ANY UINT32_MAX

struct manifest_pci {
	uint32_t vendor, device; /* device may be MANIFEST_PCI_ANY */
};

struct manifest_option {
	char key[MANIFEST_ID];
	char help[MANIFEST_TEXT];
};

struct manifest {
	char id[MANIFEST_ID];
	char version[MANIFEST_ID];
	char library[MANIFEST_TEXT]; /* as written */
	char summary[MANIFEST_TEXT];
	uint32_t kind; /* enum zinc_kind */
	uint32_t abi;
	int priority;
	char gguf[MANIFEST_MAX_GGUF][MANIFEST_ID];
	uint32_t n_gguf;
	struct manifest_pci pci[MANIFEST_MAX_PCI];
	uint32_t n_pci;
	struct manifest_option options[MANIFEST_MAX_OPTIONS];
	uint32_t n_options;
};

/* Both return ZINC_OK, or a status with one sentence in why, which starts with
 * "NAME:LINE: " where a line is at fault. *out is then of no use. */
int manifest_parse(const char *text, size_t n, const char *name, struct manifest *out, char *why,
                   size_t room);
int manifest_read(const char *path, struct manifest *out, char *why, size_t room);

#endif
