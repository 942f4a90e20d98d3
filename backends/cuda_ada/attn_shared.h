/* attn_shared.h - attention of few tokens of several sequences that share the pages of a
 * prefix (cuda/attn/shared.cuh): the prefix is read once for all, not once for each. Where
 * they share nothing the tiles of every sequence do all the work, and it takes longer than
 * without, so it is for option "shared_prefix" = on alone. */
#ifndef ADA_ATTN_SHARED_H
#define ADA_ATTN_SHARED_H

#include "attn.h"

enum { ADA_SHARED_TOKENS = 256 }; /* of a step, at most */

/* Parts of a query: of the prefix, of the rest. */
struct ada_shared_split {
	uint32_t prefix, rest;
};

/* Is it asked for, and for this one: several sequences, no window, F16 caches? */
bool ada_shared_takes(struct zinc_dev *dev, const struct zinc_op_flash_attn *d);
/* Bytes of scratch memory before the parts. */
enum { ADA_SHARED_HEAD = 256 };
/* a: for split.prefix + split.rest parts. prefix, rest: launches of the tiles but for their
 * arguments. */
int ada_shared_record(struct zinc_cmd *cmd, const struct ada_attn_args *a,
                      struct ada_shared_split split, const struct ada_launch *prefix,
                      const struct ada_launch *rest);

#endif
