/* g_arch.c - architecture plugins: what they declare and record for a model
 * file, and what becomes of files that are not as they should be. */
#include "arch_record.h"
#include "group.h"
#include "groups.h"
#include "numbers.h"

/* Numbers that occur nowhere else, so that a listing is easy to read. */
static const struct zinc_shape golden_shape = {
	.struct_size = sizeof(golden_shape), .max_tokens = 7, .max_seqs = 2, .max_out = 3};

struct arch_test {
	struct kit_group_ctx *g;
	const struct zinc_arch *arch;
	struct zinc_arch_host host;
	struct zinc_meta meta;
	void *model;
	struct zinc_err err;
	char fault[KIT_MSG];
	struct rnd rnd;
	uint32_t n_accepted, n_refused;
};

static bool fault(struct arch_test *t, const char *what, const char *name)
{
	snprintf(t->fault, sizeof(t->fault), "%s: %s", what, name);
	return false;
}

/* A refusal is a status and one sentence. */
static int reopen(struct arch_test *t)
{
	t->arch->close(t->model);
	t->model = NULL;
	memset(&t->err, 0, sizeof(t->err));
	return t->arch->open(&t->host, &t->meta, &t->model, &t->err);
}

static bool is_refusal(struct arch_test *t, int rc)
{
	if (rc < 0 && t->err.code == rc && t->err.msg[0] && !t->model &&
	    memchr(t->err.msg, 0, sizeof(t->err.msg)) && !strchr(t->err.msg, '\n'))
		return true;
	return fault(t, "open() fails without one sentence and its code, or leaves a model",
	             t->err.msg);
}

static bool weight_fits(const struct arch_test *t, const struct zinc_weight_decl *d)
{
	struct zinc_tensor_info info = {.struct_size = sizeof(info)};
	uint64_t dtypes = d->dtypes ? d->dtypes : ZINC_TMASK_WEIGHT;

	if (t->host.tensor(&t->meta, d->name, &info))
		return d->optional;
	if (info.dtype >= ZINC_DTYPE_MAX || !(dtypes & ZINC_TBIT(info.dtype)))
		return false;
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (d->ne[i] && d->ne[i] != info.ne[i])
			return false;
	return true;
}

/* What the core asks before it builds: false where it would not. */
static bool weights_fit(struct arch_test *t)
{
	const struct zinc_weight_decl *w;
	uint32_t n;

	if (t->arch->weights(t->model, &w, &n))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!weight_fits(t, &w[i])) {
			fault(t, "declared otherwise than it is in the file, or missing there",
			      w[i].name);
			return false;
		}
	return true;
}

static bool weights_are_sound(struct arch_test *t, const struct zinc_arch_info *info)
{
	const struct zinc_weight_decl *w;
	uint32_t n;

	if (t->arch->weights(t->model, &w, &n) || !n)
		return fault(t, "weights()", "it fails or declares none");
	for (uint32_t i = 0; i < n; i++) {
		if (!w[i].name || !w[i].name[0] || !w[i].roles || w[i].roles >= 16 ||
		    w[i].optional > 1 || w[i].layer < -1)
			return fault(t, "a declared weight has no name, role or layer",
			             w[i].name ? w[i].name : "?");
		if (w[i].layer >= 0 && (uint32_t)w[i].layer >= info->n_layer)
			return fault(t, "a declared weight is of a layer that does not run",
			             w[i].name);
		for (uint32_t k = 0; k < i; k++)
			if (!strcmp(w[k].name, w[i].name))
				return fault(t, "a weight is declared twice", w[i].name);
	}
	return weights_fit(t);
}

