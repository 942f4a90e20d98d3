/* profile.c - where the time of a run went, per op and label. */
#include "run/profile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "graph/schema.h"
#include "run/engine_priv.h"

static struct profile_row *find_row(struct profile *p, const struct graph_op *o)
{
	const char *variant = o->impl->variants[o->variant].name;

	for (uint32_t i = 0; i < p->n; i++) {
		struct profile_row *r = &p->rows[i];

		if (r->op == o->op && !strcmp(r->label, o->label) && !strcmp(r->variant, variant))
			return r;
	}
	if (p->n == PROFILE_ROWS)
		return &p->rows[PROFILE_ROWS - 1];
	p->rows[p->n] = (struct profile_row){.op = o->op, .label = o->label, .variant = variant};
	return &p->rows[p->n++];
}

void profile_add(struct profile *p, const struct engine *e, const struct recording *rec)
{
	const struct zinc_graph *g = rec->graph;
	uint32_t n = g->n_ops;
	uint64_t *ns = calloc(n + 1, sizeof(*ns));

	p->tokens += e->batch.n_tokens;
	p->steps++;
	if (!ns || !e->backend->cmd_times || e->backend->cmd_times(rec->cmd, ns, &n)) {
		free(ns);
		return;
	}
	for (uint32_t i = 0; i < n && i < g->n_ops; i++) {
		const struct graph_op *o = &g->ops[i];
		struct graph_cost c = step_cost(e, o);
		struct profile_row *r = find_row(p, o);

		r->calls++;
		r->ns += ns[i];
		r->bytes += c.bytes;
		r->flops += c.flops;
	}
	free(ns);
}

static int slowest_first(const void *a, const void *b)
{
	const struct profile_row *x = a, *y = b;

	return x->ns < y->ns ? 1 : x->ns > y->ns ? -1 : 0;
}

/* The share of its roofline, in text. */
static const char *share_of(const struct profile_row *r, double bytes_per_s, double flops_per_s,
                            char *text, size_t room)
{
	double moved = bytes_per_s > 0 ? (double)r->bytes / bytes_per_s : 0;
	double computed = flops_per_s > 0 ? (double)r->flops / flops_per_s : 0;
	double least = moved > computed ? moved : computed;

	text[0] = '\0';
	if (least > 0 && r->ns)
		snprintf(text, room, "%.1f", 1e11 * least / (double)r->ns);
	return text;
}

void profile_print(struct profile *p, double bytes_per_s, double flops_per_s, FILE *out)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < p->n; i++)
		total += p->rows[i].ns;
	qsort(p->rows, p->n, sizeof(p->rows[0]), slowest_first);
	fprintf(out, "%" PRIu64 " tokens in %" PRIu64 " steps, %.1f ms in ops\n", p->tokens, p->steps,
	        (double)total / 1e6);
	fprintf(out, "%-12s %-8s %-14s %8s %10s %6s %9s %9s %10s\n", "op", "part", "variant",
	        "calls", "ms", "%", "GB/s", "GFLOP/s", "% of roof");
	for (uint32_t i = 0; i < p->n; i++) {
		const struct profile_row *r = &p->rows[i];
		double ns = r->ns ? (double)r->ns : 1;
		char share[16];

		fprintf(out, "%-12s %-8s %-14s %8" PRIu64 " %10.2f %6.1f %9.2f %9.2f %10s\n",
		        schema_name(r->op), r->label, r->variant, r->calls, ns / 1e6,
		        100.0 * ns / (double)(total ? total : 1), (double)r->bytes / ns,
		        (double)r->flops / ns,
		        share_of(r, bytes_per_s, flops_per_s, share, sizeof(share)));
	}
	memset(p, 0, sizeof(*p));
}
