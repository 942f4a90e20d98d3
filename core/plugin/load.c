/* load.c - opening a plugin in this process. */
#include <dlfcn.h>
#include <string.h>

#include "plugin/registry.h"
#include "plugin/whole.h"
#include "util/err.h"

static void tell(plug_stage_fn *at, void *ctx, enum plug_stage stage)
{
	if (at)
		at(ctx, stage);
}

/* No zinc_plugin_v0: does it speak another version? */
static void explain_no_symbol(struct plug_slot *s)
{
	char name[] = "zinc_plugin_v0";

	for (int v = 1; v <= 9; v++) {
		name[sizeof(name) - 2] = (char)('0' + v);
		if (dlsym(s->lib, name)) {
			plug_set_state(s, PLUG_WRONG_ABI,
			               "%s has plugin ABI %d, this zinc has %d; install the build "
			               "of the plugin that belongs to it",
			               s->library_path, v, ZINC_ABI_MAJOR);
			return;
		}
	}
	plug_set_state(s, PLUG_BAD_TABLE,
	               "%s does not export " ZINC_PLUGIN_SYMBOL ", so it is not a zinc plugin",
	               s->library_path);
}

static bool check_table(struct plug_slot *s)
{
	const struct zinc_plugin *foreign = dlsym(s->lib, ZINC_PLUGIN_SYMBOL);
	char why[MANIFEST_WHY];

	if (!foreign) {
		explain_no_symbol(s);
		return false;
	}
	if (plug_tables_init(&s->tables, foreign, s->m, why, sizeof(why)) == ZINC_OK)
		return true;
	plug_set_state(s, PLUG_BAD_TABLE, "%s; install a matching plugin and manifest", why);
	return false;
}

static bool init(struct plug_registry *r, struct plug_slot *s)
{
	struct zinc_err err = { 0 };
	int rc;

	plug_host_init(&s->host, s->pub.id, r->options, r->n_options);
	s->plug = (struct plug){ .entry = &s->pub, .table = &s->tables.plugin };
	rc = s->tables.plugin.init(&s->host.api, &s->plug.self, &err);
	if (rc == ZINC_OK)
		return true;
	err.msg[sizeof(err.msg) - 1] = '\0';
	plug_set_state(s, rc == ZINC_E_NO_DEVICE ? PLUG_NO_DEVICE : PLUG_LOAD_FAILED, "%s",
	               err.msg[0] ? err.msg : err_name(rc));
	return false;
}

static void close_library(struct plug_slot *s)
{
	plug_tables_finish(&s->tables);
	dlclose(s->lib);
	s->lib = NULL;
}

bool plug_load(struct plug_registry *r, struct plug_slot *s, plug_stage_fn *at, void *ctx)
{
	const char *reason;

	tell(at, ctx, PLUG_STAGE_OPEN);
	if (!library_is_whole(s->library_path)) {
		plug_set_state(s, PLUG_LOAD_FAILED, "%s is cut short; install the plugin again",
		               s->library_path);
		return false;
	}
	s->lib = dlopen(s->library_path, RTLD_NOW | RTLD_LOCAL);
	if (!s->lib) {
		reason = dlerror();
		plug_set_state(s, PLUG_LOAD_FAILED, "%s; install the plugin again",
		               reason ? reason : s->library_path);
		return false;
	}
	tell(at, ctx, PLUG_STAGE_TABLE);
	if (!check_table(s)) {
		close_library(s);
		return false;
	}
	tell(at, ctx, PLUG_STAGE_INIT);
	if (!init(r, s)) {
		close_library(s);
		return false;
	}
	plug_set_state(s, PLUG_READY, "%s", "");
	return true;
}

uint64_t plug_unload(struct plug_slot *s)
{
	if (!s->lib)
		return 0;
	s->tables.plugin.fini(s->plug.self);
	close_library(s);
	return atomic_load(&s->host.live);
}
