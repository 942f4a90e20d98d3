/* SPDX-License-Identifier: MIT */
/* op_linear.h - embedding rows and matrix products. Include <zinc/op.h>. */
#ifndef ZINC_OP_LINEAR_H
#define ZINC_OP_LINEAR_H

#include <zinc/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ZINC_OP_EMBED: y[i] = dequantise(table[ids[i]]) * scale.
 *
 * table  [V, D], any weight dtype; also an F32 activation (gathering the rows
 *        whose logits are read). May live in host memory.
 * ids    I32 [N]; an id outside 0..V-1 gives a row of zeros
 * y      F32 [N, D]
 * scale  0 means 1 */
struct zinc_op_embed {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view table, ids, y;
	struct zinc_u32 n;
	float scale;
	uint32_t pad0;
};

/* ZINC_OP_LINEAR, ZINC_OP_DMMV, ZINC_OP_MMQ: y = W x.
 *
 * One descriptor: dmmv is made for few columns (decode), mmq for many
 * (prefill). Architectures record LINEAR; the core chooses.
 *
 * Plain form:
 *   w  [M, K], any weight dtype        x  F32 [N, K]        y  F32 [N, M]
 * Expert form (ids present):
 *   w    [n_expert, M, K]
 *   ids  I32 [N, k] dense: the experts of each token, from moe_route
 *   x    F32 [N, K]: the same input for all k experts of a token, or
 *        F32 [N, k, K]: an input per chosen expert (the down projection)
 *   y    F32 [N, k, M]: y[t, s] = W[ids[t, s]] x[t] (or x[t, s])
 *   expert_first I32 [n_expert + 1], perm I32 [N*k], both dense, from
 *        moe_route: the same choice grouped by expert. perm[expert_first[e] ..
 *        expert_first[e+1]) lists the cells t*k + s routed to e, ascending.
 *        Always present with ids.
 *
 * x may have a backend-private layout, written by quant_act, when the backend
 * asked for one through act_layout().
 *
 * Epilogue, in this order:
 *   scale     (fusion, peels to scale) y = scale * (W x); 0 means 1
 *   gate_w    (fusion, peels to a second linear and glu) shape and form of w,
 *             any dtype: y = act(G x) * (W x)
 *   act       with gate_w: enum zinc_act, not NONE
 *   residual  (fusion, peels to add) F32, shape of y: added last; y may alias
 *             residual. */
struct zinc_op_linear {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view w, x, y;
	struct zinc_u32 n;
	float scale;
	uint32_t act;
	struct zinc_view ids, expert_first, perm;
	struct zinc_view gate_w;
	struct zinc_view residual;
};

/* ZINC_OP_QUANT_ACT: writes x in the 8-bit (or other) layout that this
 * backend's dmmv and mmq read. The core inserts it, once per input and layout,
 * however many products share the input, and in their list: nothing else reads y.
 *
 * x  F32 [N, K] or [N, k, K]
 * y  dtype U8, layout as answered by act_layout(), shape of x, dense rows of
 *    row_bytes */
struct zinc_op_quant_act {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view x, y;
	struct zinc_u32 n;
	uint64_t row_bytes;
};

#ifdef __cplusplus
}
#endif
#endif /* ZINC_OP_LINEAR_H */
