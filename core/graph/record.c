/* record.c - handles become buffers, ops go to the backend. */
#include <string.h>

#include "graph/desc.h"
#include "graph/graph.h"
#include "graph/schema.h"
#include "util/err.h"

static void link_views(const struct schema_op *s, void *desc)
{
	for (uint32_t k = 0; k < s->n_fields; k++) {
		struct zinc_view *v = schema_view(desc, &s->fields[k]);
		const struct graph_mem *m = graph_mem(v);

		if (!m)
			continue;
		v->off += m->off;
		v->buf = m->buf;
	}
}

static int record_op(const struct graph_op *o, struct zinc_cmd *cmd)
{
	_Alignas(max_align_t) unsigned char full[SCHEMA_DESC_MAX], fit[SCHEMA_DESC_MAX];
	const struct schema_op *s = schema_op(o->op);
	int rc;

	memcpy(full, o->desc, s->size);
	link_views(s, full);
	rc = desc_fit(full, s->size, o->impl->desc_size, fit, sizeof(fit));
	return rc ? rc : o->impl->record(cmd, fit, o->variant);
}

int graph_record(struct zinc_graph *g, const struct graph_target *t, struct zinc_buf *temps,
                 struct zinc_buf *scratch, uint32_t flags, struct zinc_cmd **out,
                 struct zinc_err *err)
{
	const struct zinc_backend *b = t->backend;
	struct zinc_cmd *cmd = NULL;
	int rc = b->cmd_begin(t->dev, flags, scratch, &cmd, err);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < g->n_temps; i++)
		g->temps[i]->mem.buf = temps;
	for (uint32_t i = 0; i < g->n_ops && !rc; i++) {
		rc = record_op(&g->ops[i], cmd);
		if (rc)
			err_set(err, rc, "backend %s: layer %d %s: recording %s failed: %s", t->name,
			        g->ops[i].layer, g->ops[i].label, schema_name(g->ops[i].op),
			        err_name(rc));
	}
	if (!rc)
		rc = b->cmd_end(cmd, err);
	if (rc) {
		b->cmd_free(cmd);
		return rc;
	}
	*out = cmd;
	return ZINC_OK;
}
