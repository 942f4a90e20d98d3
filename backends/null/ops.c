/* ops.c - every op, with one variant that takes any shape and dtype.
 *
 * A real backend has one file per op, in which supports() looks at shapes,
 * dtypes and fusions and record() picks a kernel. */
#include "null.h"

static const struct zinc_variant only[] = {
	{ .name = "null", .max_cols = 0, .numerics = ZINC_NUM_F32 },
};

/* Flags that are not known are declined, whatever they may mean one day. */
static int supports_without(const void *desc, uint32_t variant, uint32_t known_flags)
{
	const struct zinc_op_head *head = desc;

	return variant == 0 && (head->flags & ~known_flags) == 0 ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

#define NULL_OP(ID, op_name, desc_type, known_flags, weights)                                      \
	static int supports_##op_name(struct zinc_dev *dev, const void *desc, uint32_t variant)    \
	{                                                                                          \
		(void)dev;                                                                         \
		return supports_without(desc, variant, known_flags);                               \
	}                                                                                          \
	static int record_##op_name(struct zinc_cmd *cmd, const void *desc, uint32_t variant)      \
	{                                                                                          \
		(void)desc;                                                                        \
		(void)variant;                                                                     \
		return null_cmd_append(cmd, ID, #op_name);                                         \
	}                                                                                          \
	static const struct zinc_op_impl op_name##_impl = {                                        \
		.struct_size = sizeof(struct zinc_op_impl),                                        \
		.op = ID,                                                                          \
		.name = #op_name,                                                                  \
		.desc_size = sizeof(struct desc_type),                                             \
		.n_variants = 1,                                                                   \
		.variants = only,                                                                  \
		.wtypes = weights,                                                                 \
		.supports = supports_##op_name,                                                    \
		.record = record_##op_name,                                                        \
	}

NULL_OP(ZINC_OP_EMBED, embed, zinc_op_embed, 0, ZINC_TMASK_WEIGHT);
NULL_OP(ZINC_OP_DMMV, dmmv, zinc_op_linear, 0, ZINC_TMASK_WEIGHT);
NULL_OP(ZINC_OP_MMQ, mmq, zinc_op_linear, 0, ZINC_TMASK_WEIGHT);
NULL_OP(ZINC_OP_QUANT_ACT, quant_act, zinc_op_quant_act, 0, 0);
NULL_OP(ZINC_OP_RMSNORM, rmsnorm, zinc_op_rmsnorm, 0, 0);
NULL_OP(ZINC_OP_ROPE_DUAL, rope_dual, zinc_op_rope_dual, 0, 0);
NULL_OP(ZINC_OP_KV_WRITE, kv_write, zinc_op_kv_write, 0, 0);
NULL_OP(ZINC_OP_FLASH_ATTN, flash_attn, zinc_op_flash_attn, 0, 0);
NULL_OP(ZINC_OP_GLU, glu, zinc_op_glu, 0, 0);
NULL_OP(ZINC_OP_ADD, add, zinc_op_binary, 0, 0);
NULL_OP(ZINC_OP_MUL, mul, zinc_op_binary, 0, 0);
NULL_OP(ZINC_OP_SCALE, scale, zinc_op_unary, 0, 0);
NULL_OP(ZINC_OP_SOFTCAP, softcap, zinc_op_unary, 0, 0);
NULL_OP(ZINC_OP_SIGMOID_GATE, sigmoid_gate, zinc_op_sigmoid_gate, 0, 0);
NULL_OP(ZINC_OP_COPY, copy, zinc_op_copy, 0, 0);
NULL_OP(ZINC_OP_CAST, cast, zinc_op_copy, 0, 0);
NULL_OP(ZINC_OP_MOE_ROUTE, moe_route, zinc_op_moe_route, ZINC_ROUTE_RENORM, 0);
NULL_OP(ZINC_OP_MOE_COMBINE, moe_combine, zinc_op_moe_combine, 0, 0);
NULL_OP(ZINC_OP_CONV1D, conv1d, zinc_op_conv1d, 0, 0);
NULL_OP(ZINC_OP_DELTA_NET, delta_net, zinc_op_delta_net, 0, 0);
NULL_OP(ZINC_OP_ARGMAX, argmax, zinc_op_argmax, 0, 0);
NULL_OP(ZINC_OP_TOP_LOGITS, top_logits, zinc_op_top_logits, 0, 0);
NULL_OP(ZINC_OP_STATE_COPY, state_copy, zinc_op_state_copy, 0, 0);

const struct zinc_op_impl *const null_ops[NULL_N_OPS] = {
	&embed_impl, &dmmv_impl, &mmq_impl, &quant_act_impl, &rmsnorm_impl, &rope_dual_impl,
	&kv_write_impl, &flash_attn_impl, &glu_impl, &add_impl, &mul_impl, &scale_impl,
	&softcap_impl, &sigmoid_gate_impl, &copy_impl, &cast_impl, &moe_route_impl,
	&moe_combine_impl, &conv1d_impl, &delta_net_impl, &argmax_impl, &top_logits_impl,
	&state_copy_impl,
};
