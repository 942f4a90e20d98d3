/* lower.h - shared by lower.c (choosing variants), peel.c (taking fusions off)
 * and act.c (quantised activations). */
#ifndef CORE_GRAPH_LOWER_H
#define CORE_GRAPH_LOWER_H

#include "graph/graph.h"

enum { ACT_CACHE = 16, MISSING_MAX = 12 };

/* An activation already written in a backend's layout. */
struct act_entry {
	struct zinc_view x, q;
};

struct lower {
	struct zinc_graph *g;
	const struct graph_target *t;
	const struct graph_op *src; /* the op being lowered */
	struct act_entry acts[ACT_CACHE];
	uint32_t n_acts;
	char missing[MISSING_MAX][96];
	uint32_t n_missing;
	int rc;
};

/* Appends op, or what it takes to do the same. */
void lower_emit(struct lower *lo, uint32_t op, const void *desc);

/* Takes the last fusion of the epilogue off and emits the parts. False: there
 * is none. */
bool peel_emit(struct lower *lo, uint32_t op, const void *desc);

/* A temporary of the same dtype and shape. */
struct zinc_view lower_temp_like(struct lower *lo, const struct zinc_view *v);

/* Replaces desc->x by its quantised form where the backend wants one, emitting
 * quant_act the first time. */
void act_apply(struct lower *lo, uint32_t op, struct zinc_op_linear *desc, uint32_t variant);
/* An op was appended: forget activations it overwrote. */
void act_forget_written(struct lower *lo, const struct graph_op *op);

/* What was chosen for an op. */
struct choice {
	const struct zinc_op_impl *impl; /* NULL: declined               */
	uint32_t op, variant;
	char note[96]; /* which preferred variant was passed over, and why */
};

#endif
