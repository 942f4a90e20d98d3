/* graph.c - the forward pass of a gemma3 model. */
#include <math.h>

#include "gemma3.h"

void gemma3_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape)
{
	const struct gemma3 *m = model;
	const uint32_t n_layer = m->m.info.n_layer;
	struct arch_rec r;

	rec_begin(&r, &m->m, graph, shape);
	struct zinc_view x = rec_embed_tokens(&r, sqrtf((float)m->m.info.n_embd));

	for (uint32_t i = 0; i < n_layer; i++) {
		const struct gemma3_layer *l = &m->layers[i];

		rec_label(&r, i, "attn");
		struct zinc_view h = rec_norm(&r, x, l->attn_norm);
		struct zinc_view o = rec_project_attn(&r, &l->attn, h, i + 1 == n_layer);
		if (i + 1 == n_layer)
			rec_out_rows(&r, (struct zinc_view *[]){&x, &o}, 2);
		rec_norm_add(&r, rec_linear(&r, l->attn.out, o), l->post_attn_norm, x);

		rec_label(&r, i, "ffn");
		h = rec_norm(&r, x, l->ffn_norm);
		rec_norm_add(&r, rec_ffn(&r, &l->ffn, h), l->post_ffn_norm, x);
		rec_tap(&r, i + 1, x);
	}
	rec_head(&r, x, m->softcap);
}
