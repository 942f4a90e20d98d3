/* cost.h - what an op must move and compute at the least: the numbers that
 * profiles and rooflines are made of. */
#ifndef CORE_GRAPH_COST_H
#define CORE_GRAPH_COST_H

#include "graph/graph.h"

struct graph_cost {
	uint64_t bytes; /* read and written once each; weights in full */
	uint64_t flops; /* multiply and add count as two               */
};

/* For n live rows. Attention reads `keys` positions of the cache once, and each
 * of its rows is multiplied with that many (fewer where a window hides them):
 * what a recording does not know, the caller must. */
struct graph_cost graph_cost(const struct graph_op *op, uint32_t n, uint32_t keys);
/* The live rows of an op as recorded; NULL where it has no such number. */
const struct zinc_u32 *graph_live(const struct graph_op *op);

#endif
