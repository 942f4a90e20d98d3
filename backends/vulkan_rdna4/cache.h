/* cache.h - compiled pipelines on disk, so that the second start is quick. */
#ifndef RDNA4_CACHE_H
#define RDNA4_CACHE_H

#include "rdna4.h"

/* An empty cache where the file is absent, of another device or damaged. */
int rdna4_cache_load(struct zinc_dev *dev, VkPipelineCache *out, struct zinc_err *err);
/* Replaces the file as a whole; a failure is logged and harmless. */
void rdna4_cache_save(struct zinc_dev *dev, VkPipelineCache cache);

#endif
