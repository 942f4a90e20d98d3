/* later.h - the interface as a later minor version may have it: today's, with
 * fields appended to tables and descriptors, one more op and one more numerics
 * class. */
#ifndef ZINC_LATER_H
#define ZINC_LATER_H

#include <zinc/plugin.h>

#define LATER_ABI_MINOR (ZINC_ABI_MINOR + 1)
#define LATER_OP ZINC_OP_COUNT
#define LATER_NUM_CLASS ZINC_NUM_COUNT

struct later_op_rmsnorm {
	struct zinc_op_rmsnorm now;
	struct zinc_view bias; /* (fusion) added at the end */
	float clamp;
	uint32_t pad0;
};

struct later_op_impl {
	struct zinc_op_impl now;
	uint64_t (*cost)(struct zinc_dev *, const void *desc);
};

struct later_backend {
	struct zinc_backend now;
	int (*dev_reset)(struct zinc_dev *);
	uint64_t features;
};

struct later_plugin {
	struct zinc_plugin now;
	const void *tuner;
};

/* The symbol keeps its name within a major version. */
extern ZINC_EXPORT const struct later_plugin later_anchor __asm__("zinc_plugin_v0");

#endif
