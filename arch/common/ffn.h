/* ffn.h - the gated feed-forward network, dense and as a mixture of experts. */
#ifndef ARCH_COMMON_FFN_H
#define ARCH_COMMON_FFN_H

#include "record.h"

/* down(act(gate h) * (up h)) */
struct arch_ffn {
	uint32_t gate, up, down; /* weights */
	uint32_t act;            /* enum zinc_act */
};

/* Declares ffn_gate, ffn_up and ffn_down; with suffix "_shexp" the shared
 * expert's, ffn_gate_shexp and so on. */
struct arch_ffn decl_ffn(struct arch_model *m, int32_t layer, const char *suffix, uint32_t ff,
                         uint32_t act);
struct zinc_view rec_ffn(const struct arch_rec *r, const struct arch_ffn *f, struct zinc_view h);
/* into += the same. */
void rec_ffn_add(const struct arch_rec *r, const struct arch_ffn *f, struct zinc_view h,
                 struct zinc_view into);

struct arch_moe_sizes {
	uint32_t n_expert, n_used, ff;
	uint32_t act; /* enum zinc_act */
};

/* expert_count, expert_used_count and expert_feed_forward_length. */
struct arch_moe_sizes keys_moe(struct arch_keys *k, uint32_t act);

struct arch_moe {
	struct arch_moe_sizes size;
	uint32_t router;
	uint32_t gate, up;   /* ARCH_NONE where gate_up holds both: for each */
	uint32_t gate_up;    /* expert the gate's rows, then those of up     */
	uint32_t down;
	uint32_t down_scale; /* factors of the experts' outputs, optional    */
};

/* Declares ffn_gate_inp, ffn_{gate,up}_exps or ffn_gate_up_exps, whichever the
 * file holds, ffn_down_exps and its optional scale. */
struct arch_moe decl_moe(struct arch_model *m, int32_t layer, const struct arch_moe_sizes *size);

struct arch_moe_in {
	struct zinc_view logits; /* of the router, [T, n_expert]            */
	struct zinc_view h;      /* what the experts see                    */
	struct zinc_view shared, shared_gate; /* optional, see moe_combine  */
	struct zinc_view into;   /* optional: added to, and the result      */
};

/* Routing (softmax over all experts, the largest n_used, renormalised), the
 * chosen experts, and their weighted sum. */
struct zinc_view rec_moe(const struct arch_rec *r, const struct arch_moe *m,
                         const struct arch_moe_in *in);

#endif
