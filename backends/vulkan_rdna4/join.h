/* join.h - ops that become part of the dispatch before them. A join is a matter of
 * speed alone: results have the same bits without. */
#ifndef RDNA4_JOIN_H
#define RDNA4_JOIN_H

#include "args.h"

/* The list's last dispatch, if it is of this shader: its constants, groups, arguments
 * and, until something else is recorded, what it has more. */
bool rdna4_call_before(const struct zinc_cmd *cmd, const char *shader, struct rdna4_call *call,
                       void *args, uint32_t args_bytes);
/* Puts the call, groups and all, in the place of the last dispatch, where what
 * call->ranges has besides does not collide with what runs beside that; false: nothing
 * changed. Once memory is out it is true, and the error sticks to the list. */
bool rdna4_call_instead(struct zinc_cmd *cmd, struct rdna4_call *call);

/* The same of a call that has come to quantise its result as q would; at: the one of its
 * arguments that says where the quants go, which is the place of q or aside of it. */
bool rdna4_quants_instead(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q,
                          struct rdna4_call *call, uint64_t *at);

/* quant_act of a result of rmsnorm; how: 1 to 8 bits, 2 to halves. */
bool rdna4_rmsnorm_join(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how);
/* A factor of a result of rmsnorm, in its place. */
bool rdna4_rmsnorm_mul(struct zinc_cmd *cmd, const struct zinc_op_binary *d);
/* quant_act of a result of flash_attn. */
bool rdna4_attn_join(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how);
/* quant_act of a result of a product of one column whose workgroups have whole blocks. */
bool rdna4_product_join(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how);

/* A norm of heads that knows no weights, recorded last. */
struct rdna4_plain_norm {
	struct rdna4_rows x, y;
	struct rdna4_count n;
	uint32_t heads, lanes, group;
	float eps;
};
bool rdna4_plain_norm_before(const struct zinc_cmd *cmd, struct rdna4_plain_norm *norm);
/* kv_write of what rope_dual rotated. */
bool rdna4_rope_join(struct zinc_cmd *cmd, const struct zinc_op_kv_write *w);
/* glu in the place of a product of few columns, which is its gate. */
bool rdna4_product_glu(struct zinc_cmd *cmd, const struct zinc_op_glu *d);

#endif
