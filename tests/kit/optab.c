/* optab.c - see optab.h. */
#include "optab.h"

#define V(T, field) offsetof(struct T, field)
#define OP(op_name, T, ...)                                                                        \
	{.name = op_name, .size = sizeof(struct T), .n_off = offsetof(struct T, n),                \
	 .n_views = sizeof((uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t), .views = {__VA_ARGS__}}
#define LINEAR(op_name)                                                                            \
	OP(op_name, zinc_op_linear, V(zinc_op_linear, w), V(zinc_op_linear, x),                    \
	   V(zinc_op_linear, y), V(zinc_op_linear, ids), V(zinc_op_linear, expert_first),          \
	   V(zinc_op_linear, perm), V(zinc_op_linear, gate_w), V(zinc_op_linear, residual))
#define THREE(op_name, T, a, b, c) OP(op_name, T, V(T, a), V(T, b), V(T, c))
#define TWO(op_name, T, a, b) OP(op_name, T, V(T, a), V(T, b))

static const struct optab_op table[ZINC_OP_COUNT] = {
	[ZINC_OP_EMBED] = THREE("embed", zinc_op_embed, table, ids, y),
	[ZINC_OP_DMMV] = LINEAR("dmmv"),
	[ZINC_OP_MMQ] = LINEAR("mmq"),
	[ZINC_OP_QUANT_ACT] = TWO("quant_act", zinc_op_quant_act, x, y),
	[ZINC_OP_RMSNORM] = OP("rmsnorm", zinc_op_rmsnorm, V(zinc_op_rmsnorm, x),
	                       V(zinc_op_rmsnorm, weight), V(zinc_op_rmsnorm, y),
	                       V(zinc_op_rmsnorm, residual), V(zinc_op_rmsnorm, sum),
	                       V(zinc_op_rmsnorm, gate), V(zinc_op_rmsnorm, after)),
	[ZINC_OP_ROPE_DUAL] = OP("rope_dual", zinc_op_rope_dual, V(zinc_op_rope_dual, q),
	                         V(zinc_op_rope_dual, k), V(zinc_op_rope_dual, q_out),
	                         V(zinc_op_rope_dual, k_out), V(zinc_op_rope_dual, pos),
	                         V(zinc_op_rope_dual, pos_row), V(zinc_op_rope_dual, freqs),
	                         V(zinc_op_rope_dual, factors), V(zinc_op_rope_dual, q_norm),
	                         V(zinc_op_rope_dual, k_norm)),
	[ZINC_OP_KV_WRITE] = OP("kv_write", zinc_op_kv_write, V(zinc_op_kv_write, k),
	                        V(zinc_op_kv_write, v), V(zinc_op_kv_write, k_cache),
	                        V(zinc_op_kv_write, v_cache), V(zinc_op_kv_write, tok_seq),
	                        V(zinc_op_kv_write, tok_pos), V(zinc_op_kv_write, block_table)),
	[ZINC_OP_FLASH_ATTN] = OP("flash_attn", zinc_op_flash_attn, V(zinc_op_flash_attn, q),
	                          V(zinc_op_flash_attn, k_cache), V(zinc_op_flash_attn, v_cache),
	                          V(zinc_op_flash_attn, out), V(zinc_op_flash_attn, tok_seq),
	                          V(zinc_op_flash_attn, tok_pos), V(zinc_op_flash_attn, seq_first),
	                          V(zinc_op_flash_attn, seq_kv_len),
	                          V(zinc_op_flash_attn, block_table), V(zinc_op_flash_attn, gate)),
	[ZINC_OP_GLU] = THREE("glu", zinc_op_glu, gate, up, y),
	[ZINC_OP_ADD] = THREE("add", zinc_op_binary, a, b, y),
	[ZINC_OP_MUL] = THREE("mul", zinc_op_binary, a, b, y),
	[ZINC_OP_SCALE] = TWO("scale", zinc_op_unary, x, y),
	[ZINC_OP_SOFTCAP] = TWO("softcap", zinc_op_unary, x, y),
	[ZINC_OP_SIGMOID_GATE] = THREE("sigmoid_gate", zinc_op_sigmoid_gate, x, gate, y),
	[ZINC_OP_COPY] = TWO("copy", zinc_op_copy, x, y),
	[ZINC_OP_CAST] = TWO("cast", zinc_op_copy, x, y),
	[ZINC_OP_MOE_ROUTE] = OP("moe_route", zinc_op_moe_route, V(zinc_op_moe_route, logits),
	                         V(zinc_op_moe_route, ids), V(zinc_op_moe_route, weights),
	                         V(zinc_op_moe_route, expert_first), V(zinc_op_moe_route, perm),
	                         V(zinc_op_moe_route, bias), V(zinc_op_moe_route, expert_scale)),
	[ZINC_OP_MOE_COMBINE] = OP("moe_combine", zinc_op_moe_combine, V(zinc_op_moe_combine, x),
	                           V(zinc_op_moe_combine, weights), V(zinc_op_moe_combine, y),
	                           V(zinc_op_moe_combine, shared),
	                           V(zinc_op_moe_combine, shared_gate),
	                           V(zinc_op_moe_combine, residual)),
	[ZINC_OP_CONV1D] = OP("conv1d", zinc_op_conv1d, V(zinc_op_conv1d, x), V(zinc_op_conv1d, w),
	                      V(zinc_op_conv1d, y), V(zinc_op_conv1d, state),
	                      V(zinc_op_conv1d, seq_first), V(zinc_op_conv1d, state_slot)),
	[ZINC_OP_DELTA_NET] = OP("delta_net", zinc_op_delta_net, V(zinc_op_delta_net, q),
	                         V(zinc_op_delta_net, k), V(zinc_op_delta_net, v),
	                         V(zinc_op_delta_net, alpha), V(zinc_op_delta_net, beta),
	                         V(zinc_op_delta_net, a), V(zinc_op_delta_net, dt),
	                         V(zinc_op_delta_net, y), V(zinc_op_delta_net, state),
	                         V(zinc_op_delta_net, seq_first),
	                         V(zinc_op_delta_net, state_slot)),
	[ZINC_OP_ARGMAX] = TWO("argmax", zinc_op_argmax, x, ids),
	[ZINC_OP_TOP_LOGITS] = THREE("top_logits", zinc_op_top_logits, x, ids, values),
	[ZINC_OP_STATE_COPY] = {.name = "state_copy", .size = sizeof(struct zinc_op_state_copy),
	                        .n_views = 1, .views = {V(zinc_op_state_copy, pool)}},
};

const struct optab_op *optab_get(uint32_t op)
{
	return op < ZINC_OP_COUNT && table[op].name ? &table[op] : NULL;
}

struct zinc_view *optab_view(const struct optab_op *o, void *desc, uint32_t i)
{
	return (struct zinc_view *)(void *)((uint8_t *)desc + o->views[i]);
}
