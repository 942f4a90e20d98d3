/* graph.c - the forward pass of a gemma4 model. */
#include <math.h>

#include "gemma4.h"

/* What each block adds of the token itself, [T, n_layer * ple_width]:
 *   (rmsnorm(proj x / sqrt(n_embd)) + table[id] * sqrt(ple_width)) / sqrt(2) */
static struct zinc_view per_layer_inputs(const struct arch_rec *r, const struct gemma4 *m,
                                         struct zinc_view x)
{
	const uint32_t width = m->ple_width;

	rec_label(r, ARCH_NONE, "ple");
	struct zinc_view ple = rec_embed(r, m->ple_table, sqrtf((float)width));
	struct zinc_view proj = rec_linear_scaled(r, m->ple_model_proj, x,
	                                          (float)(1.0 / sqrt(m->m.info.n_embd)));

	rec_norm_add(r, zinc_view_heads(proj, width), m->ple_proj_norm,
	             zinc_view_heads(ple, width));
	const struct zinc_op_unary half = {.struct_size = sizeof(half),
	                                   .x = ple,
	                                   .y = ple,
	                                   .n = r->n,
	                                   .value = (float)sqrt(0.5)};
	r->host->op(r->graph, ZINC_OP_SCALE, &half);
	return ple;
}

/* Absent where the layer reads the cache of another. */
static void project_kv(const struct arch_rec *r, const struct gemma4_layer *l, struct zinc_view h,
                       struct arch_qkv *qkv)
{
	const struct arch_attn *a = &l->attn;

	if (!l->owns_kv)
		return;
	qkv->k = zinc_view_heads(rec_linear(r, a->k, h), a->head_dim);
	if (a->v == ARCH_NONE) { /* of the raw keys, before their norm and RoPE */
		qkv->v = rec_norm(r, qkv->k, ARCH_NONE);
	} else {
		qkv->v = zinc_view_heads(rec_linear(r, a->v, h), a->head_dim);
		rec_norm_in_place(r, qkv->v, ARCH_NONE);
	}
}

static struct zinc_view attention(struct arch_rec *r, const struct gemma4_layer *l,
                                  struct zinc_view x, bool last)
{
	const struct arch_attn *a = &l->attn;
	const bool kv_first = last && rec_reads_few(r);
	struct zinc_view h = rec_norm(r, x, l->attn_norm);
	struct arch_qkv qkv = {0};

	if (kv_first) {
		project_kv(r, l, h, &qkv);
		rec_kv_first(r, a, &qkv, &h);
	}
	qkv.q = zinc_view_heads(rec_linear(r, a->q, h), a->head_dim);
	if (!kv_first)
		project_kv(r, l, h, &qkv);
	return rec_attn(r, a, &qkv);
}

/* dense = rmsnorm(dense) + rmsnorm(experts(x)). Router and experts read the
 * residual stream through norms of their own. */
static void add_experts(const struct arch_rec *r, const struct gemma4_moe *moe, struct zinc_view x,
                        struct zinc_view dense)
{
	struct arch_moe_in in = {0};

	rec_norm_in_place(r, dense, moe->post_dense_norm);
	/* The router's scale multiplies lanes just as a norm's weight does. */
	struct zinc_view s = rec_norm(r, x, moe->router_scale);
	in.logits = rec_linear_scaled(r, moe->experts.router, s,
	                              (float)(1.0 / sqrt(r->model->info.n_embd)));
	in.h = rec_norm(r, x, moe->pre_norm);
	rec_norm_add(r, rec_moe(r, &moe->experts, &in), moe->post_norm, dense);
}

/* x += rmsnorm(ffn(rmsnorm(x))) */
static void feed_forward(const struct arch_rec *r, const struct gemma4_layer *l, struct zinc_view x)
{
	struct zinc_view f = rec_ffn(r, &l->ffn, rec_norm(r, x, l->ffn_norm));

	if (l->moe.experts.router != ARCH_NONE)
		add_experts(r, &l->moe, x, f);
	rec_norm_add(r, f, l->post_ffn_norm, x);
}

/* x += rmsnorm(proj(gelu(gate x) * ple)) */
static void add_per_layer_input(const struct arch_rec *r, const struct gemma4_layer *l,
                                struct zinc_view ple, struct zinc_view x)
{
	struct zinc_view e = rec_linear(r, l->ple_gate, x);
	const struct zinc_op_glu glu = {.struct_size = sizeof(glu),
	                                .gate = e,
	                                .up = ple,
	                                .y = e,
	                                .n = r->n,
	                                .act = ZINC_ACT_GELU_TANH};

	r->host->op(r->graph, ZINC_OP_GLU, &glu);
	rec_norm_add(r, rec_linear(r, l->ple_proj, e), l->ple_norm, x);
}

/* x *= layer_output_scale: the whole residual stream. */
static void scale_output(const struct arch_rec *r, const struct gemma4_layer *l, struct zinc_view x)
{
	const struct zinc_op_binary mul = {.struct_size = sizeof(mul),
	                                   .a = x,
	                                   .b = rec_weight(r, l->out_scale),
	                                   .y = x,
	                                   .n = r->n};

	if (zinc_view_present(&mul.b))
		r->host->op(r->graph, ZINC_OP_MUL, &mul);
}

void gemma4_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape)
{
	const struct gemma4 *m = model;
	const uint32_t n_layer = m->m.info.n_layer, width = m->ple_width;
	struct zinc_view inputs = {0}, ple = {0};
	struct arch_rec r;

	rec_begin(&r, &m->m, graph, shape);
	struct zinc_view x = rec_embed_tokens(&r, sqrtf((float)m->m.info.n_embd));
	if (width)
		inputs = per_layer_inputs(&r, m, x);

	for (uint32_t i = 0; i < n_layer; i++) {
		const struct gemma4_layer *l = &m->layers[i];

		rec_label(&r, i, "attn");
		struct zinc_view o = attention(&r, l, x, i + 1 == n_layer);
		if (width)
			ple = zinc_view_lanes(inputs, i * width, width);
		if (i + 1 == n_layer)
			rec_out_rows(&r, (struct zinc_view *[]){&x, &o, &ple}, width ? 3 : 2);
		rec_norm_add(&r, rec_linear(&r, l->attn.out, o), l->post_attn_norm, x);

		rec_label(&r, i, l->moe.experts.router != ARCH_NONE ? "moe" : "ffn");
		feed_forward(&r, l, x);
		if (width) {
			rec_label(&r, i, "ple");
			add_per_layer_input(&r, l, ple, x);
		}
		scale_output(&r, l, x);
		rec_tap(&r, i + 1, x);
	}
	rec_head(&r, x, m->softcap);
}
