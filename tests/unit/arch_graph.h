/* arch_graph.h - the recording behind arch_fake.h; private to its files. */
#ifndef TESTS_UNIT_ARCH_GRAPH_H
#define TESTS_UNIT_ARCH_GRAPH_H

#include "arch_fake.h"

enum fake_buf_kind { FAKE_TEMP, FAKE_WEIGHT, FAKE_CONST, FAKE_STATE, FAKE_TABLE };

/* What a view's buf points at. */
struct zinc_buf {
	struct zinc_buf *next;
	enum fake_buf_kind kind;
	uint32_t index;
	char name[64];
	struct zinc_view whole;
	uint64_t bytes;
	uint32_t n_reads, n_writes;
};

struct zinc_graph {
	struct fake *fake;
	const struct zinc_shape *shape;
	struct zinc_buf *bufs;
	uint32_t n_named; /* temps are numbered as they first appear */
	uint32_t n_logits, next_tap;
	const struct zinc_weight_decl *weights;
	const struct zinc_const_decl *consts;
	const struct zinc_state_decl *states;
	uint32_t n_weights, n_consts, n_states;
	struct zinc_arch_info info;
	struct fake_graph_result result;
	FILE *out;
};

/* Views of a descriptor. */
enum { OP_IN = 1, OP_OUT = 2, OP_OPT = 4 };
struct op_field {
	const char *name;
	size_t off;
	uint32_t flags;
};
struct op_layout {
	const char *name;
	size_t size;
	size_t n_off; /* of the struct zinc_u32 n */
	struct op_field fields[16];
};
/* NULL: architectures do not record it. */
const struct op_layout *op_layout(uint32_t op);
const struct zinc_view *op_view(const void *desc, const struct op_field *f);

__attribute__((format(printf, 2, 3))) void graph_problem(struct zinc_graph *g,
                                                         const char *fmt, ...);
/* Checks shapes, presence, bounds, order of writing; notes reads and writes. */
void graph_check(struct zinc_graph *g, uint32_t op, const void *desc);
/* After the last op: nothing declared is unused, logits once, taps in order. */
void graph_check_end(struct zinc_graph *g);
/* One line of the listing. */
void graph_print(struct zinc_graph *g, uint32_t op, const void *desc);
void graph_print_view(struct zinc_graph *g, const struct zinc_view *v);

#endif
