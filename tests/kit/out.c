/* out.c - cases of argmax and top_logits: ties, NaN, long rows. */
#include <zinc/op.h>

#include "list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct out_shape {
	uint32_t v, n, n_max, n_top, pad;
	bool ties, nans;
};

static float *make_data(struct kit_case *c, const struct out_shape *s)
{
	float *x = kit_normal(c, (size_t)s->v * s->n, 4);

	for (size_t i = 0; s->ties && i < (size_t)s->v * s->n; i++)
		x[i] = roundf(x[i]);
	for (size_t i = 0; s->nans && i < (size_t)s->v * s->n; i++)
		if (rnd_below(&c->rnd, 3) == 0 || (i / s->v == 1 && s->n > 1))
			x[i] = i % 2 ? NAN : -NAN;
	return x;
}

static struct kit_rows start(struct kit_case *c, const struct out_shape *s)
{
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_OUT, s->n, s->n_max);

	kit_text(c, "V=%u N=%u of %u, top %u%s%s", s->v, s->n, s->n_max, s->n_top,
	         s->ties ? ", ties" : "", s->nans ? ", NaN" : "");
	if (s->pad)
		kit_text(c, ", rows %u elements apart", s->pad);
	c->data = make_data(c, s);
	return r;
}

static void build_argmax(struct kit_case *c, const void *shape)
{
	const struct out_shape *s = shape;
	struct zinc_op_argmax *op = (struct zinc_op_argmax *)(void *)c->desc;
	struct kit_rows r = start(c, s);

	c->desc_size = sizeof(*op);
	*op = (struct zinc_op_argmax){.struct_size = sizeof(*op), .n = r.slot};
	op->x = kit_act_of(c, s->v, 0, r, s->pad, c->data);
	op->ids = kit_tensor(c, KIT_DATA, ZINC_I32, r.n_max, 1, 1, 1);
	kit_out(c, &op->ids, 0, r);
}

static void build_top(struct kit_case *c, const void *shape)
{
	const struct out_shape *s = shape;
	struct zinc_op_top_logits *op = (struct zinc_op_top_logits *)(void *)c->desc;
	struct kit_rows r = start(c, s);

	c->desc_size = sizeof(*op);
	*op = (struct zinc_op_top_logits){.struct_size = sizeof(*op), .n = r.slot,
	                                  .n_top = s->n_top};
	op->x = kit_act_of(c, s->v, 0, r, s->pad, c->data);
	op->ids = kit_tensor(c, KIT_DATA, ZINC_I32, s->n_top, r.n_max, 1, 1);
	op->values = kit_act(c, s->n_top, 0, r.n_max, 0);
	kit_out(c, &op->ids, 1, r);
	kit_out(c, &op->values, 1, r);
}

/* Larger first, then lower index; NaN last. */
static const float *sorting;

static int by_rank(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	float x = sorting[i], y = sorting[k];

	if (isnan(x) != isnan(y))
		return isnan(x) ? 1 : -1;
	if (x != y && !isnan(x))
		return x > y ? -1 : 1;
	return i < k ? -1 : 1;
}

static void expect(struct kit_case *c, const void *shape)
{
	const struct out_shape *s = shape;
	uint32_t *order = kit_alloc(c, s->v, sizeof(*order));
	struct kit_want *ids = kit_want(c, 0, ZINC_I32, s->n_top, s->n), *values = NULL;

	if (c->recipe->op == ZINC_OP_TOP_LOGITS)
		values = kit_want(c, 1, ZINC_F32, s->n_top, s->n);
	for (uint32_t n = 0; n < s->n; n++) {
		sorting = (const float *)c->data + (size_t)n * s->v;
		for (uint32_t i = 0; i < s->v; i++)
			order[i] = i;
		qsort(order, s->v, sizeof(*order), by_rank);
		for (uint32_t i = 0; i < s->n_top; i++) {
			ids->want[n * s->n_top + i] = order[i];
			if (values)
				values->want[n * s->n_top + i] = (double)sorting[order[i]];
		}
	}
}

static const struct kit_recipe argmax = {ZINC_OP_ARGMAX, build_argmax, expect, NULL};
static const struct kit_recipe top = {ZINC_OP_TOP_LOGITS, build_top, expect, NULL};

void out_cases(const struct kit_list *l, uint32_t op)
{
	static const uint32_t shapes[][4] = {{1, 1, 1, 0},    {7, 3, 4, 3},    {1000, 9, 9, 0},
	                                     {32, 2, 2, 32},  {4097, 5, 8, 1}, {64, 0, 4, 0},
	                                     {151936, 1, 1, 0}, {262144, 2, 4, 0}};
	static const uint32_t tops[] = {1, 2, 40, 64, 256};

	for (size_t i = 0; i < COUNT(shapes); i++)
		for (int k = 0; k < 4; k++)
			for (size_t t = 0; t < COUNT(tops); t++) {
				struct out_shape s = {shapes[i][0], shapes[i][1], shapes[i][2],
				                      tops[t], shapes[i][3], k & 1, k & 2};

				if (s.n_top > s.v || (s.v > 5000 && k == 3) ||
				    (s.v > 5000 && l->quick && (t != 2 || k)) ||
				    (op == ZINC_OP_ARGMAX && t != (s.v > 5000 ? 2 : 0)))
					continue;
				s.n_top = op == ZINC_OP_ARGMAX ? 1 : s.n_top;
				l->add(l->ctx, op == ZINC_OP_ARGMAX ? &argmax : &top, &s);
			}
}
