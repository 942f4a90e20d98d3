/* templates.c - see templates.h. */
#include "templates.h"

#include "list.h"

enum { MAX_BYTES = 1 << 20 };

struct gathering {
	struct templates *out;
	const struct zinc_op_impl *impl;
	struct zinc_buf *buf;
	uint32_t n, every, taken;
};

static void count(void *ctx, const struct kit_recipe *r, const void *shape)
{
	(void)r, (void)shape;
	((struct gathering *)ctx)->n++;
}

static uint64_t bytes_of(const struct kit_case *c)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < c->n_regions; i++)
		n += c->regions[i].bytes;
	return n;
}

static void take(void *ctx, const struct kit_recipe *r, const void *shape)
{
	struct gathering *g = ctx;
	struct template *t = &g->out->t[g->out->n];
	struct kit_case *c;

	if (g->n++ % g->every || g->taken == TEMPLATES_PER_OP)
		return;
	c = kit_case_create(r, shape, 0);
	if (bytes_of(c) <= MAX_BYTES && g->impl->desc_size <= KIT_DESC_MAX) {
		t->impl = g->impl;
		t->layout = optab_get(g->impl->op);
		memcpy(t->desc, c->desc, sizeof(t->desc));
		memcpy(t->desc, &g->impl->desc_size, sizeof(g->impl->desc_size));
		for (uint32_t i = 0; i < t->layout->n_views; i++) {
			struct zinc_view *v = optab_view(t->layout, t->desc, i);

			v->buf = v->buf ? g->buf : NULL;
		}
		g->out->n++;
		g->taken++;
	}
	kit_case_destroy(c);
}

void templates_create(struct templates *out, const struct kit_dev *d, struct zinc_buf *buf)
{
	*out = (struct templates){0};
	out->t = must_calloc((size_t)d->b->n_ops * TEMPLATES_PER_OP, sizeof(*out->t));
	for (uint32_t i = 0; i < d->b->n_ops; i++) {
		struct gathering g = {.out = out, .impl = d->b->ops[i], .buf = buf};
		struct kit_list list = {.add = count, .ctx = &g, .quick = true};

		kit_list_cases(&list, g.impl->op);
		g.every = g.n / TEMPLATES_PER_OP + 1;
		g.n = 0;
		list.add = take;
		kit_list_cases(&list, g.impl->op);
	}
}

void templates_destroy(struct templates *t)
{
	free(t->t);
	t->t = NULL;
}
