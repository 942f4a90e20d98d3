/* model.h - an opened model file: its metadata, the architecture plugin that
 * takes it, its declarations and its tokenizer. No device is involved. */
#ifndef CORE_MODEL_MODEL_H
#define CORE_MODEL_MODEL_H

#include <zinc/arch.h>

struct gguf;
struct gguf_tensor;
struct plug;
struct plug_registry;
struct tok;

struct model {
	struct gguf *gguf;
	const struct plug *arch_plug;
	const struct zinc_arch *arch;
	void *arch_model; /* the architecture's own */
	struct zinc_arch_info info;

	const struct zinc_weight_decl *weights;
	const struct gguf_tensor **tensors; /* one per weight; NULL: optional, absent */
	uint32_t n_weights;
	const struct zinc_const_decl *consts;
	uint32_t n_consts;
	const struct zinc_state_decl *states;
	uint32_t n_states;

	struct tok *tok;
};

/* Opens the file and lets the architecture check it; binds every declared
 * weight to a tensor and checks shape and dtype. All missing or wrong tensors
 * are in one message. */
int model_open(struct plug_registry *reg, const char *path, struct model **out,
               struct zinc_err *err);
void model_close(struct model *m); /* NULL ok */

/* Ids below this are tokens; logits may be padded past them. */
uint32_t model_n_tokens(const struct model *m);

/* The functions the core lends to architectures; the graph half of it works
 * inside build() only. */
extern const struct zinc_arch_host model_arch_host;

#endif