static bool rest_is_sound(struct arch_test *t)
{
	struct zinc_tok_spec tok = {.struct_size = sizeof(tok), .bos = -1, .eos = -1, .unk = -1,
	                            .pad = -1};
	const struct zinc_const_decl *c;
	const struct zinc_state_decl *s;
	uint32_t n;

	if (t->arch->constants(t->model, &c, &n))
		return fault(t, "constants()", "it fails");
	for (uint32_t i = 0; i < n; i++)
		if (!c[i].name || !c[i].data || !c[i].n ||
		    (c[i].dtype != ZINC_F32 && c[i].dtype != ZINC_I32))
			return fault(t, "a constant without name, data or dtype",
			             c[i].name ? c[i].name : "?");
	if (t->arch->states(t->model, &s, &n))
		return fault(t, "states()", "it fails");
	for (uint32_t i = 0; i < n; i++)
		if (!s[i].name || (s[i].kind == ZINC_STATE_FIXED ? !s[i].n_elem :
		    s[i].kind != ZINC_STATE_KV || !s[i].n_head_kv || !s[i].k_head_dim ||
		    !s[i].v_head_dim))
			return fault(t, "a state without name, kind or size",
			             s[i].name ? s[i].name : "?");
	if (t->arch->tokenizer(t->model, &tok, &t->err) || !tok.kind ||
	    tok.n_patterns > ZINC_TOK_MAX_PATTERNS || tok.n_stop > ZINC_TOK_MAX_STOP)
		return fault(t, "tokenizer()", t->err.msg);
	return true;
}

static char *listing_of(struct arch_test *t, const struct zinc_shape *shape)
{
	struct arch_record r = {t->arch, &t->meta, t->model};
	struct fake_graph_result result = arch_record_build(&r, shape);

	if (!result.n_problems)
		return result.listing;
	fault(t, "what is recorded breaks a contract", result.problem);
	free(result.listing);
	return NULL;
}

static bool builds(struct arch_test *t, const struct zinc_shape *shape)
{
	char *once = listing_of(t, shape), *twice = once ? listing_of(t, shape) : NULL;
	bool same = twice && !strcmp(once, twice);

	if (twice && !same)
		fault(t, "build()", "it records other ops the second time");
	free(once);
	free(twice);
	return same;
}

static char *read_text(const char *path)
{
	FILE *in = fopen(path, "rb");
	char *text = NULL;
	size_t n = 0;

	if (in && getdelim(&text, &n, 0, in) < 0) {
		free(text);
		text = NULL;
	}
	if (in)
		fclose(in);
	return text;
}

static void golden(struct arch_test *t)
{
	const char *path = t->g->o->golden;
	char *got = listing_of(t, &golden_shape), *want = path ? read_text(path) : NULL;
	uint32_t line = 1;
	size_t i = 0;

	if (t->g->o->listing && got)
		fputs(got, stdout);
	if (path && got) {
		kit_now(t->g, "arch: the ops of %s", path);
		for (; want && got[i] && got[i] == want[i]; i++)
			line += got[i] == '\n';
		kit_result(t->g, want && got[i] == want[i],
		           "line %u differs, or the file is missing: \"%.60s\"", line, got + i);
	}
	free(got);
	free(want);
}

static bool has_name(const struct arch_test *t)
{
	const char *name;
	uint64_t n;

	if (t->host.meta_str(&t->meta, "general.architecture", &name, &n))
		return false;
	for (const char *const *p = t->arch->gguf_names; *p; p++)
		if (strlen(*p) == n && !memcmp(*p, name, n))
			return true;
	return false;
}

static bool declared(struct arch_test *t)
{
	static const struct zinc_shape shapes[] = {
		{sizeof(shapes[0]), 1, 1, 1}, {sizeof(shapes[0]), 4, 4, 4},
		{sizeof(shapes[0]), 512, 8, 8}, {sizeof(shapes[0]), 7, 2, 3}};
	struct zinc_arch_info info = {.struct_size = sizeof(info)};
	bool ok;

	kit_now(t->g, "arch: opens the model");
	if (reopen(t)) {
		kit_result(t->g, false, "%s", t->err.msg);
		return false;
	}
	kit_result(t->g, has_name(t), "general.architecture is not among gguf_names");
	kit_now(t->g, "arch: info()");
	ok = !t->arch->info(t->model, &info) && info.n_layer && info.n_embd && info.n_vocab &&
	     memchr(info.summary, 0, sizeof(info.summary)) &&
	     info.n_expert_used <= info.n_expert;
	kit_result(t->g, ok, "it fails, or its numbers make no sense");
	kit_now(t->g, "arch: declared weights, and the file's");
	kit_result(t->g, ok && weights_are_sound(t, &info), "%s", t->fault);
	kit_now(t->g, "arch: constants, states, tokenizer");
	kit_result(t->g, rest_is_sound(t), "%s", t->fault);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		kit_now(t->g, "arch: build() for %u tokens, %u sequences, %u outputs",
		        shapes[i].max_tokens, shapes[i].max_seqs, shapes[i].max_out);
		kit_result(t->g, builds(t, &shapes[i]), "%s", t->fault);
	}
	golden(t);
	return true;
}

