/* hazard.h - where barriers must stand, from what dispatches read and write. */
#ifndef RDNA4_HAZARD_H
#define RDNA4_HAZARD_H

#include "rdna4.h"

enum { HAZARD_MAX = 256, HAZARD_BUFS = 256 };

/* What has been touched since the last barrier. */
struct hazard {
	struct rdna4_range seen[HAZARD_MAX];
	uint32_t n;
	uint32_t last; /* from here on: the last dispatch's */
	const struct zinc_buf *wrote[HAZARD_BUFS]; /* since the beginning */
	uint32_t n_wrote;                          /* HAZARD_BUFS: or more */
};

/* Adds a dispatch's ranges; true when a barrier must stand before it. */
bool hazard_add(struct hazard *h, const struct rdna4_range *ranges, uint32_t n);
/* Adds to the ranges of the last dispatch; false, nothing changed, where they collide
 * with anything since the last barrier, or, behind all that the last dispatch itself
 * does, with anything before that. */
bool hazard_join(struct hazard *h, const struct rdna4_range *ranges, uint32_t n, bool behind);
/* Whether one must wait for the other. */
bool hazard_collide(const struct rdna4_range *a, const struct rdna4_range *b);
/* Whether anything of the buffer may have been written. */
bool hazard_wrote(const struct hazard *h, const struct zinc_buf *buf);

#endif
