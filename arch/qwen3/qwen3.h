/* qwen3.h - Qwen3 (GGUF "qwen3", "qwen3moe"): pre-norm decoder, grouped-query
 * attention with a norm on each head of Q and K, SwiGLU or experts. */
#ifndef ARCH_QWEN3_H
#define ARCH_QWEN3_H

#include "common/attn.h"
#include "common/ffn.h"

struct qwen3_layer {
	uint32_t attn_norm, ffn_norm;
	struct arch_attn attn;
	struct arch_ffn ffn; /* dense models */
	struct arch_moe moe; /* qwen3moe     */
};

struct qwen3 {
	struct arch_model m; /* first */
	struct qwen3_layer *layers;
};

extern const char *const qwen3_gguf_names[];

int qwen3_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
               struct zinc_err *err);
void qwen3_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape);

#endif
