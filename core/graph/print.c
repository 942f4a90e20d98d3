/* print.c - a recording for people: one line an op. */
#include <inttypes.h>

#include "graph/cost.h"
#include "graph/graph.h"
#include "graph/schema.h"
#include "model/dtype.h"

static const char *const numerics_names[ZINC_NUM_COUNT] = {"f32",  "q8",     "f16",
                                                           "free", "free16", "free8"};

/* "4096x1024 q4_k, 512 rows" for products, else the result's shape. */
static void describe(const struct graph_op *o, char *text, size_t room)
{
	const struct schema_op *s = schema_op(o->op);
	const struct zinc_op_linear *d = o->desc;

	if (o->op == ZINC_OP_DMMV || o->op == ZINC_OP_MMQ) {
		snprintf(text, room, "%s%ux%u%s%s%s%s", d->ids.buf ? "experts " : "", d->w.ne[1],
		         d->w.ne[0], d->gate_w.buf ? " x2" : "", " ", dtype_name(d->w.dtype),
		         d->residual.buf ? " +residual" : "");
		return;
	}
	for (uint32_t i = 0; i < s->n_fields; i++) {
		const struct zinc_view *v = schema_cview(o->desc, &s->fields[i]);

		if (!(s->fields[i].flags & SCHEMA_W))
			continue;
		snprintf(text, room, "[%u, %u, %u]", v->ne[2], v->ne[1], v->ne[0]);
		return;
	}
	snprintf(text, room, "-");
}

static void print_json(const struct graph_op *o, const char *what, bool first, FILE *out)
{
	const struct zinc_variant *v = &o->impl->variants[o->variant];

	fprintf(out, "%s{\"op\":\"%s\",\"layer\":%d,\"label\":\"%s\",\"shape\":\"%s\","
	             "\"variant\":\"%s\",\"numerics\":\"%s\",\"note\":\"%s\"}",
	        first ? "" : ",", schema_name(o->op), o->layer, o->label, what, v->name,
	        numerics_names[v->numerics % ZINC_NUM_COUNT], o->note ? o->note : "");
}

static void print_line(const struct graph_op *o, const char *what, FILE *out)
{
	const struct zinc_variant *v = &o->impl->variants[o->variant];

	fprintf(out, "%5d %-8s %-13s %-34s %-14s %-8s %s\n", o->layer, o->label, schema_name(o->op),
	        what, v->name, numerics_names[v->numerics % ZINC_NUM_COUNT],
	        o->note ? o->note : "");
}

void graph_print(const struct zinc_graph *g, bool json, FILE *out)
{
	if (json)
		fprintf(out, "{\"tokens\":%u,\"temp_bytes\":%" PRIu64 ",\"ops\":[",
		        g->shape.max_tokens, g->temp_bytes);
	else
		fprintf(out, "%5s %-8s %-13s %-34s %-14s %-8s %s\n", "layer", "part", "op",
		        "shape", "variant", "numerics", "note");
	for (uint32_t i = 0; i < g->n_ops; i++) {
		char what[64];

		describe(&g->ops[i], what, sizeof(what));
		if (json)
			print_json(&g->ops[i], what, i == 0, out);
		else
			print_line(&g->ops[i], what, out);
	}
	if (json)
		fprintf(out, "]}");
}
