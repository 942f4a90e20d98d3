/* g_load.c - what can be told of a plugin without calling it: its symbols and
 * its tables. */
#include <ctype.h>

#include "elf_symbols.h"
#include "group.h"
#include "groups.h"
#include "optab.h"

struct symbols {
	char strange[KIT_MSG]; /* exports that are not the entry, imports of zinc's */
};

/* Those of the runtimes of sanitizers and of the linker do not count. */
static bool is_runtime(const char *name)
{
	static const char *const prefixes[] = {"__odr_asan", "__asan", "__ubsan", "__lsan",
	                                       "__sancov", "__start", "__stop", "_init", "_fini",
	                                       "_edata", "_end", "__bss_start"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static void look_at(void *ctx, const char *name, bool defined)
{
	struct symbols *s = ctx;
	size_t have = strlen(s->strange);

	if (defined ? strcmp(name, ZINC_PLUGIN_SYMBOL) && !is_runtime(name)
	            : !strncmp(name, "zinc_", 5))
		snprintf(s->strange + have, sizeof(s->strange) - have, " %s%s",
		         defined ? "" : "(imported) ", name);
}

static bool is_id(const char *id)
{
	size_t n = 0;

	for (; id && id[n]; n++)
		if (!islower((unsigned char)id[n]) && !isdigit((unsigned char)id[n]) &&
		    id[n] != '_' && id[n] != '-')
			return false;
	return n > 0;
}

static const char *plugin_fault(const struct zinc_plugin *p)
{
	if (p->struct_size < offsetof(struct zinc_plugin, arch) + sizeof(p->arch))
		return "struct_size is shorter than the first published table";
	if (p->kind != ZINC_KIND_BACKEND && p->kind != ZINC_KIND_ARCH)
		return "kind is not known";
	if (!is_id(p->id))
		return "id is not made of lower case letters, digits, - and _";
	if (!p->version || !p->version[0])
		return "there is no version";
	if (!p->init || !p->fini)
		return "init or fini is missing";
	if (p->kind == ZINC_KIND_BACKEND ? !p->backend : !p->arch)
		return "the table of its kind is missing";
	return NULL;
}

static const char *backend_fault(const struct zinc_backend *b)
{
	if (b->struct_size < offsetof(struct zinc_backend, tl_free) + sizeof(b->tl_free))
		return "struct_size is shorter than the first published table";
	if (!b->dev_count || !b->dev_info || !b->dev_open || !b->dev_close)
		return "a dev_ function is missing";
	if (!b->buf_alloc || !b->buf_free || !b->buf_write || !b->buf_read)
		return "a buf_ function is missing";
	if (!b->cmd_begin || !b->cmd_end || !b->cmd_free || !b->submit)
		return "a cmd_ function or submit is missing";
	if (!b->tl_create || !b->tl_wait || !b->tl_value || !b->tl_free)
		return "a tl_ function is missing";
	if (!b->weight_layout != !b->weight_pack)
		return "weight_layout and weight_pack come together";
	if (b->n_ops && !b->ops)
		return "ops is NULL";
	return NULL;
}

static const char *arch_fault(const struct zinc_arch *a)
{
	if (a->struct_size < offsetof(struct zinc_arch, chat) + sizeof(a->chat))
		return "struct_size is shorter than the first published table";
	if (!a->gguf_names || !a->gguf_names[0])
		return "gguf_names is empty";
	if (!a->open || !a->close || !a->info || !a->weights || !a->constants || !a->states ||
	    !a->tokenizer || !a->build)
		return "a function is missing";
	if (a->flags)
		return "flags is not 0";
	return NULL;
}

/* "Within a class max_cols ascends, 0 last"; names tell variants apart. */
static const char *variants_fault(const struct zinc_op_impl *o)
{
	for (uint32_t i = 0; i < o->n_variants; i++) {
		const struct zinc_variant *v = &o->variants[i];

		if (!v->name || !v->name[0])
			return "a variant has no name";
		if (v->numerics >= ZINC_NUM_COUNT)
			return "a variant's numerics class is not known";
		for (uint32_t k = 0; k < i; k++) {
			const struct zinc_variant *u = &o->variants[k];

			if (!strcmp(u->name, v->name))
				return "two variants have one name";
			if (u->numerics == v->numerics && v->max_cols &&
			    (!u->max_cols || v->max_cols < u->max_cols))
				return "max_cols does not ascend within a class";
		}
	}
	return NULL;
}

static const char *op_fault(const struct zinc_op_impl *o)
{
	const struct optab_op *known = optab_get(o->op);

	if (o->struct_size < offsetof(struct zinc_op_impl, record) + sizeof(o->record))
		return "struct_size is shorter than the first published table";
	if (!o->name || (known && strcmp(o->name, known->name)))
		return "its name is not that of its id";
	if (!known && o->op < ZINC_OP_VENDOR && o->op < ZINC_OP_COUNT)
		return "no backend sees an op of this id";
	if (o->desc_size < sizeof(struct zinc_op_head))
		return "desc_size is shorter than what every descriptor starts with";
	if (!o->n_variants || !o->variants)
		return "it has no variant";
	if (!o->supports || !o->record)
		return "supports or record is missing";
	return variants_fault(o);
}

static void check_ops(struct kit_group_ctx *g, const struct zinc_backend *b)
{
	for (uint32_t i = 0; i < b->n_ops; i++) {
		const struct zinc_op_impl *o = b->ops[i];
		const char *fault = o ? op_fault(o) : "its table is NULL";

		for (uint32_t k = 0; o && k < i && !fault; k++)
			if (b->ops[k] && b->ops[k]->op == o->op)
				fault = "there are two tables of it";
		if (!fault)
			continue;
		kit_now(g, "load: op %u, %s", i, o && o->name ? o->name : "?");
		kit_result(g, false, "%s", fault);
	}
}

static void one_table(struct kit_group_ctx *g, const char *what, const char *fault)
{
	kit_now(g, "load: %s", what);
	kit_result(g, !fault, "%s", fault ? fault : "");
}

void group_load(struct kit_group_ctx *g)
{
	struct symbols s = {""};
	struct kit_host host;
	struct kit_dev d;
	char msg[KIT_MSG] = "";
	bool ok;

	kit_now(g, "load: symbols");
	if (elf_each_symbol(g->o->file, look_at, &s))
		kit_result(g, !s.strange[0], "a plugin exports " ZINC_PLUGIN_SYMBOL
		           " only and imports nothing of zinc's:%s", s.strange);
	kit_now(g, "load: open the file");
	kit_group_host(g, &host);
	ok = kit_load(&d, g->o->file, &host, msg);
	kit_result(g, ok, "%s", msg);
	if (ok) {
		const struct zinc_plugin *p = d.plugin;

		one_table(g, "table of the plugin", plugin_fault(p));
		if (p->kind == ZINC_KIND_BACKEND && p->backend) {
			one_table(g, "table of the backend", backend_fault(p->backend));
			check_ops(g, p->backend);
		}
		if (p->kind == ZINC_KIND_ARCH && p->arch)
			one_table(g, "table of the architecture", arch_fault(p->arch));
	}
	kit_unload(&d);
	kit_host_finish(&host);
}
