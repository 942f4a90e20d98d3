/* inspect.c - kernels as they would be bound, compiled, and what the driver tells of
 * them (VK_KHR_pipeline_executable_properties). Ops are recorded as for a model, but
 * over memory that is not there, so what is told is what runs. */
#include "inspect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "device.h"
#include "layout.h"

enum { MAX_KERNELS = 1024, TEXT_ROOM = 32768, MAX_STATS = 64, CONSTANTS_ROOM = 160 };

/* A pipeline and the first case that bound it. */
struct kernel {
	struct rdna4_pipeline *pipeline;
	const struct zinc_op_impl *op;
	uint32_t variant;
	const char *made_for;
};

struct rdna4_inspection {
	struct zinc_dev *dev;
	struct zinc_buf memory;
	uint32_t n, n_text;
	struct kernel kernels[MAX_KERNELS];
	char text[TEXT_ROOM];
};

struct zinc_buf *rdna4_inspect_memory(struct rdna4_inspection *in)
{
	return &in->memory;
}

const char *rdna4_inspect_text(struct rdna4_inspection *in, const char *fmt, ...)
{
	char *to = in->text + in->n_text;
	size_t room = sizeof(in->text) - in->n_text;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(to, room, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= room)
		return "";
	in->n_text += (uint32_t)n + 1;
	return to;
}

static void note(struct rdna4_inspection *in, const struct kernel *k)
{
	for (uint32_t i = 0; i < in->n; i++)
		if (in->kernels[i].pipeline == k->pipeline)
			return;
	rdna4_pipelines_want(in->dev->pipelines, k->pipeline);
	if (in->n < MAX_KERNELS)
		in->kernels[in->n++] = *k;
}

static int inspect_variant(struct rdna4_inspection *in, const struct zinc_op_impl *op,
                           const void *desc, uint32_t variant, const char *made_for)
{
	struct zinc_cmd *cmd;
	int rc;

	if (op->supports(in->dev, desc, variant))
		return ZINC_OK;
	rc = rdna4_cmd_begin(in->dev, 0, &in->memory, &cmd, NULL);
	if (rc)
		return rc;
	rc = op->record(cmd, desc, variant);
	for (uint64_t i = 0; i < cmd->n_steps; i++)
		note(in, &(struct kernel){cmd->steps[i].pipeline, op, variant, made_for});
	rdna4_cmd_free(cmd);
	return rc;
}

int rdna4_inspect_op(struct rdna4_inspection *in, const struct zinc_op_impl *op,
                     const void *desc, const char *made_for)
{
	int rc = ZINC_OK;

	for (uint32_t v = 0; v < op->n_variants && !rc; v++)
		rc = inspect_variant(in, op, desc, v, made_for);
	return rc;
}

/* desc, its x in the layout that the variant wants. */
static struct zinc_op_linear with_layout(struct rdna4_inspection *in, const struct zinc_op_impl *op,
                                         const struct zinc_op_linear *desc, uint32_t variant)
{
	struct zinc_act_layout layout = {.struct_size = sizeof(layout)};
	struct zinc_op_linear d = *desc;

	rdna4_act_layout(in->dev, op->op, &d, variant, &layout);
	if (layout.layout) {
		d.x.dtype = ZINC_U8;
		d.x.layout = layout.layout;
		d.x.nb[0] = 1;
		d.x.nb[1] = layout.row_bytes;
	}
	return d;
}

int rdna4_inspect_linear(struct rdna4_inspection *in, const struct zinc_op_impl *op,
                         const struct zinc_op_linear *desc, const char *made_for)
{
	int rc = ZINC_OK;

	for (uint32_t v = 0; v < op->n_variants && !rc; v++) {
		struct zinc_op_linear d = *desc;

		if (op->op == ZINC_OP_DMMV && op->variants[v].max_cols)
			d.n.imm = op->variants[v].max_cols;
		d.x.ne[1] = d.y.ne[zinc_view_present(&d.ids) ? 2 : 1] = d.n.imm;
		d.ids.ne[1] = d.n.imm;
		d = with_layout(in, op, &d, v);
		rc = inspect_variant(in, op, &d, v, made_for);
	}
	return rc;
}

