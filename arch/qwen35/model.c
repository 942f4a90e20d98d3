/* model.c - what a qwen35 or qwen35moe file says and holds. */
#include "qwen35.h"

#include <stdio.h>
#include <string.h>

const char *const qwen35_gguf_names[] = {"qwen35", "qwen35moe", NULL};

/* States of layers are counted in 32 bits: n_v_head * head_dim^2. */
enum { MAX_DELTA_HEADS = 1024, MAX_DELTA_DIM = 1024, MAX_CONV_TAPS = 32 };

struct sizes {
	struct arch_attn attn; /* all but n_head_kv, which is per layer */
	uint32_t ff;           /* dense, or the shared expert           */
	struct arch_moe_sizes moe;
	uint32_t n_head_kv[ARCH_MAX_LAYERS];
	uint32_t recurrent[ARCH_MAX_LAYERS];
};

static void read_delta(struct qwen35_delta_sizes *d, struct arch_keys *k)
{
	d->conv_taps = keys_u32(k, "ssm.conv_kernel", 2, MAX_CONV_TAPS);
	d->head_dim = keys_u32(k, "ssm.state_size", 1, MAX_DELTA_DIM);
	d->n_k_head = keys_u32(k, "ssm.group_count", 1, MAX_DELTA_HEADS);
	d->n_v_head = keys_u32(k, "ssm.time_step_rank", 1, MAX_DELTA_HEADS);
	if (d->n_v_head % d->n_k_head != 0)
		keys_fail(k, ZINC_E_INVALID,
		          "metadata key %s.ssm.time_step_rank (%u value heads) is no multiple of "
		          "ssm.group_count (%u key heads)",
		          k->arch, d->n_v_head, d->n_k_head);
	const uint32_t inner = keys_u32(k, "ssm.inner_size", 1, MAX_DELTA_HEADS * MAX_DELTA_DIM);
	if (inner != d->n_v_head * d->head_dim)
		keys_fail(k, ZINC_E_INVALID,
		          "metadata key %s.ssm.inner_size is %u, but ssm.time_step_rank * "
		          "ssm.state_size is %u",
		          k->arch, inner, d->n_v_head * d->head_dim);
	/* Converters write value heads tiled: head j goes with key head j mod
	 * n_k_head. Only files that say so keep them grouped. */
	d->head_map = keys_bool_or(k, "ssm.v_head_reordered", true) ? ZINC_DELTA_TILED
	                                                            : ZINC_DELTA_GROUPED;
}

/* Which blocks are recurrent: a list of the file's blocks, or else all but every
 * interval-th. */
static void read_pattern(struct arch_keys *k, uint32_t n_block, struct sizes *s)
{
	const uint32_t interval =
		keys_u32_or(k, "full_attention_interval", 1, ARCH_MAX_LAYERS, 4);

	for (uint32_t i = 0; i < n_block; i++)
		s->recurrent[i] = (i + 1) % interval != 0;
	if (keys_has(k, "attention.recurrent_layers"))
		keys_per_layer(k, "attention.recurrent_layers",
		               (struct keys_range){.n = n_block, .max = 1, .array_only = true},
		               s->recurrent);
}

static void read_attention(struct arch_keys *k, uint32_t n_block, uint32_t n_layer,
                           struct sizes *s)
{
	struct arch_attn *a = &s->attn;

	a->n_head = keys_u32(k, "attention.head_count", 1, ARCH_MAX_HEADS);
	a->head_dim = keys_head_dim(k, "", 0);
	a->n_rot = keys_u32(k, "rope.dimension_count", 2, a->head_dim);
	if (a->n_rot % 2 != 0)
		keys_fail(k, ZINC_E_INVALID,
		          "metadata key %s.rope.dimension_count is %u, and must be even", k->arch,
		          a->n_rot);
	a->rope_mode = ZINC_ROPE_NEOX;
	a->scale = attn_scale(a->head_dim);
	a->factors = ARCH_NONE;
	/* An array has 0 in the recurrent layers. */
	keys_per_layer(k, "attention.head_count_kv",
	               (struct keys_range){.n = n_block, .min = 0, .max = ARCH_MAX_HEADS},
	               s->n_head_kv);
	for (uint32_t i = 0; i < n_layer; i++)
		if (!s->recurrent[i])
			keys_check_heads(k, a->n_head, s->n_head_kv[i]);
}

static void read_keys(struct qwen35 *q, struct arch_keys *k, struct sizes *s)
{
	const uint32_t n_block = model_read_sizes(&q->m, k);

	/* The trunk ends where the MTP blocks begin. */
	q->m.info.n_layer = n_block - keys_u32_or(k, "nextn_predict_layers", 0, n_block - 1, 0);
	read_delta(&q->delta, k);
	read_pattern(k, n_block, s);
	read_attention(k, n_block, q->m.info.n_layer, s);
	if (strcmp(k->arch, "qwen35moe") == 0) {
		s->moe = keys_moe(k, ZINC_ACT_SILU);
		s->ff = keys_u32(k, "expert_shared_feed_forward_length", 1, ARCH_MAX_FF);
	} else {
		s->ff = keys_u32(k, "feed_forward_length", 1, ARCH_MAX_FF);
	}
	model_refuse_biases(&q->m, k);
}

