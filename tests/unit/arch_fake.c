/* arch_fake.c - metadata with edits, and the functions lent to a plugin. */
#include "arch_fake.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch_graph.h"
#include "model/dtype.h"
#include "model/gguf.h"

static const struct fake_edit *find_edit(const struct zinc_meta *m, const char *name)
{
	for (uint32_t i = m->n_edits; i-- > 0;)
		if (strcmp(m->edits[i].name, name) == 0)
			return &m->edits[i];
	return NULL;
}

static const char *real_key(const struct zinc_meta *m, const char *key, char out[128])
{
	size_t n = m->alias ? strlen(m->alias) : 0;

	if (!n || strncmp(key, m->alias, n) != 0 || key[n] != '.')
		return key;
	snprintf(out, 128, "%s%s", m->original, key + n);
	return out;
}

static int meta_u32_at(const struct zinc_meta *m, const char *key, uint64_t i, uint32_t *out)
{
	const struct fake_edit *e = find_edit(m, key);
	char real[128];

	if (e && e->kind == FAKE_REMOVE)
		return ZINC_E_UNSUPPORTED;
	if (e && ((e->kind == FAKE_U32 && i == 0) || (e->kind == FAKE_LIST && i < e->u32))) {
		*out = e->kind == FAKE_LIST ? e->list[i] : e->u32;
		return ZINC_OK;
	}
	if (e && e->kind != FAKE_LEN)
		return ZINC_E_INVALID;
	int rc = gguf_get_u32(m->gguf, real_key(m, key, real), i, out);
	return rc == ZINC_E_INVALID ? gguf_get_bool(m->gguf, real_key(m, key, real), i, out) : rc;
}

static int meta_u32(const struct zinc_meta *m, const char *key, uint32_t *out)
{
	return meta_u32_at(m, key, 0, out);
}

static int meta_bool(const struct zinc_meta *m, const char *key, uint32_t *out)
{
	int rc = meta_u32_at(m, key, 0, out);

	return rc == ZINC_OK && *out > 1 ? ZINC_E_INVALID : rc;
}

static int meta_f32_at(const struct zinc_meta *m, const char *key, uint64_t i, float *out)
{
	const struct fake_edit *e = find_edit(m, key);
	char real[128];

	if (e && e->kind == FAKE_REMOVE)
		return ZINC_E_UNSUPPORTED;
	if (e && e->kind == FAKE_F32 && i == 0) {
		*out = e->f32;
		return ZINC_OK;
	}
	if (e && e->kind != FAKE_LEN)
		return ZINC_E_INVALID;
	return gguf_get_f32(m->gguf, real_key(m, key, real), i, out);
}

static int meta_f32(const struct zinc_meta *m, const char *key, float *out)
{
	return meta_f32_at(m, key, 0, out);
}

static int meta_str(const struct zinc_meta *m, const char *key, const char **out, uint64_t *n)
{
	const struct fake_edit *e = find_edit(m, key);
	struct gguf_str s;
	char real[128];

	if (e && e->kind != FAKE_STR)
		return e->kind == FAKE_REMOVE ? ZINC_E_UNSUPPORTED : ZINC_E_INVALID;
	if (e) {
		s = (struct gguf_str){e->str, strlen(e->str)};
	} else {
		int rc = gguf_get_str(m->gguf, real_key(m, key, real), 0, &s);

		if (rc != ZINC_OK)
			return rc;
	}
	*out = s.ptr;
	if (n)
		*n = s.n;
	return ZINC_OK;
}

static int meta_len(const struct zinc_meta *m, const char *key, uint64_t *n)
{
	const struct fake_edit *e = find_edit(m, key);
	char real[128];

	if (e && e->kind == FAKE_REMOVE)
		return ZINC_E_UNSUPPORTED;
	if (e) {
		*n = e->kind == FAKE_LEN || e->kind == FAKE_LIST ? e->u32 : 1;
		return ZINC_OK;
	}
	return gguf_get_len(m->gguf, real_key(m, key, real), n);
}

static int tensor(const struct zinc_meta *m, const char *name, struct zinc_tensor_info *out)
{
	const struct gguf_tensor *t = gguf_tensor_find(m->gguf, name);
	const struct fake_edit *e = find_edit(m, name);

	if ((e && e->kind == FAKE_REMOVE) || (!e && !t))
		return ZINC_E_UNSUPPORTED;
	if (out) {
		out->dtype = e ? (uint32_t)ZINC_F32 : t->dtype;
		memcpy(out->ne, e ? e->ne : t->ne, sizeof(out->ne));
	}
	return ZINC_OK;
}

