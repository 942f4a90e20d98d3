/* place.c - where temporaries live: offsets in one arena, by liveness.
 *
 * A temporary lives from the first op that names it to the last. Two that live
 * at the same time must not overlap. Largest first, each at the lowest offset
 * that is free during its life. */
#include <stdlib.h>

#include "graph/graph.h"
#include "graph/schema.h"
#include "util/err.h"

static void touch(struct zinc_graph *g, const struct zinc_view *v, int32_t op)
{
	struct graph_mem *m = graph_mem(v);
	struct graph_temp *t;

	if (!m || m->temp < 0)
		return;
	t = g->temps[m->temp];
	if (t->first < 0)
		t->first = op;
	t->last = op;
}

/* Reads of what nobody wrote are a bug of the architecture. */
static int check_written(const struct zinc_graph *g, const struct graph_op *o,
                         const struct schema_field *f, struct zinc_err *err)
{
	const struct zinc_view *v = schema_cview(o->desc, f);
	struct graph_mem *m = graph_mem(v);

	if (!m || m->temp < 0 || !(f->flags & SCHEMA_R) || g->temps[m->temp]->first >= 0)
		return ZINC_OK;
	return err_set(err, ZINC_E_INVALID,
	               "layer %d %s: op %s reads its %s before anything was written there",
	               o->layer, o->label, schema_name(o->op), f->name);
}

static int find_lives(struct zinc_graph *g, struct zinc_err *err)
{
	for (uint32_t i = 0; i < g->n_ops; i++) {
		const struct graph_op *o = &g->ops[i];
		const struct schema_op *s = schema_op(o->op);

		for (uint32_t k = 0; k < s->n_fields; k++) {
			int rc = check_written(g, o, &s->fields[k], err);

			if (rc)
				return rc;
		}
		for (uint32_t k = 0; k < s->n_fields; k++)
			touch(g, schema_cview(o->desc, &s->fields[k]), (int32_t)i);
	}
	for (uint32_t i = 0; i < g->n_temps; i++)
		if (g->temps[i]->keep)
			g->temps[i]->last = (int32_t)g->n_ops;
	return ZINC_OK;
}

static int by_size(const void *a, const void *b)
{
	const struct graph_temp *x = *(struct graph_temp *const *)a;
	const struct graph_temp *y = *(struct graph_temp *const *)b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->mem.temp < y->mem.temp ? -1 : 1;
}

static bool live_together(const struct graph_temp *a, const struct graph_temp *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* placed: those with an offset, ascending by offset. Returns the lowest gap. */
static uint64_t find_gap(struct graph_temp *const *placed, uint32_t n, const struct graph_temp *t,
                         uint64_t align)
{
	uint64_t off = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct graph_temp *p = placed[i];

		if (!live_together(p, t))
			continue;
		if (p->mem.off >= off + t->bytes)
			return off;
		if (p->mem.off + p->bytes > off)
			off = (p->mem.off + p->bytes + align - 1) / align * align;
	}
	return off;
}

static void insert_by_offset(struct graph_temp **placed, uint32_t n, struct graph_temp *t)
{
	while (n > 0 && placed[n - 1]->mem.off > t->mem.off) {
		placed[n] = placed[n - 1];
		n--;
	}
	placed[n] = t;
}

int graph_place(struct zinc_graph *g, const struct graph_target *t, struct zinc_err *err)
{
	struct graph_temp **order = calloc(g->n_temps + 1, 2 * sizeof(*order));
	struct graph_temp **placed = order + g->n_temps + 1;
	uint64_t align = t->temp_align < 64 ? 64 : t->temp_align;
	uint32_t n = 0;
	int rc;

	if (!order)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while placing temporaries");
	rc = find_lives(g, err);
	if (rc) {
		free(order);
		return rc;
	}
	for (uint32_t i = 0; i < g->n_temps; i++)
		if (g->temps[i]->first >= 0)
			order[n++] = g->temps[i];
	qsort(order, n, sizeof(*order), by_size);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t off = find_gap(placed, i, order[i], align);

		order[i]->mem.off = off;
		insert_by_offset(placed, i, order[i]);
		if (off + order[i]->bytes > g->temp_bytes)
			g->temp_bytes = off + order[i]->bytes;
	}
	free(order);
	return ZINC_OK;
}
