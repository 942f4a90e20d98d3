/* model.c - the life of a model and the lists it declares. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arch_block {
	struct arch_block *next;
	_Alignas(max_align_t) unsigned char data[];
};

void *model_alloc(struct arch_model *m, size_t n, size_t size)
{
	struct arch_block *b = NULL;

	if (size == 0 || n <= (SIZE_MAX - sizeof(*b)) / size)
		b = calloc(1, sizeof(*b) + n * size);
	if (!b) {
		m->no_memory = true;
		return NULL;
	}
	b->next = m->memory;
	m->memory = b;
	return b->data;
}

void model_close(void *model)
{
	struct arch_model *m = model;

	if (!m)
		return;
	while (m->memory) {
		struct arch_block *b = m->memory;

		m->memory = b->next;
		free(b);
	}
	free(m->weights);
	free(m->consts);
	free(m->states);
	free(m);
}

void *model_create(size_t size, struct arch_keys *k)
{
	struct arch_model *m = calloc(1, size);

	if (!m) {
		keys_fail(k, ZINC_E_NO_MEMORY, "no memory for the model's description");
		return NULL;
	}
	m->base.host = k->host;
	m->base.meta = k->meta;
	if (k->host->meta_str(k->meta, "tokenizer.chat_template", &m->base.chat_template,
	                      &m->base.chat_template_len) != ZINC_OK) {
		m->base.chat_template = NULL;
		m->base.chat_template_len = 0;
	}
	m->info.struct_size = sizeof(m->info);
	return m;
}

int model_opened(struct arch_model *m, struct arch_keys *k, void **out)
{
	if (m && m->no_memory)
		keys_fail(k, ZINC_E_NO_MEMORY, "no memory for the model's description");
	if (k->status != ZINC_OK) {
		model_close(m);
		return k->status;
	}
	*out = m;
	return ZINC_OK;
}

uint32_t model_read_sizes(struct arch_model *m, struct arch_keys *k)
{
	struct zinc_tensor_info embd = {.struct_size = sizeof(embd)};

	m->info.n_layer = keys_u32(k, "block_count", 1, ARCH_MAX_LAYERS);
	m->info.n_ctx_train = keys_u32(k, "context_length", 1, ARCH_MAX_CONTEXT);
	m->info.n_embd = keys_u32(k, "embedding_length", 1, ARCH_MAX_EMBD);
	m->norm_eps = keys_f32(k, "attention.layer_norm_rms_epsilon", 1e-12f, 0.1f);

	if (k->host->tensor(k->meta, "token_embd.weight", &embd) != ZINC_OK) {
		keys_fail(k, ZINC_E_INVALID,
		          "tensor token_embd.weight is missing: the file holds no model");
		return m->info.n_layer;
	}
	m->info.n_vocab = embd.ne[1];
	if (embd.ne[1] < 1 || embd.ne[1] > ARCH_MAX_VOCAB)
		keys_fail(k, ZINC_E_INVALID,
		          "tensor token_embd.weight has %u rows, outside 1 to %u", embd.ne[1],
		          (unsigned)ARCH_MAX_VOCAB);
	return m->info.n_layer;
}

static char *weight_name(struct arch_model *m, int32_t layer, const char *name)
{
	size_t n = strlen(name) + 16;
	char *full = model_alloc(m, n, 1);

	if (full && layer >= 0)
		snprintf(full, n, "blk.%d.%s", layer, name);
	else if (full)
		snprintf(full, n, "%s", name);
	return full;
}

/* The list with room for one more element: it doubles at powers of two. */
static void *grow(struct arch_model *m, void *list, uint32_t n, size_t size)
{
	if (n != 0 && (n & (n - 1)) != 0)
		return list;
	void *more = realloc(list, (n ? 2 * (size_t)n : 1) * size);
	if (!more)
		m->no_memory = true;
	return more ? more : list;
}

uint32_t decl_weight(struct arch_model *m, int32_t layer, const char *name,
                     const struct zinc_weight_decl *shape)
{
	char *full = weight_name(m, layer, name);

	m->weights = grow(m, m->weights, m->n_weights, sizeof(*m->weights));
	if (m->no_memory)
		return ARCH_NONE;
	struct zinc_weight_decl *w = &m->weights[m->n_weights];
	*w = *shape;
	w->name = full;
	w->layer = layer;
	for (int i = 1; i < 4; i++) /* a dimension that is not named is 1 */
		w->ne[i] = w->ne[i] ? w->ne[i] : 1;
	return m->n_weights++;
}

uint32_t decl_vector(struct arch_model *m, int32_t layer, const char *name, uint32_t n)
{
	const struct zinc_weight_decl w = {
		.ne = {n}, .dtypes = ZINC_TBIT(ZINC_F32), .roles = ZINC_ROLE_VECTOR};

	return decl_weight(m, layer, name, &w);
}

