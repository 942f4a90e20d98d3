/* pipeline.h - compute pipelines, one per shader and specialisation constants.
 *
 * An op names what it needs while it records, and may change its mind when the next op
 * joins it; what is missing at the end of the recording is compiled then, all at once
 * and in parallel. */
#ifndef RDNA4_PIPELINE_H
#define RDNA4_PIPELINE_H

#include "rdna4.h"

struct rdna4_pipeline {
	const char *shader;
	uint32_t spec[RDNA4_SPEC_MAX];
	uint32_t n_spec;
	VkPipeline handle; /* NULL until rdna4_pipelines_build() */
	bool wanted;
};

int rdna4_pipelines_create(struct zinc_dev *dev, struct rdna4_pipelines **out,
                           struct zinc_err *err);
void rdna4_pipelines_destroy(struct rdna4_pipelines *p); /* NULL ok */

/* [any] The pipeline of this shader and constants, compiled or not; NULL when
 * memory is out. */
struct rdna4_pipeline *rdna4_pipelines_get(struct rdna4_pipelines *p, const char *shader,
                                           const uint32_t *spec, uint32_t n_spec);
/* [any] The pipeline is to be compiled by the next rdna4_pipelines_build(). */
void rdna4_pipelines_want(struct rdna4_pipelines *p, struct rdna4_pipeline *pipeline);
/* [any] Compiles those that are wanted. */
int rdna4_pipelines_build(struct rdna4_pipelines *p, struct zinc_err *err);

#endif
