/* graph.c - the forward pass of a qwen35 or qwen35moe model. */
#include "qwen35.h"

/* The projections as lanes of one product: it is of all tokens. */
static struct zinc_view project_fused(struct arch_rec *r, const struct qwen35_layer *l,
                                      struct zinc_view h, bool last, struct arch_qkv *qkv)
{
	const struct arch_attn *a = &l->attn;
	const uint32_t dim = a->head_dim;
	const uint32_t q_lanes = 2 * a->n_head * dim, kv_lanes = a->n_head_kv * dim;
	struct zinc_view all = rec_linear(r, l->attn_qkv, h), q = zinc_view_lanes(all, 0, q_lanes);

	qkv->k = zinc_view_heads(zinc_view_lanes(all, q_lanes, kv_lanes), dim);
	qkv->v = zinc_view_heads(zinc_view_lanes(all, q_lanes + kv_lanes, kv_lanes), dim);
	if (last && rec_reads_few(r))
		rec_kv_first(r, a, qkv, &q);
	return q;
}

/* Gated attention. A head of the query projection is 2 * head_dim wide: the
 * query, then the gate of that head's output. */
static struct zinc_view attention(struct arch_rec *r, const struct qwen35_layer *l,
                                  struct zinc_view h, bool last)
{
	const uint32_t dim = l->attn.head_dim;
	struct arch_qkv qkv = {0};
	struct zinc_view q = l->attn_qkv != ARCH_NONE
	                             ? project_fused(r, l, h, last, &qkv)
	                             : rec_project(r, &l->attn, h, last, &qkv);

	q = zinc_view_heads(q, 2 * dim);
	qkv.q = zinc_view_lanes(q, 0, dim);
	qkv.gate = zinc_view_lanes(q, dim, dim);
	return rec_attn(r, &l->attn, &qkv);
}

/* x += ffn(norm(x)); with experts, the shared one has a gate of its own. */
static void feed_forward(const struct arch_rec *r, const struct qwen35_layer *l,
                         struct zinc_view x)
{
	struct zinc_view h = rec_norm(r, x, l->ffn_norm);

	if (r->model->info.n_expert) {
		struct arch_moe_in in = {.h = h, .into = x};

		in.logits = rec_linear(r, l->moe.router, h);
		in.shared = rec_ffn(r, &l->ffn, h);
		in.shared_gate = rec_linear(r, l->shared_gate, h);
		rec_moe(r, &l->moe, &in);
	} else {
		rec_ffn_add(r, &l->ffn, h, x);
	}
}

void qwen35_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape)
{
	const struct qwen35 *m = model;
	const uint32_t n_layer = m->m.info.n_layer;
	struct arch_rec r;

	rec_begin(&r, &m->m, graph, shape);
	struct zinc_view x = rec_embed_tokens(&r, 0);

	for (uint32_t i = 0; i < n_layer; i++) {
		const struct qwen35_layer *l = &m->layers[i];

		rec_label(&r, i, l->recurrent ? "delta" : "attn");
		struct zinc_view h = rec_norm(&r, x, l->attn_norm);
		struct zinc_view o = l->recurrent
			                     ? qwen35_delta_net(&r, &m->delta, &l->delta, h)
			                     : attention(&r, l, h, i + 1 == n_layer);
		if (i + 1 == n_layer)
			rec_out_rows(&r, (struct zinc_view *[]){&x, &o}, 2);
		rec_linear_add(&r, l->recurrent ? l->delta.out : l->attn.out, o, x);

		rec_label(&r, i, m->m.info.n_expert ? "moe" : "ffn");
		feed_forward(&r, l, x);
		rec_tap(&r, i + 1, x);
	}
	rec_head(&r, x, 0);
}
