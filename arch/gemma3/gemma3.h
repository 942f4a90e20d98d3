/* gemma3.h - Gemma 3 (GGUF "gemma3"): sliding and full attention layers with
 * RoPE bases of their own, a norm before and after each half of a block. */
#ifndef ARCH_GEMMA3_H
#define ARCH_GEMMA3_H

#include "common/attn.h"
#include "common/ffn.h"

struct gemma3_layer {
	uint32_t attn_norm, post_attn_norm;
	uint32_t ffn_norm, post_ffn_norm;
	struct arch_attn attn;
	struct arch_ffn ffn;
};

struct gemma3 {
	struct arch_model m; /* first */
	float softcap;       /* of the logits; 0: none */
	struct gemma3_layer *layers;
};

extern const char *const gemma3_gguf_names[];

int gemma3_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
                struct zinc_err *err);
void gemma3_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape);

#endif
