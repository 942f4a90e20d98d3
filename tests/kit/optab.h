/* optab.h - the layout of every op descriptor: where its views are. */
#ifndef KIT_OPTAB_H
#define KIT_OPTAB_H

#include <zinc/op.h>

enum { OPTAB_VIEWS = 12 };

struct optab_op {
	const char *name;
	uint32_t size;  /* of the descriptor */
	uint32_t n_off; /* of its field n; 0: none */
	uint32_t n_views;
	uint16_t views[OPTAB_VIEWS]; /* offsets */
};

/* NULL: no op that a backend sees. */
const struct optab_op *optab_get(uint32_t op);
struct zinc_view *optab_view(const struct optab_op *o, void *desc, uint32_t i);

#endif
