/* plugin.c - the one symbol that this plugin exports. */
#include "null.h"

#include <stdio.h>

int null_fail(struct zinc_err *err, int code, const char *msg, const char *what)
{
	if (err) {
		err->code = code;
		err->native = 0;
		snprintf(err->msg, sizeof(err->msg), "%s%s", msg, what);
	}
	return code;
}

/* self is the host's table, which outlives the plugin; a real backend keeps its
 * driver's handles beside it. */
static int null_init(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	(void)err;
	*self = (void *)(uintptr_t)host;
	return ZINC_OK;
}

static void null_fini(void *self)
{
	(void)self;
}

static const struct zinc_backend null_backend = {
	.struct_size = sizeof(null_backend),
	.n_ops = NULL_N_OPS,
	.ops = null_ops,
	.dev_count = null_dev_count,
	.dev_info = null_dev_info,
	.dev_open = null_dev_open,
	.dev_close = null_dev_close,
	.buf_alloc = null_buf_alloc,
	.buf_import = null_buf_import,
	.buf_free = null_buf_free,
	.buf_write = null_buf_write,
	.buf_read = null_buf_read,
	.cmd_begin = null_cmd_begin,
	.cmd_end = null_cmd_end,
	.cmd_free = null_cmd_free,
	.submit = null_submit,
	.tl_create = null_tl_create,
	.tl_wait = null_tl_wait,
	.tl_value = null_tl_value,
	.tl_free = null_tl_free,
};

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC,
	.struct_size = sizeof(zinc_plugin_v0),
	.abi_minor = ZINC_ABI_MINOR,
	.kind = ZINC_KIND_BACKEND,
	.id = "null",
	.version = "0.1.0",
	.init = null_init,
	.fini = null_fini,
	.backend = &null_backend,
};
