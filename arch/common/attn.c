/* attn.c - declaring and recording one attention layer. */
#include "attn.h"

#include <math.h>

float attn_scale(uint32_t head_dim)
{
	return (float)(1.0 / sqrt(head_dim));
}

struct arch_attn keys_attn(struct arch_keys *k, uint32_t head_dim)
{
	struct arch_attn a = {
		.q_norm = ARCH_NONE, .k_norm = ARCH_NONE, .factors = ARCH_NONE};

	a.n_head = keys_u32(k, "attention.head_count", 1, ARCH_MAX_HEADS);
	a.n_head_kv = keys_u32_or(k, "attention.head_count_kv", 1, ARCH_MAX_HEADS, a.n_head);
	keys_check_heads(k, a.n_head, a.n_head_kv);
	a.head_dim = keys_head_dim(k, "", head_dim);
	a.n_rot = keys_n_rot(k, "", a.head_dim);
	a.rope_mode = ZINC_ROPE_NEOX;
	a.scale = attn_scale(a.head_dim);
	return a;
}

void decl_rope(struct arch_model *m, struct arch_attn *a, float base, const struct arch_rope *rope)
{
	/* A score is the product of a query and a key, so the query alone can
	 * take both gains; and where all lanes turn, the scale. */
	const float gain = rope->gain * rope->gain;

	a->freqs = decl_rope_freqs(m, "rope", a->n_rot, base, rope);
	if (a->n_rot == a->head_dim)
		a->scale *= gain;
	else if (gain != 1.0f)
		a->rope_gain = gain;
}

void decl_attn(struct arch_model *m, int32_t layer, struct arch_attn *a)
{
	const uint32_t width = m->info.n_embd;
	const uint32_t q = a->n_head * a->head_dim, kv = a->n_head_kv * a->head_dim;

	a->q = decl_matrix(m, layer, "attn_q.weight", width, q);
	a->k = decl_matrix(m, layer, "attn_k.weight", width, kv);
	a->v = decl_matrix(m, layer, "attn_v.weight", width, kv);
	a->out = decl_matrix(m, layer, "attn_output.weight", q, width);
}

void decl_attn_norms(struct arch_model *m, int32_t layer, struct arch_attn *a)
{
	a->q_norm = decl_vector(m, layer, "attn_q_norm.weight", a->head_dim);
	a->k_norm = decl_vector(m, layer, "attn_k_norm.weight", a->head_dim);
}

static void scale_rotated(const struct arch_rec *r, const struct arch_attn *a, struct zinc_view q)
{
	const struct zinc_view lanes = zinc_view_lanes(q, 0, a->n_rot);
	const struct zinc_op_unary op = {.struct_size = sizeof(op),
	                                 .x = lanes,
	                                 .y = lanes,
	                                 .n = r->n,
	                                 .value = a->rope_gain};

	r->host->op(r->graph, ZINC_OP_SCALE, &op);
}

/* The norm of x's heads and their rotation, in place. */
static struct zinc_op_rope_dual rotation(const struct arch_rec *r, const struct arch_attn *a,
                                         struct zinc_view x, uint32_t norm)
{
	return (struct zinc_op_rope_dual){.struct_size = sizeof(struct zinc_op_rope_dual),
	                                  .q = x,
	                                  .q_out = x,
	                                  .pos = rec_table(r, r->row_pos),
	                                  .freqs = r->host->constant(r->graph, a->freqs),
	                                  .factors = rec_weight(r, a->factors),
	                                  .n = r->n,
	                                  .n_rot = a->n_rot,
	                                  .mode = a->rope_mode,
	                                  .q_norm = rec_weight(r, norm),
	                                  .norm_eps = r->model->norm_eps};
}

static struct zinc_view rope(const struct arch_rec *r, const struct arch_attn *a,
                             struct zinc_view q, struct zinc_view k)
{
	struct zinc_op_rope_dual op = rotation(r, a, q, a->q_norm);

	op.k = op.k_out = k;
	if (zinc_view_present(&k))
		op.k_norm = rec_weight(r, a->k_norm);
	/* Attention reads queries again and again: heads side by side serve it
	 * better than heads with something in between. */
	if (q.nb[1] != q.ne[0] * q.nb[0])
		op.q_out = zinc_view_heads(rec_temp(r, a->n_head * a->head_dim), a->head_dim);
	r->host->op(r->graph, ZINC_OP_ROPE_DUAL, &op);
	if (a->rope_gain != 0.0f)
		scale_rotated(r, a, op.q_out);
	return op.q_out;
}

