/* step_cost.c - what the ops of a step move and compute at the least. */
#include "run/engine_priv.h"

static uint32_t live_rows(const struct engine *e, const struct graph_op *o)
{
	const struct zinc_u32 *n = graph_live(o);

	if (!n)
		return 1;
	return n->slot == ZINC_SLOT_N_TOKENS ? e->batch.n_tokens
	       : n->slot == ZINC_SLOT_N_OUT  ? e->batch.n_out
	                                     : n->imm;
}

/* Each sequence by itself: its new tokens, or the last of them whose logits are read, see
 * half of each other. */
static struct graph_cost attention(const struct engine *e, const struct graph_op *o)
{
	const bool out = graph_live(o)->slot == ZINC_SLOT_N_OUT;
	struct graph_cost sum = {0};

	for (uint32_t i = 0; i < e->n_items; i++) {
		const struct step_item *it = &e->items[i];
		uint32_t n = out ? it->n_out : it->n;
		struct graph_cost cost;

		if (!n)
			continue;
		cost = graph_cost(o, n, it->seq->pos - n / 2);
		sum.bytes += cost.bytes;
		sum.flops += cost.flops;
	}
	return sum;
}

struct graph_cost step_cost(const struct engine *e, const struct graph_op *o)
{
	return o->op == ZINC_OP_FLASH_ATTN ? attention(e, o) : graph_cost(o, live_rows(e, o), 0);
}
