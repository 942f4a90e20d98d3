/* list.c - `zinc plugin list`. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/plug.h"

static const char *kind_text(uint32_t kind)
{
	switch (kind) {
	case ZINC_KIND_BACKEND: return "backend";
	case ZINC_KIND_ARCH: return "arch";
	default: return "-";
	}
}

/* Paths are bytes, JSON is UTF-8: where they disagree, '?'. */
static json_t *text(const char *s)
{
	json_t *j = json_string(s);
	char *ascii = j ? NULL : strdup(s);

	for (char *c = ascii; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	if (ascii)
		j = json_string(ascii);
	free(ascii);
	return j;
}

static json_t *entry_json(const struct plug_entry *e)
{
	json_t *o = json_object(), *names = json_array();
	int bad = 0;

	bad |= json_object_set_new(o, "id", text(e->id));
	bad |= json_object_set_new(o, "kind", e->kind ? text(kind_text(e->kind)) : json_null());
	bad |= json_object_set_new(o, "state", text(plug_state_name(e->state)));
	bad |= json_object_set_new(o, "reason", text(e->reason));
	bad |= json_object_set_new(o, "priority", json_integer(e->priority));
	bad |= json_object_set_new(o, "version", text(e->version));
	bad |= json_object_set_new(o, "summary", text(e->summary));
	bad |= json_object_set_new(o, "device", text(e->device));
	bad |= json_object_set_new(o, "manifest", text(e->manifest));
	bad |= json_object_set_new(o, "library", text(e->library));
	for (uint32_t i = 0; i < e->n_gguf_names; i++)
		bad |= json_array_append_new(names, text(e->gguf_names[i]));
	bad |= json_object_set_new(o, "gguf", names);
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

static int print_json(const struct plug_registry *r, FILE *out)
{
	json_t *list = json_array();
	json_t *root = json_pack("{s:i, s:o}", "abi", ZINC_ABI_MAJOR, "plugins", list);
	int bad = root == NULL;

	for (uint32_t i = 0; i < plug_count(r) && !bad; i++)
		bad |= json_array_append_new(list, entry_json(plug_at(r, i)));
	if (!bad)
		bad |= json_dumpf(root, out, JSON_INDENT(2)) != 0 || fputc('\n', out) == EOF;
	json_decref(root);
	return bad ? ZINC_E_IO : ZINC_OK;
}

static int widest(const struct plug_registry *r, int at_least, bool version)
{
	int w = at_least;

	for (uint32_t i = 0; i < plug_count(r); i++) {
		const struct plug_entry *e = plug_at(r, i);
		int n = (int)strlen(version ? e->version : e->id);

		w = n > w ? n : w;
	}
	return w;
}

/* The last column says what a person needs to know: what is wrong, else what it
 * runs on, else what it is. */
static const char *detail(const struct plug_entry *e)
{
	if (e->reason[0])
		return e->reason;
	return e->device[0] ? e->device : e->summary;
}

static int print_table(const struct plug_registry *r, FILE *out)
{
	int id = widest(r, 2, false), version = widest(r, 7, true);
	int bad = 0;

	if (plug_count(r) == 0)
		return fprintf(out, "no plugins found; see ZINC_PLUGIN_PATH and --plugin-dir\n") < 0
		               ? ZINC_E_IO : ZINC_OK;
	bad |= fprintf(out, "%-*s  %-7s  %4s  %-*s  %-12s  %s\n", id, "ID", "KIND", "PRIO", version,
	               "VERSION", "STATE", "DETAIL") < 0;
	for (uint32_t i = 0; i < plug_count(r); i++) {
		const struct plug_entry *e = plug_at(r, i);

		bad |= fprintf(out, "%-*s  %-7s  %4d  %-*s  %-12s  %s\n", id, e->id,
		               kind_text(e->kind), e->priority, version, e->version,
		               plug_state_name(e->state), detail(e)) < 0;
	}
	return bad ? ZINC_E_IO : ZINC_OK;
}

int plug_list_print(struct plug_registry *r, bool json, FILE *out)
{
	return json ? print_json(r, out) : print_table(r, out);
}
