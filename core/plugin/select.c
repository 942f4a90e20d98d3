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
	case PLUG_READY: /* a software device that nobody asked for */
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

/* Loads a slot that a child has survived. */
static int load(struct plug_registry *r, struct plug_slot *s, const struct plug **out,
                struct zinc_err *err)
{
	if (!s->lib && check_options(r, s, err) != ZINC_OK)
		return ZINC_E_INVALID;
	if (!s->lib && !plug_load(r, s, NULL, NULL))
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

/* What is asked for. */
struct wish {
	bool (*accept)(const struct plug_slot *s, const char *name);
	const char *name;
	uint32_t kind;  /* enum zinc_kind                              */
	bool automatic; /* nobody named it: no software device         */
	bool match;     /* [match] of the manifest counts              */
	char what[96];  /* "no backend 'x'": how a failure begins      */
};

/* The plugins that a wish accepts, best first. */
struct shortlist {
	struct plug_slot **slots;
	uint32_t n;
};

static int shortlist_init(struct shortlist *l, struct plug_registry *r, const struct wish *w,
                          struct zinc_err *err)
{
	l->n = 0;
	l->slots = calloc(r->n + 1, sizeof(struct plug_slot *));
	if (!l->slots)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory to choose a plugin");
	for (uint32_t i = 0; i < r->n; i++)
		if (r->slots[i]->pub.state != PLUG_MASKED && w->accept(r->slots[i], w->name))
			l->slots[l->n++] = r->slots[i];
	for (uint32_t i = 0; i < l->n; i++)
		plug_probe(r, l->slots[i], w->match);
	qsort(l->slots, l->n, sizeof(struct plug_slot *), by_rank);
	return ZINC_OK;
}

static int no_memory(struct zinc_err *err)
{
	return err_set(err, ZINC_E_NO_MEMORY, "no memory to say why a plugin was not chosen");
}

/* "WHAT: a is no-device: ...; b is crashed: ..." */
static int none_loads(const struct shortlist *l, const struct wish *w, struct zinc_err *err)
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
		err_set(err, code, "%s: %s", w->what, text);
	free(text);
	return code;
}

static bool takes_model(const struct plug_slot *s, const char *name)
{
	for (uint32_t i = 0; i < s->pub.n_gguf_names; i++)
		if (strcmp(s->pub.gguf_names[i], name) == 0)
			return true;
	return false;
}

/* The ids of backends, the model names of architectures; each once. */
static void list_installed(const struct plug_registry *r, uint32_t kind, char *list, size_t room)
{
	size_t at = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		const struct plug_entry *e = &r->slots[i]->pub;
		uint32_t n = kind == ZINC_KIND_ARCH ? e->n_gguf_names : 1;

		if (e->kind != kind || e->state == PLUG_MASKED)
			continue;
		for (uint32_t k = 0; k < n && at < room; k++) {
			const char *name = kind == ZINC_KIND_ARCH ? e->gguf_names[k] : e->id;
			uint32_t before = 0;

			while (before < i && !takes_model(r->slots[before], name))
				before++;
			if (before == i)
				at += (size_t)snprintf(list + at, room - at, "%s%s",
				                       at ? ", " : "", name);
		}
	}
}

static int not_installed(const struct plug_registry *r, const struct wish *w, struct zinc_err *err)
{
	char list[160] = "none";

	list_installed(r, w->kind, list, sizeof(list));
	return err_set(err, ZINC_E_UNSUPPORTED, "%s; installed: %s (see zinc plugin list)", w->what,
	               list);
}

static bool may_be_tried(const struct plug_slot *s, const struct wish *w)
{
	return s->lib || (s->pub.state == PLUG_READY &&
	                  !(w->automatic && plug_class_rank(s->dev_class) == 0));
}

/* Loads the best plugin that loads. */
static int choose(struct plug_registry *r, const struct wish *w, const struct plug **out,
                  struct zinc_err *err)
{
	struct shortlist l;
	int rc = shortlist_init(&l, r, w, err);
	bool done = rc != ZINC_OK;

	*out = NULL;
	for (uint32_t i = 0; i < l.n && !done; i++) {
		struct plug_slot *s = l.slots[i];

		rc = may_be_tried(s, w) ? load(r, s, out, err) : ZINC_E_NO_DEVICE;
		done = rc == ZINC_OK || rc == ZINC_E_INVALID;
		if (!done && !w->automatic && i + 1 < l.n)
			log_msg(ZINC_LOG_WARN, "%s is %s: %s", s->pub.id,
			        plug_state_name(s->pub.state), s->pub.reason);
	}
	if (!done)
		rc = l.n ? none_loads(&l, w, err) : not_installed(r, w, err);
	free(l.slots);
	return rc;
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
	struct wish w = { .accept = is_family, .name = want, .kind = ZINC_KIND_BACKEND,
		          .automatic = strcmp(want, "auto") == 0, .match = true };
	int rc;

	*why = "";
	snprintf(w.what, sizeof(w.what), "no backend '%.40s'", want);
	if (w.automatic) {
		w.accept = is_any;
		snprintf(w.what, sizeof(w.what), "no backend can be used");
	} else if (has_id(r, want)) {
		w.accept = is_id;
		w.match = false;
	}
	rc = choose(r, &w, out, err);
	return rc == ZINC_OK ? explain(r, *out, w.automatic, why, err) : rc;
}

int plug_arch(struct plug_registry *r, const char *gguf_name, const struct plug **out,
              struct zinc_err *err)
{
	struct wish w = { .accept = takes_model, .name = gguf_name, .kind = ZINC_KIND_ARCH,
		          .match = true };

	snprintf(w.what, sizeof(w.what), "no plugin for the model architecture '%.40s'", gguf_name);
	return choose(r, &w, out, err);
}
