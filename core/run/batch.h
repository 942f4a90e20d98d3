/* batch.h - the tables that tell a recording what this step is about: which
 * tokens, of which sequences, at which positions, in which pages. */
#ifndef CORE_RUN_BATCH_H
#define CORE_RUN_BATCH_H

#include "graph/graph.h"
#include "run/kv.h"
#include "run/memory.h"

struct batch {
	uint32_t max_tokens, max_seqs, max_out;
	uint32_t n_tokens, n_seqs, n_out; /* this step                          */
	int32_t *host[ZINC_TABLE_COUNT];  /* by enum zinc_table: the host's copy;
	                                   * none of block tables               */

	struct memory_block block;
	uint64_t bytes;
	struct zinc_view tables[ZINC_TABLE_COUNT]; /* for graph_env */
	struct graph_mem mem[ZINC_TABLE_COUNT];
	struct zinc_view *blocks;                  /* per state, for graph_env */
	struct graph_mem group_mem[KV_MAX_GROUPS];
};

int batch_plan(struct batch *b, const struct kv *kv, const struct memory *mem, uint32_t max_tokens,
               uint32_t max_out, struct zinc_err *err);
int batch_load(struct batch *b, const struct kv *kv, const struct memory *mem,
               struct zinc_err *err);
void batch_finish(struct batch *b, const struct memory *mem);

/* Starts an empty step. */
void batch_reset(struct batch *b);
/* Adds n tokens of the sequence with index seq at positions pos...; the rows
 * from n - n_out on are read. The caller keeps within the maxima. */
void batch_add(struct batch *b, uint32_t seq, uint32_t pos, const int32_t *ids, uint32_t n,
               uint32_t n_out);
/* Every row is read. */
void batch_read_all(struct batch *b);
int batch_upload(const struct batch *b, const struct kv *kv, const struct memory *mem,
                 struct zinc_err *err);

#endif