static void declare_delta(struct qwen35 *q, int32_t i)
{
	struct arch_model *m = &q->m;
	struct qwen35_delta *d = &q->layers[i].delta;
	const struct qwen35_delta_sizes *s = &q->delta;
	const uint32_t width = m->info.n_embd;
	const uint32_t inner = s->n_v_head * s->head_dim;
	const uint32_t channels = 2 * s->n_k_head * s->head_dim + inner;
	const struct zinc_weight_decl conv = {.ne = {s->conv_taps, channels},
	                                      .dtypes = ZINC_TBIT(ZINC_F32),
	                                      .roles = ZINC_ROLE_VECTOR};

	d->qkv = decl_matrix(m, i, "attn_qkv.weight", width, channels);
	d->z = decl_matrix(m, i, "attn_gate.weight", width, inner);
	d->beta = decl_matrix(m, i, "ssm_beta.weight", width, s->n_v_head);
	d->alpha = decl_matrix(m, i, "ssm_alpha.weight", width, s->n_v_head);
	d->dt = decl_vector(m, i, model_has(m, i, "ssm_dt.bias") ? "ssm_dt.bias" : "ssm_dt",
	                    s->n_v_head);
	d->a = decl_vector(m, i, "ssm_a", s->n_v_head);
	d->conv = decl_weight(m, i, "ssm_conv1d.weight", &conv);
	d->norm = decl_vector(m, i, "ssm_norm.weight", s->head_dim);
	d->out = decl_matrix(m, i, "ssm_out.weight", inner, width);
	d->conv_state = decl_fixed(m, i, "conv", (s->conv_taps - 1) * channels);
	d->state = decl_fixed(m, i, "delta", inner * s->head_dim);
}

static void declare_attention(struct qwen35 *q, int32_t i, const struct sizes *s)
{
	struct arch_model *m = &q->m;
	struct qwen35_layer *layer = &q->layers[i];
	struct arch_attn *a = &layer->attn;
	const uint32_t width = m->info.n_embd, rows = s->attn.n_head * s->attn.head_dim;
	const uint32_t kv_rows = s->n_head_kv[i] * s->attn.head_dim;

	*a = s->attn;
	a->n_head_kv = s->n_head_kv[i];
	a->q = a->k = a->v = layer->attn_qkv = ARCH_NONE;
	if (model_has(m, i, "attn_qkv.weight")) {
		layer->attn_qkv =
			decl_matrix(m, i, "attn_qkv.weight", width, 2 * rows + 2 * kv_rows);
	} else {
		a->q = decl_matrix(m, i, "attn_q.weight", width, 2 * rows);
		a->k = decl_matrix(m, i, "attn_k.weight", width, kv_rows);
		a->v = decl_matrix(m, i, "attn_v.weight", width, kv_rows);
	}
	decl_attn_norms(m, i, a);
	a->out = decl_matrix(m, i, "attn_output.weight", rows, width);
	a->kv = decl_kv(m, i,
	                (struct decl_kv_dims){.n_head_kv = a->n_head_kv, .head_dim = a->head_dim});
}

static void declare_layer(struct qwen35 *q, int32_t i, const struct sizes *s)
{
	struct arch_model *m = &q->m;
	struct qwen35_layer *layer = &q->layers[i];
	const uint32_t width = m->info.n_embd;

	layer->recurrent = s->recurrent[i];
	layer->attn_norm = decl_vector(m, i, "attn_norm.weight", width);
	if (layer->recurrent)
		declare_delta(q, i);
	else
		declare_attention(q, i, s);
	/* Despite its name it stands before the FFN. */
	layer->ffn_norm = decl_vector(m, i, "post_attention_norm.weight", width);
	if (s->moe.n_expert) {
		layer->moe = decl_moe(m, i, &s->moe);
		layer->ffn = decl_ffn(m, i, "_shexp", s->ff, ZINC_ACT_SILU);
		layer->shared_gate = decl_matrix(m, i, "ffn_gate_inp_shexp.weight", width, 1);
	} else {
		layer->ffn = decl_ffn(m, i, "", s->ff, ZINC_ACT_SILU);
	}
}

static void declare(struct qwen35 *q, struct arch_keys *k, struct sizes *s)
{
	struct arch_model *m = &q->m;
	const float base = keys_f32(k, "rope.freq_base", 1.0f, 1e12f);
	const struct arch_rope rope = keys_rope(k, m->info.n_ctx_train);

	decl_rope(m, &s->attn, base, &rope);
	decl_embd_and_head(m, k);
	q->layers = model_alloc(m, m->info.n_layer, sizeof(*q->layers));
	for (uint32_t i = 0; i < m->info.n_layer && !m->no_memory; i++)
		declare_layer(q, (int32_t)i, s);
}

static void describe(struct zinc_arch_info *info, const struct sizes *s)
{
	uint32_t n_delta = 0;
	char experts[48] = "";

	for (uint32_t i = 0; i < info->n_layer; i++)
		n_delta += s->recurrent[i];
	info->n_expert = s->moe.n_expert;
	info->n_expert_used = s->moe.n_used;
	if (s->moe.n_expert)
		snprintf(experts, sizeof(experts), ", %u of %u experts", s->moe.n_used,
		         s->moe.n_expert);
	snprintf(info->summary, sizeof(info->summary),
	         "hybrid, %u delta net + %u full attention layers%s", n_delta,
	         info->n_layer - n_delta, experts);
}

int qwen35_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
                struct zinc_err *err)
{
	struct arch_keys k;
	struct sizes s = {0};
	struct qwen35 *q;

	keys_begin(&k, host, meta, qwen35_gguf_names, err);
	q = model_create(sizeof(*q), &k);
	if (!q)
		return k.status;
	read_keys(q, &k, &s);
	if (k.status == ZINC_OK)
		declare(q, &k, &s);
	describe(&q->m.info, &s);
	return model_opened(&q->m, &k, model);
}
