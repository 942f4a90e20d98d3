/* graph.c - the forward pass of a qwen3 or qwen3moe model. */
#include "qwen3.h"

/* x += ffn(norm(x)) */
static void feed_forward(const struct arch_rec *r, const struct qwen3_layer *l, struct zinc_view x)
{
	struct zinc_view h = rec_norm(r, x, l->ffn_norm);

	if (r->model->info.n_expert) {
		const struct arch_moe_in in = {
			.logits = rec_linear(r, l->moe.router, h), .h = h, .into = x};
		rec_moe(r, &l->moe, &in);
	} else {
		rec_ffn_add(r, &l->ffn, h, x);
	}
}

void qwen3_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape)
{
	const struct qwen3 *m = model;
	const uint32_t n_layer = m->m.info.n_layer;
	struct arch_rec r;

	rec_begin(&r, &m->m, graph, shape);
	struct zinc_view x = rec_embed_tokens(&r, 0);

	for (uint32_t i = 0; i < n_layer; i++) {
		const struct qwen3_layer *l = &m->layers[i];

		rec_label(&r, i, "attn");
		struct zinc_view h = rec_norm(&r, x, l->attn_norm);
		struct zinc_view o = rec_project_attn(&r, &l->attn, h, i + 1 == n_layer);
		if (i + 1 == n_layer)
			rec_out_rows(&r, (struct zinc_view *[]){&x, &o}, 2);
		rec_linear_add(&r, l->attn.out, o, x);

		rec_label(&r, i, m->m.info.n_expert ? "moe" : "ffn");
		feed_forward(&r, l, x);
		rec_tap(&r, i + 1, x);
	}
	rec_head(&r, x, 0);
}
