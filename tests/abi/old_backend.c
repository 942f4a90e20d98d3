/* old_backend.c - a plugin built with an earlier interface. Its ops accept
 * exactly the descriptors it was built with. */
#include <zinc/plugin.h>

#include "minimal.h"

static int supports(const void *desc, uint32_t size)
{
	uint32_t got;

	memcpy(&got, desc, sizeof(got));
	return got == size ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static int supports_rmsnorm(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	(void)d, (void)variant;
	return supports(desc, sizeof(struct zinc_op_rmsnorm));
}

static int supports_dmmv(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	(void)d, (void)variant;
	return supports(desc, sizeof(struct zinc_op_linear));
}

static int record(struct zinc_cmd *c, const void *desc, uint32_t variant)
{
	(void)c, (void)desc, (void)variant;
	return ZINC_OK;
}

static const struct zinc_variant variants[] = { { "old", 0, 0 } };

static const struct zinc_op_impl rmsnorm = {
	.struct_size = sizeof(rmsnorm), .op = ZINC_OP_RMSNORM, .name = "rmsnorm",
	.desc_size = sizeof(struct zinc_op_rmsnorm), .n_variants = 1, .variants = variants,
	.supports = supports_rmsnorm, .record = record,
};

static const struct zinc_op_impl dmmv = {
	.struct_size = sizeof(dmmv), .op = ZINC_OP_DMMV, .name = "dmmv",
	.desc_size = sizeof(struct zinc_op_linear), .n_variants = 1, .variants = variants,
	.supports = supports_dmmv, .record = record,
};

static const struct zinc_op_impl *const ops[] = { &rmsnorm, &dmmv };

static const struct zinc_backend backend = {
	.struct_size = sizeof(backend), .n_ops = 2, .ops = ops, MINIMAL_FUNCTIONS,
};

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = 0x434e495a, .struct_size = sizeof(zinc_plugin_v0), .abi_minor = 0, .kind = 1,
	.id = "old", .version = "0", .init = minimal_init, .fini = minimal_fini,
	.backend = &backend,
};
