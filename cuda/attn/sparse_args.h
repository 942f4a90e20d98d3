/* sparse_args.h - arguments of the kernels for attention over some of the pages. */
#ifndef ADA_SPARSE_ARGS_H
#define ADA_SPARSE_ARGS_H

#include "attn/args.h"

enum {
	SPARSE_THREADS = 256,
	SPARSE_LAST = 8 /* pages at the end of what a tile sees that it always reads, at least */
};

/* Shared memory of attn_sparse_pick: mean queries of the heads, scores of the pages. */
#define SPARSE_SMEM(heads, lanes, pages) (((heads) * (lanes) + (pages)) * 4)

/* attn_sparse_means: blocks (page of a sequence, KV head, sequence).
 * attn_sparse_pick and attn_sparse_*: blocks as of attn_tile_*. */
struct ada_sparse_args {
	struct ada_attn_args attn;
	uint64_t means, mask;
	uint32_t mask_words; /* of a tile                                  */
	uint32_t from;       /* a tile that sees no more keys reads all    */
	uint32_t percent;    /* of the pages that a tile sees, to be read  */
	uint32_t rows;       /* of a tile                                  */
	uint32_t heads;      /* of them at most that are heads of one token */
	uint32_t pad0;
};

#endif
