/* lower.c - from recorded ops to ops that this backend has: which variant of
 * which op, fusions peeled off where it declines them. */
#include "graph/lower.h"

#include <stdlib.h>
#include <string.h>

#include "graph/desc.h"
#include "graph/schema.h"
#include "model/dtype.h"
#include "util/err.h"

static const struct zinc_op_impl *find_impl(const struct zinc_backend *b, uint32_t op)
{
	for (uint32_t i = 0; i < b->n_ops; i++)
		if (b->ops[i]->op == op)
			return b->ops[i];
	return NULL;
}

static void pass_over(struct choice *c, const struct zinc_variant *v, const char *why)
{
	if (!c->note[0])
		snprintf(c->note, sizeof(c->note), "not %s: %s", v->name, why);
}

/* The first fitting variant of the backend's op, in the backend's order of
 * preference. */
static struct choice choose(const struct lower *lo, uint32_t op, const void *desc)
{
	_Alignas(max_align_t) unsigned char fit[SCHEMA_DESC_MAX];
	const struct zinc_op_impl *impl = find_impl(lo->t->backend, op);
	uint32_t cols = schema_rows(op, desc);
	struct choice c = {.op = op};

	if (!impl || desc_fit(desc, schema_op(op)->size, impl->desc_size, fit, sizeof(fit)))
		return c;
	for (uint32_t i = 0; i < impl->n_variants; i++) {
		const struct zinc_variant *v = &impl->variants[i];

		if (v->max_cols && v->max_cols < cols)
			continue;
		if (!(lo->t->numerics_mask & (1u << v->numerics))) {
			pass_over(&c, v, "its numerics class is not allowed");
		} else if (impl->supports(lo->t->dev, fit, i) != ZINC_OK) {
			pass_over(&c, v, "declined for this shape or dtype");
		} else {
			c.impl = impl;
			c.variant = i;
			return c;
		}
	}
	return c;
}

/* dmmv where a variant of it is made for this many columns; a variant for any
 * number is the last resort, after mmq. */
static struct choice choose_linear(const struct lower *lo, const void *desc)
{
	struct choice few = choose(lo, ZINC_OP_DMMV, desc), many;

	if (few.impl && few.impl->variants[few.variant].max_cols)
		return few;
	many = choose(lo, ZINC_OP_MMQ, desc);
	return many.impl ? many : few;
}

struct zinc_view lower_temp_like(struct lower *lo, const struct zinc_view *v)
{
	return graph_temp(lo->g, v->dtype, v->ne[0], v->ne[1], v->ne[2], v->ne[3]);
}

static void append(struct lower *lo, const struct choice *c, const void *desc)
{
	const struct zinc_op_impl *impl = c->impl;
	struct zinc_graph *g = lo->g;
	struct graph_op *o;
	uint64_t scratch;

	if (graph_append(g, c->op, desc, lo->src->layer, lo->src->label)) {
		lo->rc = ZINC_E_NO_MEMORY;
		return;
	}
	o = &g->ops[g->n_ops - 1];
	o->impl = impl;
	o->variant = c->variant;
	o->note = c->note[0] ? arena_strdup(&g->arena, c->note) : NULL;
	if (impl->scratch) {
		_Alignas(max_align_t) unsigned char fit[SCHEMA_DESC_MAX];

		desc_fit(desc, schema_op(c->op)->size, impl->desc_size, fit, sizeof(fit));
		scratch = impl->scratch(lo->t->dev, fit, c->variant);
		if (scratch > g->scratch_bytes)
			g->scratch_bytes = scratch;
	}
	act_forget_written(lo, o);
}

/* The search for the best logits only saves copying them all. */
static bool give_up_best(struct lower *lo, uint32_t op, const void *desc)
{
	const struct zinc_op_top_logits *d = desc;

	if (op != ZINC_OP_TOP_LOGITS || !lo->g->best.buf || d->ids.buf != lo->g->best.buf)
		return false;
	memset(&lo->g->best, 0, sizeof(lo->g->best));
	return true;
}

/* "delta_net", or "dmmv (w q3_k)" where a weight dtype may be the reason. */
static void note_missing(struct lower *lo, uint32_t op, const void *desc)
{
	const struct zinc_op_linear *d = desc;
	const struct zinc_op_embed *e = desc;
	char text[sizeof(lo->missing[0])];

	if (op == ZINC_OP_LINEAR)
		snprintf(text, sizeof(text), "%s of %s weights",
		         d->ids.buf ? "expert dmmv/mmq" : "dmmv/mmq", dtype_name(d->w.dtype));
	else if (op == ZINC_OP_EMBED)
		snprintf(text, sizeof(text), "embed from a %s table", dtype_name(e->table.dtype));
	else
		snprintf(text, sizeof(text), "%s in layer %d", schema_name(op), lo->src->layer);
	for (uint32_t i = 0; i < lo->n_missing; i++)
		if (!strcmp(lo->missing[i], text))
			return;
	if (lo->n_missing < MISSING_MAX)
		memcpy(lo->missing[lo->n_missing++], text, sizeof(text));
}

void lower_emit(struct lower *lo, uint32_t op, const void *desc)
{
	struct choice c;

	if (lo->rc)
		return;
	c = op == ZINC_OP_LINEAR ? choose_linear(lo, desc) : choose(lo, op, desc);
	if (c.impl && op == ZINC_OP_LINEAR) {
		struct zinc_op_linear d = *(const struct zinc_op_linear *)desc;

		act_apply(lo, c.op, &d, c.variant);
		append(lo, &c, &d);
	} else if (c.impl) {
		append(lo, &c, desc);
	} else if (!peel_emit(lo, op, desc) && !give_up_best(lo, op, desc)) {
		note_missing(lo, op, desc);
	}
}

static int report_missing(const struct lower *lo, struct zinc_err *err)
{
	char list[200] = "";
	size_t n = 0;

	for (uint32_t i = 0; i < lo->n_missing && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "",
		                      lo->missing[i]);
	return err_set(err, ZINC_E_UNSUPPORTED, "backend %s cannot run this model, it lacks: %s",
	               lo->t->name, list);
}

int graph_lower(struct zinc_graph *g, const struct graph_target *t, struct zinc_err *err)
{
	struct lower *lo = calloc(1, sizeof(*lo));
	struct graph_op *ops = g->ops;
	uint32_t n = g->n_ops;
	int rc = ZINC_OK;

	if (!lo)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while recording");
	lo->g = g;
	lo->t = t;
	g->ops = NULL;
	g->n_ops = g->room_ops = 0;
	for (uint32_t i = 0; i < n && !lo->rc; i++) {
		lo->src = &ops[i];
		lower_emit(lo, ops[i].op, ops[i].desc);
	}
	free(ops);
	if (lo->n_missing)
		rc = report_missing(lo, err);
	else if (lo->rc || g->err.code)
		rc = err_set(err, ZINC_E_NO_MEMORY, "out of memory while recording");
	free(lo);
	return rc;
}