static struct zinc_view new_buf(struct zinc_graph *g, enum fake_buf_kind kind, uint32_t index,
                                struct zinc_view v)
{
	struct zinc_buf *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (v.ne[i] == 0)
			graph_problem(g, "a view of no elements was asked for");
	b->kind = kind;
	b->index = index;
	b->next = g->bufs;
	g->bufs = b;
	v.buf = b;
	b->whole = v;
	b->bytes = v.nb[3] * v.ne[3];
	return v;
}

static struct zinc_buf *find_buf(struct zinc_graph *g, enum fake_buf_kind kind, uint32_t index)
{
	for (struct zinc_buf *b = g->bufs; b; b = b->next)
		if (b->kind == kind && b->index == index)
			return b;
	return NULL;
}

static struct zinc_view temp(struct zinc_graph *g, uint32_t dtype, uint32_t ne0, uint32_t ne1,
                             uint32_t ne2, uint32_t ne3)
{
	return new_buf(g, FAKE_TEMP, 0, dtype_view(dtype, ne0, ne1, ne2, ne3));
}

static struct zinc_view weight(struct zinc_graph *g, uint32_t index)
{
	struct zinc_tensor_info t = {.struct_size = sizeof(t)};
	struct zinc_buf *b = find_buf(g, FAKE_WEIGHT, index);

	if (b)
		return b->whole;
	if (index >= g->n_weights) {
		graph_problem(g, "weight %u was not declared", index);
		return (struct zinc_view){0};
	}
	const struct zinc_weight_decl *d = &g->weights[index];
	if (g->fake->meta.complete) {
		t.dtype = ZINC_F32;
		memcpy(t.ne, d->ne, sizeof(t.ne));
	} else if (tensor(&g->fake->meta, d->name, &t) != ZINC_OK) {
		if (!d->optional)
			graph_problem(g, "weight %s is missing", d->name);
		return (struct zinc_view){0};
	}
	struct zinc_view v = new_buf(g, FAKE_WEIGHT, index,
	                             dtype_view(t.dtype, t.ne[0], t.ne[1], t.ne[2], t.ne[3]));
	snprintf(v.buf->name, sizeof(v.buf->name), "%s", d->name);
	v.buf->n_writes = 1;
	return v;
}

static struct zinc_view constant(struct zinc_graph *g, uint32_t index)
{
	struct zinc_buf *b = find_buf(g, FAKE_CONST, index);

	if (b)
		return b->whole;
	if (index >= g->n_consts) {
		graph_problem(g, "constant %u was not declared", index);
		return (struct zinc_view){0};
	}
	const struct zinc_const_decl *d = &g->consts[index];
	struct zinc_view v = new_buf(g, FAKE_CONST, index, dtype_view(d->dtype, d->n, 1, 1, 1));
	snprintf(v.buf->name, sizeof(v.buf->name), "%s", d->name);
	v.buf->n_writes = 1;
	return v;
}

static struct zinc_view state(struct zinc_graph *g, uint32_t index, uint32_t part)
{
	struct zinc_buf *b = find_buf(g, FAKE_STATE, 2 * index + part);
	const uint32_t n_entries = 5; /* pages or slots */

	if (b)
		return b->whole;
	if (index >= g->n_states || part > (g->states[index].kind == ZINC_STATE_KV)) {
		graph_problem(g, "state %u part %u was not declared", index, part);
		return (struct zinc_view){0};
	}
	const struct zinc_state_decl *d = &g->states[index];
	struct zinc_view v =
		d->kind == ZINC_STATE_FIXED
			? dtype_view(ZINC_F32, d->n_elem, n_entries, 1, 1)
			: dtype_view(ZINC_F16, part ? d->v_head_dim : d->k_head_dim, ZINC_KV_PAGE,
	                             d->n_head_kv, n_entries);
	v = new_buf(g, FAKE_STATE, 2 * index + part, v);
	snprintf(v.buf->name, sizeof(v.buf->name), "%s%s", d->name,
	         d->kind == ZINC_STATE_FIXED ? "" : part ? ".v" : ".k");
	v.buf->n_writes = 1;
	return v;
}

static struct zinc_view table(struct zinc_graph *g, uint32_t which, uint32_t index)
{
	static const char *const names[] = {"tok_id",     "tok_seq",    "tok_pos", "seq_first",
	                                    "seq_kv_len", "state_slot", "out_row", "blocks",
	                                    "out_seq",    "out_pos",    "out_first"};
	const struct zinc_shape *s = g->shape;
	const uint32_t lengths[] = {s->max_tokens, s->max_tokens, s->max_tokens, s->max_seqs + 1,
	                            s->max_seqs,   s->max_seqs,   s->max_out,    4,
	                            s->max_out,    s->max_out,    s->max_seqs + 1};

