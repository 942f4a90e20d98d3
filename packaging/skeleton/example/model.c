/* model.c - what a file says and holds: metadata, then declarations.
 *
 * A file may be damaged or made up: every number is checked before anything is
 * sized by it. */
#include "olmo2.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BLOCKS = 1024, MAX_WIDTH = 1 << 20, MAX_HEADS = 1024, MAX_HEAD_DIM = 4096 };

int olmo2_fail(struct zinc_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	*err = (struct zinc_err){.code = code};
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return code;
}

/* Whole numbers that must be there, each from 1 to a limit. */
static int read_numbers(struct olmo2 *p, struct zinc_err *err)
{
	const struct {
		const char *key;
		uint32_t max, *out;
	} all[] = {
		{"olmo2.block_count", MAX_BLOCKS, &p->info.n_layer},
		{"olmo2.context_length", 1 << 30, &p->info.n_ctx_train},
		{"olmo2.embedding_length", MAX_WIDTH, &p->info.n_embd},
		{"olmo2.feed_forward_length", MAX_WIDTH, &p->n_ff},
		{"olmo2.attention.head_count", MAX_HEADS, &p->n_head},
		{"olmo2.attention.head_count_kv", MAX_HEADS, &p->n_head_kv},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (p->host->meta_u32(p->meta, all[i].key, all[i].out))
			return olmo2_fail(err, ZINC_E_INVALID, "key %s is no whole number",
			                  all[i].key);
		if (*all[i].out < 1 || *all[i].out > all[i].max)
			return olmo2_fail(err, ZINC_E_INVALID, "key %s is %u, not 1 to %u",
			                  all[i].key, *all[i].out, all[i].max);
	}
	return ZINC_OK;
}

static int read_f32(const struct olmo2 *p, const char *key, float *out, struct zinc_err *err)
{
	if (p->host->meta_f32(p->meta, key, out) || !(*out > 0) || !isfinite(*out))
		return olmo2_fail(err, ZINC_E_INVALID, "key %s is no positive number", key);
	return ZINC_OK;
}

static int read_keys(struct olmo2 *p, struct zinc_err *err)
{
	struct zinc_tensor_info embd = {.struct_size = sizeof(embd)};

	if (read_numbers(p, err) || read_f32(p, "olmo2.rope.freq_base", &p->rope_base, err) ||
	    read_f32(p, "olmo2.attention.layer_norm_rms_epsilon", &p->norm_eps, err))
		return ZINC_E_INVALID;
	if (p->host->meta_u32(p->meta, "olmo2.attention.key_length", &p->head_dim))
		p->head_dim = p->info.n_embd / p->n_head;
	if (p->head_dim < 2 || p->head_dim > MAX_HEAD_DIM || p->head_dim % 2)
		return olmo2_fail(err, ZINC_E_INVALID, "heads of %u lanes: must be even, 2 to %d",
		                  p->head_dim, MAX_HEAD_DIM);
	if (p->n_head % p->n_head_kv)
		return olmo2_fail(err, ZINC_E_INVALID, "%u query heads cannot share %u key heads",
		                  p->n_head, p->n_head_kv);
	if (p->host->tensor(p->meta, "token_embd.weight", &embd))
		return olmo2_fail(err, ZINC_E_INVALID, "tensor token_embd.weight is missing");
	p->info.n_vocab = embd.ne[1];
	p->tied = p->host->tensor(p->meta, "output.weight", NULL) != ZINC_OK;
	return ZINC_OK;
}

static int allocate(struct olmo2 *p)
{
	p->n_weights = W_BLOCKS + p->info.n_layer * B_COUNT;
	p->weights = calloc(p->n_weights, sizeof(*p->weights));
	p->names = calloc(p->n_weights + p->info.n_layer, sizeof(*p->names));
	p->states = calloc(p->info.n_layer, sizeof(*p->states));
	p->freqs = calloc(p->head_dim / 2, sizeof(*p->freqs));
	return p->weights && p->names && p->states && p->freqs;
}

