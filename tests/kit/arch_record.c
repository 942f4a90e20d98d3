/* arch_record.c - see arch_record.h. */
#include "arch_record.h"

#include <stdlib.h>
#include <string.h>

#include "shim/model/dtype.h"
#include "unit/arch_graph.h"

static struct zinc_view new_buf(struct zinc_graph *g, enum fake_buf_kind kind, uint32_t index,
                                struct zinc_view v, const char *name)
{
	struct zinc_buf *b = must_calloc(1, sizeof(*b));

	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (v.ne[i] == 0)
			graph_problem(g, "a view of no elements was asked for");
	b->kind = kind;
	b->index = index;
	b->next = g->bufs;
	b->n_writes = kind != FAKE_TEMP;
	snprintf(b->name, sizeof(b->name), "%s", name);
	g->bufs = b;
	v.buf = b;
	b->whole = v;
	b->bytes = v.nb[3] * v.ne[3];
	return v;
}

/* True: it was asked for before. */
static bool known(struct zinc_graph *g, enum fake_buf_kind kind, uint32_t index,
                  struct zinc_view *out)
{
	for (struct zinc_buf *b = g->bufs; b; b = b->next)
		if (b->kind == kind && b->index == index) {
			*out = b->whole;
			return true;
		}
	*out = (struct zinc_view){0};
	return false;
}

static struct zinc_view temp(struct zinc_graph *g, uint32_t dtype, uint32_t ne0, uint32_t ne1,
                             uint32_t ne2, uint32_t ne3)
{
	return new_buf(g, FAKE_TEMP, 0, dtype_view(dtype, ne0, ne1, ne2, ne3), "");
}

static struct zinc_view weight(struct zinc_graph *g, uint32_t index)
{
	const struct zinc_weight_decl *d = &g->weights[index];
	struct zinc_tensor_info t = {.struct_size = sizeof(t)};
	struct zinc_arch_host file = {0};
	struct zinc_view v;

	if (known(g, FAKE_WEIGHT, index, &v))
		return v;
	if (index >= g->n_weights) {
		graph_problem(g, "weight %u was not declared", index);
		return v;
	}
	gguf_lend(&file);
	if (file.tensor(&g->fake->meta, d->name, &t) != ZINC_OK) {
		if (!d->optional)
			graph_problem(g, "weight %s is missing", d->name);
		return v;
	}
	return new_buf(g, FAKE_WEIGHT, index,
	               dtype_view(t.dtype, t.ne[0], t.ne[1], t.ne[2], t.ne[3]), d->name);
}

static struct zinc_view constant(struct zinc_graph *g, uint32_t index)
{
	const struct zinc_const_decl *d = &g->consts[index];
	struct zinc_view v;

	if (known(g, FAKE_CONST, index, &v))
		return v;
	if (index >= g->n_consts) {
		graph_problem(g, "constant %u was not declared", index);
		return v;
	}
	return new_buf(g, FAKE_CONST, index, dtype_view(d->dtype, d->n, 1, 1, 1), d->name);
}

static struct zinc_view state(struct zinc_graph *g, uint32_t index, uint32_t part)
{
	enum { ENTRIES = 5 }; /* pages or slots */
	const struct zinc_state_decl *d = &g->states[index];
	struct zinc_view v;
	char name[64];

	if (known(g, FAKE_STATE, 2 * index + part, &v))
		return v;
	if (index >= g->n_states || part > (d->kind == ZINC_STATE_KV)) {
		graph_problem(g, "state %u part %u was not declared", index, part);
		return v;
	}
	if (d->kind == ZINC_STATE_FIXED)
		v = dtype_view(ZINC_F32, d->n_elem, ENTRIES, 1, 1);
	else
		v = dtype_view(ZINC_F16, part ? d->v_head_dim : d->k_head_dim, ZINC_KV_PAGE,
		               d->n_head_kv, ENTRIES);
	snprintf(name, sizeof(name), "%.60s%s", d->name,
	         d->kind == ZINC_STATE_FIXED ? "" : part ? ".v" : ".k");
	return new_buf(g, FAKE_STATE, 2 * index + part, v, name);
}

/* States of one window have one block table between them. */
static struct zinc_view blocks(struct zinc_graph *g, uint32_t index)
{
	enum { BLOCKS = 4 };
	struct zinc_view v = {0};
	uint32_t window;
	char name[32] = "blocks";

