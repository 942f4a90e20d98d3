/* hazard.h - which recorded calls may run side by side, from the memory that they
 * read and write. */
#ifndef CPU_HAZARD_H
#define CPU_HAZARD_H

#include <stdbool.h>
#include <stdint.h>

enum { HAZARD_OP = 13, HAZARD_MAX = 192 }; /* ranges of one op; of a stage */

struct hazard_range {
	uintptr_t first, end;
	bool write;
};

/* What an op touches. */
struct hazard_touch {
	struct hazard_range ranges[HAZARD_OP];
	uint32_t n;
};

/* The memory of a stage's calls so far. */
struct hazard {
	struct hazard_range seen[HAZARD_MAX];
	uint32_t n;
};

/* Fills `touch` from the descriptor of an op; false for an op that is not known. */
bool hazard_of(uint32_t op, const void *desc, struct hazard_touch *touch);
/* Adds one more range, such as scratch memory. */
void hazard_touch(struct hazard_touch *touch, uintptr_t first, uint64_t bytes, bool write);

/* Takes the ranges in; false, nothing changed, where one writes what another touches. */
bool hazard_join(struct hazard *h, const struct hazard_touch *touch);

#endif
