/* weights.h - a model's weights and constants on a device.
 *
 * Planning decides, for every weight, whether the device reads it in place from
 * the mapped file, gets a copy in GGUF order, or a copy packed in a layout of
 * the backend. Loading then only moves bytes. What can be read in place but is to be
 * packed is left to pack.h, and weights_show() says which of the two a graph sees. */
#ifndef CORE_RUN_WEIGHTS_H
#define CORE_RUN_WEIGHTS_H

#include <stdbool.h>

#include "graph/graph.h"
#include "run/memory.h"

struct model;

struct weight_place {
	struct graph_mem mem;
	int32_t block;   /* index of the block, -1: mapped, -2: absent */
	uint32_t layout;
	uint64_t bytes;  /* in that layout */
	uint64_t row_bytes; /* the same: from row to row */
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
	uint32_t n_shown; /* as weights_show() was told */
};

int weights_plan(struct weights *w, const struct model *m, const struct memory *mem, bool no_pack,
                 struct zinc_err *err);
/* What a backend is told of a weight, or of rows of it. */
struct zinc_weight_use weights_use(const struct zinc_weight_decl *d, const struct zinc_view *v);
/* Memory for all copies; on failure there is none. */
int weights_alloc(struct weights *w, const struct memory *mem, struct zinc_err *err);
/* All but weights_from_map(). progress may be NULL. */
int weights_load(struct weights *w, const struct model *m, const struct memory *mem,
                 void (*progress)(void *ctx, const char *what, double part), void *ctx,
                 struct zinc_err *err);

/* To be packed, and until then readable where the file is mapped. */
bool weights_from_map(const struct weights *w, const struct model *m, uint32_t i);
/* There are such weights, and no others to be packed. */
bool weights_all_from_map(const struct weights *w, const struct model *m);
/* Packed bytes of those among weights first .. end - 1. */
uint64_t weights_pack_bytes(const struct weights *w, const struct model *m, uint32_t first,
                            uint32_t end);
/* From now on views and graph_mem of those among the first n are of the packed copy, of
 * the others of the mapped file. Graphs made before are no longer right. */
void weights_show(struct weights *w, const struct model *m, uint32_t n);
/* The file's pages of those among the first n leave this process's memory. */
void weights_forget(const struct weights *w, const struct model *m, uint32_t n);
void weights_finish(struct weights *w, const struct memory *mem);

#endif
