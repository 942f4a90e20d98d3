/* schema.c - the layout of every op descriptor, as data. */
#include "graph/schema.h"

#include <assert.h>
#include <stddef.h>

#define F(T, field, flags) {#field, offsetof(struct T, field), flags}
#define R SCHEMA_R
#define W SCHEMA_W
#define RW (SCHEMA_R | SCHEMA_W)
#define OPT SCHEMA_OPT

static const struct schema_field embed[] = {
	F(zinc_op_embed, table, R), F(zinc_op_embed, ids, R), F(zinc_op_embed, y, W)};
static const struct schema_field linear[] = {
	F(zinc_op_linear, w, R), F(zinc_op_linear, x, R), F(zinc_op_linear, y, W),
	F(zinc_op_linear, ids, R | OPT), F(zinc_op_linear, expert_first, R | OPT),
	F(zinc_op_linear, perm, R | OPT), F(zinc_op_linear, gate_w, R | OPT),
	F(zinc_op_linear, residual, R | OPT)};
static const struct schema_field quant_act[] = {
	F(zinc_op_quant_act, x, R), F(zinc_op_quant_act, y, W)};
static const struct schema_field rmsnorm[] = {
	F(zinc_op_rmsnorm, x, R), F(zinc_op_rmsnorm, weight, R | OPT), F(zinc_op_rmsnorm, y, W),
	F(zinc_op_rmsnorm, residual, R | OPT), F(zinc_op_rmsnorm, sum, W | OPT),
	F(zinc_op_rmsnorm, gate, R | OPT), F(zinc_op_rmsnorm, after, R | OPT)};
static const struct schema_field rope_dual[] = {
	F(zinc_op_rope_dual, q, R), F(zinc_op_rope_dual, k, R | OPT),
	F(zinc_op_rope_dual, q_out, W), F(zinc_op_rope_dual, k_out, W | OPT),
	F(zinc_op_rope_dual, pos, R), F(zinc_op_rope_dual, pos_row, R | OPT),
	F(zinc_op_rope_dual, freqs, R), F(zinc_op_rope_dual, factors, R | OPT),
	F(zinc_op_rope_dual, q_norm, R | OPT), F(zinc_op_rope_dual, k_norm, R | OPT)};
static const struct schema_field kv_write[] = {
	F(zinc_op_kv_write, k, R), F(zinc_op_kv_write, v, R), F(zinc_op_kv_write, k_cache, RW),
	F(zinc_op_kv_write, v_cache, RW), F(zinc_op_kv_write, tok_seq, R),
	F(zinc_op_kv_write, tok_pos, R), F(zinc_op_kv_write, block_table, R)};
static const struct schema_field flash_attn[] = {
	F(zinc_op_flash_attn, q, R), F(zinc_op_flash_attn, k_cache, R),
	F(zinc_op_flash_attn, v_cache, R), F(zinc_op_flash_attn, out, W),
	F(zinc_op_flash_attn, tok_seq, R), F(zinc_op_flash_attn, tok_pos, R),
	F(zinc_op_flash_attn, seq_first, R), F(zinc_op_flash_attn, seq_kv_len, R),
	F(zinc_op_flash_attn, block_table, R), F(zinc_op_flash_attn, gate, R | OPT)};
static const struct schema_field glu[] = {
	F(zinc_op_glu, gate, R), F(zinc_op_glu, up, R), F(zinc_op_glu, y, W)};
static const struct schema_field binary[] = {
	F(zinc_op_binary, a, R), F(zinc_op_binary, b, R), F(zinc_op_binary, y, W)};
static const struct schema_field unary[] = {F(zinc_op_unary, x, R), F(zinc_op_unary, y, W)};
static const struct schema_field sigmoid_gate[] = {
	F(zinc_op_sigmoid_gate, x, R), F(zinc_op_sigmoid_gate, gate, R),
	F(zinc_op_sigmoid_gate, y, W)};
static const struct schema_field copy[] = {F(zinc_op_copy, x, R), F(zinc_op_copy, y, W)};
static const struct schema_field moe_route[] = {
	F(zinc_op_moe_route, logits, R), F(zinc_op_moe_route, ids, W),
	F(zinc_op_moe_route, weights, W), F(zinc_op_moe_route, expert_first, W),
	F(zinc_op_moe_route, perm, W), F(zinc_op_moe_route, bias, R | OPT),
	F(zinc_op_moe_route, expert_scale, R | OPT)};
static const struct schema_field moe_combine[] = {
	F(zinc_op_moe_combine, x, R), F(zinc_op_moe_combine, weights, R),
	F(zinc_op_moe_combine, y, W), F(zinc_op_moe_combine, shared, R | OPT),
	F(zinc_op_moe_combine, shared_gate, R | OPT), F(zinc_op_moe_combine, residual, R | OPT)};
