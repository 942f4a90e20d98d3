/* plugin.c - the one symbol that this plugin exports. */
#include "proto.h"

#include <stdio.h>

int proto_fail(struct zinc_err *err, int code, const char *msg)
{
	if (err) {
		err->code = code;
		err->native = 0;
		snprintf(err->msg, sizeof(err->msg), "%s", msg);
	}
	return code;
}

/* Here a real backend opens its driver, and answers ZINC_E_NO_DEVICE with one
 * sentence where there is none. self is the host's table, which outlives the
 * plugin; a real backend keeps its driver's handles beside it. */
static int init(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)err;
	*self = (void *)(uintptr_t)host;
	return ZINC_OK;
}

static void fini(void *self)
{
	(void)self;
}

static const struct zinc_backend backend = {
	.struct_size = sizeof(backend),
	.n_ops = PROTO_N_OPS,
	.ops = proto_ops,
	.dev_count = proto_dev_count,
	.dev_info = proto_dev_info,
	.dev_open = proto_dev_open,
	.dev_close = proto_dev_close,
	.buf_alloc = proto_buf_alloc,
	.buf_free = proto_buf_free,
	.buf_write = proto_buf_write,
	.buf_read = proto_buf_read,
	.cmd_begin = proto_cmd_begin,
	.cmd_end = proto_cmd_end,
	.cmd_free = proto_cmd_free,
	.submit = proto_submit,
	.tl_create = proto_tl_create,
	.tl_wait = proto_tl_wait,
	.tl_value = proto_tl_value,
	.tl_free = proto_tl_free,
};

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC,
	.struct_size = sizeof(struct zinc_plugin),
	.abi_minor = ZINC_ABI_MINOR,
	.kind = ZINC_KIND_BACKEND,
	.id = "proto_host",
	.version = ZINC_PLUGIN_VERSION,
	.init = init,
	.fini = fini,
	.backend = &backend,
};
