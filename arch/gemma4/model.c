/* model.c - what a gemma4 file says and holds. */
#include "gemma4.h"

#include <stdio.h>

const char *const gemma4_gguf_names[] = {"gemma4", NULL};

struct sizes {
	struct arch_attn sliding, full; /* all but n_head_kv, which is per layer */
	uint32_t first_shared;          /* blocks from here on own no KV         */
	struct arch_moe_sizes moe;      /* n_expert 0: none                      */
	uint32_t is_sliding[ARCH_MAX_LAYERS];
	uint32_t n_head_kv[ARCH_MAX_LAYERS];
	uint32_t ff[ARCH_MAX_LAYERS];
};

/* The layer whose KV layer i reads: itself, or the last owner of its kind. */
static uint32_t kv_owner(const struct sizes *s, uint32_t i)
{
	if (i < s->first_shared)
		return i;
	for (uint32_t j = s->first_shared; j-- > 0;)
		if (s->is_sliding[j] == s->is_sliding[i])
			return j;
	return ARCH_NONE;
}

static void read_attention(const struct gemma4 *g, struct arch_keys *k, struct sizes *s)
{
	const uint32_t n = g->m.info.n_layer;
	struct arch_attn base = {.scale = 1.0f, .factors = ARCH_NONE, .rope_mode = ZINC_ROPE_NEOX};

	base.n_head = keys_u32(k, "attention.head_count", 1, ARCH_MAX_HEADS);
	s->full = base;
	s->full.head_dim = keys_head_dim(k, "", 0);
	s->full.n_rot = keys_n_rot(k, "", s->full.head_dim);
	s->sliding = base;
	s->sliding.head_dim = keys_head_dim(k, "_swa", 0);
	s->sliding.n_rot = keys_n_rot(k, "_swa", s->sliding.head_dim);
	s->sliding.window = keys_u32(k, "attention.sliding_window", 1, ARCH_MAX_CONTEXT);

	keys_per_layer(k, "attention.sliding_window_pattern",
	               (struct keys_range){.n = n, .max = 1, .array_only = true}, s->is_sliding);
	keys_per_layer(k, "attention.head_count_kv",
	               (struct keys_range){.n = n, .min = 1, .max = ARCH_MAX_HEADS}, s->n_head_kv);
	s->first_shared = n - keys_u32_or(k, "attention.shared_kv_layers", 0, n - 1, 0);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t owner = kv_owner(s, i);

		if (owner != ARCH_NONE)
			keys_check_heads(k, base.n_head, s->n_head_kv[owner]);
		else
			keys_fail(k, ZINC_E_INVALID,
			          "metadata key gemma4.attention.shared_kv_layers leaves block %u "
			          "no earlier block of its kind to share with",
			          i);
	}
}

static void read_keys(struct gemma4 *g, struct arch_keys *k, struct sizes *s)
{
	model_read_sizes(&g->m, k);
	read_attention(g, k, s);
	keys_per_layer(k, "feed_forward_length",
	               (struct keys_range){.n = g->m.info.n_layer, .min = 1, .max = ARCH_MAX_FF},
	               s->ff);
	g->ple_width = keys_u32_or(k, "embedding_length_per_layer_input", 0, ARCH_MAX_HEAD_DIM, 0);
	g->softcap = keys_f32_or(k, "final_logit_softcapping", 0.0f, 1e6f, 0.0f);
	if (keys_u32_or(k, "expert_count", 0, ARCH_MAX_EXPERTS, 0) != 0)
		s->moe = keys_moe(k, ZINC_ACT_GELU_TANH);
	model_refuse_biases(&g->m, k);
}

static void declare_attention(struct gemma4 *g, int32_t i, const struct sizes *s)
{
	struct arch_model *m = &g->m;
	struct gemma4_layer *layer = &g->layers[i];
	struct arch_attn *a = &layer->attn;
	const uint32_t owner = kv_owner(s, (uint32_t)i), width = m->info.n_embd;

	*a = s->is_sliding[i] ? s->sliding : s->full;
	a->n_head_kv = s->n_head_kv[owner];
	a->k = a->v = a->k_norm = ARCH_NONE;
	a->q = decl_matrix(m, i, "attn_q.weight", width, a->n_head * a->head_dim);
	a->q_norm = decl_vector(m, i, "attn_q_norm.weight", a->head_dim);
	a->out = decl_matrix(m, i, "attn_output.weight", a->n_head * a->head_dim, width);

	/* Real files carry attn_k and attn_v in the sharing blocks too: dead
	 * weights, not to be used. */
	layer->owns_kv = owner == (uint32_t)i;
	if (!layer->owns_kv) {
		a->kv = g->layers[owner].attn.kv;
		return;
	}
	a->k = decl_matrix(m, i, "attn_k.weight", width, a->n_head_kv * a->head_dim);
	if (s->is_sliding[i] || model_has(m, i, "attn_v.weight"))
		a->v = decl_matrix(m, i, "attn_v.weight", width, a->n_head_kv * a->head_dim);
	a->k_norm = decl_vector(m, i, "attn_k_norm.weight", a->head_dim);
	a->kv = decl_kv(m, i,
	                (struct decl_kv_dims){.n_head_kv = a->n_head_kv,
	                                      .head_dim = a->head_dim,
	                                      .window = a->window});
}

