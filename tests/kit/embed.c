/* embed.c - cases of embed: rows of a table of any dtype, and gathering rows of
 * an activation. */
#include <zinc/op.h>

#include "list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct embed_shape {
	uint32_t dtype, d, n_table, n, n_max, pad;
	float scale;
	bool pack, activation, tied, mapped;
};

struct embed_data {
	int32_t *ids;
	const struct kit_region *table;
	struct zinc_view view; /* of the table */
};

static void choose_ids(struct kit_case *c, const struct embed_shape *s)
{
	struct embed_data *t = c->data;
	const int32_t odd[] = {0, (int32_t)s->n_table - 1, INT32_MAX, -1, (int32_t)s->n_table,
	                       INT32_MIN};

	t->ids = kit_alloc(c, s->n + 1, sizeof(int32_t));
	for (uint32_t i = 0; i < s->n; i++)
		t->ids[i] = i % 4 == 1 && !s->activation ? odd[i / 4 % 6]
		                                         : (int32_t)rnd_below(&c->rnd, s->n_table);
}

static struct zinc_view table(struct kit_case *c, const struct embed_shape *s)
{
	struct embed_data *t = c->data;
	struct zinc_view v;
	struct kit_region *r;

	if (s->activation) {
		v = kit_act(c, s->d, 0, s->n_table, s->pad);
		kit_put(&v, kit_normal(c, (size_t)s->d * s->n_table, 1));
	} else {
		v = kit_tensor(c, s->mapped ? KIT_MAPPED : KIT_WEIGHTS, s->dtype, s->d,
		               s->n_table, 1, 1);
	}
	t->table = r = &c->regions[c->n_regions - 1];
	t->view = v;
	if (!s->activation) {
		num_random(&c->rnd, s->dtype, zinc_view_elems(&v), 0, r->image);
		r->use = (struct zinc_weight_use){.struct_size = sizeof(r->use), .view = v};
		r->use.view.buf = NULL;
		r->use.roles = ZINC_ROLE_TABLE | (s->tied ? ZINC_ROLE_LINEAR : 0u);
		r->packed = s->pack;
	}
	return v;
}

static void build(struct kit_case *c, const void *shape)
{
	const struct embed_shape *s = shape;
	struct zinc_op_embed *op = (struct zinc_op_embed *)(void *)c->desc;
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_OUT, s->n, s->n_max);
	struct embed_data *t = c->data = kit_alloc(c, 1, sizeof(*t));
	struct zinc_view live;

	kit_text(c, "%s D=%u of %u rows, N=%u of %u, scale %g%s%s%s", num_name(s->dtype), s->d,
	         s->n_table, s->n, s->n_max, (double)s->scale,
	         s->pack ? ", packed" : s->mapped ? ", mapped" : "",
	         s->activation ? ", of an activation" : "", s->tied ? ", tied to a product" : "");
	c->desc_size = sizeof(*op);
	c->wtype = s->dtype;
	*op = (struct zinc_op_embed){.struct_size = sizeof(*op), .n = r.slot, .scale = s->scale};
	op->table = table(c, s);
	choose_ids(c, s);
	op->ids = kit_tensor(c, KIT_TABLES, ZINC_I32, r.n_max, 1, 1, 1);
	live = kit_first_rows(op->ids, 0, r.n);
	kit_put(&live, t->ids + r.first);
	op->y = kit_act(c, s->d, 0, r.n_max, s->pad);
	kit_out(c, &op->y, 1, r);
}

static void expect(struct kit_case *c, const void *shape)
{
	const struct embed_shape *s = shape;
	const struct embed_data *t = c->data;
	struct kit_want *w = kit_want(c, 0, ZINC_F32, s->d, s->n);
	double *min = kit_alloc(c, s->d, sizeof(*min));
	double scale = s->scale != 0 ? (double)s->scale : 1;

	for (uint32_t i = 0; i < s->n; i++) {
		double *y = w->want + (size_t)i * s->d, *slack = w->slack + (size_t)i * s->d;

		if (t->ids[i] < 0 || (uint32_t)t->ids[i] >= s->n_table)
			continue; /* zeros, exactly */
		num_decode(s->dtype, t->table->image + t->view.off +
		           (uint64_t)t->ids[i] * t->view.nb[1], s->d, y, min);
		/* scale * quant, minus the minimum, times the scale: three roundings */
		for (uint32_t k = 0; k < s->d; k++) {
			y[k] *= scale;
			slack[k] = TOL_ROUNDING * (fabs(y[k]) + 2 * fabs(min[k] * scale));
		}
	}
}

static const struct kit_recipe embed = {ZINC_OP_EMBED, build, expect, NULL};

static void both(const struct kit_list *l, struct embed_shape s)
{
	for (int pack = 0; pack < 2; pack++) {
		s.pack = pack;
		l->add(l->ctx, &embed, &s);
	}
}

void embed_cases(const struct kit_list *l, uint32_t op)
{
	static const uint32_t ns[][2] = {{1, 1}, {7, 8}, {100, 100}, {0, 3}};

	(void)op;
	for (uint32_t t = 0; t < ZINC_DTYPE_MAX; t++)
		for (size_t i = 0; i < COUNT(ns) && ZINC_TMASK_WEIGHT & ZINC_TBIT(t); i++) {
			both(l, (struct embed_shape){.dtype = t, .d = num_block(t), .n_table = 9,
			                             .n = ns[i][0], .n_max = ns[i][1]});
			both(l, (struct embed_shape){
				.dtype = t, .d = 3 * (num_block(t) == 32 ? 224 : 256),
				.n_table = 300, .n = ns[i][0], .n_max = ns[i][1],
				.scale = 59.866518f, .tied = i & 1, .pad = i == 1 ? 3 : 0});
		}
	for (uint32_t t = 0; t < ZINC_DTYPE_MAX; t++)
		if (ZINC_TMASK_WEIGHT & ZINC_TBIT(t))
			l->add(l->ctx, &embed, &(struct embed_shape){
				.dtype = t, .d = 768, .n_table = 77, .n = 9, .n_max = 9,
				.mapped = true});
	for (size_t i = 0; i < COUNT(ns); i++) {
		l->add(l->ctx, &embed, &(struct embed_shape){
			.dtype = ZINC_F32, .d = 269, .n_table = 40, .n = ns[i][0],
			.n_max = ns[i][1], .activation = true, .pad = i & 1 ? 7 : 0});
		l->add(l->ctx, &embed, &(struct embed_shape){
			.dtype = ZINC_F32, .d = 2048, .n_table = 64, .n = ns[i][0],
			.n_max = ns[i][1], .activation = true, .scale = -0.5f});
	}
	if (!l->quick)
		both(l, (struct embed_shape){.dtype = ZINC_Q6_K, .d = 4096, .n_table = 4000,
		                             .n = 300, .n_max = 512, .tied = true});
}
