/* arch_record.h - a recording of what an architecture builds, checked as it
 * grows (tests/unit/arch_check.c) and written down as text. */
#ifndef KIT_ARCH_RECORD_H
#define KIT_ARCH_RECORD_H

#include "gguf.h"

struct arch_record {
	const struct zinc_arch *arch;
	struct zinc_meta *meta;
	void *model;
};

/* The functions of struct zinc_arch_host that build() calls. */
void arch_record_lend(struct zinc_arch_host *host);
/* Records one shape; the caller frees the listing. */
struct fake_graph_result arch_record_build(const struct arch_record *r,
                                           const struct zinc_shape *shape);

#endif
