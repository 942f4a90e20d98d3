/* table.c - checking and copying a plugin's tables; see table.h. */
#include "plugin/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_SIZE = 1 << 16, /* of any struct: above it, struct_size is garbage */
	MAX_OPS = 256,
	MAX_VARIANTS = 64,
	MAX_NAME = 64
};

struct check {
	char *why;
	size_t room;
	uint32_t abi_minor;
};

__attribute__((format(printf, 2, 3))) static bool bad(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->why, c->room, fmt, ap);
	va_end(ap);
	return false;
}

/* A pointer that must not be NULL. Function and data pointers alike: POSIX has
 * them of one size with NULL all zero. */
struct need {
	size_t offset;
	const char *field;
};

#define NEED(type, field) { offsetof(struct type, field), #field }
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct need plugin_needs[] = {
	NEED(zinc_plugin, id), NEED(zinc_plugin, version),
	NEED(zinc_plugin, init), NEED(zinc_plugin, fini),
};

static const struct need backend_needs[] = {
	NEED(zinc_backend, ops), NEED(zinc_backend, dev_count),
	NEED(zinc_backend, dev_info), NEED(zinc_backend, dev_open),
	NEED(zinc_backend, dev_close), NEED(zinc_backend, buf_alloc),
	NEED(zinc_backend, buf_free), NEED(zinc_backend, buf_write),
	NEED(zinc_backend, buf_read), NEED(zinc_backend, cmd_begin),
	NEED(zinc_backend, cmd_end), NEED(zinc_backend, cmd_free),
	NEED(zinc_backend, submit), NEED(zinc_backend, tl_create),
	NEED(zinc_backend, tl_wait), NEED(zinc_backend, tl_value),
	NEED(zinc_backend, tl_free),
};

static const struct need impl_needs[] = {
	NEED(zinc_op_impl, name), NEED(zinc_op_impl, variants),
	NEED(zinc_op_impl, supports), NEED(zinc_op_impl, record),
};

static const struct need arch_needs[] = {
	NEED(zinc_arch, gguf_names), NEED(zinc_arch, open), NEED(zinc_arch, close),
	NEED(zinc_arch, info), NEED(zinc_arch, weights), NEED(zinc_arch, constants),
	NEED(zinc_arch, states), NEED(zinc_arch, tokenizer), NEED(zinc_arch, build),
};

static const struct need chat_needs[] = {
	NEED(zinc_chat, render), NEED(zinc_chat, warning), NEED(zinc_chat, parser_create),
	NEED(zinc_chat, parser_feed), NEED(zinc_chat, parser_end),
	NEED(zinc_chat, parser_destroy),
};

/* Copies a struct that starts with struct_size, or, the plugin's own table,
 * has it at `at`. */
static bool take(struct check *c, const char *what, const void *from, size_t at, void *to,
                 size_t size)
{
	uint32_t theirs;

	memcpy(&theirs, (const char *)from + at, sizeof(theirs));
	if (theirs < at + sizeof(theirs) || theirs > MAX_SIZE)
		return bad(c, "%s: struct_size is %u, which no version of the interface has", what,
		           theirs);
	memset(to, 0, size);
	memcpy(to, from, theirs < size ? theirs : size);
	theirs = (uint32_t)size;
	memcpy((char *)to + at, &theirs, sizeof(theirs));
	return true;
}

static bool has_all(struct check *c, const char *what, const void *table, const struct need *needs,
                    size_t n)
{
	static const char zero[sizeof(void *)];

	for (size_t i = 0; i < n; i++)
		if (memcmp((const char *)table + needs[i].offset, zero, sizeof(zero)) == 0)
			return bad(c, "%s: %s is missing", what, needs[i].field);
	return true;
}

static bool is_short_text(const char *s)
{
	size_t n = strnlen(s, MAX_NAME);

	return n > 0 && n < MAX_NAME;
}

/* Within a numerics class max_cols ascends, with 0 (any number) last. */
static bool variants_ok(struct check *c, const struct zinc_op_impl *op)
{
	if (op->n_variants == 0 || op->n_variants > MAX_VARIANTS)
		return bad(c, "op %s has %u variants", op->name, op->n_variants);
	for (uint32_t i = 0; i < op->n_variants; i++) {
		const struct zinc_variant *v = &op->variants[i];

		if (!v->name || !is_short_text(v->name))
			return bad(c, "op %s: variant %u has no name", op->name, i);
		if (v->numerics >= ZINC_NUM_COUNT && c->abi_minor <= ZINC_ABI_MINOR)
			return bad(c, "op %s: variant %s has the unknown numerics class %u",
			           op->name, v->name, v->numerics);
		for (uint32_t k = 0; k < i; k++) {
			const struct zinc_variant *before = &op->variants[k];

			if (before->numerics == v->numerics &&
			    (before->max_cols == 0 ||
			     (v->max_cols != 0 && v->max_cols <= before->max_cols)))
				return bad(c, "op %s: variant %s must stand before %s", op->name,
				           v->name, before->name);
		}
	}
	return true;
}

/* An id above ours is an op that a newer plugin has and this host never
 * records. */
static bool is_later_op(const struct check *c, uint32_t op)
{
	return op >= ZINC_OP_COUNT && op < ZINC_OP_VENDOR && c->abi_minor > ZINC_ABI_MINOR;
}

