/* graph.c - the forward pass of a llama model. */
#include "llama.h"

void llama_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape)
{
	const struct llama *m = model;
	const uint32_t n_layer = m->m.info.n_layer;
	struct arch_rec r;

	rec_begin(&r, &m->m, graph, shape);
	struct zinc_view x = rec_embed_tokens(&r, 0);

	for (uint32_t i = 0; i < n_layer; i++) {
		const struct llama_layer *l = &m->layers[i];

		rec_label(&r, i, "attn");
		struct zinc_view h = rec_norm(&r, x, l->attn_norm);
		struct zinc_view o = rec_project_attn(&r, &l->attn, h, i + 1 == n_layer);
		if (i + 1 == n_layer) /* keys and values were needed of all tokens */
			rec_out_rows(&r, (struct zinc_view *[]){&x, &o}, 2);
		rec_linear_add(&r, l->attn.out, o, x);

		rec_label(&r, i, "ffn");
		h = rec_norm(&r, x, l->ffn_norm);
		rec_ffn_add(&r, &l->ffn, h, x);
		rec_tap(&r, i + 1, x);
	}
	rec_head(&r, x, 0);
}
