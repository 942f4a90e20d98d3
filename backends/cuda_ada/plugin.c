/* plugin.c - the one symbol that this plugin exports. */
#include "device.h"

#include <string.h>

#include "ops.h"

static int init(const struct zinc_host *host, void **out, struct zinc_err *err)
{
	struct ada_self *self = host->alloc(host->ctx, sizeof(*self), _Alignof(struct ada_self));

	if (!self)
		return ada_err(err, ZINC_E_NO_MEMORY, "no memory for the plugin");
	memset(self, 0, sizeof(*self));
	self->host = host;
	*out = self;
	return ZINC_OK;
}

static void fini(void *self_)
{
	struct ada_self *self = self_;

	ada_driver_close(&self->drv);
	self->host->free(self->host->ctx, self);
}

static const struct zinc_backend backend = {
	.struct_size = sizeof(backend),
	.n_ops = ADA_N_OPS,
	.ops = ada_ops,
	.dev_count = ada_dev_count,
	.dev_info = ada_dev_info,
	.dev_open = ada_dev_open,
	.dev_close = ada_dev_close,
	.buf_alloc = ada_buf_alloc,
	.buf_free = ada_buf_free,
	.buf_write = ada_buf_write,
	.buf_read = ada_buf_read,
	.weight_layout = ada_weight_layout,
	.weight_pack = ada_weight_pack,
	.act_layout = ada_act_layout,
	.cmd_begin = ada_cmd_begin,
	.cmd_end = ada_cmd_end,
	.cmd_free = ada_cmd_free,
	.cmd_times = ada_cmd_times,
	.submit = ada_submit,
	.tl_create = ada_tl_create,
	.tl_wait = ada_tl_wait,
	.tl_value = ada_tl_value,
	.tl_free = ada_tl_free,
};

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC,
	.struct_size = sizeof(zinc_plugin_v0),
	.abi_minor = ZINC_ABI_MINOR,
	.kind = ZINC_KIND_BACKEND,
	.id = "cuda_ada",
	.version = ADA_VERSION,
	.init = init,
	.fini = fini,
	.backend = &backend,
};
