/* linear.h - what the kernels of the matrix product are given, and what they
 * accept; dmmv and mmq share both. */
#ifndef RDNA4_LINEAR_H
#define RDNA4_LINEAR_H

#include "args.h"

/* shaders/linear */
struct rdna4_linear_args {
	uint64_t slots, w, gate_w, ids; /* without experts: where y goes as quants, too */
	struct rdna4_rows x, y, residual;
	struct rdna4_count n;
	uint32_t w_row, gate_row;
	uint32_t w_expert, gate_expert;
	uint32_t m, k, chosen;
	float scale;
};

/* Any weights in either layout, x in any layout, F32 out, both forms, all fusions. */
bool rdna4_linear_ok(const struct zinc_op_linear *d);
/* One kernel can read both weights: none or both are plain, and in packed rows. */
bool rdna4_linear_gate_is_alike(const struct zinc_op_linear *d);
struct rdna4_linear_args rdna4_linear_args(const struct zinc_op_linear *d);
/* Notes what the op reads, writes and computes; where x lies (aside.h). */
uint64_t rdna4_linear_ranges(struct zinc_cmd *cmd, struct rdna4_call *call,
                             const struct zinc_op_linear *d);

/* A kernel of shaders/linear/product.glsl and how it is laid over the matrix. */
struct rdna4_product {
	const char *shader;
	uint32_t group;
	uint32_t cols; /* of a workgroup                    */
	uint32_t team; /* invocations that share a row      */
	uint32_t rows; /* of a team                         */
	uint32_t ahead; /* blocks of a row under way at once */
};

int rdna4_linear_product(struct zinc_cmd *cmd, const struct zinc_op_linear *d,
                         const struct rdna4_product *p);
/* y = W x in F32, `cols` columns to a workgroup; linear.c. */
int rdna4_linear_columns(struct zinc_cmd *cmd, const struct zinc_op_linear *d, uint32_t cols);

/* The layout in which a variant reads x (op_dmmv.c, op_mmq.c). */
uint32_t rdna4_dmmv_act(uint32_t variant);
uint32_t rdna4_mmq_act(uint32_t variant);

#endif
