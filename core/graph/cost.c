/* cost.c - bytes and FLOPs of an op. */
#include "graph/cost.h"

#include "graph/schema.h"
#include "model/dtype.h"

static uint64_t weight_bytes(const struct zinc_view *w)
{
	return dtype_row_bytes(w->dtype, w->ne[0]) * w->ne[1];
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static struct graph_cost linear_cost(const struct zinc_op_linear *d, uint32_t n)
{
	uint64_t k = d->ids.buf ? d->ids.ne[0] : 1;
	uint64_t cells = n * k;
	uint64_t products = d->gate_w.buf ? 2 : 1;
	/* Each expert that is routed to is read once. */
	uint64_t matrices = d->ids.buf ? min_u64(cells, d->w.ne[2]) : 1;
	struct graph_cost c;

	c.flops = products * 2 * cells * d->w.ne[0] * d->w.ne[1];
	c.bytes = products * matrices * weight_bytes(&d->w) + n * (uint64_t)d->x.ne[0] * 4 +
	          cells * d->y.ne[0] * 4;
	return c;
}

/* Elements per row of n. */
static uint64_t row_elems(const struct zinc_view *v, uint32_t rows)
{
	uint64_t all = zinc_view_elems(v);

	return rows && all % rows == 0 ? all / rows : v->ne[0];
}

static struct graph_cost elementwise_cost(const struct graph_op *op, uint32_t n)
{
	const struct schema_op *s = schema_op(op->op);
	uint32_t rows = schema_rows(op->op, op->desc);
	struct graph_cost c = {0, 0};

	for (uint32_t i = 0; i < s->n_fields; i++) {
		const struct zinc_view *v = schema_cview(op->desc, &s->fields[i]);

		if (v->buf && zinc_view_elems(v) >= rows && graph_mem(v)->temp >= 0)
			c.bytes += n * row_elems(v, rows) * (v->nb[0] ? v->nb[0] : 1);
	}
	c.flops = c.bytes / 2;
	return c;
}

static struct graph_cost delta_cost(const struct zinc_op_delta_net *d, uint32_t n)
{
	uint64_t state = (uint64_t)d->state.ne[0];
	struct graph_cost c = {2 * state * 4, 7 * state * n};

	return c;
}

static struct graph_cost embed_cost(const struct zinc_op_embed *d, uint32_t n)
{
	struct graph_cost c = {n * (dtype_row_bytes(d->table.dtype, d->table.ne[0]) +
	                            4 * (uint64_t)d->y.ne[0]), 0};

	return c;
}

static struct graph_cost attn_cost(const struct zinc_op_flash_attn *d, uint32_t n, uint32_t keys)
{
	uint64_t seen = d->window ? min_u64(keys, d->window) : keys;
	uint64_t dims = (uint64_t)d->k_cache.ne[0] + d->v_cache.ne[0];
	uint64_t row = dtype_row_bytes(d->k_cache.dtype, d->k_cache.ne[0]) +
	               dtype_row_bytes(d->v_cache.dtype, d->v_cache.ne[0]);
	struct graph_cost c = {
		.bytes = seen * d->n_head_kv * row +
	                 (uint64_t)n * d->n_head * 4 * (d->q_head_dim + d->v_cache.ne[0]),
		.flops = 2 * (uint64_t)n * d->n_head * seen * dims};

	return c;
}

const struct zinc_u32 *graph_live(const struct graph_op *op)
{
	const struct schema_op *s = schema_op(op->op);

	if (!s->n_off)
		return NULL;
	return (const struct zinc_u32 *)(const void *)((const char *)op->desc + s->n_off);
}

struct graph_cost graph_cost(const struct graph_op *op, uint32_t n, uint32_t keys)
{
	switch (op->op) {
	case ZINC_OP_LINEAR:
	case ZINC_OP_DMMV:
	case ZINC_OP_MMQ: return linear_cost(op->desc, n);
	case ZINC_OP_DELTA_NET: return delta_cost(op->desc, n);
	case ZINC_OP_FLASH_ATTN: return attn_cost(op->desc, n, keys);
	case ZINC_OP_EMBED: return embed_cost(op->desc, n);
	default: return elementwise_cost(op, n);
	}
}
