/* list.c - which file has the cases of an op. */
#include "list.h"

#include <zinc/op.h>

static kit_lister *const listers[ZINC_OP_COUNT] = {
	[ZINC_OP_EMBED] = embed_cases,
	[ZINC_OP_DMMV] = linear_cases,
	[ZINC_OP_MMQ] = linear_cases,
	[ZINC_OP_RMSNORM] = norm_cases,
	[ZINC_OP_ROPE_DUAL] = rope_cases,
	[ZINC_OP_KV_WRITE] = kv_cases,
	[ZINC_OP_FLASH_ATTN] = attn_cases,
	[ZINC_OP_GLU] = element_cases,
	[ZINC_OP_ADD] = element_cases,
	[ZINC_OP_MUL] = element_cases,
	[ZINC_OP_SCALE] = element_cases,
	[ZINC_OP_SOFTCAP] = element_cases,
	[ZINC_OP_SIGMOID_GATE] = element_cases,
	[ZINC_OP_COPY] = copy_cases,
	[ZINC_OP_CAST] = copy_cases,
	[ZINC_OP_MOE_ROUTE] = route_cases,
	[ZINC_OP_MOE_COMBINE] = combine_cases,
	[ZINC_OP_CONV1D] = conv_cases,
	[ZINC_OP_DELTA_NET] = delta_cases,
	[ZINC_OP_ARGMAX] = out_cases,
	[ZINC_OP_TOP_LOGITS] = out_cases,
	[ZINC_OP_STATE_COPY] = state_copy_cases,
};

void kit_list_cases(const struct kit_list *l, uint32_t op)
{
	if (op < ZINC_OP_COUNT && listers[op])
		listers[op](l, op);
}
