/* SPDX-License-Identifier: MIT */
/* op_out.h - reading results without moving full logits. Include <zinc/op.h>. */
#ifndef ZINC_OP_OUT_H
#define ZINC_OP_OUT_H

#include <zinc/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ZINC_OP_ARGMAX: ids[i] = index of the largest of x[i]; ties go to the lower
 * index; NaN never wins (all NaN: index 0).
 * x F32 [N, V]     ids I32 [N] */
struct zinc_op_argmax {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view x, ids;
	struct zinc_u32 n;
};

/* ZINC_OP_TOP_LOGITS: the n_top largest of each row, descending, ties by lower
 * index, NaN last.
 * x F32 [N, V]     ids I32 [N, n_top]     values F32 [N, n_top] */
struct zinc_op_top_logits {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view x, ids, values;
	struct zinc_u32 n;
	uint32_t n_top;
	uint32_t pad0;
};

#ifdef __cplusplus
}
#endif
#endif /* ZINC_OP_OUT_H */
