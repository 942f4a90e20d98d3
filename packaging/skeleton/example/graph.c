/* graph.c - the forward pass, recorded once for every shape.
 *
 * Nothing is computed here. An op names views; what is not there yet (how many
 * tokens, which positions) stands in slots and tables that the core fills for
 * every step. */
#include "olmo2.h"

#include <math.h>

/* The recording in progress. */
struct rec {
	const struct olmo2 *p;
	const struct zinc_arch_host *host;
	struct zinc_graph *graph;
	struct zinc_u32 n; /* rows: tokens; past the last attention, those that are read */
	struct zinc_u32 n_seqs;
};

static struct zinc_view temp(const struct rec *r, uint32_t width)
{
	return r->host->temp(r->graph, ZINC_F32, width, r->n.imm, 1, 1);
}

static struct zinc_view table(const struct rec *r, uint32_t which, uint32_t index)
{
	return r->host->table(r->graph, which, index);
}

static struct zinc_view rows(const struct rec *r, struct zinc_view from, struct zinc_view ids)
{
	struct zinc_op_embed op = {.struct_size = sizeof(op), .table = from, .ids = ids, .n = r->n};

	op.y = temp(r, from.ne[0]);
	r->host->op(r->graph, ZINC_OP_EMBED, &op);
	return op.y;
}

/* y = norm(x); with after, y = after + norm(x). */
static void norm(const struct rec *r, uint32_t weight, struct zinc_view x, struct zinc_view y,
                 struct zinc_view after)
{
	struct zinc_op_rmsnorm op = {
		.struct_size = sizeof(op), .x = x, .y = y, .n = r->n, .after = after};

	op.weight = r->host->weight(r->graph, weight);
	op.eps = r->p->norm_eps;
	r->host->op(r->graph, ZINC_OP_RMSNORM, &op);
}

static struct zinc_view linear(const struct rec *r, uint32_t weight, struct zinc_view x)
{
	struct zinc_op_linear op = {.struct_size = sizeof(op), .x = x, .n = r->n};

	op.w = r->host->weight(r->graph, weight);
	op.y = temp(r, op.w.ne[1]);
	r->host->op(r->graph, ZINC_OP_LINEAR, &op);
	return op.y;
}

static void rope(const struct rec *r, struct zinc_view q, struct zinc_view k)
{
	struct zinc_op_rope_dual op = {
		.struct_size = sizeof(op), .n = r->n, .q = q, .q_out = q, .k = k, .k_out = k,
		.pos = table(r, ZINC_TABLE_TOK_POS, 0), .freqs = r->host->constant(r->graph, 0),
		.n_rot = r->p->head_dim, .mode = ZINC_ROPE_NEOX,
	};

	r->host->op(r->graph, ZINC_OP_ROPE_DUAL, &op);
}

/* The new keys and values go to the cache; attention reads the cache. */
static struct zinc_view attend(const struct rec *r, uint32_t block, struct zinc_view q,
                               struct zinc_view k, struct zinc_view v)
{
	const struct olmo2 *p = r->p;
	struct zinc_view out = temp(r, p->n_head * p->head_dim);
	struct zinc_op_kv_write w = {.struct_size = sizeof(w), .k = k, .v = v, .n = r->n};
	struct zinc_op_flash_attn a = {
		.struct_size = sizeof(a), .n = r->n, .n_seqs = r->n_seqs,
		.q = q, .out = zinc_view_heads(out, p->head_dim),
		.q_head_dim = p->head_dim, .kv_head_dim = p->head_dim,
		.n_head = p->n_head, .n_head_kv = p->n_head_kv,
		.scale = (float)(1.0 / sqrt(p->head_dim)),
	};

