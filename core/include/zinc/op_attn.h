/* SPDX-License-Identifier: MIT */
/* op_attn.h - positions, the paged KV cache, attention. Include <zinc/op.h>.
 *
 * The paged cache. One cache view holds K (or V) of one layer for all
 * sequences: [n_pages, n_head_kv, ZINC_KV_PAGE, head_dim] slowest first, dtype
 * F32, F16, BF16 or Q8_0 (head_dim % 32 == 0 then). The position p of sequence
 * s lives in page block_table[s, p / ZINC_KV_PAGE], at slot p % ZINC_KV_PAGE.
 * block_table is I32 [S_max, max_blocks]; -1 marks a page that is not there
 * (not yet needed, or freed behind a window) and is never followed for a
 * position that the mask lets through.
 *
 * The batch. Tokens of one sequence are neighbours and ascend by position:
 * sequence s of the step owns the tokens seq_first[s] .. seq_first[s+1]-1.
 *   tok_seq I32 [T], tok_pos I32 [T], seq_first I32 [S+1], seq_kv_len I32 [S]
 * seq_kv_len counts the positions in cache after this step's kv_write.
 * rope_dual and flash_attn may be given fewer rows than the step has tokens: the
 * last tokens of each sequence, or none of it. The first three tables are then
 * of these rows (ZINC_TABLE_OUT_*); seq_first[s] == seq_first[s+1] has none. */
#ifndef ZINC_OP_ATTN_H
#define ZINC_OP_ATTN_H

#include <zinc/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZINC_KV_PAGE 32 /* tokens per page */

/* ZINC_OP_ROPE_DUAL: rotary position embedding of Q and K in one op (Su et
 * al., 2021), after an optional per-head RMS norm.
 *
 * For a pair (u, v) of lanes with frequency index i:
 *   angle = pos * freqs[i] / factors[i]      (factors absent: 1)
 *   u' = u cos - v sin,   v' = v cos + u sin
 * NEOX pairs lanes (i, i + n_rot/2); INTERLEAVED pairs (2i, 2i + 1). Lanes from
 * n_rot on pass through unchanged. freqs is base^(-2i/n_rot), a constant that
 * the architecture declares; with two tables (global and sliding layers) it
 * names the one of this layer.
 *
 * q      F32 [N, n_head, q_head_dim]       q_out the same shape, may alias q
 * k      F32 [N, n_head_kv, k_head_dim], optional (layers that share KV)
 * k_out  as k, present exactly when k is; may alias k
 * pos    I32 [N], or [P, N] with pos_row
 * pos_row  optional I32 [n_rot/2]: which of the P rows of pos frequency i uses
 *        (multi-section RoPE)
 * freqs  F32 [n_rot/2]; factors F32 [>= n_rot/2], optional
 * q_norm, k_norm  (fusion, peels to rmsnorm) F32 [head_dim]: per-head RMS norm
 *        with norm_eps before the rotation */
#define ZINC_ROPE_NEOX 0u
#define ZINC_ROPE_INTERLEAVED 1u

struct zinc_op_rope_dual {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view q, k, q_out, k_out;
	struct zinc_view pos, pos_row, freqs, factors;
	struct zinc_u32 n;
	uint32_t n_rot;
	uint32_t mode; /* ZINC_ROPE_* */
	struct zinc_view q_norm, k_norm;
	float norm_eps;
	uint32_t pad0;
};

/* ZINC_OP_KV_WRITE: puts the step's K and V rows into the cache.
 *
 * k  F32 [N, n_head_kv, k_head_dim]     k_cache as above, of the same width
 * v  F32 [N, n_head_kv, v_head_dim]     v_cache likewise
 * A row whose page is -1 is dropped (it lies behind the window already). */
struct zinc_op_kv_write {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view k, v, k_cache, v_cache;
	struct zinc_view tok_seq, tok_pos, block_table;
	struct zinc_u32 n;
};

/* ZINC_OP_FLASH_ATTN: causal grouped-query attention over the paged cache.
 *
 * q      F32 [N, n_head, q_head_dim]
 * out    F32 [N, n_head, v_head_dim]
 * k_cache, v_cache  head dims kv_head_dim (K) and v_cache.ne[0] (V); the plain
 *        case has all equal. Score of query i and key j:
 *          s = scale * sum over l < min(q_head_dim, kv_head_dim) of q[l] k[l]
 *          s = softcap * tanh(s / softcap)  where softcap != 0
 *        visible where j <= i and, where window != 0, i - j < window (the
 *        window counts the token itself). out = softmax(s) V.
 * Query head h reads KV head h / (n_head / n_head_kv).
 * Every index uses the dimension of its own side: Q rows are strided by
 * q_head_dim, cache rows by the cache's own dimension, out by V's.
 * gate   (fusion, peels to sigmoid_gate) F32, shape of out:
 *        out *= sigmoid(gate) */
struct zinc_op_flash_attn {
	uint32_t struct_size;
	uint32_t flags; /* 0 */
	struct zinc_view q, k_cache, v_cache, out;
	struct zinc_view tok_seq, tok_pos, seq_first, seq_kv_len, block_table;
	struct zinc_u32 n;
	struct zinc_u32 n_seqs;
	uint32_t q_head_dim, kv_head_dim;
	uint32_t n_head, n_head_kv;
	float scale, softcap;
	uint32_t window; /* 0: all */
	uint32_t pad0;
	struct zinc_view gate;
};

#ifdef __cplusplus
}
#endif
#endif /* ZINC_OP_ATTN_H */
