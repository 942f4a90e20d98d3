/* model.c - what a llama file says and holds. */
#include "llama.h"

#include <stdio.h>

const char *const llama_gguf_names[] = {"llama", NULL};

struct sizes {
	struct arch_attn attn;
	uint32_t ff;
};

static struct sizes read_keys(struct llama *l, struct arch_keys *k)
{
	struct sizes s = {0};
	uint32_t n_head;

	model_read_sizes(&l->m, k);
	n_head = keys_u32(k, "attention.head_count", 1, ARCH_MAX_HEADS);
	if (l->m.info.n_embd % n_head != 0 && !keys_has(k, "attention.key_length"))
		keys_fail(k, ZINC_E_INVALID,
		          "metadata key llama.embedding_length (%u) is no multiple of "
		          "llama.attention.head_count (%u)",
		          l->m.info.n_embd, n_head);
	s.attn = keys_attn(k, l->m.info.n_embd / n_head);
	s.attn.rope_mode = ZINC_ROPE_INTERLEAVED;
	s.ff = keys_u32(k, "feed_forward_length", 1, ARCH_MAX_FF);
	if (keys_u32_or(k, "expert_count", 0, ARCH_MAX_EXPERTS, 0) != 0)
		keys_fail(k, ZINC_E_UNSUPPORTED,
		          "metadata key llama.expert_count: experts are not known in files of this "
		          "architecture; take a dense model's file");
	model_refuse_biases(&l->m, k);
	return s;
}

static void declare_layer(struct llama *l, int32_t i, const struct sizes *s)
{
	struct arch_model *m = &l->m;
	struct llama_layer *layer = &l->layers[i];

	layer->attn = s->attn;
	layer->attn_norm = decl_vector(m, i, "attn_norm.weight", m->info.n_embd);
	decl_attn(m, i, &layer->attn);
	layer->attn.kv = decl_kv(m, i,
	                         (struct decl_kv_dims){.n_head_kv = s->attn.n_head_kv,
	                                               .head_dim = s->attn.head_dim});
	layer->ffn_norm = decl_vector(m, i, "ffn_norm.weight", m->info.n_embd);
	layer->ffn = decl_ffn(m, i, "", s->ff, ZINC_ACT_SILU);
}

static void declare(struct llama *l, struct arch_keys *k, struct sizes s)
{
	struct arch_model *m = &l->m;
	const float base = keys_f32_or(k, "rope.freq_base", 1.0f, 1e12f, 10000.0f);
	const struct arch_rope rope = keys_rope(k, m->info.n_ctx_train);

	decl_rope(m, &s.attn, base, &rope);
	/* Llama 3.1 and later stretch each frequency by a factor of its own. */
	s.attn.factors = decl_vector(m, -1, "rope_freqs.weight", s.attn.n_rot / 2);
	decl_optional(m, s.attn.factors);
	decl_embd_and_head(m, k);
	l->layers = model_alloc(m, m->info.n_layer, sizeof(*l->layers));
	for (uint32_t i = 0; i < m->info.n_layer && !m->no_memory; i++)
		declare_layer(l, (int32_t)i, &s);
}

int llama_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
               struct zinc_err *err)
{
	struct arch_keys k;
	struct llama *l;

	keys_begin(&k, host, meta, llama_gguf_names, err);
	l = model_create(sizeof(*l), &k);
	if (!l)
		return k.status;
	const struct sizes s = read_keys(l, &k);
	if (k.status == ZINC_OK)
		declare(l, &k, s);
	snprintf(l->m.info.summary, sizeof(l->m.info.summary), "dense, %u layers",
	         l->m.info.n_layer);
	return model_opened(&l->m, &k, model);
}
