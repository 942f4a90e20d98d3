/* attn_parts.h - attention of few tokens, cut along the keys so that all threads are
 * busy with the one token of a long context: stages of the "chunks" variant. */
#ifndef CPU_ATTN_PARTS_H
#define CPU_ATTN_PARTS_H

#include "attn.h"

/* Bytes of the parts, behind the threads' own spaces in the op's scratch. */
uint64_t attn_parts_bytes(const struct zinc_op_flash_attn *d);

/* The first stage: one query's sum over one chunk makes a part. */
uint64_t attn_parts_cut(const struct cpu_ctx *ctx, const void *desc);
void attn_run_parts(const struct cpu_ctx *ctx, const void *desc);
/* The second: the parts of each query become its result. */
uint64_t attn_merge_cut(const struct cpu_ctx *ctx, const void *desc);
void attn_merge_parts(const struct cpu_ctx *ctx, const void *desc);

#endif
