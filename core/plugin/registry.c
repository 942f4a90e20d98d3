/* registry.c - the life of the registry and of its slots. */
#include "plugin/registry.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "util/err.h"
#include "util/log.h"

static const char *const state_names[] = {
	[PLUG_FOUND] = "found",
	[PLUG_READY] = "ready",
	[PLUG_NO_DEVICE] = "no-device",
	[PLUG_NO_MATCH] = "no-match",
	[PLUG_UNTRUSTED] = "untrusted",
	[PLUG_WRONG_ABI] = "wrong-abi",
	[PLUG_BAD_MANIFEST] = "bad-manifest",
	[PLUG_LOAD_FAILED] = "load-failed",
	[PLUG_BAD_TABLE] = "bad-table",
	[PLUG_CRASHED] = "crashed",
	[PLUG_MASKED] = "masked",
};

const char *plug_state_name(enum plug_state s)
{
	size_t n = sizeof(state_names) / sizeof(state_names[0]);

	return (size_t)s < n ? state_names[s] : "unknown";
}

void plug_set_state(struct plug_slot *s, enum plug_state state, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	for (char *c = text; c && *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	free(s->reason);
	s->reason = text;
	s->pub.state = state;
	s->pub.reason = text ? text : "no memory for the reason";
}

static void slot_destroy(struct plug_slot *s)
{
	uint64_t forgotten = plug_unload(s);

	if (forgotten)
		log_msg(ZINC_LOG_WARN, "%s: %llu allocations were not freed", s->pub.id,
		        (unsigned long long)forgotten);
	free(s->file);
	free(s->manifest_path);
	free(s->real_manifest);
	free(s->library_path);
	free(s->reason);
	free(s->m);
	free(s);
}

void plug_registry_destroy(struct plug_registry *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->n; i++)
		slot_destroy(r->slots[i]);
	for (uint32_t i = 0; i < r->n_options; i++)
		free(r->options[i]);
	free(r->slots);
	free(r->options);
	free(r->why);
	free(r);
}

static int copy_options(struct plug_registry *r, const struct plug_config *cfg,
                        struct zinc_err *err)
{
	r->options = calloc(cfg->n_options + 1, sizeof(*r->options));
	if (!r->options)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for the plugin options");
	for (uint32_t i = 0; i < cfg->n_options; i++) {
		const char *dot = strchr(cfg->options[i], '.');
		const char *eq = strchr(cfg->options[i], '=');

		if (!dot || !eq || dot > eq || dot == cfg->options[i] || eq == dot + 1)
			return err_set(err, ZINC_E_INVALID,
			               "plugin option '%s' is not of the form ID.KEY=VALUE",
			               cfg->options[i]);
		r->options[i] = strdup(cfg->options[i]);
		if (!r->options[i])
			return err_set(err, ZINC_E_NO_MEMORY, "no memory for the plugin options");
		r->n_options++;
	}
	return ZINC_OK;
}

/* An option for a plugin that is not installed is no error, since one
 * configuration may serve several machines, but it may be a misspelt id. */
static void warn_of_strangers(const struct plug_registry *r)
{
	for (uint32_t i = 0; i < r->n_options; i++) {
		bool known = false;

		for (uint32_t k = 0; k < r->n && !known; k++)
			known = plug_option_key(r->options[i], r->slots[k]->pub.id) != NULL;
		if (!known)
			log_msg(ZINC_LOG_WARN, "option %s: no such plugin is installed",
			        r->options[i]);
	}
}

int plug_registry_create(const struct plug_config *cfg, struct plug_registry **out,
                         struct zinc_err *err)
{
	struct plug_registry *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (!r)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for the plugin registry");
	r->probe_timeout_ms = cfg->probe_timeout_ms ? cfg->probe_timeout_ms : 15000;
	rc = copy_options(r, cfg, err);
	if (rc == ZINC_OK)
		rc = plug_scan(r, cfg, err);
	if (rc != ZINC_OK) {
		plug_registry_destroy(r);
		return rc;
	}
	warn_of_strangers(r);
	*out = r;
	return ZINC_OK;
}

uint32_t plug_count(const struct plug_registry *r)
{
	return r->n;
}

const struct plug_entry *plug_at(const struct plug_registry *r, uint32_t i)
{
	return i < r->n ? &r->slots[i]->pub : NULL;
}

void plug_probe_all(struct plug_registry *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		plug_probe(r, r->slots[i], true);
}
