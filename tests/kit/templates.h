/* templates.h - valid descriptors of every op of a backend, for tests that
 * change them or ask about them, without the data of the cases. */
#ifndef KIT_TEMPLATES_H
#define KIT_TEMPLATES_H

#include "dev.h"
#include "optab.h"

enum { TEMPLATES_PER_OP = 24 };

struct template {
	const struct zinc_op_impl *impl;
	const struct optab_op *layout;
	/* views carry `buf` or NULL */
	_Alignas(16) uint8_t desc[KIT_DESC_MAX];
};

struct templates {
	struct template *t;
	uint32_t n;
};

/* Small cases of each op, spread over all that there are. */
void templates_create(struct templates *out, const struct kit_dev *d, struct zinc_buf *buf);
void templates_destroy(struct templates *t);

#endif
