/* load.c - opening plugins, model and engine as the options say. */
#include "cli/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/models.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "model/model.h"
#include "plugin/manifest.h"
#include "plugin/plug.h"
#include "run/engine.h"
#include "util/err.h"
#include "util/log.h"

static int no_memory(struct zinc_err *err)
{
	return err_set(err, ZINC_E_NO_MEMORY, "no memory for the plugin options");
}

static int create_registry(struct session *s, char *const *options, size_t n, struct zinc_err *err)
{
	struct plug_config c = {
		.dirs = (const char *const *)s->o->plugin_dirs.v,
		.n_dirs = (uint32_t)s->o->plugin_dirs.n,
		.options = (const char *const *)options,
		.n_options = (uint32_t)n,
	};

	return plug_registry_create(&c, &s->registry, err);
}

static bool has_threads(const struct plug_entry *e)
{
	struct manifest *m = malloc(sizeof(*m));
	char why[MANIFEST_WHY];
	bool found = false;

	if (m && e->kind == ZINC_KIND_BACKEND && e->manifest &&
	    manifest_read(e->manifest, m, why, sizeof(why)) == ZINC_OK)
		for (uint32_t i = 0; i < m->n_options; i++)
			found |= !strcmp(m->options[i].key, "threads");
	free(m);
	return found;
}

static void free_all(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

/* --threads is the option "threads" of every backend that has one. Which those
 * are is known only once a registry has read the manifests, so it is made
 * again. Options given as --option follow, and win. */
static int recreate_with_threads(struct session *s, struct zinc_err *err)
{
	const struct str_list *given = &s->o->plugin_options;
	uint32_t n_plugins = plug_count(s->registry);
	char **list = calloc(n_plugins + given->n + 1, sizeof(*list));
	size_t n = 0;
	int rc = ZINC_OK;

	if (!list)
		return no_memory(err);
	for (uint32_t i = 0; i < n_plugins && !rc; i++) {
		const struct plug_entry *e = plug_at(s->registry, i);

		if (e->state == PLUG_MASKED || !has_threads(e))
			continue;
		if (asprintf(&list[n], "%s.threads=%u", e->id, s->o->threads) < 0)
			rc = no_memory(err);
		else
			n++;
	}
	for (size_t i = 0; i < given->n && !rc; i++) {
		list[n] = strdup(given->v[i]);
		if (!list[n++])
			rc = no_memory(err);
	}
	plug_registry_destroy(s->registry);
	s->registry = NULL;
	if (!rc)
		rc = create_registry(s, list, n, err);
	free_all(list, n);
	return rc;
}

int session_open_registry(struct session *s, struct zinc_err *err)
{
	int rc = create_registry(s, s->o->plugin_options.v, s->o->plugin_options.n, err);

	if (!rc && s->o->threads)
		rc = recreate_with_threads(s, err);
	return rc;
}

int session_open_model(struct session *s, const char *name, struct zinc_err *err)
{
	const struct zinc_chat *chat;
	const char *warning;
	int rc = s->registry ? ZINC_OK : session_open_registry(s, err);

	if (!rc)
		rc = model_find(name ? name : s->o->model, &s->path, err);
	if (!rc)
		rc = model_open(s->registry, s->path, &s->model, err);
	if (rc)
		return rc;
	chat = s->model->arch->chat;
	warning = chat && chat->warning ? chat->warning(s->model->arch_model) : NULL;
	if (warning && !s->o->raw)
		log_once(ZINC_LOG_WARN, "%s", warning);
	return ZINC_OK;
}

static void on_progress(void *ctx, const char *what, double part)
{
	term_progress(ctx, what, part);
}

int session_engine_config(const struct session *s, struct engine_config *c, struct zinc_err *err)
{
	static const uint32_t kv_types[] = {
		[KV_F16] = ZINC_F16,
		[KV_BF16] = ZINC_BF16,
		[KV_F32] = ZINC_F32,
		[KV_Q8_0] = ZINC_Q8_0,
	};
	int rc = engine_config_init(c, err);

	if (rc)
		return rc;
	c->n_ctx = s->o->ctx;
	c->chunk = s->o->chunk;
	c->device = s->o->device;
	c->pack = s->o->no_pack ? RUN_PACK_OFF : s->o->pack; /* choices as in the enum */
	c->pack_threads = s->o->threads;
	c->kv_type = kv_types[s->o->kv_type];
	c->numerics = s->o->numerics; /* the choices are in the order of the enum */
	c->progress = on_progress;
	c->progress_ctx = s->term;
	return ZINC_OK;
}

int session_open_engine(struct session *s, struct engine_config *c, bool plan_only,
			struct zinc_err *err)
{
	const char *want = s->o->backend ? s->o->backend : "auto";
	const char *why = NULL;
	int rc = plug_backend(s->registry, want, &s->backend, &why, err);

	if (rc)
		return rc;
	if (why)
		term_note(s->term, "%s", why);
	rc = plan_only ? engine_plan(c, s->model, s->backend, &s->engine, err)
		       : engine_create(c, s->model, s->backend, &s->engine, err);
	term_progress_end(s->term);
	return rc;
}

void session_close(struct session *s)
{
	engine_destroy(s->engine);
	model_close(s->model);
	plug_registry_destroy(s->registry);
	free(s->path);
	s->engine = NULL;
	s->model = NULL;
	s->registry = NULL;
	s->path = NULL;
}
