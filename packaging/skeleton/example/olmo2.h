/* olmo2.h - OLMo 2 (OLMo et al., 2024): what comes out of attention and of the
 * FFN is normed, not what goes in; queries and keys are normed over their whole
 * width before RoPE. model.c turns metadata into declarations, graph.c records
 * the forward pass, plugin.c is what the loader sees. */
#ifndef OLMO2_H
#define OLMO2_H

#include <zinc/plugin.h>

/* Weights by their index in the declared list: three, then B_COUNT a block. */
enum { W_EMBD, W_NORM, W_HEAD, W_BLOCKS };
enum {
	B_Q, B_K, B_V, B_Q_NORM, B_K_NORM, B_OUT, B_ATTN_NORM,
	B_GATE, B_UP, B_DOWN, B_FFN_NORM, B_COUNT
};

struct olmo2 {
	const struct zinc_arch_host *host;
	const struct zinc_meta *meta;
	struct zinc_arch_info info;
	uint32_t n_head, n_head_kv, head_dim, n_ff;
	float norm_eps, rope_base;
	int tied; /* the file has no output.weight: the embedding serves as head */

	struct zinc_weight_decl *weights; /* n_weights */
	char (*names)[48];                /* of the weights, then of the states */
	uint32_t n_weights;
	struct zinc_state_decl *states; /* one KV cache a block */
	struct zinc_const_decl rope;    /* the frequencies      */
	float *freqs;
};

static inline uint32_t block_weight(uint32_t block, uint32_t which)
{
	return W_BLOCKS + block * B_COUNT + which;
}

int olmo2_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
               struct zinc_err *err);
void olmo2_close(void *model);
int olmo2_fail(struct zinc_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void olmo2_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape);

#endif