static void declare_moe(struct gemma4 *g, struct arch_keys *k, int32_t i, const struct sizes *s)
{
	struct arch_model *m = &g->m;
	struct gemma4_moe *moe = &g->layers[i].moe;
	const uint32_t width = m->info.n_embd;

	moe->experts.router = ARCH_NONE;
	if (!model_has(m, i, "ffn_gate_inp.weight"))
		return;
	if (s->moe.n_expert == 0) {
		keys_fail(k, ZINC_E_INVALID,
		          "metadata key gemma4.expert_count is missing, but block %d has experts",
		          i);
		return;
	}
	moe->experts = decl_moe(m, i, &s->moe);
	moe->router_scale = decl_vector(m, i, "ffn_gate_inp.scale", width);
	moe->pre_norm = decl_vector(m, i, "pre_ffw_norm_2.weight", width);
	moe->post_norm = decl_vector(m, i, "post_ffw_norm_2.weight", width);
	moe->post_dense_norm = decl_vector(m, i, "post_ffw_norm_1.weight", width);
}

static void declare_layer(struct gemma4 *g, struct arch_keys *k, int32_t i, const struct sizes *s)
{
	struct arch_model *m = &g->m;
	struct gemma4_layer *layer = &g->layers[i];
	const uint32_t width = m->info.n_embd;

	layer->attn_norm = decl_vector(m, i, "attn_norm.weight", width);
	declare_attention(g, i, s);
	layer->post_attn_norm = decl_vector(m, i, "post_attention_norm.weight", width);
	layer->ffn_norm = decl_vector(m, i, "ffn_norm.weight", width);
	layer->ffn = decl_ffn(m, i, "", s->ff[i], ZINC_ACT_GELU_TANH);
	declare_moe(g, k, i, s);
	layer->post_ffn_norm = decl_vector(m, i, "post_ffw_norm.weight", width);
	if (g->ple_width) {
		layer->ple_gate = decl_matrix(m, i, "inp_gate.weight", width, g->ple_width);
		layer->ple_proj = decl_matrix(m, i, "proj.weight", g->ple_width, width);
		layer->ple_norm = decl_vector(m, i, "post_norm.weight", width);
	}
	layer->out_scale = decl_optional(m, decl_vector(m, i, "layer_output_scale.weight", 1));
}

static void declare_ple(struct gemma4 *g)
{
	struct arch_model *m = &g->m;
	const uint32_t width = m->info.n_embd, lanes = g->ple_width * m->info.n_layer;
	const struct zinc_weight_decl table = {.ne = {lanes, m->info.n_vocab},
	                                       .roles = ZINC_ROLE_TABLE};

	g->ple_table = decl_weight(m, -1, "per_layer_token_embd.weight", &table);
	g->ple_model_proj = decl_matrix(m, -1, "per_layer_model_proj.weight", width, lanes);
	g->ple_proj_norm = decl_vector(m, -1, "per_layer_proj_norm.weight", g->ple_width);
}

static void declare(struct gemma4 *g, struct arch_keys *k, struct sizes *s)
{
	struct arch_model *m = &g->m;
	const float base = keys_f32(k, "rope.freq_base", 1.0f, 1e12f);
	const struct arch_rope rope = keys_rope_linear(k);
	const float base_swa = keys_f32(k, "rope.freq_base_swa", 1.0f, 1e12f);

	s->full.freqs = decl_rope_freqs(m, "rope_full", s->full.n_rot, base, &rope);
	s->sliding.freqs = decl_rope_freqs(m, "rope_sliding", s->sliding.n_rot, base_swa, NULL);
	/* Which lanes of a full layer turn at all: the others are divided by 1e30. */
	s->full.factors = decl_vector(m, -1, "rope_freqs.weight", s->full.n_rot / 2);
	decl_embd_and_head(m, k);
	if (g->ple_width)
		declare_ple(g);
	g->layers = model_alloc(m, m->info.n_layer, sizeof(*g->layers));
	for (uint32_t i = 0; i < m->info.n_layer && !m->no_memory; i++)
		declare_layer(g, k, (int32_t)i, s);
}

static void describe(struct zinc_arch_info *info, const struct sizes *s)
{
	uint32_t n_full = 0;
	char experts[48] = "";

	for (uint32_t i = 0; i < info->n_layer; i++)
		n_full += !s->is_sliding[i];
	info->n_expert = s->moe.n_expert;
	info->n_expert_used = s->moe.n_used;
	if (s->moe.n_expert)
		snprintf(experts, sizeof(experts), ", %u of %u experts", s->moe.n_used,
		         s->moe.n_expert);
	snprintf(info->summary, sizeof(info->summary),
	         "%u sliding (window %u) + %u full attention layers%s", info->n_layer - n_full,
	         s->sliding.window, n_full, experts);
}

int gemma4_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
                struct zinc_err *err)
{
	struct arch_keys k;
	struct sizes s = {0};
	struct gemma4 *g;

	keys_begin(&k, host, meta, gemma4_gguf_names, err);
	g = model_create(sizeof(*g), &k);
	if (!g)
		return k.status;
	read_keys(g, &k, &s);
	if (k.status == ZINC_OK)
		declare(g, &k, &s);
	describe(&g->m.info, &s);
	return model_opened(&g->m, &k, model);
}
