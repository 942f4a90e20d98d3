/* attn.h - attention over sequences with a paged cache. */
#ifndef KIT_ATTN_H
#define KIT_ATTN_H

#include "case.h"

enum { ATTN_SEQS = 4 };

struct attn_shape {
	uint32_t n_head, n_head_kv, q_dim, k_dim, v_dim;
	uint32_t dtype, window;
	float softcap;
	bool gate, interleaved; /* interleaved: q and gate are lanes of one row per head */
	uint32_t n_seqs;
	uint32_t before[ATTN_SEQS]; /* positions in cache before the step */
	uint32_t fresh[ATTN_SEQS];  /* tokens of the step                 */
	uint32_t more_tokens, more_seqs; /* recorded beyond that      */
};

extern const struct kit_recipe attn;

#endif
