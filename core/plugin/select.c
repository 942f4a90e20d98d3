/* select.c - which plugin serves: backends by name, family or "auto",
 * architectures by the name in the model file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/registry.h"
#include "util/err.h"
#include "util/log.h"

static int status_of(enum plug_state s)
{
	switch (s) {
	case PLUG_NO_DEVICE:
	case PLUG_NO_MATCH: return ZINC_E_NO_DEVICE;
	case PLUG_WRONG_ABI: return ZINC_E_VERSION;
	default: return ZINC_E_IO;
	}
}

/* An option that the plugin does not know is the user's error, not a state of
 * the plugin. */
static int check_options(const struct plug_registry *r, const struct plug_slot *s,
                         struct zinc_err *err)
{
	char known[160] = "none";
	const struct manifest *m = s->m;
	size_t at = 0;

	for (uint32_t k = 0; k < m->n_options && at < sizeof(known); k++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", k ? ", " : "",
		                       m->options[k].key);
	for (uint32_t i = 0; i < r->n_options; i++) {
		const char *key = plug_option_key(r->options[i], m->id);
		size_t n = key ? strcspn(key, "=") : 0;
		uint32_t k = 0;

		while (key && k < m->n_options &&
		       (strncmp(m->options[k].key, key, n) != 0 || m->options[k].key[n]))
			k++;
		if (key && k == m->n_options)
			return err_set(err, ZINC_E_INVALID,
			               "%s has no option '%.*s'; its options are: %s", m->id,
			               (int)n, key, known);
	}
	return ZINC_OK;
}

/* Loads a slot in this process, if a child has survived it. */
static int load(struct plug_registry *r, struct plug_slot *s, const struct plug **out,
                struct zinc_err *err)
{
	if (!s->lib && s->pub.state == PLUG_READY) {
		if (check_options(r, s, err) != ZINC_OK)
			return ZINC_E_INVALID;
		plug_load(r, s, NULL, NULL);
	}
	if (!s->lib)
		return ZINC_E_NO_DEVICE;
	*out = &s->plug;
	return ZINC_OK;
}

/* Those whose manifest could be read, then backends by the class of their
 * device, then all by priority, then by id. */
static int by_rank(const void *pa, const void *pb)
{
	const struct plug_slot *a = *(struct plug_slot *const *)pa;
	const struct plug_slot *b = *(struct plug_slot *const *)pb;
	int class_a = plug_class_rank(a->dev_class), class_b = plug_class_rank(b->dev_class);

	if (!a->m != !b->m)
		return a->m ? -1 : 1;
	if (class_a != class_b)
		return class_a > class_b ? -1 : 1;
	if (a->pub.priority != b->pub.priority)
		return a->pub.priority > b->pub.priority ? -1 : 1;
	return strcmp(a->pub.id, b->pub.id);
}

/* What a name stands for, best first. */
struct shortlist {
	struct plug_slot **slots;
	uint32_t n;
};

typedef bool accept_fn(const struct plug_slot *s, const char *name);

static int shortlist_init(struct shortlist *l, const struct plug_registry *r, accept_fn *accept,
                          const char *name, struct zinc_err *err)
{
	l->n = 0;
	l->slots = calloc(r->n + 1, sizeof(struct plug_slot *));
	if (!l->slots)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory to choose a plugin");
	for (uint32_t i = 0; i < r->n; i++)
		if (r->slots[i]->pub.state != PLUG_MASKED && accept(r->slots[i], name))
			l->slots[l->n++] = r->slots[i];
	return ZINC_OK;
}

static void shortlist_rank(struct shortlist *l, struct plug_registry *r, bool match)
{
	for (uint32_t i = 0; i < l->n; i++)
		plug_probe(r, l->slots[i], match);
	qsort(l->slots, l->n, sizeof(struct plug_slot *), by_rank);
}

static int no_memory(struct zinc_err *err)
{
	return err_set(err, ZINC_E_NO_MEMORY, "no memory to say why a plugin was not chosen");
}

