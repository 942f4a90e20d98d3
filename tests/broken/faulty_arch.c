/* faulty_arch.c - the llama architecture with one thing changed, by the function
 * that FAULT names. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <zinc/plugin.h>

#define MAYBE __attribute__((unused)) static

static const struct zinc_plugin *inner;
static struct zinc_arch arch;

/* One weight less than it uses. */
MAYBE int fewer_weights(void *model, const struct zinc_weight_decl **list, uint32_t *n)
{
	int rc = inner->arch->weights(model, list, n);

	*n -= 1;
	return rc;
}

MAYBE void arch_undeclared(void)
{
	arch.weights = fewer_weights;
}

/* One weight is declared twice. */
MAYBE int doubled_weights(void *model, const struct zinc_weight_decl **list, uint32_t *n)
{
	static struct zinc_weight_decl more[4096];
	int rc = inner->arch->weights(model, list, n);

	if (rc || *n + 1 > sizeof(more) / sizeof(more[0]))
		return rc;
	memcpy(more, *list, *n * sizeof(more[0]));
	more[*n] = more[0];
	more[*n].optional = 1;
	*list = more;
	*n += 1;
	return ZINC_OK;
}

MAYBE void arch_twice(void)
{
	arch.weights = doubled_weights;
}

/* It does not say what is wrong. */
MAYBE int mute_open(const struct zinc_arch_host *h, const struct zinc_meta *m, void **model,
                    struct zinc_err *err)
{
	int rc = inner->arch->open(h, m, model, err);

	if (rc)
		err->msg[0] = 0;
	return rc;
}

MAYBE void arch_mute(void)
{
	arch.open = mute_open;
}

/* It believes a number in the file. */
MAYBE int trusting_open(const struct zinc_arch_host *h, const struct zinc_meta *m, void **model,
                        struct zinc_err *err)
{
	static const volatile char table[64];
	uint32_t n = 0;

	h->meta_u32(m, "llama.attention.head_count_kv", &n);
	(void)table[n < 1000 ? n % 64 : (uint64_t)n << 20];
	return inner->arch->open(h, m, model, err);
}

MAYBE void arch_trusts(void)
{
	arch.open = trusting_open;
}

/* Another shape for every build. */
MAYBE void moody_build(void *model, struct zinc_graph *g, const struct zinc_shape *shape)
{
	static unsigned n;
	struct zinc_shape other = *shape;

	other.max_out -= n++ % 2;
	inner->arch->build(model, g, other.max_out ? &other : shape);
}

MAYBE void arch_moody(void)
{
	arch.build = moody_build;
}

__attribute__((constructor)) static void set_up(void)
{
	void *lib = dlopen(ARCH_PLUGIN, RTLD_NOW | RTLD_LOCAL);

	inner = lib ? dlsym(lib, ZINC_PLUGIN_SYMBOL) : NULL;
	if (!inner)
		return;
	arch = *inner->arch;
	FAULT();
}

static int init(const struct zinc_host *h, void **self, struct zinc_err *err)
{
	return inner->init(h, self, err);
}

static void fini(void *self)
{
	inner->fini(self);
}

extern ZINC_EXPORT const struct zinc_plugin zinc_plugin_v0;
const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC, .struct_size = sizeof(struct zinc_plugin),
	.abi_minor = ZINC_ABI_MINOR, .kind = ZINC_KIND_ARCH, .id = ID, .version = "1",
	.init = init, .fini = fini, .arch = &arch,
};