uint32_t decl_matrix(struct arch_model *m, int32_t layer, const char *name, uint32_t in,
                     uint32_t out)
{
	const struct zinc_weight_decl w = {.ne = {in, out}, .roles = ZINC_ROLE_LINEAR};

	return decl_weight(m, layer, name, &w);
}

uint32_t decl_optional(struct arch_model *m, uint32_t index)
{
	if (index != ARCH_NONE)
		m->weights[index].optional = 1;
	return index;
}

void decl_embd_and_head(struct arch_model *m, const struct arch_keys *k)
{
	const uint32_t width = m->info.n_embd, rows = m->info.n_vocab;
	bool tied = !keys_has_tensor(k, "output.weight");
	const struct zinc_weight_decl embd = {
		.ne = {width, rows},
		.roles = ZINC_ROLE_TABLE | (tied ? (uint32_t)ZINC_ROLE_LINEAR : 0)};

	m->embd = decl_weight(m, -1, "token_embd.weight", &embd);
	m->head_norm = decl_vector(m, -1, "output_norm.weight", width);
	m->head = tied ? m->embd : decl_matrix(m, -1, "output.weight", width, rows);
}

uint32_t decl_rope_freqs(struct arch_model *m, const char *name, uint32_t n_rot, double base,
                         const struct arch_rope *rope)
{
	const uint32_t n = n_rot / 2;
	float *freqs = model_alloc(m, n, sizeof(*freqs));

	m->consts = grow(m, m->consts, m->n_consts, sizeof(*m->consts));
	if (m->no_memory)
		return ARCH_NONE;
	for (uint32_t i = 0; i < n; i++)
		freqs[i] = (float)rope_freq(rope, n_rot, base, i);
	m->consts[m->n_consts] =
		(struct zinc_const_decl){.name = name, .dtype = ZINC_F32, .n = n, .data = freqs};
	return m->n_consts++;
}

static uint32_t decl_state(struct arch_model *m, const struct zinc_state_decl *state)
{
	char *full = weight_name(m, state->layer, state->name);

	m->states = grow(m, m->states, m->n_states, sizeof(*m->states));
	if (m->no_memory)
		return ARCH_NONE;
	m->states[m->n_states] = *state;
	m->states[m->n_states].name = full;
	return m->n_states++;
}

uint32_t decl_kv(struct arch_model *m, int32_t layer, struct decl_kv_dims dims)
{
	const struct zinc_state_decl kv = {.name = "kv",
	                                   .kind = ZINC_STATE_KV,
	                                   .layer = layer,
	                                   .n_head_kv = dims.n_head_kv,
	                                   .k_head_dim = dims.head_dim,
	                                   .v_head_dim = dims.head_dim,
	                                   .window = dims.window};

	return decl_state(m, &kv);
}

uint32_t decl_fixed(struct arch_model *m, int32_t layer, const char *name, uint32_t n_elem)
{
	const struct zinc_state_decl fixed = {
		.name = name, .kind = ZINC_STATE_FIXED, .layer = layer, .n_elem = n_elem};

	return decl_state(m, &fixed);
}

bool model_has(const struct arch_model *m, int32_t layer, const char *name)
{
	char full[96];

	snprintf(full, sizeof(full), "blk.%d.%s", layer, name);
	return m->base.host->tensor(m->base.meta, full, NULL) == ZINC_OK;
}

void model_refuse_biases(const struct arch_model *m, struct arch_keys *k)
{
	static const char *const names[] = {"attn_q.bias",   "attn_k.bias", "attn_v.bias",
	                                    "attn_qkv.bias", "attn_output.bias", "ffn_gate.bias",
	                                    "ffn_up.bias",   "ffn_down.bias"};

	/* Where layers differ in kind, the first and the last do. */
	const uint32_t ends[] = {0, m->info.n_layer - 1};

	for (size_t i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++)
		if (model_has(m, (int32_t)ends[i % 2], names[i / 2]))
			keys_fail(k, ZINC_E_UNSUPPORTED,
			          "tensor blk.%u.%s: models of this kind with biases are not "
			          "implemented",
			          ends[i % 2], names[i / 2]);
}

int model_info(void *model, struct zinc_arch_info *out)
{
	const struct arch_model *m = model;
	uint32_t size = out->struct_size;

	memcpy(out, &m->info, size < sizeof(m->info) ? size : sizeof(m->info));
	out->struct_size = size;
	return ZINC_OK;
}

int model_weights(void *model, const struct zinc_weight_decl **list, uint32_t *n)
{
	const struct arch_model *m = model;

	*list = m->weights;
	*n = m->n_weights;
	return ZINC_OK;
}

int model_constants(void *model, const struct zinc_const_decl **list, uint32_t *n)
{
	const struct arch_model *m = model;

	*list = m->consts;
	*n = m->n_consts;
	return ZINC_OK;
}

int model_states(void *model, const struct zinc_state_decl **list, uint32_t *n)
{
	const struct arch_model *m = model;

	*list = m->states;
	*n = m->n_states;
	return ZINC_OK;
}