	a.k_cache = w.k_cache = r->host->state(r->graph, block, 0);
	a.v_cache = w.v_cache = r->host->state(r->graph, block, 1);
	a.tok_seq = w.tok_seq = table(r, ZINC_TABLE_TOK_SEQ, 0);
	a.tok_pos = w.tok_pos = table(r, ZINC_TABLE_TOK_POS, 0);
	a.block_table = w.block_table = table(r, ZINC_TABLE_BLOCKS, block);
	a.seq_first = table(r, ZINC_TABLE_SEQ_FIRST, 0);
	a.seq_kv_len = table(r, ZINC_TABLE_SEQ_KV_LEN, 0);
	r->host->op(r->graph, ZINC_OP_KV_WRITE, &w);
	r->host->op(r->graph, ZINC_OP_FLASH_ATTN, &a);
	return out;
}

static const struct zinc_view none;

static struct zinc_view attention(const struct rec *r, uint32_t block, struct zinc_view x)
{
	uint32_t dim = r->p->head_dim;
	struct zinc_view q = linear(r, block_weight(block, B_Q), x);
	struct zinc_view k = linear(r, block_weight(block, B_K), x);
	struct zinc_view v = linear(r, block_weight(block, B_V), x);

	norm(r, block_weight(block, B_Q_NORM), q, q, none);
	norm(r, block_weight(block, B_K_NORM), k, k, none);
	q = zinc_view_heads(q, dim);
	k = zinc_view_heads(k, dim);
	rope(r, q, k);
	return attend(r, block, q, k, zinc_view_heads(v, dim));
}

static struct zinc_view ffn(const struct rec *r, uint32_t block, struct zinc_view x)
{
	struct zinc_op_linear op = {
		.struct_size = sizeof(op), .x = x, .n = r->n, .act = ZINC_ACT_SILU};

	op.w = r->host->weight(r->graph, block_weight(block, B_UP));
	op.gate_w = r->host->weight(r->graph, block_weight(block, B_GATE));
	op.y = temp(r, r->p->n_ff);
	r->host->op(r->graph, ZINC_OP_LINEAR, &op);
	return linear(r, block_weight(block, B_DOWN), op.y);
}

void olmo2_build(void *model, struct zinc_graph *graph, const struct zinc_shape *shape)
{
	const struct olmo2 *p = model;
	const struct zinc_arch_host *host = p->host;
	struct rec r = {.p = p, .host = host, .graph = graph};
	struct zinc_view x, h, logits;

	r.n = zinc_slot(ZINC_SLOT_N_TOKENS, shape->max_tokens);
	r.n_seqs = zinc_slot(ZINC_SLOT_N_SEQS, shape->max_seqs);
	host->label(graph, -1, "embed");
	x = rows(&r, host->weight(graph, W_EMBD), table(&r, ZINC_TABLE_TOK_ID, 0));
	host->tap(graph, 0, &x);
	for (uint32_t i = 0; i < p->info.n_layer; i++) {
		host->label(graph, (int32_t)i, "attn");
		struct zinc_view o = attention(&r, i, x);

		/* The last keys and values were needed of every token, what
		 * follows only of the rows that are read. */
		if (i + 1 == p->info.n_layer) {
			r.n = zinc_slot(ZINC_SLOT_N_OUT, shape->max_out);
			x = rows(&r, x, table(&r, ZINC_TABLE_OUT_ROW, 0));
			o = rows(&r, o, table(&r, ZINC_TABLE_OUT_ROW, 0));
		}
		norm(&r, block_weight(i, B_ATTN_NORM), linear(&r, block_weight(i, B_OUT), o), x, x);
		host->label(graph, (int32_t)i, "ffn");
		norm(&r, block_weight(i, B_FFN_NORM), ffn(&r, i, x), x, x);
		host->tap(graph, i + 1, &x);
	}
	host->label(graph, -1, "head");
	h = temp(&r, p->info.n_embd);
	norm(&r, W_NORM, x, h, none);
	logits = linear(&r, p->tied ? W_EMBD : W_HEAD, h);
	host->logits(graph, &logits);
}
