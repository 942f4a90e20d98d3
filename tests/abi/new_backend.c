/* new_backend.c - a plugin built with a later interface. Its rmsnorm reads the
 * fields that this host does not have, and must find them zero. */
#include <zinc/later.h>

#include "minimal.h"

static int supports_rmsnorm(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	const struct later_op_rmsnorm *n = desc;

	(void)d, (void)variant;
	if (n->now.struct_size != sizeof(*n))
		return ZINC_E_INVALID;
	return n->bias.buf || n->clamp != 0 ? ZINC_E_UNSUPPORTED : ZINC_OK;
}

static int supports_nothing(struct zinc_dev *d, const void *desc, uint32_t variant)
{
	(void)d, (void)desc, (void)variant;
	return ZINC_E_UNSUPPORTED;
}

static int record(struct zinc_cmd *c, const void *desc, uint32_t variant)
{
	(void)c, (void)desc, (void)variant;
	return ZINC_OK;
}

static uint64_t cost(struct zinc_dev *d, const void *desc)
{
	(void)d, (void)desc;
	return 1;
}

static int dev_reset(struct zinc_dev *d)
{
	(void)d;
	return ZINC_OK;
}

static const struct zinc_variant variants[] = {
	{ "new", 0, ZINC_NUM_F32 },
	{ "later", 0, LATER_NUM_CLASS },
};

static const struct later_op_impl rmsnorm = {
	.now = {
		.struct_size = sizeof(rmsnorm), .op = ZINC_OP_RMSNORM, .name = "rmsnorm",
		.desc_size = sizeof(struct later_op_rmsnorm), .n_variants = 2,
		.variants = variants, .supports = supports_rmsnorm, .record = record,
	},
	.cost = cost,
};

static const struct later_op_impl later_op = {
	.now = {
		.struct_size = sizeof(later_op), .op = LATER_OP, .name = "later",
		.desc_size = 64, .n_variants = 1, .variants = variants,
		.supports = supports_nothing, .record = record,
	},
	.cost = cost,
};

static const struct zinc_op_impl *const ops[] = { &later_op.now, &rmsnorm.now };

static const struct later_backend backend = {
	.now = { .struct_size = sizeof(backend), .n_ops = 2, .ops = ops, MINIMAL_FUNCTIONS },
	.dev_reset = dev_reset,
	.features = ~UINT64_C(0),
};

const struct later_plugin later_anchor = {
	.now = {
		.magic = ZINC_PLUGIN_MAGIC, .struct_size = sizeof(later_anchor),
		.abi_minor = LATER_ABI_MINOR, .kind = ZINC_KIND_BACKEND, .id = "new",
		.version = "2", .init = minimal_init, .fini = minimal_fini,
		.backend = &backend.now,
	},
	.tuner = &backend,
};
