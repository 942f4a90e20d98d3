/* record.c - the ops that every family uses, one function each. */
#include "record.h"

void rec_begin(struct arch_rec *r, const struct arch_model *m, struct zinc_graph *g,
               const struct zinc_shape *shape)
{
	*r = (struct arch_rec){.host = m->base.host,
	                       .graph = g,
	                       .model = m,
	                       .shape = shape,
	                       .n = zinc_slot(ZINC_SLOT_N_TOKENS, shape->max_tokens),
	                       .n_seqs = zinc_slot(ZINC_SLOT_N_SEQS, shape->max_seqs),
	                       .row_seq = ZINC_TABLE_TOK_SEQ,
	                       .row_pos = ZINC_TABLE_TOK_POS,
	                       .seq_first = ZINC_TABLE_SEQ_FIRST};
}

struct zinc_view rec_weight(const struct arch_rec *r, uint32_t index)
{
	if (index == ARCH_NONE)
		return (struct zinc_view){0};
	return r->host->weight(r->graph, index);
}

struct zinc_view rec_table(const struct arch_rec *r, enum zinc_table table)
{
	return r->host->table(r->graph, table, 0);
}

struct zinc_view rec_temp(const struct arch_rec *r, uint32_t width)
{
	return r->host->temp(r->graph, ZINC_F32, width, r->n.imm, 1, 1);
}

void rec_label(const struct arch_rec *r, uint32_t layer, const char *what)
{
	r->host->label(r->graph, layer == ARCH_NONE ? -1 : (int32_t)layer, what);
}

static void embed(const struct arch_rec *r, const struct zinc_op_embed *op)
{
	r->host->op(r->graph, ZINC_OP_EMBED, op);
}

struct zinc_view rec_embed(const struct arch_rec *r, uint32_t table, float scale)
{
	struct zinc_op_embed op = {.struct_size = sizeof(op),
	                           .table = rec_weight(r, table),
	                           .ids = rec_table(r, ZINC_TABLE_TOK_ID),
	                           .n = r->n,
	                           .scale = scale};

	op.y = rec_temp(r, op.table.ne[0]);
	embed(r, &op);
	return op.y;
}

struct zinc_view rec_embed_tokens(const struct arch_rec *r, float scale)
{
	rec_label(r, ARCH_NONE, "embed");
	struct zinc_view x = rec_embed(r, r->model->embd, scale);

	rec_tap(r, 0, x);
	return x;
}

static void norm(const struct arch_rec *r, struct zinc_op_rmsnorm op, uint32_t weight)
{
	op.struct_size = sizeof(op);
	op.weight = rec_weight(r, weight);
	op.n = r->n;
	op.eps = r->model->norm_eps;
	r->host->op(r->graph, ZINC_OP_RMSNORM, &op);
}

struct zinc_view rec_norm(const struct arch_rec *r, struct zinc_view x, uint32_t weight)
{
	struct zinc_view y = r->host->temp(r->graph, ZINC_F32, x.ne[0], x.ne[1], x.ne[2], x.ne[3]);

	norm(r, (struct zinc_op_rmsnorm){.x = x, .y = y}, weight);
	return y;
}

void rec_norm_add(const struct arch_rec *r, struct zinc_view x, uint32_t weight,
                  struct zinc_view into)
{
	norm(r, (struct zinc_op_rmsnorm){.x = x, .y = into, .after = into}, weight);
}

void rec_norm_in_place(const struct arch_rec *r, struct zinc_view x, uint32_t weight)
{
	norm(r, (struct zinc_op_rmsnorm){.x = x, .y = x}, weight);
}

struct zinc_view rec_linear_scaled(const struct arch_rec *r, uint32_t w, struct zinc_view x,
                                   float scale)
{
	struct zinc_op_linear op = {.struct_size = sizeof(op),
	                            .w = rec_weight(r, w),
	                            .x = x,
	                            .n = r->n,
	                            .scale = scale};

	op.y = rec_temp(r, op.w.ne[1]);
	r->host->op(r->graph, ZINC_OP_LINEAR, &op);
	return op.y;
}

struct zinc_view rec_linear(const struct arch_rec *r, uint32_t w, struct zinc_view x)
{
	return rec_linear_scaled(r, w, x, 0);
}

void rec_linear_add(const struct arch_rec *r, uint32_t w, struct zinc_view x, struct zinc_view into)
{
	struct zinc_op_linear op = {.struct_size = sizeof(op),
	                            .w = rec_weight(r, w),
	                            .x = x,
	                            .y = into,
	                            .n = r->n,
	                            .residual = into};

	r->host->op(r->graph, ZINC_OP_LINEAR, &op);
}

void rec_tap(const struct arch_rec *r, uint32_t layer, struct zinc_view x)
{
	r->host->tap(r->graph, layer, &x);
}

bool rec_reads_few(const struct arch_rec *r)
{
	return r->shape->max_out < r->shape->max_tokens;
}

void rec_out_rows(struct arch_rec *r, struct zinc_view *const *views, uint32_t n)
{
	r->n = zinc_slot(ZINC_SLOT_N_OUT, r->shape->max_out);
	r->row_seq = ZINC_TABLE_OUT_SEQ;
	r->row_pos = ZINC_TABLE_OUT_POS;
	r->seq_first = ZINC_TABLE_OUT_FIRST;
	for (uint32_t i = 0; i < n; i++) {
		if (rec_reads_few(r) && views[i]->ne[1] <= r->shape->max_out)
			continue;
		struct zinc_op_embed op = {.struct_size = sizeof(op),
		                           .table = *views[i],
		                           .ids = rec_table(r, ZINC_TABLE_OUT_ROW),
		                           .y = rec_temp(r, views[i]->ne[0]),
		                           .n = r->n};

		embed(r, &op);
		*views[i] = op.y;
	}
}

void rec_head(const struct arch_rec *r, struct zinc_view x, float softcap)
{
	rec_label(r, ARCH_NONE, "head");
	struct zinc_view h = rec_norm(r, x, r->model->head_norm);
	struct zinc_view y = rec_linear(r, r->model->head, h);

	if (softcap != 0) {
		struct zinc_op_unary op = {
			.struct_size = sizeof(op), .x = y, .y = y, .n = r->n, .value = softcap};
		r->host->op(r->graph, ZINC_OP_SOFTCAP, &op);
	}
	r->host->logits(r->graph, &y);
}
