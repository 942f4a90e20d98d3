/* plugin_shaders.c - `zinc plugin shaders`: what a device's compiler makes of the
 * kernels of a backend, as a table or as JSON. */
#include "cli/plugin_shaders.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/plug.h"
#include "util/err.h"

struct wish {
	const char *backend; /* NULL: the first that tells */
	uint32_t device;
	bool json;
};

enum { N_TEXTS = 5, N_NUMBERS = 6, N_COLUMNS = N_TEXTS + N_NUMBERS, NUMBER_ROOM = 24 };

static const char *const titles[N_COLUMNS] = {"OP", "VARIANT", "CASE", "KERNEL", "CONSTANTS",
                                              "REGISTERS", "SPILLS", "SHARED", "IN FLIGHT",
                                              "INSTRUCTIONS", "CYCLES"};
static const char *const keys[N_COLUMNS] = {"op", "variant", "case", "kernel", "constants",
                                            "registers", "spills", "shared_bytes", "in_flight",
                                            "instructions", "cycles"};

struct row {
	char *text[N_TEXTS];
	uint64_t number[N_NUMBERS];
};

struct table {
	const struct zinc_backend *backend;
	struct row *rows;
	size_t n, room;
	bool failed; /* for want of memory */
};

static const char *op_name(const struct zinc_backend *b, uint32_t op)
{
	for (uint32_t i = 0; i < b->n_ops; i++)
		if (b->ops[i]->op == op)
			return b->ops[i]->name;
	return "-";
}

static bool has_room(struct table *t)
{
	size_t room = t->room ? 2 * t->room : 64;
	struct row *rows;

	if (t->n < t->room)
		return true;
	rows = realloc(t->rows, room * sizeof(*rows));
	if (!rows)
		return false;
	t->rows = rows;
	t->room = room;
	return true;
}

static void add_row(void *ctx, const struct zinc_kernel_info *k)
{
	struct table *t = ctx;
	const char *const texts[N_TEXTS] = {op_name(t->backend, k->op), k->variant, k->made_for,
	                                    k->kernel, k->constants};
	struct row *r;

	if (t->failed || !has_room(t)) {
		t->failed = true;
		return;
	}
	r = &t->rows[t->n++];
	*r = (struct row){.number = {k->registers, k->spills, k->shared_bytes, k->in_flight,
	                             k->instructions, k->cycles}};
	for (int i = 0; i < N_TEXTS; i++) {
		r->text[i] = strdup(texts[i] && *texts[i] ? texts[i] : "-");
		t->failed |= !r->text[i];
	}
}

static void table_finish(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		for (int k = 0; k < N_TEXTS; k++)
			free(t->rows[i].text[k]);
	free(t->rows);
}

static const char *cell(const struct row *r, int column, char number[NUMBER_ROOM])
{
	if (column < N_TEXTS)
		return r->text[column];
	if (r->number[column - N_TEXTS] == ZINC_KERNEL_UNTOLD)
		return "-";
	snprintf(number, NUMBER_ROOM, "%" PRIu64, r->number[column - N_TEXTS]);
	return number;
}

/* Two blanks or more between columns, numbers to the right. */
static int print_table(const struct table *t)
{
	char number[NUMBER_ROOM];
	int widest[N_COLUMNS], bad = 0;

	for (int c = 0; c < N_COLUMNS; c++) {
		widest[c] = (int)strlen(titles[c]);
		for (size_t i = 0; i < t->n; i++) {
			int n = (int)strlen(cell(&t->rows[i], c, number));

			widest[c] = n > widest[c] ? n : widest[c];
		}
		bad |= printf(c < N_TEXTS ? "%-*s%s" : "%*s%s", widest[c], titles[c],
		              c + 1 < N_COLUMNS ? "  " : "\n") < 0;
	}
	for (size_t i = 0; i < t->n; i++)
		for (int c = 0; c < N_COLUMNS; c++)
			bad |= printf(c < N_TEXTS ? "%-*s%s" : "%*s%s", widest[c],
			              cell(&t->rows[i], c, number),
			              c + 1 < N_COLUMNS ? "  " : "\n") < 0;
	return bad;
}

