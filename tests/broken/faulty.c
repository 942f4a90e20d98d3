/* faulty.c - the tables of a plugin that passes everything on to the CPU
 * backend; FAULT names the function that changes them. */
#include "faulty.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPS = 40, MAX_VARIANTS = 4 };

const struct zinc_plugin *faulty_inner;
struct zinc_backend faulty_backend;
const struct zinc_host *faulty_host;
int (*faulty_init)(const struct zinc_host *h, void **self, struct zinc_err *err);

static const struct zinc_op_impl *ops[MAX_OPS];
static struct zinc_op_impl own[MAX_OPS];
static struct zinc_variant variants[MAX_OPS][MAX_VARIANTS];

static uint32_t index_of(uint32_t op)
{
	for (uint32_t i = 0; i < faulty_backend.n_ops; i++)
		if (own[i].op == op)
			return i;
	abort();
}

const struct zinc_op_impl *faulty_inner_op(uint32_t op)
{
	return faulty_inner->backend->ops[index_of(op)];
}

struct zinc_op_impl *faulty_op(uint32_t op)
{
	return &own[index_of(op)];
}

struct zinc_variant *faulty_variant(uint32_t op, uint32_t variant)
{
	return &variants[index_of(op)][variant];
}

/* The tables have to stand before anybody looks up the symbol. */
__attribute__((constructor)) static void set_up(void)
{
	void *lib = dlopen(CPU_PLUGIN, RTLD_NOW | RTLD_LOCAL);

	faulty_inner = lib ? dlsym(lib, ZINC_PLUGIN_SYMBOL) : NULL;
	if (!faulty_inner)
		return;
	faulty_backend = *faulty_inner->backend;
	for (uint32_t i = 0; i < faulty_backend.n_ops; i++) {
		own[i] = *faulty_inner->backend->ops[i];
		memcpy(variants[i], own[i].variants, own[i].n_variants * sizeof(variants[i][0]));
		own[i].variants = variants[i];
		ops[i] = &own[i];
	}
	faulty_backend.ops = ops;
	FAULT();
}

static int init(const struct zinc_host *h, void **self, struct zinc_err *err)
{
	faulty_host = h;
	return faulty_init ? faulty_init(h, self, err) : faulty_inner->init(h, self, err);
}

static void fini(void *self)
{
	faulty_inner->fini(self);
}

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC, .struct_size = sizeof(struct zinc_plugin),
	.abi_minor = ZINC_ABI_MINOR, .kind = ZINC_KIND_BACKEND, .id = ID, .version = "1",
	.init = init, .fini = fini, .backend = &faulty_backend,
};