static bool impl_ok(struct check *c, const struct zinc_op_impl *op, uint32_t index)
{
	char what[32];

	snprintf(what, sizeof(what), "op %u of the table", index);
	if (!has_all(c, what, op, impl_needs, COUNT(impl_needs)))
		return false;
	if (!is_short_text(op->name))
		return bad(c, "%s has no name", what);
	if (op->op == ZINC_OP_NONE || op->op == ZINC_OP_LINEAR ||
	    (op->op >= ZINC_OP_COUNT && op->op < ZINC_OP_VENDOR && !is_later_op(c, op->op)))
		return bad(c, "op %s has the id %u, which a backend cannot have", op->name,
		           op->op);
	if (op->desc_size < sizeof(struct zinc_op_head) || op->desc_size > MAX_SIZE ||
	    op->desc_size % 8 != 0)
		return bad(c, "op %s: desc_size is %u", op->name, op->desc_size);
	return variants_ok(c, op);
}

static bool is_repeated(const struct plug_tables *t, uint32_t n, const struct zinc_op_impl *op)
{
	for (uint32_t i = 0; i < n; i++)
		if (op->op >= ZINC_OP_VENDOR ? strcmp(t->impls[i].name, op->name) == 0
		                             : t->impls[i].op == op->op)
			return true;
	return false;
}

static bool take_ops(struct check *c, struct plug_tables *t)
{
	const struct zinc_op_impl *const *theirs = t->backend.ops;
	uint32_t n = t->backend.n_ops, kept = 0;

	if (n == 0 || n > MAX_OPS)
		return bad(c, "backend: n_ops is %u", n);
	t->impls = calloc(n, sizeof(*t->impls));
	t->ops = calloc(n, sizeof(struct zinc_op_impl *));
	if (!t->impls || !t->ops)
		return bad(c, "no memory for its op table");
	for (uint32_t i = 0; i < n; i++) {
		struct zinc_op_impl *op = &t->impls[kept];

		if (!theirs[i])
			return bad(c, "backend: ops[%u] is missing", i);
		if (!take(c, "an op", theirs[i], 0, op, sizeof(*op)) || !impl_ok(c, op, i))
			return false;
		if (is_repeated(t, kept, op))
			return bad(c, "op %s appears twice", op->name);
		t->ops[kept] = op;
		kept += !is_later_op(c, op->op);
	}
	t->backend.ops = t->ops;
	t->backend.n_ops = kept;
	return true;
}

static bool take_backend(struct check *c, struct plug_tables *t)
{
	if (!t->plugin.backend)
		return bad(c, "zinc_plugin: backend is missing");
	if (!take(c, "backend", t->plugin.backend, 0, &t->backend, sizeof(t->backend)) ||
	    !has_all(c, "backend", &t->backend, backend_needs, COUNT(backend_needs)))
		return false;
	if (t->backend.weight_layout && !t->backend.weight_pack)
		return bad(c, "backend: weight_layout needs weight_pack, which is missing");
	t->plugin.backend = &t->backend;
	t->plugin.arch = NULL;
	return take_ops(c, t);
}

/* The manifest promises names to the user; the plugin must know each. */
static bool names_ok(struct check *c, const struct zinc_arch *a, const struct manifest *m)
{
	for (uint32_t i = 0; i < m->n_gguf; i++) {
		const char *const *name = a->gguf_names;

		while (*name && strcmp(*name, m->gguf[i]) != 0)
			name++;
		if (!*name)
			return bad(c, "arch: gguf_names lacks %s, which the manifest has",
			           m->gguf[i]);
	}
	return true;
}

static bool take_arch(struct check *c, struct plug_tables *t, const struct manifest *m)
{
	if (!t->plugin.arch)
		return bad(c, "zinc_plugin: arch is missing");
	if (!take(c, "arch", t->plugin.arch, 0, &t->arch, sizeof(t->arch)) ||
	    !has_all(c, "arch", &t->arch, arch_needs, COUNT(arch_needs)) ||
	    !names_ok(c, &t->arch, m))
		return false;
	t->plugin.arch = &t->arch;
	t->plugin.backend = NULL;
	if (!t->arch.chat)
		return true;
	if (!take(c, "chat", t->arch.chat, 0, &t->chat, sizeof(t->chat)) ||
	    !has_all(c, "chat", &t->chat, chat_needs, COUNT(chat_needs)))
		return false;
	t->arch.chat = &t->chat;
	return true;
}

static bool take_plugin(struct check *c, struct plug_tables *t, const struct zinc_plugin *foreign,
                        const struct manifest *m)
{
	struct zinc_plugin *p = &t->plugin;

	if (foreign->magic != ZINC_PLUGIN_MAGIC)
		return bad(c, "zinc_plugin: magic is %08x, not %08x", foreign->magic,
		           ZINC_PLUGIN_MAGIC);
	if (!take(c, "zinc_plugin", foreign, offsetof(struct zinc_plugin, struct_size), p,
	          sizeof(*p)) ||
	    !has_all(c, "zinc_plugin", p, plugin_needs, COUNT(plugin_needs)))
		return false;
	if (p->kind != m->kind)
		return bad(c, "zinc_plugin: kind is %u, the manifest says %s", p->kind,
		           m->kind == ZINC_KIND_ARCH ? "arch" : "backend");
	if (strncmp(p->id, m->id, sizeof(m->id)) != 0)
		return bad(c, "zinc_plugin: id is '%.*s', the manifest says %s", MANIFEST_ID,
		           p->id, m->id);
	c->abi_minor = p->abi_minor;
	return p->kind == ZINC_KIND_ARCH ? take_arch(c, t, m) : take_backend(c, t);
}

int plug_tables_init(struct plug_tables *out, const struct zinc_plugin *foreign,
                     const struct manifest *m, char *why, size_t room)
{
	struct check c = { .why = why, .room = room };

	memset(out, 0, sizeof(*out));
	if (take_plugin(&c, out, foreign, m))
		return ZINC_OK;
	plug_tables_finish(out);
	return ZINC_E_INVALID;
}

void plug_tables_finish(struct plug_tables *t)
{
	free(t->impls);
	free(t->ops);
	memset(t, 0, sizeof(*t));
}