/* Refused with a sentence; or accepted, and then it builds, if the file still
 * has what it declares. */
static bool try_edits(struct arch_test *t)
{
	int rc;

	kit_now(t->g, "arch: metadata changed in %s", t->meta.edits[0].name);
	rc = reopen(t);
	if (rc) {
		t->n_refused++;
		return is_refusal(t, rc);
	}
	t->n_accepted++;
	return !weights_fit(t) || builds(t, &golden_shape);
}

static struct fake_edit value_edit(const char *name, uint32_t which)
{
	static const uint32_t numbers[] = {0, 1, 3, 7, 65, 65536, 0x7fffffff, 0xffffffff};
	static const float floats[] = {0, -1, 1e38f, INFINITY, NAN};
	static const char *const texts[] = {"", "mamba"};
	struct fake_edit e = {.name = name};

	if (which < 8)
		e.kind = FAKE_U32, e.u32 = numbers[which];
	else if (which < 13)
		e.kind = FAKE_F32, e.f32 = floats[which - 8];
	else if (which < 15)
		e.kind = FAKE_STR, e.str = texts[which - 13];
	else if (which < 18)
		e.kind = FAKE_LEN, e.u32 = which == 15 ? 0 : which == 16 ? 2 : UINT32_MAX;
	else
		e.kind = FAKE_REMOVE;
	return e;
}

enum { VALUE_EDITS = 19, TENSOR_EDITS = 3, RANDOM_TRIES = 1000 };

static struct fake_edit tensor_edit(const struct gguf_tensor *tensor, uint32_t which)
{
	struct fake_edit e = {.name = tensor->name, .kind = FAKE_TENSOR};

	memcpy(e.ne, tensor->ne, sizeof(e.ne));
	if (which == 0)
		e.kind = FAKE_REMOVE;
	e.ne[which % 2] = which == 1 ? e.ne[1] + 1 : e.ne[0] * 2;
	return e;
}

static struct fake_edit any_edit(struct arch_test *t)
{
	const struct gguf *f = t->meta.gguf;

	if (rnd_below(&t->rnd, 4) == 0)
		return tensor_edit(&f->tensors[rnd_below(&t->rnd, f->n_tensors)],
		                   rnd_below(&t->rnd, TENSOR_EDITS));
	return value_edit(f->values[rnd_below(&t->rnd, f->n_values)].key,
	                  rnd_below(&t->rnd, VALUE_EDITS));
}

static bool each_mutation(struct arch_test *t)
{
	const struct gguf *f = t->meta.gguf;

	for (uint32_t i = 0; i < f->n_values; i++)
		for (uint32_t k = 0; k < VALUE_EDITS; k++) {
			t->meta.n_edits = 1;
			t->meta.edits[0] = value_edit(f->values[i].key, k);
			if (!try_edits(t))
				return false;
		}
	for (uint32_t i = 0; i < f->n_tensors; i++)
		for (uint32_t k = 0; k < TENSOR_EDITS; k++) {
			t->meta.n_edits = 1;
			t->meta.edits[0] = tensor_edit(&f->tensors[i], k);
			if (!try_edits(t))
				return false;
		}
	for (uint32_t i = 0; i < RANDOM_TRIES; i++) {
		t->meta.n_edits = 2 + i % 2;
		for (uint32_t k = 0; k < t->meta.n_edits; k++)
			t->meta.edits[k] = any_edit(t);
		if (!try_edits(t))
			return false;
	}
	return true;
}

static void describe_edits(const struct arch_test *t, char *out, size_t room)
{
	size_t n = 0;

	out[0] = 0;
	for (uint32_t i = 0; i < t->meta.n_edits && n < room; i++) {
		const struct fake_edit *e = &t->meta.edits[i];

		n += (size_t)snprintf(out + n, room - n, "%s%s (edit %d: %u, %g, '%s', [%u, %u])",
		                      i ? ", " : "", e->name, (int)e->kind, e->u32,
		                      (double)e->f32, e->str ? e->str : "", e->ne[0], e->ne[1]);
	}
}

