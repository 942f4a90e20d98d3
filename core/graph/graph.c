/* graph.c - recording: what an architecture's build() calls. */
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

#include "graph/desc.h"
#include "graph/schema.h"
#include "model/dtype.h"
#include "util/err.h"

static const struct zinc_view absent;

/* Grows an array by doubling; NULL leaves the old one as it was. */
static void *grow(void *array, uint32_t *room, size_t size)
{
	uint32_t n = *room ? *room * 2 : 64;
	void *p = realloc(array, n * size);

	if (p)
		*room = n;
	return p;
}

static void no_memory(struct zinc_graph *g)
{
	if (!g->err.code)
		err_set(&g->err, ZINC_E_NO_MEMORY, "out of memory while recording");
}

void graph_fail(struct zinc_graph *g, const char *msg)
{
	if (!g->err.code)
		err_set(&g->err, ZINC_E_INVALID, "%s", msg);
}

void graph_label(struct zinc_graph *g, int32_t layer, const char *what)
{
	g->layer = layer;
	g->label = what;
}

static struct graph_temp *new_temp(struct zinc_graph *g)
{
	struct graph_temp *t = arena_alloc(&g->arena, sizeof(*t));

	if (t && g->n_temps == g->room_temps) {
		void *p = grow(g->temps, &g->room_temps, sizeof(*g->temps));

		if (!p)
			return NULL;
		g->temps = p;
	}
	if (!t)
		return NULL;
	t->first = t->last = -1;
	t->mem.temp = (int32_t)g->n_temps;
	t->mem.name = "temp";
	g->temps[g->n_temps++] = t;
	return t;
}

struct zinc_view graph_temp(struct zinc_graph *g, uint32_t dtype, uint32_t ne0, uint32_t ne1,
                            uint32_t ne2, uint32_t ne3)
{
	struct zinc_view v = dtype_view(dtype, ne0, ne1, ne2, ne3);
	struct graph_temp *t;

	if (g->err.code)
		return absent;
	if (zinc_view_elems(&v) == 0) {
		graph_fail(g, "a temporary without elements was asked for");
		return absent;
	}
	t = new_temp(g);
	if (!t) {
		no_memory(g);
		return absent;
	}
	t->bytes = v.nb[3] * v.ne[3];
	v.buf = (struct zinc_buf *)(void *)&t->mem;
	return v;
}

struct zinc_view graph_weight(struct zinc_graph *g, uint32_t index)
{
	if (index < g->env->n_weights)
		return g->env->weights[index];
	graph_fail(g, "a weight index past the declared ones was named");
	return absent;
}

struct zinc_view graph_constant(struct zinc_graph *g, uint32_t index)
{
	if (index < g->env->n_consts)
		return g->env->consts[index];
	graph_fail(g, "a constant index past the declared ones was named");
	return absent;
}

struct zinc_view graph_state(struct zinc_graph *g, uint32_t index, uint32_t part)
{
	if (index < g->env->n_states && part < 2)
		return g->env->states[index][part];
	graph_fail(g, "a state index past the declared ones was named");
	return absent;
}

struct zinc_view graph_table(struct zinc_graph *g, uint32_t table, uint32_t index)
{
	struct zinc_view v;

	if (table >= ZINC_TABLE_COUNT ||
	    (table == ZINC_TABLE_BLOCKS && index >= g->env->n_states)) {
		graph_fail(g, "a batch table that does not exist was named");
		return absent;
	}
	if (table == ZINC_TABLE_BLOCKS)
		return g->env->blocks[index];
	v = g->env->tables[table];
	switch (table) {
	case ZINC_TABLE_TOK_ID:
	case ZINC_TABLE_TOK_SEQ:
	case ZINC_TABLE_TOK_POS: v.ne[0] = g->shape.max_tokens; break;
	case ZINC_TABLE_OUT_ROW:
	case ZINC_TABLE_OUT_SEQ:
	case ZINC_TABLE_OUT_POS: v.ne[0] = g->shape.max_out; break;
	default: break;
	}
	return v;
}

int graph_append(struct zinc_graph *g, uint32_t op, const void *desc, int32_t layer,
                 const char *label)
{
	const struct schema_op *s = schema_op(op);
	struct graph_op *o;

	if (g->n_ops == g->room_ops) {
		void *p = grow(g->ops, &g->room_ops, sizeof(*g->ops));

		if (!p)
			return ZINC_E_NO_MEMORY;
		g->ops = p;
	}
	o = &g->ops[g->n_ops];
	memset(o, 0, sizeof(*o));
	o->op = op;
	o->layer = layer;
	o->label = label ? label : "";
	o->desc = arena_copy(&g->arena, desc, s->size);
	if (!o->desc)
		return ZINC_E_NO_MEMORY;
	g->n_ops++;
	return ZINC_OK;
}

