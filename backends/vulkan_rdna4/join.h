/* join.h - ops that become part of the dispatch before them. A join is a matter of
 * speed alone: results have the same bits without. */
#ifndef RDNA4_JOIN_H
#define RDNA4_JOIN_H

#include "rdna4.h"

/* The list's last dispatch, if it is of this shader: its constants, groups and
 * arguments. */
bool rdna4_call_before(const struct zinc_cmd *cmd, const char *shader, struct rdna4_call *call,
                       void *args, uint32_t args_bytes);
/* Puts the call, groups and all, in the place of the last dispatch, where what call->ranges has besides
 * does not collide with what runs beside that; false: nothing changed. */
bool rdna4_call_instead(struct zinc_cmd *cmd, struct rdna4_call *call);

/* quant_act of a result of rmsnorm; how: 1 to 8 bits, 2 to halves. */
bool rdna4_rmsnorm_join(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how);
/* The same of a result of flash_attn. */
bool rdna4_attn_join(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how);
/* kv_write of what rope_dual rotated. */
bool rdna4_rope_join(struct zinc_cmd *cmd, const struct zinc_op_kv_write *w);

#endif
