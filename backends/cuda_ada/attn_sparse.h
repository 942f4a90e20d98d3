/* attn_sparse.h - attention of long prompts over some of the pages (cuda/attn/sparse.cuh
 * says which). An approximation, so only where option "sparse_percent" asks for it. */
#ifndef ADA_ATTN_SPARSE_H
#define ADA_ATTN_SPARSE_H

#include "attn.h"

/* A tile's heads of one token, and its rows. */
struct ada_sparse_tile {
	uint32_t heads, rows;
};

/* Is it asked for, and for this one: no window, F16 caches, a context longer than option
 * "sparse_from" says? */
bool ada_sparse_takes(struct zinc_dev *dev, const struct zinc_op_flash_attn *d,
                      struct ada_sparse_tile tile, uint32_t lanes);
/* Scratch memory besides what tiles of this grid need. */
uint64_t ada_sparse_scratch(const struct zinc_op_flash_attn *d, uint32_t lanes, uint32_t tiles);
/* `tile` is the launch of the attention itself, with struct ada_attn_args; at: free scratch
 * memory. */
int ada_sparse_record(struct zinc_cmd *cmd, const struct ada_launch *tile,
                      struct ada_sparse_tile shape, uint64_t at);

#endif
