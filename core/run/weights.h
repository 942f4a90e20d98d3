/* weights.h - a model's weights and constants on a device.
 *
 * Planning decides, for every weight, whether the device reads it in place from
 * the mapped file, gets a copy in GGUF order, or a copy packed in a layout of
 * the backend. Loading then only moves bytes. */
#ifndef CORE_RUN_WEIGHTS_H
#define CORE_RUN_WEIGHTS_H

#include "graph/graph.h"
#include "run/memory.h"

struct model;

struct weight_place {
	struct graph_mem mem;
	int32_t block;   /* index of the block, -1: mapped, -2: absent */
	uint32_t layout;
	uint64_t bytes;  /* in that layout */
	uint64_t off;    /* in the block   */
};

struct weights {
	struct zinc_view *views;  /* per declared weight, for graph_env */
	struct zinc_view *consts;
	struct weight_place *place;
	struct graph_mem *const_mem;
	uint64_t *const_off;
	uint32_t n, n_consts;

	struct zinc_buf **maps;   /* imported files; NULL: not importable */
	uint32_t n_maps;
	struct memory_block *blocks;
	uint64_t *block_bytes;
	uint32_t *block_kind;
	uint32_t n_blocks;
	struct memory_block const_block;
	uint64_t const_bytes;
};

int weights_plan(struct weights *w, const struct model *m, const struct memory *mem, bool no_pack,
                 struct zinc_err *err);
/* progress may be NULL. */
int weights_load(struct weights *w, const struct model *m, const struct memory *mem,
                 void (*progress)(void *ctx, const char *what, double part), void *ctx,
                 struct zinc_err *err);
void weights_finish(struct weights *w, const struct memory *mem);

#endif
