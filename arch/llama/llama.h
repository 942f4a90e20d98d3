/* llama.h - Llama, SmolLM and their kin (GGUF "llama"): pre-norm decoder,
 * grouped-query attention, SwiGLU. RoPE turns neighbouring lanes, because the
 * converter permutes the rows of attn_q and attn_k that way.
 *
 * The simplest architecture here, and so the one to read first: model.c turns
 * metadata into declarations, graph.c records the forward pass, plugin.c is
 * what the loader sees. */
#ifndef ARCH_LLAMA_H
#define ARCH_LLAMA_H

#include "common/attn.h"
#include "common/ffn.h"

struct llama_layer {
	uint32_t attn_norm, ffn_norm;
	struct arch_attn attn;
	struct arch_ffn ffn;
};

struct llama {
	struct arch_model m; /* first: the shared functions see only this */
	struct llama_layer *layers;
};

extern const char *const llama_gguf_names[];

int llama_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
               struct zinc_err *err);
void llama_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape);

#endif
