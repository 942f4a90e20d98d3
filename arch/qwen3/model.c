/* model.c - what a qwen3 or qwen3moe file says and holds. */
#include "qwen3.h"

#include <stdio.h>
#include <string.h>

const char *const qwen3_gguf_names[] = {"qwen3", "qwen3moe", NULL};

struct sizes {
	struct arch_attn attn;
	uint32_t ff;               /* dense                    */
	struct arch_moe_sizes moe; /* n_expert 0: dense        */
};

static struct sizes read_keys(struct qwen3 *q, struct arch_keys *k)
{
	struct sizes s = {0};

	model_read_sizes(&q->m, k);
	s.attn = keys_attn(k, 0);
	if (strcmp(k->arch, "qwen3moe") == 0)
		s.moe = keys_moe(k, ZINC_ACT_SILU);
	else
		s.ff = keys_u32(k, "feed_forward_length", 1, ARCH_MAX_FF);
	model_refuse_biases(&q->m, k);
	return s;
}

static void declare_layer(struct qwen3 *q, int32_t i, const struct sizes *s)
{
	struct arch_model *m = &q->m;
	struct qwen3_layer *layer = &q->layers[i];

	layer->attn = s->attn;
	layer->attn_norm = decl_vector(m, i, "attn_norm.weight", m->info.n_embd);
	decl_attn(m, i, &layer->attn);
	decl_attn_norms(m, i, &layer->attn);
	layer->attn.kv = decl_kv(m, i,
	                         (struct decl_kv_dims){.n_head_kv = s->attn.n_head_kv,
	                                               .head_dim = s->attn.head_dim});
	layer->ffn_norm = decl_vector(m, i, "ffn_norm.weight", m->info.n_embd);
	if (s->moe.n_expert)
		layer->moe = decl_moe(m, i, &s->moe);
	else
		layer->ffn = decl_ffn(m, i, "", s->ff, ZINC_ACT_SILU);
}

static void declare(struct qwen3 *q, struct arch_keys *k, struct sizes s)
{
	struct arch_model *m = &q->m;
	const float base = keys_f32(k, "rope.freq_base", 1.0f, 1e12f);
	const struct arch_rope rope = keys_rope(k, m->info.n_ctx_train);

	decl_rope(m, &s.attn, base, &rope);
	decl_embd_and_head(m, k);
	q->layers = model_alloc(m, m->info.n_layer, sizeof(*q->layers));
	for (uint32_t i = 0; i < m->info.n_layer && !m->no_memory; i++)
		declare_layer(q, (int32_t)i, &s);
}

static void describe(struct zinc_arch_info *info, const struct sizes *s)
{
	info->n_expert = s->moe.n_expert;
	info->n_expert_used = s->moe.n_used;
	if (s->moe.n_expert)
		snprintf(info->summary, sizeof(info->summary), "%u layers, %u of %u experts",
		         info->n_layer, s->moe.n_used, s->moe.n_expert);
	else
		snprintf(info->summary, sizeof(info->summary), "dense, %u layers", info->n_layer);
}

int qwen3_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
               struct zinc_err *err)
{
	struct arch_keys k;
	struct qwen3 *q;

	keys_begin(&k, host, meta, qwen3_gguf_names, err);
	q = model_create(sizeof(*q), &k);
	if (!q)
		return k.status;
	const struct sizes s = read_keys(q, &k);
	if (k.status == ZINC_OK)
		declare(q, &k, s);
	describe(&q->m.info, &s);
	return model_opened(&q->m, &k, model);
}
