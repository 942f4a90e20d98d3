/* arch_check.c - does a recorded op keep the contracts of core/include/zinc? */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "arch_graph.h"
#include "model/dtype.h"

#define LAYOUT(label, type, ...)                                                                   \
	{.name = label,                                                                            \
	 .size = sizeof(struct zinc_op_##type),                                                    \
	 .n_off = offsetof(struct zinc_op_##type, n),                                              \
	 .fields = {__VA_ARGS__}}
#define OUT(type, field) {#field, offsetof(struct zinc_op_##type, field), OP_OUT}
#define IN(type, field) {#field, offsetof(struct zinc_op_##type, field), OP_IN}
#define MAY(type, field) {#field, offsetof(struct zinc_op_##type, field), OP_IN | OP_OPT}
#define MAY_OUT(type, field) {#field, offsetof(struct zinc_op_##type, field), OP_OUT | OP_OPT}
#define BOTH(type, field) {#field, offsetof(struct zinc_op_##type, field), OP_IN | OP_OUT}

static const struct op_layout layouts[ZINC_OP_COUNT] = {
	[ZINC_OP_EMBED] = LAYOUT("embed", embed,
		OUT(embed, y), IN(embed, table), IN(embed, ids)),
	[ZINC_OP_LINEAR] = LAYOUT("linear", linear,
		OUT(linear, y), IN(linear, w), IN(linear, x), MAY(linear, gate_w),
		MAY(linear, residual), MAY(linear, ids), MAY(linear, expert_first),
		MAY(linear, perm)),
	[ZINC_OP_RMSNORM] = LAYOUT("rmsnorm", rmsnorm,
		OUT(rmsnorm, y), MAY_OUT(rmsnorm, sum), IN(rmsnorm, x), MAY(rmsnorm, weight),
		MAY(rmsnorm, residual), MAY(rmsnorm, gate), MAY(rmsnorm, after)),
	[ZINC_OP_ROPE_DUAL] = LAYOUT("rope_dual", rope_dual,
		OUT(rope_dual, q_out), MAY_OUT(rope_dual, k_out), IN(rope_dual, q),
		MAY(rope_dual, k), IN(rope_dual, pos), MAY(rope_dual, pos_row),
		IN(rope_dual, freqs), MAY(rope_dual, factors), MAY(rope_dual, q_norm),
		MAY(rope_dual, k_norm)),
	[ZINC_OP_KV_WRITE] = LAYOUT("kv_write", kv_write,
		OUT(kv_write, k_cache), OUT(kv_write, v_cache), IN(kv_write, k), IN(kv_write, v),
		IN(kv_write, tok_seq), IN(kv_write, tok_pos), IN(kv_write, block_table)),
	[ZINC_OP_FLASH_ATTN] = LAYOUT("flash_attn", flash_attn,
		OUT(flash_attn, out), IN(flash_attn, q), IN(flash_attn, k_cache),
		IN(flash_attn, v_cache), MAY(flash_attn, gate), IN(flash_attn, tok_seq),
		IN(flash_attn, tok_pos), IN(flash_attn, seq_first), IN(flash_attn, seq_kv_len),
		IN(flash_attn, block_table)),
	[ZINC_OP_GLU] = LAYOUT("glu", glu,
		OUT(glu, y), IN(glu, gate), IN(glu, up)),
	[ZINC_OP_ADD] = LAYOUT("add", binary,
		OUT(binary, y), IN(binary, a), IN(binary, b)),
	[ZINC_OP_MUL] = LAYOUT("mul", binary,
		OUT(binary, y), IN(binary, a), IN(binary, b)),
	[ZINC_OP_SCALE] = LAYOUT("scale", unary,
		OUT(unary, y), IN(unary, x)),
	[ZINC_OP_SOFTCAP] = LAYOUT("softcap", unary,
		OUT(unary, y), IN(unary, x)),
	[ZINC_OP_SIGMOID_GATE] = LAYOUT("sigmoid_gate", sigmoid_gate,
		OUT(sigmoid_gate, y), IN(sigmoid_gate, x), IN(sigmoid_gate, gate)),
	[ZINC_OP_COPY] = LAYOUT("copy", copy,
		OUT(copy, y), IN(copy, x)),
	[ZINC_OP_CAST] = LAYOUT("cast", copy,
		OUT(copy, y), IN(copy, x)),
	[ZINC_OP_ARGMAX] = LAYOUT("argmax", argmax,
		OUT(argmax, ids), IN(argmax, x)),
	[ZINC_OP_TOP_LOGITS] = LAYOUT("top_logits", top_logits,
		OUT(top_logits, ids), OUT(top_logits, values), IN(top_logits, x)),
	[ZINC_OP_MOE_ROUTE] = LAYOUT("moe_route", moe_route,
		OUT(moe_route, ids), OUT(moe_route, weights), OUT(moe_route, expert_first),
		OUT(moe_route, perm), IN(moe_route, logits), MAY(moe_route, bias),
		MAY(moe_route, expert_scale)),
	[ZINC_OP_MOE_COMBINE] = LAYOUT("moe_combine", moe_combine,
		OUT(moe_combine, y), IN(moe_combine, x), IN(moe_combine, weights),
		MAY(moe_combine, shared), MAY(moe_combine, shared_gate),
		MAY(moe_combine, residual)),
	[ZINC_OP_CONV1D] = LAYOUT("conv1d", conv1d,
		OUT(conv1d, y), IN(conv1d, x), IN(conv1d, w), BOTH(conv1d, state),
		IN(conv1d, seq_first), IN(conv1d, state_slot)),
	[ZINC_OP_DELTA_NET] = LAYOUT("delta_net", delta_net,
		OUT(delta_net, y), IN(delta_net, q), IN(delta_net, k), IN(delta_net, v),
		IN(delta_net, alpha), IN(delta_net, beta), IN(delta_net, a), IN(delta_net, dt),
		BOTH(delta_net, state), IN(delta_net, seq_first), IN(delta_net, state_slot)),
};

const struct op_layout *op_layout(uint32_t op)
{
	return op < ZINC_OP_COUNT && layouts[op].name ? &layouts[op] : NULL;
}

const struct zinc_view *op_view(const void *desc, const struct op_field *f)
{
	return (const struct zinc_view *)(const void *)((const char *)desc + f->off);
}

void graph_problem(struct zinc_graph *g, const char *fmt, ...)
{
	va_list ap;

	if (g->result.n_problems++)
		return;
	va_start(ap, fmt);
	vsnprintf(g->result.problem, sizeof(g->result.problem), fmt, ap);
	va_end(ap);
}

static void need(struct zinc_graph *g, bool ok, const char *what)
{
	if (!ok)
		graph_problem(g, "%s", what);
}

static bool present(struct zinc_view v)
{
	return v.buf != NULL;
}

/* ne, slowest first, as in the contracts; trailing dimensions are 1. */
static bool is3(struct zinc_view v, uint32_t a, uint32_t b, uint32_t c)
{
	return v.ne[3] == 1 && v.ne[2] == a && v.ne[1] == b && v.ne[0] == c;
}

static bool is2(struct zinc_view v, uint32_t a, uint32_t b)
{
	return is3(v, 1, a, b);
}

static bool same(struct zinc_view a, struct zinc_view b)
{
	return memcmp(a.ne, b.ne, sizeof(a.ne)) == 0;
}

static bool same_or_absent(struct zinc_view a, struct zinc_view b)
{
	return !present(a) || same(a, b);
}

static bool is_f32(struct zinc_view v, uint32_t n)
{
	return !present(v) || (v.dtype == ZINC_F32 && v.ne[0] == n);
}

/* The bytes that a view reaches lie in its buffer. */
static bool in_bounds(const struct zinc_view *v)
{
	uint64_t end = v->off + dtype_row_bytes(v->dtype, v->ne[0]);

	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		end += (v->ne[i] - 1) * v->nb[i];
	return end <= v->buf->bytes;
}

/* Bytes from off to the end of the view's first row (of tokens). */
static uint64_t row_extent(const struct zinc_view *v)
{
	uint64_t n = dtype_row_bytes(v->dtype, v->ne[0]);
	int slowest = ZINC_MAX_DIMS - 1;

	while (slowest > 1 && v->ne[slowest] == 1)
		slowest--;
	for (int i = 1; i < slowest; i++)
		n += (v->ne[i] - 1) * v->nb[i];
	return n;
}

/* An output may be an input exactly, or lie in other lanes of the same rows. */
static bool overlap(const struct zinc_view *a, const struct zinc_view *b)
{
	if (a->buf != b->buf || a->buf->kind != FAKE_TEMP || memcmp(a, b, sizeof(*a)) == 0)
		return false;
	return a->off < b->off + row_extent(b) && b->off < a->off + row_extent(a);
}

static bool is_table(struct zinc_view v, const char *name)
{
	return v.buf && v.buf->kind == FAKE_TABLE && strcmp(v.buf->name, name) == 0;
}

/* A table of the op's rows, which are the tokens or those whose logits are read. */
static bool is_of_rows(struct zinc_view v, struct zinc_u32 n, const char *tokens, const char *out)
{
	return is_table(v, n.slot == ZINC_SLOT_N_OUT ? out : tokens);
}

static bool is_blocks(struct zinc_view v)
{
	return v.buf && v.buf->kind == FAKE_TABLE && strncmp(v.buf->name, "blocks", 6) == 0;
}

static void check_views(struct zinc_graph *g, const struct op_layout *l, const void *desc)
{
	for (const struct op_field *f = l->fields; f->name; f++) {
		const struct zinc_view *v = op_view(desc, f);

		if (!v->buf) {
			if (!(f->flags & OP_OPT))
				graph_problem(g, "%s: %s is absent", l->name, f->name);
			continue;
		}
		if (!in_bounds(v))
			graph_problem(g, "%s: %s reaches past its buffer", l->name, f->name);
		if (f->flags & OP_IN) {
			if (!v->buf->n_writes)
				graph_problem(g, "%s: %s was never written", l->name, f->name);
			v->buf->n_reads++;
		}
	}
	for (const struct op_field *f = l->fields; f->name; f++) {
		const struct zinc_view *out = op_view(desc, f);

		if (!(f->flags & OP_OUT) || !out->buf)
			continue;
		out->buf->n_writes++;
		if (out->buf->kind != FAKE_TEMP && out->buf->kind != FAKE_STATE)
			graph_problem(g, "%s: %s writes to %s", l->name, f->name, out->buf->name);
		for (const struct op_field *in = l->fields; in->name; in++)
			if (in->flags & OP_IN && overlap(out, op_view(desc, in)))
				graph_problem(g, "%s: %s overlaps %s inexactly", l->name, f->name,
				              in->name);
	}
}

static void check_linear(struct zinc_graph *g, const struct zinc_op_linear *d)
{
	const uint32_t n = d->n.imm, in = d->w.ne[0], out = d->w.ne[1], k = d->ids.ne[0];

	need(g, !present(d->gate_w) || same(d->gate_w, d->w), "linear: gate_w differs from w");
	need(g, present(d->gate_w) == (d->act != ZINC_ACT_NONE), "linear: act without gate_w");
	need(g, same_or_absent(d->residual, d->y), "linear: residual differs from y");
	need(g, present(d->ids) == present(d->perm) && present(d->ids) == present(d->expert_first),
	     "linear: ids, expert_first and perm come together");
	if (!present(d->ids)) {
		need(g, d->w.ne[2] == 1, "linear: experts without ids");
		need(g, is2(d->x, n, in) && is2(d->y, n, out), "linear: x or y does not fit w");
		return;
	}
	need(g, d->ids.dtype == ZINC_I32 && is2(d->ids, n, k), "linear: ids");
	need(g, is2(d->x, n, in) || is3(d->x, n, k, in), "linear: x does not fit w");
	need(g, is3(d->y, n, k, out), "linear: y does not fit w");
	need(g, d->expert_first.ne[0] == d->w.ne[2] + 1 && d->perm.ne[0] == n * k,
	     "linear: expert_first or perm has the wrong length");
}

static void check_rmsnorm(struct zinc_graph *g, const struct zinc_op_rmsnorm *d)
{
	need(g, same(d->x, d->y), "rmsnorm: y differs from x");
	need(g, d->x.ne[1] == d->n.imm || d->x.ne[2] == d->n.imm, "rmsnorm: rows are not n");
	need(g, is_f32(d->weight, d->x.ne[0]), "rmsnorm: weight does not fit");
	need(g, same_or_absent(d->residual, d->x) && same_or_absent(d->sum, d->x) &&
	        same_or_absent(d->gate, d->x) && same_or_absent(d->after, d->x),
	     "rmsnorm: a fused operand differs from x");
	need(g, present(d->residual) == present(d->sum), "rmsnorm: residual without sum");
	need(g, d->eps > 0, "rmsnorm: no eps");
}

static void check_rope(struct zinc_graph *g, const struct zinc_op_rope_dual *d)
{
	need(g, d->q.ne[2] == d->n.imm && same(d->q, d->q_out), "rope_dual: q");
	need(g, present(d->k) == present(d->k_out), "rope_dual: k without k_out");
	need(g, !present(d->k) || (same(d->k, d->k_out) && d->k.ne[2] == d->n.imm), "rope_dual: k");
	need(g, d->n_rot >= 2 && d->n_rot % 2 == 0 && d->n_rot <= d->q.ne[0], "rope_dual: n_rot");
	need(g, is_of_rows(d->pos, d->n, "tok_pos", "out_pos"), "rope_dual: pos");
	need(g, is_f32(d->freqs, d->n_rot / 2), "rope_dual: freqs");
	need(g, is_f32(d->factors, d->n_rot / 2), "rope_dual: factors");
	need(g, is_f32(d->q_norm, d->q.ne[0]) && is_f32(d->k_norm, d->q.ne[0]), "rope_dual: norms");
	need(g, !present(d->q_norm) || d->norm_eps > 0, "rope_dual: no eps");
}

static void check_kv_write(struct zinc_graph *g, const struct zinc_op_kv_write *d)
{
	need(g, d->k.ne[2] == d->n.imm && d->v.ne[2] == d->n.imm, "kv_write: rows are not n");
	need(g, d->k.ne[1] == d->k_cache.ne[2] && d->k.ne[0] == d->k_cache.ne[0], "kv_write: k");
	need(g, d->v.ne[1] == d->v_cache.ne[2] && d->v.ne[0] == d->v_cache.ne[0], "kv_write: v");
	need(g, d->k.buf != d->v.buf || d->k.off != d->v.off, "kv_write: k and v are one");
	need(g, d->n.slot == ZINC_SLOT_N_TOKENS && is_table(d->tok_seq, "tok_seq") &&
	        is_table(d->tok_pos, "tok_pos") && is_blocks(d->block_table),
	     "kv_write: tables");
}

static void check_flash_attn(struct zinc_graph *g, const struct zinc_op_flash_attn *d)
{
	need(g, is3(d->q, d->n.imm, d->n_head, d->q_head_dim), "flash_attn: q");
	need(g, is3(d->out, d->n.imm, d->n_head, d->v_cache.ne[0]), "flash_attn: out");
	need(g, d->k_cache.ne[0] == d->kv_head_dim && d->k_cache.ne[2] == d->n_head_kv &&
	        d->v_cache.ne[2] == d->n_head_kv,
	     "flash_attn: cache");
	need(g, d->n_head_kv && d->n_head % d->n_head_kv == 0, "flash_attn: heads");
	need(g, same_or_absent(d->gate, d->out), "flash_attn: gate");
	need(g, d->scale > 0, "flash_attn: no scale");
	need(g, d->n_seqs.slot == ZINC_SLOT_N_SEQS, "flash_attn: n_seqs");
	need(g, is_of_rows(d->tok_seq, d->n, "tok_seq", "out_seq") &&
	        is_of_rows(d->tok_pos, d->n, "tok_pos", "out_pos") &&
	        is_of_rows(d->seq_first, d->n, "seq_first", "out_first") &&
	        is_table(d->seq_kv_len, "seq_kv_len") && is_blocks(d->block_table),
	     "flash_attn: tables");
}

static void check_route(struct zinc_graph *g, const struct zinc_op_moe_route *d)
{
	const uint32_t n = d->n.imm, n_expert = d->logits.ne[0];

	need(g, is2(d->logits, n, n_expert) && d->k <= n_expert, "moe_route: logits");
	need(g, is2(d->ids, n, d->k) && d->ids.dtype == ZINC_I32, "moe_route: ids");
	need(g, is2(d->weights, n, d->k), "moe_route: weights");
	need(g, d->expert_first.ne[0] == n_expert + 1 && d->perm.ne[0] == n * d->k,
	     "moe_route: expert_first or perm");
	need(g, is_f32(d->expert_scale, n_expert), "moe_route: expert_scale");
}

static void check_combine(struct zinc_graph *g, const struct zinc_op_moe_combine *d)
{
	const uint32_t n = d->n.imm, k = d->weights.ne[0];

	need(g, is2(d->weights, n, k) && is3(d->x, n, k, d->y.ne[0]), "moe_combine: x");
	need(g, is2(d->y, n, d->y.ne[0]), "moe_combine: y");
	need(g, same_or_absent(d->shared, d->y) && same_or_absent(d->residual, d->y),
	     "moe_combine: shared or residual differs from y");
	need(g, !present(d->shared_gate) || is2(d->shared_gate, n, 1), "moe_combine: shared_gate");
}

static void check_conv1d(struct zinc_graph *g, const struct zinc_op_conv1d *d)
{
	need(g, is2(d->x, d->n.imm, d->w.ne[1]) && same(d->x, d->y), "conv1d: x or y");
	need(g, d->x.buf != d->y.buf, "conv1d: y aliases x");
	need(g, d->state.ne[0] == (d->w.ne[0] - 1) * d->w.ne[1], "conv1d: state");
	need(g, is_table(d->seq_first, "seq_first") && is_table(d->state_slot, "state_slot") &&
	        d->n_seqs.slot == ZINC_SLOT_N_SEQS,
	     "conv1d: sequences");
}

static void check_delta(struct zinc_graph *g, const struct zinc_op_delta_net *d)
{
	const uint32_t n = d->n.imm, heads = d->v.ne[1];

	need(g, d->q.ne[2] == n && same(d->q, d->k), "delta_net: q or k");
	need(g, d->v.ne[2] == n && same(d->v, d->y), "delta_net: v or y");
	need(g, heads % d->q.ne[1] == 0, "delta_net: heads");
	need(g, is2(d->alpha, n, heads) && is2(d->beta, n, heads), "delta_net: alpha or beta");
	need(g, is_f32(d->a, heads) && is_f32(d->dt, heads), "delta_net: a or dt");
	need(g, d->state.ne[0] == heads * d->q.ne[0] * d->v.ne[0], "delta_net: state");
	need(g, is_table(d->seq_first, "seq_first") && is_table(d->state_slot, "state_slot") &&
	        d->n_seqs.slot == ZINC_SLOT_N_SEQS,
	     "delta_net: sequences");
}

static void check_embed(struct zinc_graph *g, const struct zinc_op_embed *d)
{
	need(g, is2(d->y, d->n.imm, d->table.ne[0]), "embed: y");
	need(g, d->ids.dtype == ZINC_I32 && d->ids.ne[0] == d->n.imm, "embed: ids");
}

static void check_binary(struct zinc_graph *g, const struct zinc_op_binary *d)
{
	need(g, same(d->a, d->y), "add, mul: y differs from a");
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		need(g, d->b.ne[i] == 1 || d->b.ne[i] == d->a.ne[i], "add, mul: b does not repeat");
}

static void check_gate(struct zinc_graph *g, const struct zinc_op_sigmoid_gate *d)
{
	struct zinc_view one = d->x;

	one.ne[0] = 1;
	need(g, same(d->x, d->y), "sigmoid_gate: y differs from x");
	need(g, same(d->gate, d->x) || same(d->gate, one), "sigmoid_gate: gate does not fit x");
}

static void check_copy(struct zinc_graph *g, const struct zinc_op_copy *d, bool cast)
{
	const uint64_t both = ZINC_TBIT(d->x.dtype) | ZINC_TBIT(d->y.dtype);

	need(g, same(d->x, d->y), "copy, cast: y differs from x");
	need(g, cast || d->x.dtype == d->y.dtype, "copy: y has another dtype than x");
	need(g, !cast || (both & ~ZINC_TMASK_PLAIN) == 0 ||
	                (d->x.dtype == ZINC_F32 && d->y.dtype == ZINC_Q8_0),
	     "cast: there is no conversion between these dtypes");
}

static void check_top(struct zinc_graph *g, const struct zinc_op_top_logits *d)
{
	need(g, d->n_top >= 1 && d->n_top <= d->x.ne[0], "top_logits: n_top");
	need(g, is2(d->ids, d->n.imm, d->n_top) && d->ids.dtype == ZINC_I32, "top_logits: ids");
	need(g, is2(d->values, d->n.imm, d->n_top), "top_logits: values");
}

static void check_glu(struct zinc_graph *g, const struct zinc_op_glu *d)
{
	need(g, same(d->gate, d->up) && same(d->gate, d->y) && d->act, "glu");
}

static void check_unary(struct zinc_graph *g, const struct zinc_op_unary *d)
{
	need(g, same(d->x, d->y) && d->value != 0, "scale, softcap");
}

static void check_argmax(struct zinc_graph *g, const struct zinc_op_argmax *d)
{
	need(g, d->ids.dtype == ZINC_I32 && d->ids.ne[0] == d->n.imm, "argmax: ids");
}

static void check_shapes(struct zinc_graph *g, uint32_t op, const void *desc)
{

	switch (op) {
	case ZINC_OP_EMBED: check_embed(g, desc); break;
	case ZINC_OP_LINEAR: check_linear(g, desc); break;
	case ZINC_OP_RMSNORM: check_rmsnorm(g, desc); break;
	case ZINC_OP_ROPE_DUAL: check_rope(g, desc); break;
	case ZINC_OP_KV_WRITE: check_kv_write(g, desc); break;
	case ZINC_OP_FLASH_ATTN: check_flash_attn(g, desc); break;
	case ZINC_OP_MOE_ROUTE: check_route(g, desc); break;
	case ZINC_OP_MOE_COMBINE: check_combine(g, desc); break;
	case ZINC_OP_CONV1D: check_conv1d(g, desc); break;
	case ZINC_OP_DELTA_NET: check_delta(g, desc); break;
	case ZINC_OP_ADD:
	case ZINC_OP_MUL: check_binary(g, desc); break;
	case ZINC_OP_GLU: check_glu(g, desc); break;
	case ZINC_OP_SIGMOID_GATE: check_gate(g, desc); break;
	case ZINC_OP_COPY:
	case ZINC_OP_CAST: check_copy(g, desc, op == ZINC_OP_CAST); break;
	case ZINC_OP_ARGMAX: check_argmax(g, desc); break;
	case ZINC_OP_TOP_LOGITS: check_top(g, desc); break;
	default: check_unary(g, desc); break;
	}
}

void graph_check(struct zinc_graph *g, uint32_t op, const void *desc)
{
	const struct op_layout *l = op_layout(op);
	const struct zinc_op_head *head = desc;

	if (!l) {
		graph_problem(g, "op %u is not for architectures to record", op);
		return;
	}
	const struct zinc_u32 *n = (const void *)((const char *)desc + l->n_off);
	if (head->struct_size != l->size)
		graph_problem(g, "%s: struct_size is not set", l->name);
	if (head->flags & ~(uint32_t)(op == ZINC_OP_MOE_ROUTE ? ZINC_ROUTE_RENORM : 0))
		graph_problem(g, "%s: unexpected flags", l->name);
	if (!(n->slot == ZINC_SLOT_N_TOKENS && n->imm == g->shape->max_tokens) &&
	    !(n->slot == ZINC_SLOT_N_OUT && n->imm == g->shape->max_out))
		graph_problem(g, "%s: n is neither tokens nor outputs", l->name);
	check_views(g, l, desc);
	if (!g->result.n_problems)
		check_shapes(g, op, desc);
}

void graph_check_end(struct zinc_graph *g)
{
	bool used[4096] = {false};

	need(g, g->n_logits == 1, "logits were not given exactly once");
	need(g, g->next_tap == g->info.n_layer + 1, "not every block was tapped");
	for (struct zinc_buf *b = g->bufs; b; b = b->next) {
		if (b->kind == FAKE_WEIGHT && b->index < 4096)
			used[b->index] = b->n_reads > 0;
		if (b->kind == FAKE_STATE && (b->n_reads == 0 || b->n_writes != 2))
			graph_problem(g, "state %s is not written once and read", b->name);
	}
	for (uint32_t i = 0; i < g->n_weights && i < 4096; i++)
		if (!used[i] && !g->weights[i].optional)
			graph_problem(g, "weight %s is declared but not used", g->weights[i].name);
}