/* A matrix of `out` rows of `in`, or a vector where out is 1. */
static void declare(struct olmo2 *p, uint32_t index, int32_t layer, const char *name, uint32_t in,
                    uint32_t out)
{
	char *full = p->names[index];

	if (layer < 0)
		snprintf(full, sizeof(*p->names), "%s.weight", name);
	else
		snprintf(full, sizeof(*p->names), "blk.%d.%s.weight", layer, name);
	p->weights[index] = (struct zinc_weight_decl){
		.name = full, .layer = layer, .ne = {in, out, 1, 1},
		.dtypes = out == 1 ? ZINC_TBIT(ZINC_F32) : 0,
		.roles = out == 1 ? ZINC_ROLE_VECTOR : ZINC_ROLE_LINEAR,
	};
}

static void declare_block(struct olmo2 *p, uint32_t block)
{
	const uint32_t embd = p->info.n_embd, q = p->n_head * p->head_dim;
	const uint32_t kv = p->n_head_kv * p->head_dim;
	const struct {
		const char *name;
		uint32_t in, out;
	} all[B_COUNT] = {
		[B_Q] = {"attn_q", embd, q}, [B_K] = {"attn_k", embd, kv},
		[B_V] = {"attn_v", embd, kv}, [B_Q_NORM] = {"attn_q_norm", q, 1},
		[B_K_NORM] = {"attn_k_norm", kv, 1}, [B_OUT] = {"attn_output", q, embd},
		[B_ATTN_NORM] = {"post_attention_norm", embd, 1},
		[B_GATE] = {"ffn_gate", embd, p->n_ff}, [B_UP] = {"ffn_up", embd, p->n_ff},
		[B_DOWN] = {"ffn_down", p->n_ff, embd}, [B_FFN_NORM] = {"post_ffw_norm", embd, 1},
	};
	char *name = p->names[p->n_weights + block];

	for (uint32_t i = 0; i < B_COUNT; i++)
		declare(p, block_weight(block, i), (int32_t)block, all[i].name, all[i].in,
		        all[i].out);
	snprintf(name, sizeof(*p->names), "blk.%u.kv", block);
	p->states[block] = (struct zinc_state_decl){
		.name = name, .kind = ZINC_STATE_KV, .layer = (int32_t)block,
		.n_head_kv = p->n_head_kv, .k_head_dim = p->head_dim, .v_head_dim = p->head_dim,
	};
}

static void declare_all(struct olmo2 *p)
{
	const uint32_t embd = p->info.n_embd;

	declare(p, W_EMBD, -1, "token_embd", embd, p->info.n_vocab);
	p->weights[W_EMBD].roles = ZINC_ROLE_TABLE | (p->tied ? (uint32_t)ZINC_ROLE_LINEAR : 0);
	declare(p, W_NORM, -1, "output_norm", embd, 1);
	declare(p, W_HEAD, -1, "output", embd, p->info.n_vocab);
	p->weights[W_HEAD].optional = 1;
	for (uint32_t i = 0; i < p->info.n_layer; i++)
		declare_block(p, i);
	for (uint32_t i = 0; i < p->head_dim / 2; i++)
		p->freqs[i] = (float)pow(p->rope_base, -2.0 * i / p->head_dim);
	p->rope = (struct zinc_const_decl){
		.name = "rope", .dtype = ZINC_F32, .n = p->head_dim / 2, .data = p->freqs};
}

int olmo2_open(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
               struct zinc_err *err)
{
	struct olmo2 *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return olmo2_fail(err, ZINC_E_NO_MEMORY, "no memory for the model");
	p->host = host;
	p->meta = meta;
	rc = read_keys(p, err);
	if (!rc && !allocate(p))
		rc = olmo2_fail(err, ZINC_E_NO_MEMORY, "no memory for the model");
	if (rc) {
		olmo2_close(p);
		return rc;
	}
	declare_all(p);
	snprintf(p->info.summary, sizeof(p->info.summary), "dense, %u layers", p->info.n_layer);
	*model = p;
	return ZINC_OK;
}

void olmo2_close(void *model)
{
	struct olmo2 *p = model;

	if (!p)
		return;
	free(p->weights);
	free(p->names);
	free(p->states);
	free(p->freqs);
	free(p);
}
