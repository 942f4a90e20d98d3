/* plugin_rig.c - a plugin's device for a test. */
#include "plugin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <zinc/shape.h>

static const char *const *options;
static char seen[4096]; /* the log */
static int n_live;
static const struct zinc_plugin *plugin;

static void take_line(void *ctx, int level, const char *msg)
{
	(void)ctx;
	(void)level;
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s\n", msg);
}

static const char *give_option(void *ctx, const char *key)
{
	size_t n = strlen(key);

	(void)ctx;
	for (const char *const *o = options; *o; o++)
		if (!strncmp(*o, key, n) && (*o)[n] == '=')
			return *o + n + 1;
	return NULL;
}

static void *give_memory(void *ctx, size_t n, size_t align)
{
	void *p = NULL;

	(void)ctx;
	if (posix_memalign(&p, align < sizeof(p) ? sizeof(p) : align, n ? n : 1))
		return NULL;
	__atomic_add_fetch(&n_live, 1, __ATOMIC_SEQ_CST);
	return p;
}

static void take_memory(void *ctx, void *p)
{
	(void)ctx;
	if (p)
		__atomic_sub_fetch(&n_live, 1, __ATOMIC_SEQ_CST);
	free(p);
}

static const struct zinc_host host = {.struct_size = sizeof(host), .abi_minor = ZINC_ABI_MINOR,
                                      .log = take_line, .option = give_option,
                                      .alloc = give_memory, .free = take_memory};

bool rig_load(int argc, char **argv)
{
	void *handle = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;

	if (!handle) {
		fprintf(stderr, "usage: %s PLUGIN\n%s\n", argv[0], argc == 2 ? dlerror() : "");
		return false;
	}
	plugin = dlsym(handle, ZINC_PLUGIN_SYMBOL);
	return plugin != NULL;
}

void rig_open(struct plugin_rig *r, const char *const *opts)
{
	struct zinc_err err = {0};

	*r = (struct plugin_rig){.b = plugin->backend};
	options = opts;
	seen[0] = 0;
	assert_int_equal(plugin->init(&host, &r->self, &err), 0);
	assert_int_equal(r->b->dev_open(r->self, 0, &r->dev, &err), 0);
}

void rig_close(struct plugin_rig *r)
{
	r->b->dev_close(r->dev);
	plugin->fini(r->self);
	assert_int_equal(n_live, 0);
}

const char *rig_log(void)
{
	return seen;
}

const struct zinc_op_impl *rig_op(uint32_t op)
{
	const struct zinc_backend *b = plugin->backend;

	for (uint32_t i = 0; i < b->n_ops; i++)
		if (b->ops[i]->op == op)
			return b->ops[i];
	fail();
	return NULL;
}

uint32_t rig_variant(const struct zinc_op_impl *impl, const char *name)
{
	for (uint32_t i = 0; i < impl->n_variants; i++)
		if (!strcmp(impl->variants[i].name, name))
			return i;
	fail();
	return 0;
}

struct zinc_view rig_view(struct zinc_buf *buf, uint32_t dtype, uint32_t ne0, uint32_t ne1,
                          uint64_t row_bytes)
{
	struct zinc_view v = {.buf = buf, .dtype = dtype, .ne = {ne0, ne1, 1, 1}};

	v.nb[0] = dtype == ZINC_Q4_K ? 144 : zinc_plain_bytes(dtype);
	v.nb[1] = row_bytes;
	v.nb[2] = v.nb[3] = row_bytes * ne1;
	return v;
}