static json_t *row_json(const struct row *r)
{
	json_t *o = json_object();

	for (int c = 0; c < N_TEXTS; c++)
		json_object_set_new(o, keys[c], json_string(r->text[c]));
	for (int c = 0; c < N_NUMBERS; c++)
		json_object_set_new(o, keys[N_TEXTS + c],
		                    r->number[c] == ZINC_KERNEL_UNTOLD
		                            ? json_null()
		                            : json_integer((json_int_t)r->number[c]));
	return o;
}

static int print_json(const struct table *t, const char *backend)
{
	json_t *list = json_array();
	json_t *root = json_pack("{s:s, s:o}", "backend", backend, "kernels", list);
	int bad = root == NULL;

	for (size_t i = 0; i < t->n && !bad; i++)
		bad |= json_array_append_new(list, row_json(&t->rows[i]));
	if (!bad)
		bad |= json_dumpf(root, stdout, JSON_INDENT(1)) != 0 || putchar('\n') == EOF;
	json_decref(root);
	return bad;
}

/* The backend of the wish, or the one of highest priority that can tell. */
static int find_backend(struct plug_registry *reg, const struct wish *w, const struct plug **out,
                        struct zinc_err *err)
{
	const char *why;
	int best = -1, rc;

	if (w->backend) {
		rc = plug_backend(reg, w->backend, out, &why, err);
		if (!rc && !(*out)->table->backend->dev_kernels)
			rc = err_set(err, ZINC_E_UNSUPPORTED,
			             "backend %s tells nothing about its kernels",
			             (*out)->entry->id);
		return rc;
	}
	plug_probe_all(reg);
	for (uint32_t i = 0; i < plug_count(reg); i++) {
		const struct plug_entry *e = plug_at(reg, i);
		const struct plug *p;

		if (e->kind != ZINC_KIND_BACKEND || e->state != PLUG_READY || e->priority <= best ||
		    plug_backend(reg, e->id, &p, &why, NULL) || !p->table->backend->dev_kernels)
			continue;
		best = e->priority;
		*out = p;
	}
	if (best >= 0)
		return ZINC_OK;
	return err_set(err, ZINC_E_UNSUPPORTED,
	               "no backend with a device here tells about its kernels (zinc plugin list)");
}

/* --name=VALUE, or --name VALUE, which moves *i on. NULL: another option. */
static const char *value_of(const char *name, int argc, char **argv, int *i)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n))
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	return !argv[*i][n] && *i + 1 < argc ? argv[++*i] : NULL;
}

static bool parse(struct wish *w, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *device = value_of("--device", argc, argv, &i), *backend;
		char *end;

		if (device) {
			w->device = (uint32_t)strtoul(device, &end, 10);
			if (device[0] < '0' || device[0] > '9' || *end)
				return false;
			continue;
		}
		backend = value_of("--backend", argc, argv, &i);
		if (backend)
			w->backend = backend;
		else if (!strcmp(argv[i], "--json"))
			w->json = true;
		else
			return false;
	}
	return true;
}

int plugin_shaders(struct plug_registry *reg, int argc, char **argv)
{
	struct wish w = {0};
	struct table t = {0};
	const struct plug *p;
	struct zinc_err err = {0};
	int rc;

	if (!parse(&w, argc, argv)) {
		fputs("usage: zinc plugin shaders [--backend=NAME] [--device=N] [--json]\n", stderr);
		return 2;
	}
	rc = find_backend(reg, &w, &p, &err);
	if (!rc) {
		t.backend = p->table->backend;
		rc = t.backend->dev_kernels(p->self, w.device, add_row, &t, &err);
	}
	if (!rc && t.failed)
		rc = err_set(&err, ZINC_E_NO_MEMORY, "no memory for the list of kernels");
	if (rc)
		fprintf(stderr, "zinc: %s\n", err.msg[0] ? err.msg : err_name(rc));
	else
		rc = w.json ? print_json(&t, p->entry->id) : print_table(&t);
	table_finish(&t);
	return rc ? 1 : 0;
}