static uint64_t number(const VkPipelineExecutableStatisticKHR *s)
{
	switch (s->format) {
	case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR: return s->value.b32;
	case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR: return (uint64_t)s->value.f64;
	default: return s->value.u64;
	}
}

/* Each driver has its own names; these are RADV's, and NVIDIA's for registers. */
static void sort_in(struct zinc_kernel_info *k, const VkPipelineExecutableStatisticKHR *s)
{
	const struct {
		const char *name;
		uint64_t *to;
	} names[] = {
		{"VGPRs", &k->registers}, {"Register Count", &k->registers},
		{"Spilled VGPRs", &k->spills}, {"Spilled SGPRs", &k->spills},
		{"LDS size", &k->shared_bytes}, {"LDS Size", &k->shared_bytes},
		{"Subgroups per SIMD", &k->in_flight}, {"Instructions", &k->instructions},
		{"Inverse Throughput", &k->cycles}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(s->name, names[i].name))
			*names[i].to = number(s) + (*names[i].to == ZINC_KERNEL_UNTOLD ? 0
			                                                              : *names[i].to);
}

static void read_statistics(struct zinc_dev *dev, VkPipeline pipeline, struct zinc_kernel_info *k)
{
	VkPipelineExecutableStatisticKHR list[MAX_STATS];
	VkPipelineExecutableInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
	                                    .pipeline = pipeline};
	uint32_t n = MAX_STATS;

	for (uint32_t i = 0; i < n; i++)
		list[i] = (VkPipelineExecutableStatisticKHR){
			.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
	if (dev->vk.GetPipelineExecutableStatisticsKHR(dev->device, &info, &n, list) < 0)
		n = 0;
	for (uint32_t i = 0; i < n; i++)
		sort_in(k, &list[i]);
}

static void constants_text(const struct rdna4_pipeline *p, char text[CONSTANTS_ROOM])
{
	int n = 0;

	text[0] = 0;
	for (uint32_t i = 0; i < p->n_spec && n < CONSTANTS_ROOM - 12; i++)
		n += snprintf(text + n, (size_t)(CONSTANTS_ROOM - n), "%s%u", i ? " " : "", p->spec[i]);
}

static int tell_all(struct rdna4_inspection *in,
                    void (*tell)(void *ctx, const struct zinc_kernel_info *), void *ctx,
                    struct zinc_err *err)
{
	int rc = rdna4_inspect_cases(in);

	if (rc)
		return rdna4_err(err, rc, "recording the kernels failed");
	rc = rdna4_pipelines_build(in->dev->pipelines, err);
	for (uint32_t i = 0; i < in->n && !rc; i++) {
		const struct kernel *k = &in->kernels[i];
		char constants[CONSTANTS_ROOM];
		struct zinc_kernel_info info = {
			.struct_size = sizeof(info), .op = k->op->op,
			.variant = k->op->variants[k->variant].name, .made_for = k->made_for,
			.kernel = k->pipeline->shader, .constants = constants,
			.registers = ZINC_KERNEL_UNTOLD, .spills = ZINC_KERNEL_UNTOLD,
			.shared_bytes = ZINC_KERNEL_UNTOLD, .in_flight = ZINC_KERNEL_UNTOLD,
			.instructions = ZINC_KERNEL_UNTOLD, .cycles = ZINC_KERNEL_UNTOLD};

		constants_text(k->pipeline, constants);
		read_statistics(in->dev, k->pipeline->handle, &info);
		tell(ctx, &info);
	}
	return rc;
}

int rdna4_dev_kernels(void *self, uint32_t i,
                      void (*tell)(void *ctx, const struct zinc_kernel_info *), void *ctx,
                      struct zinc_err *err)
{
	struct rdna4_plugin *p = self;
	struct rdna4_inspection *in;
	struct zinc_dev *dev;
	int rc = rdna4_dev_open_to_inspect(p, i, &dev, err);

	if (rc)
		return rc;
	in = rdna4_calloc(p->host, 1, sizeof(*in));
	if (in) {
		in->dev = dev;
		in->memory = (struct zinc_buf){.dev = dev, .address = RDNA4_ALIGN,
		                               .bytes = UINT64_MAX / 2};
		rc = tell_all(in, tell, ctx, err);
	} else {
		rc = rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for the list of kernels");
	}
	rdna4_free(p->host, in);
	rdna4_dev_close(dev);
	return rc;
}