static void mutations(struct arch_test *t)
{
	char edits[200];
	bool ok;

	t->fault[0] = 0;
	ok = t->meta.gguf->n_values && t->meta.gguf->n_tensors && each_mutation(t);
	describe_edits(t, edits, sizeof(edits));
	kit_now(t->g, "arch: changed metadata: %u refused, %u accepted", t->n_refused,
	        t->n_accepted);
	kit_result(t->g, ok, "%s: %s", edits, t->fault);
	t->meta.n_edits = 0;
}

/* The host's memory runs out at the k-th call of open(). */
static void shortages(struct arch_test *t, struct kit_host *h)
{
	int64_t live = 0, calls = 0;
	bool ok = true;

	t->arch->close(t->model);
	t->model = NULL;
	live = h->n_live;
	for (int64_t k = 1; k < 1000 && ok && calls >= k - 1; k++) {
		int rc;

		kit_now(t->g, "arch: call %lld of alloc() fails in open()", (long long)k);
		h->n_calls = 0;
		h->fail_at = k;
		rc = reopen(t);
		calls = h->n_calls;
		h->fail_at = 0;
		ok = calls < k ? rc == ZINC_OK : rc == ZINC_E_NO_MEMORY && is_refusal(t, rc);
		t->arch->close(t->model);
		t->model = NULL;
		if (h->n_live != live)
			ok = fault(t, "allocations are left", "");
	}
	kit_now(t->g, "arch: each call of alloc() fails in open(): %lld", (long long)calls);
	kit_result(t->g, ok, "%s, or another status than %d", t->fault, ZINC_E_NO_MEMORY);
}

/* A file with nothing in it. */
static void empty_file(struct arch_test *t)
{
	struct gguf nothing = {0};
	struct gguf *saved = t->meta.gguf;
	int rc;

	kit_now(t->g, "arch: a file without metadata");
	t->meta.gguf = &nothing;
	rc = reopen(t);
	kit_result(t->g, rc && is_refusal(t, rc), "it is accepted, or %s", t->fault);
	t->arch->close(t->model);
	t->model = NULL;
	t->meta.gguf = saved;
}

static void test_arch(struct arch_test *t, struct kit_host *h)
{
	const char *path = t->g->o->model;
	char msg[KIT_MSG] = "";

	t->host = (struct zinc_arch_host){.struct_size = sizeof(t->host),
	                                  .abi_minor = ZINC_ABI_MINOR};
	gguf_lend(&t->host);
	arch_record_lend(&t->host);
	t->arch->close(NULL);
	empty_file(t);
	if (!path) {
		report_warning(t->g->report, "arch: no --model FILE.gguf, so nothing was built");
		return;
	}
	kit_now(t->g, "arch: read %s", path);
	t->meta.gguf = gguf_read(path, msg, sizeof(msg));
	if (!t->meta.gguf) {
		kit_result(t->g, false, "%s", msg);
		return;
	}
	if (declared(t)) {
		mutations(t);
		shortages(t, h);
	}
	t->arch->close(t->model);
	gguf_free(t->meta.gguf);
}

void group_arch(struct kit_group_ctx *g)
{
	struct arch_test *t = must_calloc(1, sizeof(*t));
	char msg[KIT_MSG] = "";
	struct zinc_err err = {0};
	struct kit_host h;
	struct kit_dev d;
	int rc;

	kit_now(g, "arch: init()");
	kit_group_host(g, &h);
	t->g = g;
	t->rnd.state = 7;
	if (kit_load(&d, g->o->file, &h, msg)) {
		rc = d.plugin->init(&h.table, &d.self, &err);
		kit_result(g, !rc, "it gives %d: %s", rc, err.msg);
		if (!rc) {
			t->arch = d.plugin->arch;
			test_arch(t, &h);
			d.plugin->fini(d.self);
			kit_now(g, "arch: all memory of the host's is freed");
			kit_result(g, !h.n_live, "%lld allocations are left", (long long)h.n_live);
		}
	} else {
		kit_result(g, false, "%s", msg);
	}
	kit_unload(&d);
	kit_host_finish(&h);
	free(t);
}