static void kv_write(const struct arch_rec *r, const struct arch_attn *a, struct zinc_view k,
                     struct zinc_view v)
{
	const struct zinc_op_kv_write op = {
		.struct_size = sizeof(op),
		.k = k,
		.v = v,
		.k_cache = r->host->state(r->graph, a->kv, 0),
		.v_cache = r->host->state(r->graph, a->kv, 1),
		.tok_seq = rec_table(r, r->row_seq),
		.tok_pos = rec_table(r, r->row_pos),
		.block_table = r->host->table(r->graph, ZINC_TABLE_BLOCKS, a->kv),
		.n = r->n};

	r->host->op(r->graph, ZINC_OP_KV_WRITE, &op);
}

static struct zinc_view attend(const struct arch_rec *r, const struct arch_attn *a,
                               struct zinc_view q, struct zinc_view gate)
{
	struct zinc_view out = rec_temp(r, a->n_head * a->head_dim);
	const struct zinc_op_flash_attn op = {
		.struct_size = sizeof(op),
		.q = q,
		.k_cache = r->host->state(r->graph, a->kv, 0),
		.v_cache = r->host->state(r->graph, a->kv, 1),
		.out = zinc_view_heads(out, a->head_dim),
		.tok_seq = rec_table(r, r->row_seq),
		.tok_pos = rec_table(r, r->row_pos),
		.seq_first = rec_table(r, r->seq_first),
		.seq_kv_len = rec_table(r, ZINC_TABLE_SEQ_KV_LEN),
		.block_table = r->host->table(r->graph, ZINC_TABLE_BLOCKS, a->kv),
		.n = r->n,
		.n_seqs = r->n_seqs,
		.q_head_dim = a->head_dim,
		.kv_head_dim = a->head_dim,
		.n_head = a->n_head,
		.n_head_kv = a->n_head_kv,
		.scale = a->scale,
		.window = a->window,
		.gate = gate};

	r->host->op(r->graph, ZINC_OP_FLASH_ATTN, &op);
	return out;
}

struct zinc_view rec_attn(const struct arch_rec *r, const struct arch_attn *a,
                          const struct arch_qkv *in)
{
	struct zinc_view q = rope(r, a, in->q, in->k);

	if (zinc_view_present(&in->k))
		kv_write(r, a, in->k, in->v);
	return attend(r, a, q, in->gate);
}

void rec_kv_first(struct arch_rec *r, const struct arch_attn *a, struct arch_qkv *in,
                  struct zinc_view *rows)
{
	if (zinc_view_present(&in->k)) {
		/* The op wants a q, and k is one to it. */
		const struct zinc_op_rope_dual op = rotation(r, a, in->k, a->k_norm);

		r->host->op(r->graph, ZINC_OP_ROPE_DUAL, &op);
		kv_write(r, a, in->k, in->v);
	}
	in->k = in->v = (struct zinc_view){0};
	rec_out_rows(r, &rows, 1);
}

static void project_kv(const struct arch_rec *r, const struct arch_attn *a, struct zinc_view h,
                       struct arch_qkv *qkv)
{
	qkv->k = zinc_view_heads(rec_linear(r, a->k, h), a->head_dim);
	qkv->v = zinc_view_heads(rec_linear(r, a->v, h), a->head_dim);
}

struct zinc_view rec_project(struct arch_rec *r, const struct arch_attn *a, struct zinc_view h,
                             bool last, struct arch_qkv *qkv)
{
	const bool kv_first = last && rec_reads_few(r);
	struct zinc_view q;

	if (kv_first) {
		project_kv(r, a, h, qkv);
		rec_kv_first(r, a, qkv, &h);
	}
	q = rec_linear(r, a->q, h);
	if (!kv_first)
		project_kv(r, a, h, qkv);
	return q;
}

struct zinc_view rec_project_attn(struct arch_rec *r, const struct arch_attn *a,
                                  struct zinc_view h, bool last)
{
	struct arch_qkv qkv = {0};
	struct zinc_view q = rec_project(r, a, h, last, &qkv);

	qkv.q = zinc_view_heads(q, a->head_dim);
	return rec_attn(r, a, &qkv);
}