/* "WHAT: a is no-device: ...; b is crashed: ..." */
static int none_loads(const struct shortlist *l, const char *what, struct zinc_err *err)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	int code = l->n == 1 ? status_of(l->slots[0]->pub.state) : ZINC_E_NO_DEVICE;

	if (!f)
		return no_memory(err);
	for (uint32_t i = 0; i < l->n; i++) {
		const struct plug_entry *e = &l->slots[i]->pub;

		fprintf(f, "%s%s is %s: %s", i ? "; " : "", e->id, plug_state_name(e->state),
		        e->state == PLUG_READY ? "a software device, used only by name"
		                               : e->reason);
	}
	if (fclose(f) != 0) {
		free(text);
		return no_memory(err);
	}
	if (l->n == 1)
		err_set(err, code, "%s", text);
	else
		err_set(err, code, "%s: %s", what, text);
	free(text);
	return code;
}

/* Loads the best of the list that loads; in auto mode none that only pretends
 * to be a GPU. */
static int load_best(struct plug_registry *r, const struct shortlist *l, bool automatic,
                     const struct plug **out, struct zinc_err *err)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct plug_slot *s = l->slots[i];
		bool soft = plug_class_rank(s->dev_class) == 0;
		int rc = automatic && soft ? ZINC_E_NO_DEVICE : load(r, s, out, err);

		if (rc == ZINC_OK || rc == ZINC_E_INVALID)
			return rc;
		if (!automatic && i + 1 < l->n)
			log_msg(ZINC_LOG_WARN, "%s is %s: %s; trying %s instead", s->pub.id,
			        plug_state_name(s->pub.state), s->pub.reason,
			        l->slots[i + 1]->pub.id);
	}
	return ZINC_E_NO_DEVICE;
}

static bool is_any(const struct plug_slot *s, const char *name)
{
	(void)name;
	return s->pub.kind == ZINC_KIND_BACKEND && s->pub.priority > 0;
}

/* A manifest that could not be read counts by its file's name, so that its
 * state is what the user gets to see. */
static bool is_id(const struct plug_slot *s, const char *name)
{
	return s->pub.kind != ZINC_KIND_ARCH && strcmp(s->pub.id, name) == 0;
}

static bool is_family(const struct plug_slot *s, const char *name)
{
	size_t n = strlen(name);

	return s->pub.kind != ZINC_KIND_ARCH && strncmp(s->pub.id, name, n) == 0 &&
	       s->pub.id[n] == '_' && n == strcspn(s->pub.id, "_");
}

static const char *class_text(uint32_t dev_class)
{
	switch (dev_class) {
	case ZINC_DEV_DGPU: return "discrete GPU";
	case ZINC_DEV_IGPU: return "integrated GPU";
	case ZINC_DEV_CPU: return "CPU";
	default: return "software device";
	}
}

/* Everything installed that a user might have expected instead. */
static void print_passed_over(const struct plug_registry *r, const struct plug *chosen, FILE *f)
{
	for (uint32_t i = 0; i < r->n; i++) {
		const struct plug_slot *s = r->slots[i];
		const struct plug_entry *e = &s->pub;
		bool ready = e->state == PLUG_READY;

		if (e == chosen->entry || e->state == PLUG_MASKED || e->kind == ZINC_KIND_ARCH ||
		    (e->kind == ZINC_KIND_BACKEND && e->priority == 0) ||
		    (ready && s->dev_class == ZINC_DEV_CPU))
			continue;
		if (ready)
			fprintf(f, "; not %s: it has %s (%s), %s", e->id, s->device,
			        class_text(s->dev_class),
			        s->dev_class == ZINC_DEV_SOFT ? "used only by name"
			                                      : "which ranks lower");
		else
			fprintf(f, "; not %s (%s): %s", e->id, plug_state_name(e->state),
			        e->reason);
	}
}

