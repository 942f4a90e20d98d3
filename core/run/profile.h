/* profile.h - where the time of a run went, per op and label. */
#ifndef CORE_RUN_PROFILE_H
#define CORE_RUN_PROFILE_H

#include <stdint.h>
#include <stdio.h>

struct engine;
struct recording;

enum { PROFILE_ROWS = 128 };

struct profile_row {
	uint32_t op;
	const char *label, *variant;
	uint64_t calls, ns, bytes, flops;
};

struct profile {
	struct profile_row rows[PROFILE_ROWS];
	uint32_t n;
	uint64_t tokens, steps;
};

/* Adds the times of the step that has just run, by this recording. */
void profile_add(struct profile *p, const struct engine *e, const struct recording *rec);
/* Prints, slowest first, and starts anew. Bytes and FLOPs that the device moves and
 * computes per second at most, or 0: the least time that they leave an op is its
 * roofline, of which it gets a share. */
void profile_print(struct profile *p, double bytes_per_s, double flops_per_s, FILE *out);

#endif
