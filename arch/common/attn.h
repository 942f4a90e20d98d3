/* attn.h - one attention layer: rotary embedding, cache, attention. What comes
 * before (projections) and after (output projection) is each family's own. */
#ifndef ARCH_COMMON_ATTN_H
#define ARCH_COMMON_ATTN_H

#include "record.h"

struct arch_attn {
	uint32_t q, k, v, out;   /* weights of the projections               */
	uint32_t q_norm, k_norm; /* weights [head_dim], or ARCH_NONE         */
	uint32_t n_head, n_head_kv, head_dim;
	uint32_t window; /* 0: all                                       */
	float scale;     /* of the scores                                */
	uint32_t kv;     /* the state it reads: its own, or (layers that
	                  * share KV) that of an earlier layer           */
	uint32_t freqs;     /* constant: RoPE frequencies                */
	uint32_t factors;   /* weight: divisors of these, or ARCH_NONE   */
	uint32_t n_rot;
	uint32_t rope_mode; /* ZINC_ROPE_*                               */
	float rope_gain;    /* of the rotated lanes of q; 0: none        */
};

/* The projections, split into heads (zinc_view_heads). */
struct arch_qkv {
	struct zinc_view q;    /* [T, n_head, head_dim]                      */
	struct zinc_view k, v; /* [T, n_head_kv, head_dim]; absent: the layer
	                        * only reads the cache                       */
	struct zinc_view gate; /* optional, as q: out *= sigmoid(gate)       */
};

/* Reads head_count, head_count_kv, key_length and the RoPE's dimension_count,
 * for models in which they are the same in every layer, and sets the scale that
 * is usual for them, 1/sqrt(head_dim). head_dim: what an absent key_length
 * means, 0 where it is required. */
struct arch_attn keys_attn(struct arch_keys *k, uint32_t head_dim);
float attn_scale(uint32_t head_dim);
/* Declares the frequencies, and sets what else the stretching of positions asks
 * for. After n_rot, head_dim and scale. */
void decl_rope(struct arch_model *m, struct arch_attn *a, float base,
               const struct arch_rope *rope);

/* Declares attn_q, attn_k, attn_v and attn_output of one layer. */
void decl_attn(struct arch_model *m, int32_t layer, struct arch_attn *a);
/* Declares attn_q_norm and attn_k_norm. */
void decl_attn_norms(struct arch_model *m, int32_t layer, struct arch_attn *a);

/* Records rope_dual, kv_write and flash_attn; [T, n_head * head_dim]. q and k
 * are rotated in place, but a q with gaps between its heads moves together. */
struct zinc_view rec_attn(const struct arch_rec *r, const struct arch_attn *a,
                          const struct arch_qkv *in);

/* The last block needs K and V of all tokens, but queries and attention only
 * of the rows whose logits are read. Where these are few (rec_reads_few), this
 * comes before q: k and v, if present, go into the cache and become absent;
 * `rows`, which q is made of, and all that follows has the rows that are read. */
void rec_kv_first(struct arch_rec *r, const struct arch_attn *a, struct arch_qkv *in,
                  struct zinc_view *rows);
/* The projections of h, where these are one matrix each: k and v of qkv, and q
 * before it is split into heads. last: the last block's, with rec_kv_first()
 * where rows are few. */
struct zinc_view rec_project(struct arch_rec *r, const struct arch_attn *a, struct zinc_view h,
                             bool last, struct arch_qkv *qkv);
/* The same and rec_attn(), where q is nothing but queries. */
struct zinc_view rec_project_attn(struct arch_rec *r, const struct arch_attn *a,
                                  struct zinc_view h, bool last);

#endif
