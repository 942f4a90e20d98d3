/* ops.c - the op table: all ops but linear, which no backend sees, and all_reduce. */
#include "ops.h"

const struct zinc_op_impl *const ada_ops[ADA_N_OPS] = {
	&ada_op_embed,        &ada_op_dmmv,       &ada_op_mmq,       &ada_op_quant_act,
	&ada_op_rmsnorm,      &ada_op_rope_dual,  &ada_op_kv_write,  &ada_op_flash_attn,
	&ada_op_glu,          &ada_op_add,        &ada_op_mul,       &ada_op_scale,
	&ada_op_softcap,      &ada_op_sigmoid_gate, &ada_op_copy,    &ada_op_cast,
	&ada_op_moe_route,    &ada_op_moe_combine, &ada_op_conv1d,   &ada_op_delta_net,
	&ada_op_argmax,       &ada_op_top_logits, &ada_op_state_copy,
};
