/* linear.h - what the kernels of the matrix product are given, and what they
 * accept; dmmv and mmq share both. */
#ifndef RDNA4_LINEAR_H
#define RDNA4_LINEAR_H

#include "args.h"

/* shaders/linear */
struct rdna4_linear_args {
	uint64_t slots, w, gate_w, ids;
	struct rdna4_rows x, y, residual;
	struct rdna4_count n;
	uint32_t w_row, gate_row;
	uint32_t w_expert, gate_expert;
	uint32_t m, k, chosen;
	float scale;
};

/* Any weights in GGUF order, F32 in and out, both forms, all fusions. */
bool rdna4_linear_ok(const struct zinc_op_linear *d);
struct rdna4_linear_args rdna4_linear_args(const struct zinc_op_linear *d);
/* What the op reads and writes. */
void rdna4_linear_ranges(struct rdna4_call *call, const struct zinc_op_linear *d);

/* y = W x in F32, `cols` columns to a workgroup; linear.c. */
int rdna4_linear_columns(struct zinc_cmd *cmd, const struct zinc_op_linear *d, uint32_t cols);

#endif
