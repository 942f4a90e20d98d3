/* delta.h - what the two forms of the delta net share.
 *
 * A state slot holds the V heads one after the other. A head is cut into blocks
 * of KERN_DELTA_COLS value columns (the last may be narrower), each stored
 * [d_k][columns of the block], so that the token-by-token form streams one
 * block from cache for all tokens of a step. */
#ifndef CPU_DELTA_H
#define CPU_DELTA_H

#include "kernels.h"

/* Tokens of a chunk. */
enum { DELTA_CHUNK = 64 };

/* One V head of one sequence of the step. */
struct delta_head {
	const struct zinc_op_delta_net *d;
	const struct cpu_kernels *kern;
	uint32_t head, k_head;
	uint32_t token, n_tokens;
	float *state; /* this head's part of the slot */
};

static inline uint32_t delta_dk(const struct zinc_op_delta_net *d)
{
	return d->k.ne[0];
}

static inline uint32_t delta_dv(const struct zinc_op_delta_net *d)
{
	return d->v.ne[0];
}

/* Columns of the block that starts at column first. */
static inline uint32_t delta_block_cols(uint32_t d_v, uint32_t first)
{
	return d_v - first < KERN_DELTA_COLS ? d_v - first : KERN_DELTA_COLS;
}

/* The head's q^ or k^ of a token: normalised, and scaled, d_k floats. */
void delta_unit_row(const struct delta_head *h, const struct zinc_view *x, uint64_t token,
                    float scale, float *out);
/* ln of the decay, and b. */
float delta_log_decay(const struct delta_head *h, uint64_t token);
float delta_beta(const struct delta_head *h, uint64_t token);

/* The chunked form: bytes of a thread's memory, and the whole head with it. */
uint64_t delta_chunk_bytes(const struct zinc_op_delta_net *d);
void delta_chunk_head(const struct delta_head *h, uint8_t *mem);

#endif
