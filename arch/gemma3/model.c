/* model.c - what a gemma3 file says and holds. */
#include "gemma3.h"

#include <math.h>
#include <stdio.h>

const char *const gemma3_gguf_names[] = {"gemma3", NULL};

/* The two kinds of layer differ in window and RoPE only. */
struct sizes {
	struct arch_attn sliding, full;
	uint32_t period; /* every period-th layer is full */
	uint32_t ff;
};

/* 1/sqrt(head_dim), but one size of the family was trained with another scale,
 * and no key tells: 27B, known by its 62 blocks. */
static float score_scale(const struct zinc_arch_info *info, const struct arch_attn *a)
{
	if (info->n_layer == 62)
		return (float)(1.0 / sqrt((double)info->n_embd / a->n_head));
	return attn_scale(a->head_dim);
}

static struct sizes read_keys(struct gemma3 *g, struct arch_keys *k)
{
	struct sizes s = {0};

	model_read_sizes(&g->m, k);
	s.full = keys_attn(k, 0);
	s.full.scale = score_scale(&g->m.info, &s.full);
	s.sliding = s.full;
	s.sliding.window = keys_u32(k, "attention.sliding_window", 1, ARCH_MAX_CONTEXT);
	s.period = keys_u32_or(k, "attention.sliding_window_pattern", 1, ARCH_MAX_LAYERS, 6);
	s.ff = keys_u32(k, "feed_forward_length", 1, ARCH_MAX_FF);
	g->softcap = keys_f32_or(k, "final_logit_softcapping", 0.0f, 1e6f, 0.0f);
	model_refuse_biases(&g->m, k);
	return s;
}

static void declare_layer(struct gemma3 *g, int32_t i, const struct sizes *s)
{
	struct arch_model *m = &g->m;
	struct gemma3_layer *layer = &g->layers[i];
	const uint32_t width = m->info.n_embd;

	layer->attn = ((uint32_t)i + 1) % s->period == 0 ? s->full : s->sliding;
	layer->attn_norm = decl_vector(m, i, "attn_norm.weight", width);
	decl_attn(m, i, &layer->attn);
	decl_attn_norms(m, i, &layer->attn);
	layer->attn.kv = decl_kv(m, i,
	                         (struct decl_kv_dims){.n_head_kv = layer->attn.n_head_kv,
	                                               .head_dim = layer->attn.head_dim,
	                                               .window = layer->attn.window});
	layer->post_attn_norm = decl_vector(m, i, "post_attention_norm.weight", width);
	layer->ffn_norm = decl_vector(m, i, "ffn_norm.weight", width);
	layer->ffn = decl_ffn(m, i, "", s->ff, ZINC_ACT_GELU_TANH);
	layer->post_ffn_norm = decl_vector(m, i, "post_ffw_norm.weight", width);
}

static void declare(struct gemma3 *g, struct arch_keys *k, struct sizes s)
{
	struct arch_model *m = &g->m;
	const float base = keys_f32(k, "rope.freq_base", 1.0f, 1e12f);
	const struct arch_rope rope = keys_rope_linear(k);
	const float base_swa = keys_f32_or(k, "rope.freq_base_swa", 1.0f, 1e12f, 10000.0f);

	/* The long context is reached by the full layers alone, and so is the
	 * stretching of positions. */
	s.full.freqs = decl_rope_freqs(m, "rope_full", s.full.n_rot, base, &rope);
	s.sliding.freqs = decl_rope_freqs(m, "rope_sliding", s.sliding.n_rot, base_swa, NULL);
	decl_embd_and_head(m, k);
	g->layers = model_alloc(m, m->info.n_layer, sizeof(*g->layers));
	for (uint32_t i = 0; i < m->info.n_layer && !m->no_memory; i++)
		declare_layer(g, (int32_t)i, &s);
}

static void describe(struct zinc_arch_info *info, const struct sizes *s)
{
	const uint32_t n_full = info->n_layer / s->period;

	snprintf(info->summary, sizeof(info->summary),
	         "dense, %u sliding (window %u) + %u full attention layers",
	         info->n_layer - n_full, s->sliding.window, n_full);
}

int gemma3_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
                struct zinc_err *err)
{
	struct arch_keys k;
	struct gemma3 *g;

	keys_begin(&k, host, meta, gemma3_gguf_names, err);
	g = model_create(sizeof(*g), &k);
	if (!g)
		return k.status;
	const struct sizes s = read_keys(g, &k);
	if (k.status == ZINC_OK)
		declare(g, &k, s);
	describe(&g->m.info, &s);
	return model_opened(&g->m, &k, model);
}
