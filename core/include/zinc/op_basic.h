/* SPDX-License-Identifier: MIT */
/* op_basic.h - norms and element-wise ops. Include <zinc/op.h>. */
#ifndef ZINC_OP_BASIC_H
#define ZINC_OP_BASIC_H

#include <zinc/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ZINC_OP_RMSNORM: y = x / sqrt(mean(x^2) + eps) * weight, over ne[0] of each
 * row (Zhang and Sennrich, 2019). GGUF stores every weight ready to multiply:
 * no "1 + w" anywhere.
 *
 * x, y      F32 [N, D], or [N, H, D]: then each head is a row of its own (the
 *           per-head form). y may alias x.
 * weight    F32 [D], optional (absent: no weight)
 * residual  (fusion, peels to add) F32, shape of x: x + residual is normed, and
 * sum       F32, shape of x, receives x + residual; may alias x or residual.
 *           Present exactly when residual is.
 * gate      (fusion, peels to glu) F32, shape of x: y is multiplied by
 *           silu(gate) after the weight (the output norm of the delta net)
 * after     (fusion, peels to add) F32, shape of x: added to y last (a
 *           post-norm followed by its residual add); y may alias after. */
struct zinc_op_rmsnorm {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view x, weight, y;
	struct zinc_u32 n;
	float eps;
	uint32_t pad0;
	struct zinc_view residual, sum;
	struct zinc_view gate;
	struct zinc_view after;
};

/* ZINC_OP_GLU: y = act(gate) * up. All F32 [N, D]; y may alias gate or up.
 * limit (0: none) clamps gate from above and up to [-limit, limit] first. */
struct zinc_op_glu {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view gate, up, y;
	struct zinc_u32 n;
	uint32_t act; /* enum zinc_act, not NONE */
	float limit;
};

/* ZINC_OP_ADD: y = a + b.  ZINC_OP_MUL: y = a * b.
 * a, y: F32 [N, D] or [N, H, D]; y may alias a (or b where b has a's shape).
 * b: the shape of a, or with dimensions of 1 that are repeated: [D] added to
 * every row, [1] a scalar. n counts along the slowest dimension of a. */
struct zinc_op_binary {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view a, b, y;
	struct zinc_u32 n;
};

/* ZINC_OP_SCALE: y = x * value.  ZINC_OP_SOFTCAP: y = value * tanh(x / value).
 * F32 [N, D] or [N, H, D]; y may alias x. */
struct zinc_op_unary {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view x, y;
	struct zinc_u32 n;
	float value;
	uint32_t pad0;
};

/* ZINC_OP_SIGMOID_GATE: y = x * sigmoid(gate). x, y: F32 [N, D] or [N, H, D];
 * gate: the shape of x, or ne[0] == 1 (one gate per row). y may alias x. */
struct zinc_op_sigmoid_gate {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view x, gate, y;
	struct zinc_u32 n;
};

/* ZINC_OP_COPY: y = x, same dtype and shape, any strides.
 * ZINC_OP_CAST: y = x converted; between F32, F16, BF16, and from F32 to Q8_0
 * (round to nearest even for the floats). n counts along the slowest dimension
 * of x that is not 1; with n.imm == 1 the whole view is row 0. */
struct zinc_op_copy {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view x, y;
	struct zinc_u32 n;
};

#ifdef __cplusplus
}
#endif
#endif /* ZINC_OP_BASIC_H */