void graph_op(struct zinc_graph *g, uint32_t op, const void *desc)
{
	_Alignas(max_align_t) unsigned char full[SCHEMA_DESC_MAX];
	const struct schema_op *s = schema_op(op);
	char why[160];

	if (g->err.code)
		return;
	if (!s || op == ZINC_OP_QUANT_ACT || op == ZINC_OP_DMMV || op == ZINC_OP_MMQ) {
		err_set(&g->err, ZINC_E_INVALID, "op %u cannot be recorded by an architecture", op);
		return;
	}
	/* An architecture built with other headers: cut or extended to this size. */
	if (desc_fit(desc, ((const struct zinc_op_head *)desc)->struct_size, s->size, full,
	             sizeof(full))) {
		err_set(&g->err, ZINC_E_VERSION,
		        "layer %d %s: op %s uses fields this zinc does not know; update zinc",
		        g->layer, g->label, s->name);
		return;
	}
	if (graph_check_op(op, full, why, sizeof(why))) {
		err_set(&g->err, ZINC_E_INVALID, "layer %d %s: op %s: %s", g->layer, g->label,
		        s->name, why);
		return;
	}
	if (graph_append(g, op, full, g->layer, g->label))
		no_memory(g);
}

/* Marks the temporary behind a view as read by the host. */
static bool keep(struct zinc_graph *g, const struct zinc_view *v)
{
	struct graph_mem *m = graph_mem(v);

	if (!m || m->temp < 0)
		return false;
	g->temps[m->temp]->keep = true;
	return true;
}

void graph_tap(struct zinc_graph *g, uint32_t layer, const struct zinc_view *x)
{
	struct zinc_op_copy c = {.struct_size = sizeof(c), .x = *x};
	struct graph_tap *tap;

	if (g->err.code || !g->env->taps)
		return;
	if (g->n_taps == g->room_taps) {
		void *p = grow(g->taps, &g->room_taps, sizeof(*g->taps));

		if (!p) {
			no_memory(g);
			return;
		}
		g->taps = p;
	}
	c.y = graph_temp(g, x->dtype, x->ne[0], x->ne[1], 1, 1);
	c.n = zinc_slot(x->ne[1] == g->shape.max_tokens ? ZINC_SLOT_N_TOKENS : ZINC_SLOT_N_OUT,
	                x->ne[1]);
	graph_op(g, ZINC_OP_COPY, &c);
	if (g->err.code)
		return;
	tap = &g->taps[g->n_taps++];
	tap->layer = layer;
	tap->view = c.y;
	keep(g, &c.y);
}

void graph_logits(struct zinc_graph *g, const struct zinc_view *x)
{
	if (g->err.code)
		return;
	if (g->logits.buf)
		graph_fail(g, "the architecture named its logits twice");
	else if (x->dtype != ZINC_F32 || x->ne[1] < g->shape.max_out || !keep(g, x))
		graph_fail(g, "logits must be a temporary, F32 [n_out, n_vocab]");
	else
		g->logits = *x;
}

int graph_best(struct zinc_graph *g, uint32_t n_best, uint32_t n_tokens, struct zinc_err *err)
{
	struct zinc_op_top_logits d = {.struct_size = sizeof(d), .x = g->logits, .n_top = n_best};

	g->best = graph_temp(g, ZINC_I32, 2 * n_best, g->logits.ne[1], 1, 1);
	d.x.ne[0] = n_tokens;
	d.ids = d.values = g->best;
	d.ids.ne[0] = d.values.ne[0] = n_best;
	d.values.dtype = ZINC_F32;
	d.values.off += n_best * sizeof(int32_t);
	d.n = zinc_slot(ZINC_SLOT_N_OUT, g->logits.ne[1]);
	graph_label(g, -1, "best");
	graph_op(g, ZINC_OP_TOP_LOGITS, &d);
	if (!g->err.code)
		keep(g, &g->best);
	else if (err)
		*err = g->err;
	return g->err.code;
}

int graph_create(const struct graph_env *env, const struct zinc_arch *arch, void *model,
                 const struct zinc_shape *shape, struct zinc_graph **out, struct zinc_err *err)
{
	struct zinc_graph *g = calloc(1, sizeof(*g));

	if (!g)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while recording");
	g->env = env;
	g->shape = *shape;
	g->layer = -1;
	g->label = "";
	arch->build(model, g, shape);
	if (!g->err.code && !g->logits.buf)
		graph_fail(g, "the architecture recorded no logits");
	if (g->err.code) {
		int code = g->err.code;

		if (err)
			*err = g->err;
		graph_destroy(g);
		return code;
	}
	*out = g;
	return ZINC_OK;
}

void graph_destroy(struct zinc_graph *g)
{
	if (!g)
		return;
	arena_finish(&g->arena);
	free(g->ops);
	free(g->temps);
	free(g->taps);
	free(g);
}
