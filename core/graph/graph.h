/* graph.h - a recording: the ops of one shape, from an architecture's build()
 * to a backend's command list.
 *
 *   graph_create  the architecture records; shapes are checked as ops arrive
 *   graph_lower   each op gets a variant of the backend; what it declines is
 *                 peeled into primitives; quant_act is inserted
 *   graph_place   temporaries get offsets in one arena, by liveness
 *   graph_record  handles become buffers; the backend records its list
 *
 * Views name memory by struct graph_mem handles (cast to zinc_buf), so that a
 * graph can be planned before anything is allocated. */
#ifndef CORE_GRAPH_GRAPH_H
#define CORE_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdio.h>
#include "util/arena.h"
#include <zinc/arch.h>
#include <zinc/device.h>

/* What a view's buf points to until graph_record(). */
struct graph_mem {
	struct zinc_buf *buf; /* set before graph_record() */
	uint64_t off;
	int32_t temp;         /* index of the temporary, or -1 */
	const char *name;
};

/* What an architecture may name; owned by the caller, outlives the graph. Every
 * view's buf is a struct graph_mem. */
struct graph_env {
	const struct zinc_view *weights; /* absent: optional and missing */
	const struct zinc_view *consts;
	const struct zinc_view (*states)[2];
	const struct zinc_view *tables; /* by enum zinc_table, BLOCKS unused */
	const struct zinc_view *blocks; /* per state                         */
	uint32_t n_weights, n_consts, n_states;
	bool taps;
};

struct graph_temp {
	struct graph_mem mem;
	uint64_t bytes;
	int32_t first, last; /* indices of ops; -1: unused   */
	bool keep;           /* read by the host afterwards  */
};

struct graph_op {
	uint32_t op;
	void *desc; /* in the graph's arena; struct zinc_op_head first */
	int32_t layer;
	const char *label;
	/* after graph_lower(): */
	const struct zinc_op_impl *impl;
	uint32_t variant;
	const char *note; /* why not a better way, or NULL */
};

struct graph_tap {
	uint32_t layer;
	struct zinc_view view; /* of a kept temporary */
};

struct zinc_graph {
	const struct graph_env *env;
	struct zinc_shape shape;
	struct arena arena;
	struct zinc_err err; /* sticky; code 0: none */
	int32_t layer;
	const char *label;

	struct graph_op *ops;
	uint32_t n_ops, room_ops;
	struct graph_temp **temps;
	uint32_t n_temps, room_temps;
	struct graph_tap *taps;
	uint32_t n_taps, room_taps;
	struct zinc_view logits;
	struct zinc_view best; /* graph_best(); absent: none, or the backend declined */

	uint64_t temp_bytes;    /* after graph_place() */
	uint64_t scratch_bytes; /* after graph_lower() */
};

/* How ops are given to a backend. */
struct graph_target {
	const struct zinc_backend *backend;
	struct zinc_dev *dev;
	const char *name;       /* of the backend, for messages */
	uint32_t numerics_mask; /* 1 << enum zinc_numerics      */
	uint32_t temp_align;
};

/* Runs the architecture's build(). The message names the op and label. */
int graph_create(const struct graph_env *env, const struct zinc_arch *arch, void *model,
                 const struct zinc_shape *shape, struct zinc_graph **out, struct zinc_err *err);
void graph_destroy(struct zinc_graph *g); /* NULL ok */
/* Between graph_create() and graph_lower(): also finds the n_best largest of the
 * first n_tokens logits of every row. g->best is I32 [n_out, 2 * n_best]: ids, then
 * the bits of the F32 logits. */
int graph_best(struct zinc_graph *g, uint32_t n_best, uint32_t n_tokens, struct zinc_err *err);

/* All declined primitives are in one message. */
int graph_lower(struct zinc_graph *g, const struct graph_target *t, struct zinc_err *err);
int graph_place(struct zinc_graph *g, const struct graph_target *t, struct zinc_err *err);
/* temps: the arena buffer, at least temp_bytes. */
int graph_record(struct zinc_graph *g, const struct graph_target *t, struct zinc_buf *temps,
                 struct zinc_buf *scratch, uint32_t flags, struct zinc_cmd **out,
                 struct zinc_err *err);

/* The host functions for architectures (the graph half of zinc_arch_host). */
struct zinc_view graph_temp(struct zinc_graph *, uint32_t dtype, uint32_t ne0, uint32_t ne1,
                            uint32_t ne2, uint32_t ne3);
struct zinc_view graph_weight(struct zinc_graph *, uint32_t index);
struct zinc_view graph_constant(struct zinc_graph *, uint32_t index);
struct zinc_view graph_state(struct zinc_graph *, uint32_t index, uint32_t part);
struct zinc_view graph_table(struct zinc_graph *, uint32_t table, uint32_t index);
void graph_op(struct zinc_graph *, uint32_t op, const void *desc);
void graph_label(struct zinc_graph *, int32_t layer, const char *what);
void graph_tap(struct zinc_graph *, uint32_t layer, const struct zinc_view *x);
void graph_logits(struct zinc_graph *, const struct zinc_view *x);
void graph_fail(struct zinc_graph *, const char *msg);

/* The handle behind a view. */
static inline struct graph_mem *graph_mem(const struct zinc_view *v)
{
	return (struct graph_mem *)(void *)v->buf;
}

/* Shared by the files of this folder. */
int graph_append(struct zinc_graph *g, uint32_t op, const void *desc, int32_t layer,
                 const char *label);
int graph_check_op(uint32_t op, const void *desc, char *why, size_t room);

/* One line per op: label, shape, variant, numerics, note. */
void graph_print(const struct zinc_graph *g, bool json, FILE *out);

#endif
