/* anchor.c - one exported symbol from which every public type can be reached,
 * for abidiff to compare with the baseline (baseline.abi.xz; abidiff.sh).
 *
 * A struct or enum that is new in core/include/zinc gets a line here. */
#include <zinc/chat.h>
#include <zinc/plugin.h>
#include <zinc/shape.h>
#include <zinc/view.h>

struct zinc_abi_anchor {
	const struct zinc_act_layout *act_layout;
	const struct zinc_arch *arch;
	const struct zinc_arch_host *arch_host;
	const struct zinc_arch_info *arch_info;
	const struct zinc_backend *backend;
	const struct zinc_chat *chat;
	const struct zinc_chat_event *chat_event;
	const struct zinc_chat_request *chat_request;
	const struct zinc_const_decl *const_decl;
	const struct zinc_dev_info *dev_info;
	const struct zinc_dtype_info *dtype_info;
	const struct zinc_err *err;
	const struct zinc_host *host;
	const struct zinc_kernel_info *kernel_info;
	const struct zinc_op_argmax *op_argmax;
	const struct zinc_op_binary *op_binary;
	const struct zinc_op_conv1d *op_conv1d;
	const struct zinc_op_copy *op_copy;
	const struct zinc_op_delta_net *op_delta_net;
	const struct zinc_op_embed *op_embed;
	const struct zinc_op_flash_attn *op_flash_attn;
	const struct zinc_op_glu *op_glu;
	const struct zinc_op_head *op_head;
	const struct zinc_op_impl *op_impl;
	const struct zinc_op_kv_write *op_kv_write;
	const struct zinc_op_linear *op_linear;
	const struct zinc_op_moe_combine *op_moe_combine;
	const struct zinc_op_moe_route *op_moe_route;
	const struct zinc_op_quant_act *op_quant_act;
	const struct zinc_op_rmsnorm *op_rmsnorm;
	const struct zinc_op_rope_dual *op_rope_dual;
	const struct zinc_op_sigmoid_gate *op_sigmoid_gate;
	const struct zinc_op_state_copy *op_state_copy;
	const struct zinc_op_top_logits *op_top_logits;
	const struct zinc_op_unary *op_unary;
	const struct zinc_peaks *peaks;
	const struct zinc_plugin *plugin;
	const struct zinc_point *point;
	const struct zinc_shape *shape;
	const struct zinc_span *span;
	const struct zinc_state_decl *state_decl;
	const struct zinc_submit *submit;
	const struct zinc_tensor_info *tensor_info;
	const struct zinc_tok_spec *tok_spec;
	const struct zinc_u32 *u32;
	const struct zinc_variant *variant;
	const struct zinc_view *view;
	const struct zinc_weight_decl *weight_decl;
	const struct zinc_weight_layout *weight_layout;
	const struct zinc_weight_use *weight_use;
	enum zinc_act act_e;
	enum zinc_chat_event_kind chat_event_kind_e;
	enum zinc_dev_class dev_class_e;
	enum zinc_dtype dtype_e;
	enum zinc_kind kind_e;
	enum zinc_log_level log_level_e;
	enum zinc_mem mem_e;
	enum zinc_numerics numerics_e;
	enum zinc_op op_e;
	enum zinc_slot slot_e;
	enum zinc_state_kind state_kind_e;
	enum zinc_status status_e;
	enum zinc_table table_e;
	enum zinc_thinking thinking_e;
	enum zinc_tok_flag tok_flag_e;
	enum zinc_tok_kind tok_kind_e;
	enum zinc_weight_role weight_role_e;
};

extern ZINC_EXPORT const struct zinc_abi_anchor zinc_abi_anchor;
const struct zinc_abi_anchor zinc_abi_anchor = {0};
