/* qwen35.h - Qwen3.5 and 3.6 (GGUF "qwen35", "qwen35moe"): gated delta net in
 * most layers, gated full attention in the others, dense FFN or experts with a
 * shared one. Blocks that predict several tokens ahead (MTP) come last in a
 * file; they are left out. */
#ifndef ARCH_QWEN35_H
#define ARCH_QWEN35_H

#include "common/attn.h"
#include "common/ffn.h"

/* Sizes of the delta net, the same in every layer that has one. */
struct qwen35_delta_sizes {
	uint32_t n_k_head, n_v_head;
	uint32_t head_dim;  /* of q, k and v            */
	uint32_t conv_taps;
	uint32_t head_map;  /* ZINC_DELTA_*             */
};

struct qwen35_delta {
	uint32_t qkv, z, alpha, beta, out; /* matrices          */
	uint32_t conv, dt, a, norm;        /* F32               */
	uint32_t conv_state, state;        /* per sequence      */
};

struct qwen35_layer {
	bool recurrent;
	uint32_t attn_norm, ffn_norm;
	struct qwen35_delta delta; /* recurrent                               */
	struct arch_attn attn;     /* else; q holds query and gate, head by
	                            * head                                    */
	uint32_t attn_qkv;         /* else: q, k, v in one, or ARCH_NONE      */
	struct arch_ffn ffn;       /* dense, or the shared expert             */
	struct arch_moe moe;
	uint32_t shared_gate;
};

struct qwen35 {
	struct arch_model m; /* first */
	struct qwen35_delta_sizes delta;
	struct qwen35_layer *layers;
};

extern const char *const qwen35_gguf_names[];

int qwen35_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
                struct zinc_err *err);
void qwen35_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape);

/* One layer's delta net on h, the normed residual stream; without the output
 * projection. (delta.c) */
struct zinc_view qwen35_delta_net(const struct arch_rec *r, const struct qwen35_delta_sizes *s,
                                  const struct qwen35_delta *d, struct zinc_view h);

#endif
