/* pin.c - see pin.h. */
#include "pin.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_ROOM = 32768 };

/* Names of new libraries, one behind the other; they are opened after the walk, during
 * which the dynamic linker is locked. */
struct names {
	const struct pin_list *before;
	char text[NAMES_ROOM];
	size_t n;
};

static int note_one(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct pin_list *list = ctx;

	(void)size;
	if (list->n < PIN_MAX)
		list->base[list->n++] = (uintptr_t)info->dlpi_addr;
	return 0;
}

void rdna4_pin_note(struct pin_list *list)
{
	list->n = 0;
	dl_iterate_phdr(note_one, list);
}

static int name_one(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct names *names = ctx;
	size_t bytes = info->dlpi_name ? strlen(info->dlpi_name) + 1 : 1;

	(void)size;
	for (uint32_t i = 0; i < names->before->n; i++)
		if (names->before->base[i] == (uintptr_t)info->dlpi_addr)
			return 0;
	if (bytes > 1 && bytes <= sizeof(names->text) - names->n) {
		memcpy(names->text + names->n, info->dlpi_name, bytes);
		names->n += bytes;
	}
	return 0;
}

void rdna4_pin_new(const struct pin_list *before)
{
	struct names names = {.before = before};

	if (before->n == PIN_MAX)
		return;
	dl_iterate_phdr(name_one, &names);
	for (size_t at = 0; at < names.n; at += strlen(names.text + at) + 1) {
		void *library = dlopen(names.text + at, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);

		if (library)
			dlclose(library);
	}
}
