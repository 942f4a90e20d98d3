/* delta.c - recording one gated delta net layer:
 *   projections, causal convolution over time, gated delta rule, gated norm. */
#include <math.h>

#include "qwen35.h"

static struct zinc_view conv(const struct arch_rec *r, const struct qwen35_delta *d,
                             struct zinc_view u)
{
	const struct zinc_op_conv1d op = {
		.struct_size = sizeof(op),
		.x = u,
		.w = rec_weight(r, d->conv),
		.y = rec_temp(r, u.ne[0]),
		.state = r->host->state(r->graph, d->conv_state, 0),
		.seq_first = rec_table(r, ZINC_TABLE_SEQ_FIRST),
		.state_slot = rec_table(r, ZINC_TABLE_STATE_SLOT),
		.n = r->n,
		.n_seqs = r->n_seqs,
		.act = ZINC_ACT_SILU};

	r->host->op(r->graph, ZINC_OP_CONV1D, &op);
	return op.y;
}

struct zinc_view qwen35_delta_net(const struct arch_rec *r, const struct qwen35_delta_sizes *s,
                                  const struct qwen35_delta *d, struct zinc_view h)
{
	const uint32_t dim = s->head_dim, k_lanes = s->n_k_head * dim, v_lanes = s->n_v_head * dim;
	struct zinc_view u = rec_linear(r, d->qkv, h);
	struct zinc_view z = rec_linear(r, d->z, h);
	struct zinc_view beta = rec_linear(r, d->beta, h);
	struct zinc_view alpha = rec_linear(r, d->alpha, h);
	struct zinc_view c = conv(r, d, u);
	struct zinc_view out = rec_temp(r, v_lanes), heads = zinc_view_heads(out, dim);

	const struct zinc_op_delta_net op = {
		.struct_size = sizeof(op),
		.q = zinc_view_heads(zinc_view_lanes(c, 0, k_lanes), dim),
		.k = zinc_view_heads(zinc_view_lanes(c, k_lanes, k_lanes), dim),
		.v = zinc_view_heads(zinc_view_lanes(c, 2 * k_lanes, v_lanes), dim),
		.alpha = alpha,
		.beta = beta,
		.a = rec_weight(r, d->a),
		.dt = rec_weight(r, d->dt),
		.y = heads,
		.state = r->host->state(r->graph, d->state, 0),
		.seq_first = rec_table(r, ZINC_TABLE_SEQ_FIRST),
		.state_slot = rec_table(r, ZINC_TABLE_STATE_SLOT),
		.n = r->n,
		.n_seqs = r->n_seqs,
		.head_map = s->head_map,
		.q_scale = (float)(1.0 / sqrt(dim)),
		.l2_eps = 1e-6f};
	r->host->op(r->graph, ZINC_OP_DELTA_NET, &op);

	/* The norm is over each head and before the gate. */
	const struct zinc_op_rmsnorm norm = {.struct_size = sizeof(norm),
	                                     .x = heads,
	                                     .weight = rec_weight(r, d->norm),
	                                     .y = heads,
	                                     .n = r->n,
	                                     .eps = r->model->norm_eps,
	                                     .gate = zinc_view_heads(z, dim)};
	r->host->op(r->graph, ZINC_OP_RMSNORM, &norm);
	return out;
}