static const struct schema_field conv1d[] = {
	F(zinc_op_conv1d, x, R), F(zinc_op_conv1d, w, R), F(zinc_op_conv1d, y, W),
	F(zinc_op_conv1d, state, RW), F(zinc_op_conv1d, seq_first, R),
	F(zinc_op_conv1d, state_slot, R)};
static const struct schema_field delta_net[] = {
	F(zinc_op_delta_net, q, R), F(zinc_op_delta_net, k, R), F(zinc_op_delta_net, v, R),
	F(zinc_op_delta_net, alpha, R), F(zinc_op_delta_net, beta, R),
	F(zinc_op_delta_net, a, R), F(zinc_op_delta_net, dt, R), F(zinc_op_delta_net, y, W),
	F(zinc_op_delta_net, state, RW), F(zinc_op_delta_net, seq_first, R),
	F(zinc_op_delta_net, state_slot, R)};
static const struct schema_field argmax[] = {
	F(zinc_op_argmax, x, R), F(zinc_op_argmax, ids, W)};
static const struct schema_field top_logits[] = {
	F(zinc_op_top_logits, x, R), F(zinc_op_top_logits, ids, W),
	F(zinc_op_top_logits, values, W)};
static const struct schema_field state_copy[] = {F(zinc_op_state_copy, pool, RW)};

#define OP(name, T, fields)                                                                        \
	{name, sizeof(struct T), offsetof(struct T, n), sizeof(fields) / sizeof((fields)[0]), fields}

static const struct schema_op table[ZINC_OP_COUNT] = {
	[ZINC_OP_EMBED] = OP("embed", zinc_op_embed, embed),
	[ZINC_OP_LINEAR] = OP("linear", zinc_op_linear, linear),
	[ZINC_OP_DMMV] = OP("dmmv", zinc_op_linear, linear),
	[ZINC_OP_MMQ] = OP("mmq", zinc_op_linear, linear),
	[ZINC_OP_QUANT_ACT] = OP("quant_act", zinc_op_quant_act, quant_act),
	[ZINC_OP_RMSNORM] = OP("rmsnorm", zinc_op_rmsnorm, rmsnorm),
	[ZINC_OP_ROPE_DUAL] = OP("rope_dual", zinc_op_rope_dual, rope_dual),
	[ZINC_OP_KV_WRITE] = OP("kv_write", zinc_op_kv_write, kv_write),
	[ZINC_OP_FLASH_ATTN] = OP("flash_attn", zinc_op_flash_attn, flash_attn),
	[ZINC_OP_GLU] = OP("glu", zinc_op_glu, glu),
	[ZINC_OP_ADD] = OP("add", zinc_op_binary, binary),
	[ZINC_OP_MUL] = OP("mul", zinc_op_binary, binary),
	[ZINC_OP_SCALE] = OP("scale", zinc_op_unary, unary),
	[ZINC_OP_SOFTCAP] = OP("softcap", zinc_op_unary, unary),
	[ZINC_OP_SIGMOID_GATE] = OP("sigmoid_gate", zinc_op_sigmoid_gate, sigmoid_gate),
	[ZINC_OP_COPY] = OP("copy", zinc_op_copy, copy),
	[ZINC_OP_CAST] = OP("cast", zinc_op_copy, copy),
	[ZINC_OP_MOE_ROUTE] = OP("moe_route", zinc_op_moe_route, moe_route),
	[ZINC_OP_MOE_COMBINE] = OP("moe_combine", zinc_op_moe_combine, moe_combine),
	[ZINC_OP_CONV1D] = OP("conv1d", zinc_op_conv1d, conv1d),
	[ZINC_OP_DELTA_NET] = OP("delta_net", zinc_op_delta_net, delta_net),
	[ZINC_OP_ARGMAX] = OP("argmax", zinc_op_argmax, argmax),
	[ZINC_OP_TOP_LOGITS] = OP("top_logits", zinc_op_top_logits, top_logits),
	[ZINC_OP_STATE_COPY] = {"state_copy", sizeof(struct zinc_op_state_copy), 0, 1, state_copy},
};

static_assert(sizeof(struct zinc_op_rope_dual) <= SCHEMA_DESC_MAX, "largest descriptor");
static_assert(sizeof(struct zinc_op_flash_attn) <= SCHEMA_DESC_MAX, "largest descriptor");
static_assert(sizeof(struct zinc_op_delta_net) <= SCHEMA_DESC_MAX, "largest descriptor");

const struct schema_op *schema_op(uint32_t op)
{
	return op < ZINC_OP_COUNT && table[op].name ? &table[op] : NULL;
}

const char *schema_name(uint32_t op)
{
	const struct schema_op *s = schema_op(op);

	return s ? s->name : "?";
}

uint32_t schema_rows(uint32_t op, const void *desc)
{
	const struct schema_op *s = schema_op(op);
	const struct zinc_u32 *n;

	if (!s || !s->n_off)
		return 1;
	n = (const struct zinc_u32 *)(const void *)((const char *)desc + s->n_off);
	return n->imm;
}
