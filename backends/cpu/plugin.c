/* plugin.c - the plugin's entry: its options and its tables. */
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "cmd.h"
#include "device.h"
#include "isa.h"
#include "machine.h"
#include "peaks.h"
#include "submit.h"
#include "weight.h"

enum { MAX_THREADS = 1024 };

static const struct zinc_op_impl *const ops[] = {
	&cpu_op_embed,     &cpu_op_dmmv,         &cpu_op_mmq,        &cpu_op_quant_act,
	&cpu_op_rmsnorm,   &cpu_op_rope_dual,    &cpu_op_kv_write,   &cpu_op_flash_attn,
	&cpu_op_glu,       &cpu_op_add,          &cpu_op_mul,        &cpu_op_scale,
	&cpu_op_softcap,   &cpu_op_sigmoid_gate, &cpu_op_copy,       &cpu_op_cast,
	&cpu_op_moe_route, &cpu_op_moe_combine,  &cpu_op_conv1d,     &cpu_op_delta_net,
	&cpu_op_argmax,    &cpu_op_top_logits,   &cpu_op_state_copy,
};

static const struct zinc_backend backend = {
	.struct_size = sizeof(backend),
	.n_ops = sizeof(ops) / sizeof(ops[0]),
	.ops = ops,
	.dev_count = cpu_dev_count,
	.dev_info = cpu_dev_info,
	.dev_open = cpu_dev_open,
	.dev_close = cpu_dev_close,
	.buf_alloc = cpu_buf_alloc,
	.buf_import = cpu_buf_import,
	.buf_free = cpu_buf_free,
	.buf_write = cpu_buf_write,
	.buf_read = cpu_buf_read,
	.weight_layout = cpu_weight_layout,
	.weight_pack = cpu_weight_pack,
	.act_layout = cpu_act_layout,
	.cmd_begin = cpu_cmd_begin,
	.cmd_end = cpu_cmd_end,
	.cmd_free = cpu_cmd_free,
	.cmd_times = cpu_cmd_times,
	.submit = cpu_submit,
	.tl_create = cpu_tl_create,
	.tl_wait = cpu_tl_wait,
	.tl_value = cpu_tl_value,
	.tl_free = cpu_tl_free,
	.dev_peaks = cpu_dev_peaks,
};

static int read_threads(const char *text, uint32_t *out, struct zinc_err *err)
{
	unsigned long n;
	char *end;

	if (!text) {
		*out = machine_threads();
		return ZINC_OK;
	}
	n = strtoul(text, &end, 10);
	if (end == text || *end || text[0] == '-' || n < 1 || n > MAX_THREADS)
		return cpu_err(err, ZINC_E_INVALID, "option threads=%s: give a number from 1 to %d",
		               text, MAX_THREADS);
	*out = (uint32_t)n;
	return ZINC_OK;
}

static int read_isa(const char *text, enum cpu_isa *out, struct zinc_err *err)
{
	enum cpu_isa best = isa_detect();

	*out = best;
	if (!text)
		return ZINC_OK;
	if (!isa_by_name(text, out))
		return cpu_err(err, ZINC_E_INVALID,
		               "option isa=%s: give plain, %s or %s, or leave it out", text,
		               isa_name(CPU_ISA_PLAIN + 1), isa_name(CPU_ISA_COUNT - 1));
	if (*out > best)
		return cpu_err(err, ZINC_E_NO_DEVICE,
		               "option isa=%s: this machine has %s at best; leave the option out",
		               text, isa_name(best));
	return ZINC_OK;
}

static int init(const struct zinc_host *host, void **self, struct zinc_err *err)
{
	struct cpu_plugin opt = {.host = host}, *p;
	int rc = read_threads(host->option(host->ctx, "threads"), &opt.n_threads, err);

	if (!rc)
		rc = read_isa(host->option(host->ctx, "isa"), &opt.isa, err);
	if (rc)
		return rc;
	p = host->alloc(host->ctx, sizeof(*p), _Alignof(struct cpu_plugin));
	if (!p)
		return cpu_err(err, ZINC_E_NO_MEMORY, "out of memory for the CPU backend");
	*p = opt;
	*self = p;
	return ZINC_OK;
}

static void fini(void *self)
{
	struct cpu_plugin *p = self;

	if (p)
		p->host->free(p->host->ctx, p);
}

const struct zinc_plugin zinc_plugin_v0 = {
	.magic = ZINC_PLUGIN_MAGIC,
	.struct_size = sizeof(zinc_plugin_v0),
	.abi_minor = ZINC_ABI_MINOR,
	.kind = ZINC_KIND_BACKEND,
	.id = "cpu",
	.version = CPU_VERSION,
	.init = init,
	.fini = fini,
	.backend = &backend,
};