	if (which >= ZINC_TABLE_COUNT || (which != ZINC_TABLE_BLOCKS && index != 0) ||
	    (which == ZINC_TABLE_BLOCKS &&
	     (index >= g->n_states || g->states[index].kind != ZINC_STATE_KV))) {
		graph_problem(g, "there is no table %u for %u", which, index);
		return (struct zinc_view){0};
	}
	/* States of one window have one table between them. */
	uint32_t window = which == ZINC_TABLE_BLOCKS ? g->states[index].window : 0;
	uint32_t key = which == ZINC_TABLE_BLOCKS ? 100 + window : which;
	struct zinc_buf *b = find_buf(g, FAKE_TABLE, key);

	if (b)
		return b->whole;
	struct zinc_view v = dtype_view(ZINC_I32, lengths[which], 1, 1, 1);
	if (which == ZINC_TABLE_BLOCKS)
		v = dtype_view(ZINC_I32, lengths[which], s->max_seqs, 1, 1);
	v = new_buf(g, FAKE_TABLE, key, v);
	if (window)
		snprintf(v.buf->name, sizeof(v.buf->name), "blocks.w%u", window);
	else
		snprintf(v.buf->name, sizeof(v.buf->name), "%s", names[which]);
	v.buf->n_writes = 1;
	return v;
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

static const struct zinc_arch_host host = {
	.struct_size = sizeof(host),
	.abi_minor = ZINC_ABI_MINOR,
	.meta_u32 = meta_u32,
	.meta_f32 = meta_f32,
	.meta_bool = meta_bool,
	.meta_str = meta_str,
	.meta_len = meta_len,
	.meta_u32_at = meta_u32_at,
	.meta_f32_at = meta_f32_at,
	.tensor = tensor,
	.temp = temp,
	.weight = weight,
	.constant = constant,
	.state = state,
	.table = table,
	.op = op,
	.label = label,
	.tap = tap,
	.logits = logits,
	.fail = build_failed,
};

struct fake_graph_result fake_build(struct fake *f, const struct zinc_shape *shape)
{
	const struct zinc_arch *arch = f->plugin->arch;
	struct zinc_graph g = {.fake = f, .shape = shape, .info = {.struct_size = sizeof(g.info)}};
	size_t n;

	g.out = open_memstream(&g.result.listing, &n);
	assert_non_null(g.out);
	assert_int_equal(arch->info(f->model, &g.info), ZINC_OK);
	assert_int_equal(arch->weights(f->model, &g.weights, &g.n_weights), ZINC_OK);
	assert_int_equal(arch->constants(f->model, &g.consts, &g.n_consts), ZINC_OK);
	assert_int_equal(arch->states(f->model, &g.states, &g.n_states), ZINC_OK);
	arch->build(f->model, &g, shape);
	graph_check_end(&g);
	fclose(g.out);
	while (g.bufs) {
		struct zinc_buf *b = g.bufs;

		g.bufs = b->next;
		free(b);
	}
	return g.result;
}

void fake_start(struct fake *f, const char *plugin, const char *path)
{
	char lib[512];
	struct zinc_err err = {0};

	memset(f, 0, sizeof(*f));
	snprintf(lib, sizeof(lib), "%s/../arch_%s.so", ZINC_BUILD_PLUGIN_DIR, plugin);
	f->lib = dlopen(lib, RTLD_NOW | RTLD_LOCAL);
	if (!f->lib)
		fail_msg("%s", dlerror());
	f->plugin = dlsym(f->lib, ZINC_PLUGIN_SYMBOL);
	assert_non_null(f->plugin);
	if (gguf_open(path, &f->meta.gguf, &err) != ZINC_OK)
		fail_msg("%s", err.msg);
}

void fake_start_fixture(struct fake *f, const char *plugin, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/q8_0/%s.Q8_0.gguf", ZINC_FIXTURE_DIR, name);
	fake_start(f, plugin, path);
}

void fake_finish(struct fake *f)
{
	f->plugin->arch->close(f->model);
	gguf_close(f->meta.gguf);
	dlclose(f->lib);
}

void fake_edit(struct fake *f, struct fake_edit e)
{
	assert_true(f->meta.n_edits < FAKE_MAX_EDITS);
	f->meta.edits[f->meta.n_edits++] = e;
}

int fake_open(struct fake *f)
{
	f->plugin->arch->close(f->model);
	f->model = NULL;
	memset(&f->err, 0, sizeof(f->err));
	return f->plugin->arch->open(&host, &f->meta, &f->model, &f->err);
}
