/* plugin.c - the plugin's entry and its tables. */
#include "buffer.h"
#include "cmd.h"
#include "device.h"
#include "inspect.h"
#include "instance.h"
#include "layout.h"
#include "ops.h"
#include "submit.h"
#include "timeline.h"

static const struct zinc_op_impl *const ops[] = {
	&rdna4_op_embed,     &rdna4_op_dmmv,         &rdna4_op_mmq,        &rdna4_op_quant_act,
	&rdna4_op_rmsnorm,   &rdna4_op_rope_dual,    &rdna4_op_kv_write,   &rdna4_op_flash_attn,
	&rdna4_op_glu,       &rdna4_op_add,          &rdna4_op_mul,        &rdna4_op_scale,
	&rdna4_op_softcap,   &rdna4_op_sigmoid_gate, &rdna4_op_copy,       &rdna4_op_cast,
	&rdna4_op_moe_route, &rdna4_op_moe_combine,  &rdna4_op_conv1d,     &rdna4_op_delta_net,
	&rdna4_op_argmax,    &rdna4_op_top_logits,   &rdna4_op_state_copy,
};

static const struct zinc_backend backend = {
	.struct_size = sizeof(backend),
	.n_ops = sizeof(ops) / sizeof(ops[0]),
	.ops = ops,
	.dev_count = rdna4_dev_count,
	.dev_info = rdna4_dev_info,
	.dev_open = rdna4_dev_open,
	.dev_close = rdna4_dev_close,
	.buf_alloc = rdna4_buf_alloc,
	.buf_free = rdna4_buf_free,
	.buf_write = rdna4_buf_write,
	.buf_read = rdna4_buf_read,
	.weight_layout = rdna4_weight_layout,
	.weight_pack = rdna4_weight_pack,
	.act_layout = rdna4_act_layout,
	.cmd_begin = rdna4_cmd_begin,
	.cmd_end = rdna4_cmd_end,
	.cmd_free = rdna4_cmd_free,
	.cmd_times = rdna4_cmd_times,
	.submit = rdna4_submit,
	.tl_create = rdna4_tl_create,
	.tl_wait = rdna4_tl_wait,
	.tl_value = rdna4_tl_value,
	.tl_free = rdna4_tl_free,
	.dev_kernels = rdna4_dev_kernels,
};

static int init(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	struct rdna4_plugin *p = rdna4_calloc(host, 1, sizeof(*p));

	if (!p)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for the Vulkan backend");
	p->host = host;
	*self = p;
	return ZINC_OK;
}

static void fini(void *self)
{
	struct rdna4_plugin *p = self;

	if (!p)
		return;
	rdna4_instance_close(p);
	rdna4_free(p->host, p);
}

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC,
	.struct_size = sizeof(zinc_plugin_v0),
	.abi_minor = ZINC_ABI_MINOR,
	.kind = ZINC_KIND_BACKEND,
	.id = "vulkan_rdna4",
	.version = RDNA4_VERSION,
	.init = init,
	.fini = fini,
	.backend = &backend,
};
