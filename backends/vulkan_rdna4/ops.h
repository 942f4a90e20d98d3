/* ops.h - the op table entries; each is defined in its op's file. */
#ifndef RDNA4_OPS_H
#define RDNA4_OPS_H

#include <zinc/device.h>

extern const struct zinc_op_impl rdna4_op_embed, rdna4_op_dmmv, rdna4_op_mmq,
	rdna4_op_quant_act;
extern const struct zinc_op_impl rdna4_op_rmsnorm, rdna4_op_rope_dual, rdna4_op_kv_write,
	rdna4_op_flash_attn, rdna4_op_glu, rdna4_op_add, rdna4_op_mul, rdna4_op_scale,
	rdna4_op_softcap, rdna4_op_sigmoid_gate, rdna4_op_copy, rdna4_op_cast,
	rdna4_op_moe_route, rdna4_op_moe_combine, rdna4_op_conv1d, rdna4_op_delta_net,
	rdna4_op_argmax, rdna4_op_top_logits, rdna4_op_state_copy;

#endif
