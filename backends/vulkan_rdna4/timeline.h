/* timeline.h - timeline semaphores. */
#ifndef RDNA4_TIMELINE_H
#define RDNA4_TIMELINE_H

#include "rdna4.h"

/* Submits one command buffer that brings the timeline to `value`. [any] */
int rdna4_tl_submit(struct zinc_timeline *tl, uint64_t value, VkCommandBuffer commands);

/* The entries of the backend table. */
int rdna4_tl_create(struct zinc_dev *dev, uint64_t initial, struct zinc_timeline **out);
int rdna4_tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t timeout_ns);
int rdna4_tl_value(struct zinc_timeline *tl, uint64_t *out);
void rdna4_tl_free(struct zinc_timeline *tl);

#endif
