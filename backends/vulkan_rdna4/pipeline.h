/* pipeline.h - compute pipelines, one per shader and specialisation constants.
 *
 * An op names what it needs while it records; what is missing is compiled when
 * the recording ends, all at once and in parallel. */
#ifndef RDNA4_PIPELINE_H
#define RDNA4_PIPELINE_H

#include "rdna4.h"

struct rdna4_pipeline {
	const char *shader;
	uint32_t spec[RDNA4_SPEC_MAX];
	uint32_t n_spec;
	VkPipeline handle; /* NULL until rdna4_pipelines_build() */
};

int rdna4_pipelines_create(struct zinc_dev *dev, struct rdna4_pipelines **out,
                           struct zinc_err *err);
void rdna4_pipelines_destroy(struct rdna4_pipelines *p); /* NULL ok */

/* [any] The pipeline of this shader and constants, compiled or not; NULL when
 * memory is out. */
struct rdna4_pipeline *rdna4_pipelines_get(struct rdna4_pipelines *p, const char *shader,
                                           const uint32_t *spec, uint32_t n_spec);
/* [any] Compiles those that rdna4_pipelines_get() has handed out so far. */
int rdna4_pipelines_build(struct rdna4_pipelines *p, struct zinc_err *err);

#endif
