/* model.h - what the models of all families share: sizes, the lists that the
 * core asks for, and the plugin functions that only hand those out.
 *
 * open() of a family: model_create(), keys, decl_*() calls, model_opened(). A
 * decl_*() call returns the index that record.h takes; build() so needs no
 * names. Memory that runs out is noticed once, in model_opened(). */
#ifndef ARCH_COMMON_MODEL_H
#define ARCH_COMMON_MODEL_H

#include "base.h"
#include "keys.h"
#include "rope.h"

#include <zinc/device.h> /* weight roles */

#define ARCH_NONE UINT32_MAX /* an index for "not part of this model" */

struct arch_block;

struct arch_model {
	struct arch_base base; /* first: see base.h */
	struct zinc_arch_info info;
	float norm_eps;

	/* Indices of the weights around the blocks. */
	uint32_t embd, head_norm, head;

	struct zinc_weight_decl *weights;
	struct zinc_const_decl *consts;
	struct zinc_state_decl *states;
	uint32_t n_weights, n_consts, n_states;

	struct arch_block *memory; /* all that belongs to the model */
	bool no_memory;
};

/* A zeroed model of `size` bytes that starts with a struct arch_model; k->status
 * says whether the file is one of `names`. NULL: no memory. */
void *model_create(size_t size, struct arch_keys *k);
/* Memory that lives as long as the model, zeroed; NULL (and noted) when there
 * is none. */
void *model_alloc(struct arch_model *m, size_t n, size_t size);
/* The last line of open(): gives the model out, or frees it after a failure. */
int model_opened(struct arch_model *m, struct arch_keys *k, void **out);

/* Reads block_count, context_length, embedding_length and the norm's epsilon,
 * and finds the vocabulary's size. Returns the blocks in the file, of which the
 * last may not be part of the trunk; info.n_layer holds the same number. */
uint32_t model_read_sizes(struct arch_model *m, struct arch_keys *k);

/* Weights. layer -1: none; else the name gets "blk.N." in front. Dimensions as
 * in the file, fastest first. */
uint32_t decl_vector(struct arch_model *m, int32_t layer, const char *name, uint32_t n);
uint32_t decl_matrix(struct arch_model *m, int32_t layer, const char *name, uint32_t in,
                     uint32_t out);
uint32_t decl_weight(struct arch_model *m, int32_t layer, const char *name,
                     const struct zinc_weight_decl *shape);
/* Lets a weight be missing; its view is then absent. Returns index. */
uint32_t decl_optional(struct arch_model *m, uint32_t index);
/* token_embd, output_norm and output, or token_embd again where the head is
 * tied. */
void decl_embd_and_head(struct arch_model *m, const struct arch_keys *k);

/* A constant: n_rot/2 RoPE frequencies. rope NULL: as trained. */
uint32_t decl_rope_freqs(struct arch_model *m, const char *name, uint32_t n_rot, double base,
                         const struct arch_rope *rope);

/* States. */
struct decl_kv_dims {
	uint32_t n_head_kv, head_dim;
	uint32_t window; /* 0: all */
};
uint32_t decl_kv(struct arch_model *m, int32_t layer, struct decl_kv_dims dims);
uint32_t decl_fixed(struct arch_model *m, int32_t layer, const char *name, uint32_t n_elem);

/* Does the file hold "blk.LAYER.NAME"? */
bool model_has(const struct arch_model *m, int32_t layer, const char *name);

/* Refuses a file with biases, which the families here do not have; leaving them
 * out would give wrong text. */
void model_refuse_biases(const struct arch_model *m, struct arch_keys *k);

/* Entries of struct zinc_arch and struct zinc_plugin. */
void model_close(void *model);
int model_info(void *model, struct zinc_arch_info *out);
int model_weights(void *model, const struct zinc_weight_decl **list, uint32_t *n);
int model_constants(void *model, const struct zinc_const_decl **list, uint32_t *n);
int model_states(void *model, const struct zinc_state_decl **list, uint32_t *n);

#endif
