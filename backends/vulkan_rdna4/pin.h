/* pin.h - what the Vulkan loader brings into the process stays there.
 *
 * Drivers use memory that exists once per thread and is not given back when they are
 * unloaded: after a dozen rounds of loading and unloading, one does not start again. */
#ifndef RDNA4_PIN_H
#define RDNA4_PIN_H

#include <stdint.h>

enum { PIN_MAX = 1024 };

/* The libraries of the process at one time. */
struct pin_list {
	uintptr_t base[PIN_MAX];
	uint32_t n;
};

void rdna4_pin_note(struct pin_list *list);
/* Keeps those that came after the note. */
void rdna4_pin_new(const struct pin_list *before);

#endif
