/* cost.h - what an op must move and compute at the least: the numbers that
 * profiles and rooflines are made of. */
#ifndef CORE_GRAPH_COST_H
#define CORE_GRAPH_COST_H

#include "graph/graph.h"

struct graph_cost {
	uint64_t bytes; /* read and written once each; weights in full */
	uint64_t flops; /* multiply and add count as two               */
};

/* For n live rows. Attention over a cache counts queries only: its keys depend
 * on the sequences, which a recording does not know. */
struct graph_cost graph_cost(const struct graph_op *op, uint32_t n);

#endif
