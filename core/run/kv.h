/* kv.h - the paged KV cache and the recurrent state slots.
 *
 * KV states with the same window form a group: they share pages (a page number
 * means the same slots in each of their pools) and one block table. Pages of a
 * windowed group are given back once every later query has passed them. Each
 * sequence has an index 0..max_seqs-1, which is its row in the block tables and
 * its slot in every pool of recurrent state. */
#ifndef CORE_RUN_KV_H
#define CORE_RUN_KV_H

#include "graph/graph.h"
#include "run/memory.h"

struct model;

enum { KV_MAX_GROUPS = 4 };

struct kv_config {
	uint32_t n_ctx, max_seqs, chunk;
	uint32_t kv_type; /* enum zinc_dtype */
};

struct kv_group {
	uint32_t window;      /* 0: full attention                        */
	uint32_t n_pages;     /* in each pool                             */
	uint32_t max_blocks;  /* per sequence                             */
	uint32_t *free_pages; /* stack                                    */
	uint32_t n_free;
	int32_t *table;       /* [max_seqs][max_blocks], -1: no page      */
	uint32_t *first_block; /* per sequence: blocks below are given back */
	uint32_t *end_block;   /* per sequence: blocks from here have no page */
};

struct kv_state {
	struct zinc_view view[2]; /* graph views: K and V, or pool and nothing */
	struct graph_mem mem[2];
	struct memory_block block;
	uint64_t part_bytes[2];   /* aligned                                   */
	uint32_t group;           /* KV states                                 */
	uint32_t kind;            /* enum zinc_state_kind                      */
};

struct kv {
	struct kv_config cfg;
	struct kv_group groups[KV_MAX_GROUPS];
	uint32_t n_groups;
	struct kv_state *states;
	uint32_t n_states;
	const struct zinc_view (*views)[2]; /* for graph_env: view of each state */
};

int kv_plan(struct kv *kv, const struct kv_config *cfg, const struct model *m,
            const struct memory *mem, struct zinc_err *err);
int kv_load(struct kv *kv, const struct memory *mem, struct zinc_err *err);
void kv_finish(struct kv *kv, const struct memory *mem);

/* Makes pages for positions [pos, pos + n) of sequence `seq` and gives back
 * those that no query from pos on can see. */
int kv_extend(struct kv *kv, uint32_t seq, uint32_t pos, uint32_t n, struct zinc_err *err);
/* All pages of a sequence. */
void kv_release(struct kv *kv, uint32_t seq);

#endif
