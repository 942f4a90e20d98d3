/* model.c - opening a model: file, architecture, declarations, tokenizer. */
#include "model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/dtype.h"
#include "model/gguf.h"
#include "plugin/plug.h"
#include "token/tok.h"
#include "util/err.h"

/* Collects up to a few problems, so that one message shows them all. */
struct problems {
	char text[200];
	size_t n;
	uint32_t count;
};

__attribute__((format(printf, 2, 3))) static void problem(struct problems *p, const char *fmt, ...)
{
	va_list ap;

	if (p->count++ && p->n < sizeof(p->text))
		p->n += (size_t)snprintf(p->text + p->n, sizeof(p->text) - p->n, "; ");
	if (p->n >= sizeof(p->text))
		return;
	va_start(ap, fmt);
	p->n += (size_t)vsnprintf(p->text + p->n, sizeof(p->text) - p->n, fmt, ap);
	va_end(ap);
}

static void check_tensor(const struct zinc_weight_decl *d, const struct gguf_tensor *t,
                         struct problems *p)
{
	uint64_t allowed = d->dtypes ? d->dtypes : ZINC_TMASK_WEIGHT;

	if (t->dtype >= ZINC_DTYPE_MAX || !(allowed & ZINC_TBIT(t->dtype))) {
		problem(p, "%s has dtype %s, which its place does not take", d->name,
		        dtype_name(t->dtype));
		return;
	}
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (d->ne[i] && d->ne[i] != t->ne[i]) {
			problem(p, "%s is [%u, %u, %u], expected [%u, %u, %u]", d->name, t->ne[0],
			        t->ne[1], t->ne[2], d->ne[0], d->ne[1], d->ne[2]);
			return;
		}
}

/* Finds and checks every declared weight. */
static int bind_weights(struct model *m, struct zinc_err *err)
{
	struct problems p = {0};

	m->tensors = calloc(m->n_weights + 1, sizeof(*m->tensors));
	if (!m->tensors)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory for %u weights", m->n_weights);
	for (uint32_t i = 0; i < m->n_weights; i++) {
		const struct zinc_weight_decl *d = &m->weights[i];

		m->tensors[i] = gguf_tensor_find(m->gguf, d->name);
		if (m->tensors[i])
			check_tensor(d, m->tensors[i], &p);
		else if (!d->optional)
			problem(&p, "%s is missing", d->name);
	}
	if (!p.count)
		return ZINC_OK;
	return err_set(err, ZINC_E_INVALID, "%u bad tensor%s (the file is damaged or of another model): %s",
	               p.count, p.count > 1 ? "s" : "", p.text);
}

static int find_arch(struct model *m, struct plug_registry *reg, struct zinc_err *err)
{
	struct gguf_str name;
	char text[64];
	int rc;

	if (gguf_get_str(m->gguf, "general.architecture", 0, &name))
		return err_set(err, ZINC_E_INVALID,
		               "no general.architecture in its metadata: not a model file");
	snprintf(text, sizeof(text), "%.*s", (int)(name.n < 63 ? name.n : 63), name.ptr);
	rc = plug_arch(reg, text, &m->arch_plug, err);
	if (rc)
		return rc;
	m->arch = m->arch_plug->table->arch;
	return ZINC_OK;
}

static int declare(struct model *m, struct zinc_err *err)
{
	m->info.struct_size = sizeof(m->info);
	if (m->arch->info(m->arch_model, &m->info) ||
	    m->arch->weights(m->arch_model, &m->weights, &m->n_weights) ||
	    m->arch->constants(m->arch_model, &m->consts, &m->n_consts) ||
	    m->arch->states(m->arch_model, &m->states, &m->n_states))
		return err_set(err, ZINC_E_INTERNAL, "architecture %s gave no declarations",
		               m->arch_plug->entry->id);
	return bind_weights(m, err);
}

static int open_tokenizer(struct model *m, struct zinc_err *err)
{
	struct zinc_tok_spec spec = {.struct_size = sizeof(spec), .bos = -1, .eos = -1, .unk = -1,
	                             .pad = -1};
	int rc = m->arch->tokenizer(m->arch_model, &spec, err);

	if (rc)
		return rc;
	rc = tok_create(m->gguf, &spec, &m->tok, err);
	if (rc)
		return rc;
	if (tok_n_vocab(m->tok) > m->info.n_vocab)
		return err_set(err, ZINC_E_INVALID,
		               "the tokenizer has %u tokens but the embedding only %u rows",
		               tok_n_vocab(m->tok), m->info.n_vocab);
	return ZINC_OK;
}

static int open_parts(struct model *m, struct plug_registry *reg, struct zinc_err *err)
{
	int rc = find_arch(m, reg, err);

	if (!rc)
		rc = m->arch->open(&model_arch_host, (const struct zinc_meta *)(void *)m->gguf,
		                   &m->arch_model, err);
	if (!rc)
		rc = declare(m, err);
	if (!rc)
		rc = open_tokenizer(m, err);
	return rc;
}

int model_open(struct plug_registry *reg, const char *path, struct model **out,
               struct zinc_err *err)
{
	struct model *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while opening %s", path);
	rc = gguf_open(path, &m->gguf, err);
	if (rc) {
		free(m);
		return rc;
	}
	rc = open_parts(m, reg, err);
	if (rc) {
		err_prefix(err, "%s", path);
		model_close(m);
		return rc;
	}
	*out = m;
	return ZINC_OK;
}

void model_close(struct model *m)
{
	if (!m)
		return;
	tok_destroy(m->tok);
	if (m->arch_model)
		m->arch->close(m->arch_model);
	free(m->tensors);
	gguf_close(m->gguf);
	free(m);
}

uint32_t model_n_tokens(const struct model *m)
{
	uint32_t n = tok_n_vocab(m->tok);

	return n < m->info.n_vocab ? n : m->info.n_vocab;
}
