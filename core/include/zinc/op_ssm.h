/* SPDX-License-Identifier: MIT */
/* op_ssm.h - ops with a recurrent state per sequence. Include <zinc/op.h>.
 *
 * State lives in pools [n_slots, state], F32; state_slot I32 [S] names the
 * slot of each sequence of the step. Ops read the slot, advance it over the
 * sequence's tokens of this step (seq_first) and write it back. The order of
 * elements inside a slot is the backend's own. A zeroed slot is the state of an
 * empty sequence. */
#ifndef ZINC_OP_SSM_H
#define ZINC_OP_SSM_H

#include <zinc/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ZINC_OP_CONV1D: causal depthwise convolution over the tokens of each
 * sequence, all C channels apart:
 *   y[t, c] = act( sum over i < K of w[c, i] * x[t - (K-1) + i, c] )
 * with x before the sequence's first token taken from the state (zeros at the
 * very start). The state is the last K-1 raw inputs.
 *
 * x, y   F32 [N, C], not aliased
 * w      F32 [C, K]
 * state  F32 [n_slots, (K-1)*C]
 * act    (fusion, peels to nothing smaller: NONE and SILU are both required) */
struct zinc_op_conv1d {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view x, w, y, state;
	struct zinc_view seq_first, state_slot;
	struct zinc_u32 n, n_seqs;
	uint32_t act;
	uint32_t pad0;
};

/* ZINC_OP_DELTA_NET: gated delta rule (Yang, Kautz, Hatamizadeh, 2024).
 *
 * For V head j with K head m = j mod n_k_head (head map TILED) or
 * m = j / (n_v_head / n_k_head) (GROUPED), state S (d_k x d_v), per token:
 *   q^ = q / sqrt(sum q^2 + l2_eps) * q_scale,  k^ = k / sqrt(sum k^2 + l2_eps)
 *        (l2_eps == 0: not normalised, q^ = q * q_scale)
 *   decay = exp(a[j] * softplus(alpha[t, j] + dt[j])),  b = sigmoid(beta[t, j])
 *   S = decay * S
 *   u = b * (v - S^T k^)
 *   S = S + k^ u^T
 *   o = S^T q^                       (read after the write)
 *
 * q, k   F32 [N, n_k_head, d_k]     v, y  F32 [N, n_v_head, d_v]
 * alpha, beta  F32 [N, n_v_head]    a, dt F32 [n_v_head] (a is -exp(A_log))
 * state  F32 [n_slots, n_v_head * d_k * d_v]
 *
 * A token-by-token variant and a chunked one are variants of this op and share
 * the state; the chunked one is numerics class FREE. */
#define ZINC_DELTA_TILED 0u
#define ZINC_DELTA_GROUPED 1u

struct zinc_op_delta_net {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view q, k, v, alpha, beta, a, dt, y, state;
	struct zinc_view seq_first, state_slot;
	struct zinc_u32 n, n_seqs;
	uint32_t head_map; /* ZINC_DELTA_* */
	float q_scale;
	float l2_eps;
	uint32_t pad0;
};

/* ZINC_OP_STATE_COPY: pool[dst] = pool[src], or zeros where src is
 * ZINC_STATE_ZERO. pool is dense [n, bytes]: a pool of recurrent state, or the
 * pages of a cache. src and dst are usually slots USER0 and USER1. */
#define ZINC_STATE_ZERO UINT32_MAX

struct zinc_op_state_copy {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view pool; /* dtype U8, ne[0] bytes per entry, ne[1] entries */
	struct zinc_u32 src, dst;
};

#ifdef __cplusplus
}
#endif
#endif /* ZINC_OP_SSM_H */
