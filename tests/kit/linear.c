/* linear.c - descriptors and data of matrix products. */
#include "linear.h"

static float *inputs(struct kit_case *c, const struct linear_shape *s, size_t rows)
{
	float *x = kit_normal(c, rows * s->k, 1);

	for (size_t i = 0; s->sparse && i < rows * s->k; i++)
		if (i % s->k % 37 != i / s->k % 37)
			x[i] = 0;
	/* Extreme quants: all products of one sign. */
	for (size_t i = 0; s->fill && i < rows * s->k; i++)
		x[i] = i / s->k % 2 ? -1 : 1;
	return x;
}

static struct zinc_view weight(struct kit_case *c, const struct linear_shape *s, uint32_t dtype,
                               const struct kit_region **region)
{
	struct linear_data *d = c->data;
	uint32_t experts = s->slots ? s->n_expert : 1;
	struct zinc_view v = kit_tensor(c, s->mapped ? KIT_MAPPED : KIT_WEIGHTS, dtype, s->k,
	                                d->rows_of_tensor, experts, 1);
	struct kit_region *r = &c->regions[c->n_regions - 1];

	num_random(&c->rnd, dtype, zinc_view_elems(&v), s->fill, r->image);
	r->use = (struct zinc_weight_use){.struct_size = sizeof(r->use), .view = v};
	r->use.view.buf = NULL;
	r->use.roles = s->slots ? ZINC_ROLE_EXPERTS : ZINC_ROLE_LINEAR;
	if (s->tied)
		r->use.roles |= ZINC_ROLE_TABLE;
	r->packed = s->pack;
	*region = r;
	return zinc_view_rows(v, d->first_row, s->m);
}

/* Distinct experts for each token. */
static void choose_experts(struct kit_case *c, const struct linear_shape *s)
{
	struct linear_data *d = c->data;

	d->ids = kit_alloc(c, (size_t)s->n * s->slots + 1, sizeof(*d->ids));
	for (uint32_t t = 0; t < s->n; t++) {
		int32_t *order = rnd_permutation(&c->rnd, s->n_expert);

		for (uint32_t i = 0; i < s->slots; i++)
			d->ids[t * s->slots + i] = s->crowd ? (int32_t)i : order[i];
		free(order);
	}
}

/* The choice of the rows shown, and the same by expert. */
static void put_routes(struct kit_case *c, const struct linear_shape *s, struct kit_rows rows,
                       struct zinc_op_linear *op)
{
	const struct linear_data *d = c->data;
	const int32_t *ids = d->ids + (size_t)rows.first * s->slots;
	uint32_t cells = rows.n * s->slots, at = 0;
	int32_t *first = kit_alloc(c, s->n_expert + 1, sizeof(*first));
	int32_t *perm = kit_alloc(c, cells + 1, sizeof(*perm));
	struct zinc_view live;

	for (uint32_t e = 0; e < s->n_expert; e++) {
		first[e] = (int32_t)at;
		for (uint32_t i = 0; i < cells; i++)
			if (ids[i] == (int32_t)e)
				perm[at++] = (int32_t)i;
	}
	first[s->n_expert] = (int32_t)at;
	op->ids = kit_tensor(c, KIT_DATA, ZINC_I32, s->slots, rows.n_max, 1, 1);
	live = kit_first_rows(op->ids, 1, rows.n);
	kit_put(&live, ids);
	op->expert_first = kit_vector(c, KIT_DATA, ZINC_I32, s->n_expert + 1, first);
	op->perm = kit_tensor(c, KIT_DATA, ZINC_I32, rows.n_max * s->slots, 1, 1, 1);
	live = kit_first_rows(op->perm, 0, cells);
	kit_put(&live, perm);
}

static void describe(struct kit_case *c, const struct linear_shape *s, struct kit_rows rows)
{
	static const char *const windows[] = {"", ", first half of the rows",
	                                      ", second half of the rows", ", from row 1 on"};

	kit_text(c, "%s K=%u M=%u N=%u of %u%s", num_name(s->dtype), s->k, s->m, rows.n,
	         rows.n_max, s->pack ? ", packed" : s->mapped ? ", mapped" : "");
	if (c->variation)
		kit_text(c, ", row %u alone", rows.first);
	if (s->slots)
		kit_text(c, ", %u of %u experts%s%s", s->slots, s->n_expert,
		         s->x_per_slot ? ", x per slot" : "", s->crowd ? ", crowded" : "");
	kit_text(c, "%s%s", windows[s->window], s->tied ? ", tied to a table" : "");
	if (s->act)
		kit_text(c, ", gate %s act %u", num_name(s->gate_dtype), s->act);
	if (s->scale != 0)
		kit_text(c, ", scale %g", (double)s->scale);
	kit_text(c, "%s%s", s->residual ? ", residual" : "", s->alias ? " in place" : "");
	if (s->pad)
		kit_text(c, ", rows %u elements apart", s->pad);
	if (s->fill)
		kit_text(c, ", all quants %#x", s->fill);
	kit_text(c, "%s", s->sparse ? ", sparse x" : "");
}

static void place_tensor(const struct linear_shape *s, struct linear_data *d)
{
	bool half = s->window == FIRST_HALF || s->window == SECOND_HALF;

	d->rows_of_tensor = half ? 2 * s->m : s->window == ODD_ROWS ? s->m + 3 : s->m;
	d->first_row = s->window == SECOND_HALF ? s->m : s->window == ODD_ROWS;
}

static void build(struct kit_case *c, const void *shape)
{
	const struct linear_shape *s = shape;
	struct zinc_op_linear *op = (struct zinc_op_linear *)(void *)c->desc;
	uint32_t slots = s->slots ? s->slots : 1, x_slots = s->x_per_slot ? slots : 0;
	struct kit_rows rows = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->n_max ? s->n_max : s->n);
	struct linear_data *d = c->data = kit_alloc(c, 1, sizeof(*d));

	describe(c, s, rows);
	place_tensor(s, d);
	c->fused = s->act || s->residual || s->scale != 0;
	/* A layout that interleaves rows need not take any window. */
	c->optional = s->pack && s->window == ODD_ROWS;
	c->wtype = s->dtype;
	*op = (struct zinc_op_linear){.struct_size = sizeof(*op), .n = rows.slot,
	                              .scale = s->scale, .act = s->act};
	c->desc_size = sizeof(*op);
	d->x = inputs(c, s, (size_t)s->n * (x_slots ? x_slots : 1));
	d->residual = kit_normal(c, (size_t)s->n * slots * s->m, 3);
	op->w = weight(c, s, s->dtype, &d->w);
	if (s->act)
		op->gate_w = weight(c, s, s->gate_dtype, &d->gate);
	op->x = kit_act_of(c, s->k, x_slots, rows, s->pad, d->x);
	op->y = kit_act(c, s->m, s->slots, rows.n_max, s->pad);
	if (s->residual) {
		op->residual = kit_act_of(c, s->m, s->slots, rows, s->pad, d->residual);
		if (s->alias)
			op->y = op->residual;
	}
	kit_out(c, &op->y, s->slots ? 2 : 1, rows);
	if (s->slots) {
		choose_experts(c, s);
		put_routes(c, s, rows, op);
	}
}

const struct kit_recipe linear_dmmv = {ZINC_OP_DMMV, build, linear_expect, NULL};
const struct kit_recipe linear_mmq = {ZINC_OP_MMQ, build, linear_expect, NULL};