	if (index >= g->n_states || g->states[index].kind != ZINC_STATE_KV) {
		graph_problem(g, "there is no block table for state %u", index);
		return v;
	}
	window = g->states[index].window;
	if (known(g, FAKE_TABLE, 100 + window, &v))
		return v;
	if (window)
		snprintf(name, sizeof(name), "blocks.w%u", window);
	return new_buf(g, FAKE_TABLE, 100 + window,
	               dtype_view(ZINC_I32, BLOCKS, g->shape->max_seqs, 1, 1), name);
}

static struct zinc_view table(struct zinc_graph *g, uint32_t which, uint32_t index)
{
	static const char *const names[] = {"tok_id",     "tok_seq",    "tok_pos", "seq_first",
	                                    "seq_kv_len", "state_slot", "out_row", "blocks",
	                                    "out_seq",    "out_pos",    "out_first"};
	const struct zinc_shape *s = g->shape;
	const uint32_t lengths[] = {s->max_tokens, s->max_tokens, s->max_tokens, s->max_seqs + 1,
	                            s->max_seqs,   s->max_seqs,   s->max_out,    0,
	                            s->max_out,    s->max_out,    s->max_seqs + 1};
	struct zinc_view v = {0};

	if (which == ZINC_TABLE_BLOCKS)
		return blocks(g, index);
	if (which >= ZINC_TABLE_COUNT || index != 0) {
		graph_problem(g, "there is no table %u for %u", which, index);
		return v;
	}
	if (known(g, FAKE_TABLE, which, &v))
		return v;
	return new_buf(g, FAKE_TABLE, which, dtype_view(ZINC_I32, lengths[which], 1, 1, 1),
	               names[which]);
}

static void op(struct zinc_graph *g, uint32_t which, const void *desc)
{
	graph_check(g, which, desc);
	graph_print(g, which, desc);
}

static void label(struct zinc_graph *g, int32_t layer, const char *what)
{
	if (layer < 0)
		fprintf(g->out, "-- %s\n", what);
	else
		fprintf(g->out, "-- %d %s\n", layer, what);
}

static void tap(struct zinc_graph *g, uint32_t layer, const struct zinc_view *x)
{
	if (layer != g->next_tap++)
		graph_problem(g, "tap %u is out of order", layer);
	if (x->dtype != ZINC_F32 || x->ne[0] != g->info.n_embd)
		graph_problem(g, "tap %u is no row of the residual stream", layer);
	fprintf(g->out, "tap %u ", layer);
	graph_print_view(g, x);
	fputc('\n', g->out);
}

static void logits(struct zinc_graph *g, const struct zinc_view *x)
{
	g->n_logits++;
	if (x->dtype != ZINC_F32 || x->ne[0] != g->info.n_vocab || x->ne[1] != g->shape->max_out)
		graph_problem(g, "the logits are not [n_out, n_vocab]");
	fprintf(g->out, "logits ");
	graph_print_view(g, x);
	fputc('\n', g->out);
}

static void build_failed(struct zinc_graph *g, const char *msg)
{
	graph_problem(g, "the build failed: %s", msg);
}

void arch_record_lend(struct zinc_arch_host *host)
{
	host->temp = temp;
	host->weight = weight;
	host->constant = constant;
	host->state = state;
	host->table = table;
	host->op = op;
	host->label = label;
	host->tap = tap;
	host->logits = logits;
	host->fail = build_failed;
}

struct fake_graph_result arch_record_build(const struct arch_record *r,
                                           const struct zinc_shape *shape)
{
	struct fake fake = {.meta = *r->meta};
	struct zinc_graph g = {.fake = &fake, .shape = shape,
	                       .info = {.struct_size = sizeof(g.info)}};
	size_t n;

	g.out = open_memstream(&g.result.listing, &n);
	if (!g.out || r->arch->info(r->model, &g.info) ||
	    r->arch->weights(r->model, &g.weights, &g.n_weights) ||
	    r->arch->constants(r->model, &g.consts, &g.n_consts) ||
	    r->arch->states(r->model, &g.states, &g.n_states))
		graph_problem(&g, "info, weights, constants or states fail");
	else
		r->arch->build(r->model, &g, shape);
	graph_check_end(&g);
	if (g.out)
		fclose(g.out);
	while (g.bufs) {
		struct zinc_buf *b = g.bufs;

		g.bufs = b->next;
		free(b);
	}
	return g.result;
}
