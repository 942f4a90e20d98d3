/* SPDX-License-Identifier: MIT */
/* op_moe.h - mixture of experts. Include <zinc/op.h>. */
#ifndef ZINC_OP_MOE_H
#define ZINC_OP_MOE_H

#include <zinc/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ZINC_OP_MOE_ROUTE: router logits to the k experts of each token, their
 * weights, and the same choice as lists per expert.
 *
 * logits  F32 [N, n_expert]
 * gating  SOFTMAX: p = softmax over all experts, then the k largest;
 *         SOFTMAX_TOPK: the k largest logits, then softmax over those;
 *         SIGMOID: p = sigmoid(logits), then the k largest
 * bias    optional F32 [n_expert]: added to p for choosing only
 * Ties go to the lower expert id. Chosen experts are ordered by descending p.
 * weights p of the chosen; with RENORM divided by their sum; then times scale
 *         (0 means 1); then times expert_scale[e] (optional F32 [n_expert])
 *
 * ids     I32 [N, k] dense         weights  F32 [N, k] dense
 * expert_first I32 [n_expert + 1], perm I32 [N*k]: see op_linear.h. They list
 *         live tokens only: expert_first[n_expert] == N*k. */
#define ZINC_GATING_SOFTMAX 0u
#define ZINC_GATING_SOFTMAX_TOPK 1u
#define ZINC_GATING_SIGMOID 2u

#define ZINC_ROUTE_RENORM 1u /* flag */

struct zinc_op_moe_route {
	uint32_t struct_size;
	uint32_t flags;
	struct zinc_view logits, ids, weights, expert_first, perm;
	struct zinc_view bias, expert_scale;
	struct zinc_u32 n;
	uint32_t k;
	uint32_t gating;
	float scale;
	uint32_t pad0;
};

/* ZINC_OP_MOE_COMBINE: y[t] = sum over s < k of weights[t, s] * x[t, s].
 *
 * x  F32 [N, k, D]     weights  F32 [N, k]     y  F32 [N, D]
 * shared       (fusion, peels to sigmoid_gate and add) F32 [N, D]: the shared
 *              expert's output, added
 * shared_gate  with shared, optional F32 [N, 1]: shared is multiplied by
 *              sigmoid(shared_gate[t]) first
 * residual     (fusion, peels to add) F32 [N, D]; y may alias it */
struct zinc_op_moe_combine {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view x, weights, y;
	struct zinc_u32 n;
	struct zinc_view shared, shared_gate;
	struct zinc_view residual;
};

#ifdef __cplusplus
}
#endif
#endif /* ZINC_OP_MOE_H */