static int explain(struct plug_registry *r, const struct plug *chosen, bool automatic,
                   const char **why, struct zinc_err *err)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return no_memory(err);
	for (uint32_t i = 0; i < r->n; i++)
		if (&r->slots[i]->plug == chosen)
			fprintf(f, "backend %s on %s (%s)", chosen->entry->id, r->slots[i]->device,
			        class_text(r->slots[i]->dev_class));
	if (automatic)
		print_passed_over(r, chosen, f);
	else
		fprintf(f, ", as asked for");
	if (fclose(f) != 0) {
		free(text);
		return no_memory(err);
	}
	free(r->why);
	r->why = text;
	*why = text;
	return ZINC_OK;
}

/* "WHAT; installed: a, b" */
static int not_installed(const struct plug_registry *r, uint32_t kind, const char *what,
                         struct zinc_err *err)
{
	char list[160] = "";
	size_t at = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		const struct plug_entry *e = &r->slots[i]->pub;
		uint32_t names = kind == ZINC_KIND_ARCH ? e->n_gguf_names : 1;

		if (e->kind != kind || e->state == PLUG_MASKED)
			continue;
		for (uint32_t k = 0; k < names && at < sizeof(list); k++)
			at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", at ? ", " : "",
			                       kind == ZINC_KIND_ARCH ? e->gguf_names[k] : e->id);
	}
	return err_set(err, ZINC_E_UNSUPPORTED, "%s; installed: %s (see zinc plugin list)", what,
	               at ? list : "none");
}

static int backend_by(struct plug_registry *r, accept_fn *accept, const char *want,
                      const struct plug **out, struct zinc_err *err)
{
	bool automatic = accept == is_any;
	struct shortlist l;
	char what[96];
	int rc = shortlist_init(&l, r, accept, want, err);

	if (rc != ZINC_OK)
		return rc;
	shortlist_rank(&l, r, accept != is_id);
	rc = load_best(r, &l, automatic, out, err);
	if (rc == ZINC_E_INVALID || rc == ZINC_OK) {
		free(l.slots);
		return rc;
	}
	snprintf(what, sizeof(what), automatic ? "no backend can be used" : "no backend '%.40s'",
	         want);
	rc = l.n ? none_loads(&l, what, err) : not_installed(r, ZINC_KIND_BACKEND, what, err);
	free(l.slots);
	return rc;
}

static bool has_id(const struct plug_registry *r, const char *id)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->slots[i]->pub.state != PLUG_MASKED && is_id(r->slots[i], id))
			return true;
	return false;
}

int plug_backend(struct plug_registry *r, const char *want, const struct plug **out,
                 const char **why, struct zinc_err *err)
{
	bool automatic = strcmp(want, "auto") == 0;
	int rc;

	*out = NULL;
	*why = "";
	rc = backend_by(r, automatic ? is_any : has_id(r, want) ? is_id : is_family, want, out,
	                err);
	return rc == ZINC_OK ? explain(r, *out, automatic, why, err) : rc;
}

static bool takes_model(const struct plug_slot *s, const char *name)
{
	for (uint32_t i = 0; i < s->pub.n_gguf_names; i++)
		if (strcmp(s->pub.gguf_names[i], name) == 0)
			return true;
	return false;
}

int plug_arch(struct plug_registry *r, const char *gguf_name, const struct plug **out,
              struct zinc_err *err)
{
	struct shortlist l;
	char what[96];
	int rc;

	*out = NULL;
	rc = shortlist_init(&l, r, takes_model, gguf_name, err);
	if (rc != ZINC_OK)
		return rc;
	shortlist_rank(&l, r, true);
	rc = load_best(r, &l, false, out, err);
	snprintf(what, sizeof(what), "no plugin for the model architecture '%.40s'", gguf_name);
	if (rc != ZINC_OK && rc != ZINC_E_INVALID)
		rc = l.n ? none_loads(&l, what, err) : not_installed(r, ZINC_KIND_ARCH, what, err);
	free(l.slots);
	return rc;
}
