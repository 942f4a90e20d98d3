/* ffn.c - declaring and recording feed-forward networks. */
#include "ffn.h"

#include <stdio.h>

static uint32_t decl_part(struct arch_model *m, int32_t layer, const char *part,
                          const char *suffix, uint32_t in, uint32_t out)
{
	char name[64];

	snprintf(name, sizeof(name), "ffn_%s%s.weight", part, suffix);
	return decl_matrix(m, layer, name, in, out);
}

struct arch_ffn decl_ffn(struct arch_model *m, int32_t layer, const char *suffix, uint32_t ff,
                         uint32_t act)
{
	const uint32_t width = m->info.n_embd;

	return (struct arch_ffn){.gate = decl_part(m, layer, "gate", suffix, width, ff),
	                         .up = decl_part(m, layer, "up", suffix, width, ff),
	                         .down = decl_part(m, layer, "down", suffix, ff, width),
	                         .act = act};
}

static struct zinc_view gated(const struct arch_rec *r, const struct arch_ffn *f,
                              struct zinc_view h)
{
	struct zinc_op_linear op = {.struct_size = sizeof(op),
	                            .w = rec_weight(r, f->up),
	                            .x = h,
	                            .n = r->n,
	                            .act = f->act,
	                            .gate_w = rec_weight(r, f->gate)};

	op.y = rec_temp(r, op.w.ne[1]);
	r->host->op(r->graph, ZINC_OP_LINEAR, &op);
	return op.y;
}

struct zinc_view rec_ffn(const struct arch_rec *r, const struct arch_ffn *f, struct zinc_view h)
{
	return rec_linear(r, f->down, gated(r, f, h));
}

void rec_ffn_add(const struct arch_rec *r, const struct arch_ffn *f, struct zinc_view h,
                 struct zinc_view into)
{
	rec_linear_add(r, f->down, gated(r, f, h), into);
}

struct arch_moe_sizes keys_moe(struct arch_keys *k, uint32_t act)
{
	struct arch_moe_sizes s = {.act = act};

	s.n_expert = keys_u32(k, "expert_count", 1, ARCH_MAX_EXPERTS);
	s.n_used = keys_u32(k, "expert_used_count", 1, s.n_expert);
	s.ff = keys_u32(k, "expert_feed_forward_length", 1, ARCH_MAX_FF);
	return s;
}

static uint32_t decl_experts(struct arch_model *m, int32_t layer, const char *name,
                             const uint32_t ne[3])
{
	const struct zinc_weight_decl w = {.ne = {ne[0], ne[1], ne[2]}, .roles = ZINC_ROLE_EXPERTS};

	return decl_weight(m, layer, name, &w);
}

struct arch_moe decl_moe(struct arch_model *m, int32_t layer, const struct arch_moe_sizes *size)
{
	const uint32_t width = m->info.n_embd, ff = size->ff, n = size->n_expert;
	struct arch_moe moe = {
		.size = *size, .gate = ARCH_NONE, .up = ARCH_NONE, .gate_up = ARCH_NONE};

	moe.router = decl_matrix(m, layer, "ffn_gate_inp.weight", width, n);
	if (model_has(m, layer, "ffn_gate_up_exps.weight")) {
		moe.gate_up = decl_experts(m, layer, "ffn_gate_up_exps.weight",
		                           (uint32_t[]){width, 2 * ff, n});
	} else {
		moe.gate = decl_experts(m, layer, "ffn_gate_exps.weight",
		                        (uint32_t[]){width, ff, n});
		moe.up = decl_experts(m, layer, "ffn_up_exps.weight",
		                      (uint32_t[]){width, ff, n});
	}
	moe.down = decl_experts(m, layer, "ffn_down_exps.weight", (uint32_t[]){ff, width, n});
	moe.down_scale = decl_optional(m, decl_vector(m, layer, "ffn_down_exps.scale", n));
	return moe;
}

/* An op on experts: it needs all that route() found out. */
static struct zinc_op_linear experts_op(const struct arch_rec *r,
                                        const struct zinc_op_moe_route *route)
{
	return (struct zinc_op_linear){.struct_size = sizeof(struct zinc_op_linear),
	                               .n = r->n,
	                               .ids = route->ids,
	                               .expert_first = route->expert_first,
	                               .perm = route->perm};
}

static struct zinc_op_moe_route route(const struct arch_rec *r, const struct arch_moe *m,
                                      struct zinc_view logits)
{
	const uint32_t k = m->size.n_used, rows = r->n.imm;
	const struct zinc_arch_host *host = r->host;
	const struct zinc_op_moe_route op = {
		.struct_size = sizeof(op),
		.flags = ZINC_ROUTE_RENORM,
		.logits = logits,
		.ids = host->temp(r->graph, ZINC_I32, k, rows, 1, 1),
		.weights = rec_temp(r, k),
		.expert_first = host->temp(r->graph, ZINC_I32, m->size.n_expert + 1, 1, 1, 1),
		.perm = host->temp(r->graph, ZINC_I32, k * rows, 1, 1, 1),
		.expert_scale = rec_weight(r, m->down_scale),
		.n = r->n,
		.k = k,
		.gating = ZINC_GATING_SOFTMAX};

	host->op(r->graph, ZINC_OP_MOE_ROUTE, &op);
	return op;
}

struct zinc_view rec_moe(const struct arch_rec *r, const struct arch_moe *m,
                         const struct arch_moe_in *in)
{
	const uint32_t k = m->size.n_used, ff = m->size.ff, rows = r->n.imm;
	const struct zinc_op_moe_route routed = route(r, m, in->logits);
	struct zinc_op_linear up = experts_op(r, &routed), down = experts_op(r, &routed);

	if (m->gate_up != ARCH_NONE) {
		up.gate_w = zinc_view_rows(rec_weight(r, m->gate_up), 0, ff);
		up.w = zinc_view_rows(rec_weight(r, m->gate_up), ff, ff);
	} else {
		up.gate_w = rec_weight(r, m->gate);
		up.w = rec_weight(r, m->up);
	}
	up.x = in->h;
	up.act = m->size.act;
	up.y = r->host->temp(r->graph, ZINC_F32, ff, k, rows, 1);
	r->host->op(r->graph, ZINC_OP_LINEAR, &up);

	down.w = rec_weight(r, m->down);
	down.x = up.y;
	down.y = r->host->temp(r->graph, ZINC_F32, down.w.ne[1], k, rows, 1);
	r->host->op(r->graph, ZINC_OP_LINEAR, &down);

	struct zinc_op_moe_combine sum = {.struct_size = sizeof(sum),
	                                  .x = down.y,
	                                  .weights = routed.weights,
	                                  .y = in->into,
	                                  .n = r->n,
	                                  .shared = in->shared,
	                                  .shared_gate = in->shared_gate,
	                                  .residual = in->into};
	if (!zinc_view_present(&sum.y))
		sum.y = rec_temp(r, down.w.ne[1]);
	r->host->op(r->graph, ZINC_OP_MOE_COMBINE, &sum);
	return sum.y;
}
