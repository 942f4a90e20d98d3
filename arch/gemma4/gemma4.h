/* gemma4.h - Gemma 4 (GGUF "gemma4"), all sizes: sliding and full attention
 * layers with head sizes of their own, and where the file has them layers that
 * share KV, values made from keys, per-layer embeddings, and experts beside the
 * dense FFN. There is no variant key: what a file holds tells. */
#ifndef ARCH_GEMMA4_H
#define ARCH_GEMMA4_H

#include "common/attn.h"
#include "common/ffn.h"

/* The experts of a block, and the norms around them. */
struct gemma4_moe {
	struct arch_moe experts; /* router == ARCH_NONE: a dense block */
	uint32_t router_scale;   /* of the router's input, per lane    */
	uint32_t pre_norm;       /* before the experts                 */
	uint32_t post_norm;      /* on their sum                       */
	uint32_t post_dense_norm; /* on the dense FFN beside them      */
};

struct gemma4_layer {
	uint32_t attn_norm, post_attn_norm;
	uint32_t ffn_norm, post_ffn_norm;
	bool owns_kv; /* else attn.kv is an earlier layer's            */
	struct arch_attn attn; /* v == ARCH_NONE: values come from k   */
	struct arch_ffn ffn;
	struct gemma4_moe moe;
	uint32_t ple_gate, ple_proj, ple_norm; /* per-layer embeddings */
	uint32_t out_scale; /* of the residual stream, optional        */
};

struct gemma4 {
	struct arch_model m; /* first */
	float softcap;       /* of the logits; 0: none                      */
	uint32_t ple_width;  /* per-layer embeddings: lanes a block, or 0   */
	uint32_t ple_table, ple_model_proj, ple_proj_norm;
	struct gemma4_layer *layers;
};

extern const char *const gemma4_gguf_names[];

int gemma4_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
                struct zinc_err *err);
void gemma4_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape);

#endif
