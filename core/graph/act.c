/* act.c - one quant_act per input, however many products read it. */
#include <string.h>

#include "graph/lower.h"
#include "graph/schema.h"

static bool same_place(const struct zinc_view *a, const struct zinc_view *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static const struct zinc_view *cached(const struct lower *lo, const struct zinc_view *x,
                                      uint32_t layout)
{
	for (uint32_t i = 0; i < lo->n_acts; i++)
		if (lo->acts[i].q.layout == layout && same_place(&lo->acts[i].x, x))
			return &lo->acts[i].q;
	return NULL;
}

static void remember(struct lower *lo, const struct zinc_view *x, const struct zinc_view *q)
{
	if (lo->n_acts == ACT_CACHE) {
		memmove(lo->acts, lo->acts + 1, (ACT_CACHE - 1) * sizeof(lo->acts[0]));
		lo->n_acts--;
	}
	lo->acts[lo->n_acts].x = *x;
	lo->acts[lo->n_acts++].q = *q;
}

void act_apply(struct lower *lo, uint32_t op, struct zinc_op_linear *d, uint32_t variant)
{
	struct zinc_act_layout a = {.struct_size = sizeof(a)};
	struct zinc_op_quant_act quant = {.struct_size = sizeof(quant), .x = d->x, .n = d->n};
	uint64_t rows = zinc_view_elems(&d->x) / d->x.ne[0];
	const struct zinc_view *q;

	if (!lo->t->backend->act_layout ||
	    lo->t->backend->act_layout(lo->t->dev, op, d, variant, &a) || !a.layout)
		return;
	q = cached(lo, &d->x, a.layout);
	if (q) {
		d->x = *q;
		return;
	}
	quant.row_bytes = a.row_bytes;
	quant.y = graph_temp(lo->g, ZINC_U8, (uint32_t)a.row_bytes, (uint32_t)rows, 1, 1);
	quant.y.layout = a.layout;
	memcpy(quant.y.ne, d->x.ne, sizeof(quant.y.ne));
	quant.y.nb[0] = 1;
	quant.y.nb[1] = a.row_bytes;
	for (int i = 2; i < ZINC_MAX_DIMS; i++)
		quant.y.nb[i] = quant.y.nb[i - 1] * quant.y.ne[i - 1];
	lower_emit(lo, ZINC_OP_QUANT_ACT, &quant);
	remember(lo, &d->x, &quant.y);
	d->x = quant.y;
}

void act_forget_written(struct lower *lo, const struct graph_op *op)
{
	const struct schema_op *s = schema_op(op->op);

	for (uint32_t k = 0; k < s->n_fields; k++) {
		const struct zinc_view *v = schema_cview(op->desc, &s->fields[k]);
		uint32_t kept = 0;

		if (!(s->fields[k].flags & SCHEMA_W) || !v->buf)
			continue;
		for (uint32_t i = 0; i < lo->n_acts; i++)
			if (lo->acts[i].x.buf != v->buf)
				lo->acts[kept++] = lo->acts[i];
		lo->n_acts = kept;
	}
}
