/* replay.c - from a recorded list to one Vulkan command buffer, which submit.c
 * starts as often as the core wants. */
#include <string.h>

#include "buffer.h"
#include "chain.h"

/* Puts the address of the parameter slots in front of each struct of arguments, that of
 * what comes with them at its end, and copies the arguments to the device. */
static int upload_args(struct zinc_cmd *cmd, struct zinc_err *err)
{
	uint64_t bytes = sizeof(struct rdna4_head) + cmd->n_args;
	int rc = rdna4_buf_create(cmd->dev, bytes, ZINC_MEM_DEVICE, &cmd->memory, err);

	if (rc)
		return rc;
	for (uint64_t i = 0; i < cmd->n_steps; i++) {
		const struct rdna4_step *s = &cmd->steps[i];
		uint64_t more = cmd->memory->address + sizeof(struct rdna4_head) + s->more;

		memcpy(cmd->args + s->args, &cmd->memory->address, sizeof(cmd->memory->address));
		if (s->more_bytes)
			memcpy(cmd->args + s->args + s->args_bytes - sizeof(more), &more,
			       sizeof(more));
	}
	rc = rdna4_buf_write(cmd->memory, sizeof(struct rdna4_head), cmd->args, cmd->n_args);
	return rdna4_step_err(err, rc, "copying arguments to the device");
}

static void barrier(struct zinc_cmd *cmd, VkCommandBuffer c, VkPipelineStageFlags to,
                    VkAccessFlags access)
{
	VkMemoryBarrier b = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
	                     .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
	                     .dstAccessMask = access};

	cmd->dev->vk.CmdPipelineBarrier(c, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, to, 0,
	                                1, &b, 0, NULL, 0, NULL);
}

static void push_args(struct zinc_cmd *cmd, VkCommandBuffer c, const struct rdna4_step *s)
{
	const struct vk_device_functions *vk = &cmd->dev->vk;
	VkDeviceAddress at = cmd->memory->address + sizeof(struct rdna4_head) + s->args;
	bool fits = s->args_bytes <= RDNA4_PUSH_MAX;
	uint32_t need = cmd->chained ? s->need : 0;

	vk->CmdPushConstants(c, cmd->dev->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
	                     fits ? s->args_bytes : (uint32_t)sizeof(at),
	                     fits ? (const void *)(cmd->args + s->args) : &at);
	if (s->chained)
		vk->CmdPushConstants(c, cmd->dev->layout, VK_SHADER_STAGE_COMPUTE_BIT,
		                     RDNA4_PUSH_CHAIN, sizeof(need), &need);
}

static void timestamp(struct zinc_cmd *cmd, VkCommandBuffer c, uint32_t i)
{
	if (cmd->queries)
		cmd->dev->vk.CmdWriteTimestamp(c, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
		                               cmd->queries, i);
}

static void write_step(struct zinc_cmd *cmd, VkCommandBuffer c, const struct rdna4_step *s)
{
	const struct vk_device_functions *vk = &cmd->dev->vk;

	if (cmd->chained ? s->fence : s->barrier)
		barrier(cmd, c, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
		        VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
	vk->CmdBindPipeline(c, VK_PIPELINE_BIND_POINT_COMPUTE,
	                    (s->chained ? s->chained : s->pipeline)->handle);
	push_args(cmd, c, s);
	vk->CmdDispatch(c, s->groups[0], s->groups[1], s->groups[2]);
}

static uint64_t flops_of(const struct zinc_cmd *cmd)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < cmd->n_steps; i++)
		sum += cmd->steps[i].flops;
	return sum;
}

/* Steps from *next on, up to this part's share of the work; the last takes all. */
static void write_part(struct zinc_cmd *cmd, uint32_t part, uint64_t share, uint64_t *next,
                       uint32_t *op)
{
	VkCommandBuffer c = cmd->parts[part];
	bool last = part + 1 == cmd->n_parts;
	uint64_t flops = 0;

	if (part == 0 && cmd->queries)
		cmd->dev->vk.CmdResetQueryPool(c, cmd->queries, 0, cmd->n_ops + 1);
	if (part == 0)
		timestamp(cmd, c, 0);
	while (*next < cmd->n_steps && (last || flops == 0 || flops < share)) {
		const struct rdna4_step *s = &cmd->steps[(*next)++];

		while (*op < s->op)
			timestamp(cmd, c, ++*op);
		write_step(cmd, c, s);
		flops += s->flops;
	}
	if (!last)
		return;
	while (*op < cmd->n_ops)
		timestamp(cmd, c, ++*op);
	barrier(cmd, c, VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT |
	                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
	        VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT |
	                VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
}

static VkResult write_parts(struct zinc_cmd *cmd)
{
	const struct vk_device_functions *vk = &cmd->dev->vk;
	VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT};
	uint64_t share = flops_of(cmd) / cmd->n_parts + 1, next = 0;
	uint32_t op = 0;
	VkResult r = VK_SUCCESS;

	for (uint32_t i = 0; i < cmd->n_parts && !r; i++) {
		r = vk->BeginCommandBuffer(cmd->parts[i], &begin);
		if (r)
			break;
		write_part(cmd, i, share, &next, &op);
		r = vk->EndCommandBuffer(cmd->parts[i]);
	}
	return r;
}

static VkResult create_commands(struct zinc_cmd *cmd)
{
	struct zinc_dev *dev = cmd->dev;
	VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
	                                .queueFamilyIndex = dev->gpu->family};
	VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY};
	VkQueryPoolCreateInfo queries = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
	                                 .queryType = VK_QUERY_TYPE_TIMESTAMP,
	                                 .queryCount = cmd->n_ops + 1};
	VkResult r = dev->vk.CreateCommandPool(dev->device, &pool, NULL, &cmd->pool);

	if (r)
		return r;
	cmd->parts = rdna4_calloc(dev->host, cmd->n_parts, sizeof(*cmd->parts));
	if (!cmd->parts)
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	info.commandPool = cmd->pool;
	info.commandBufferCount = cmd->n_parts;
	r = dev->vk.AllocateCommandBuffers(dev->device, &info, cmd->parts);
	if (!r && (cmd->flags & ZINC_CMD_PROFILE) && dev->gpu->timestamp_bits)
		r = dev->vk.CreateQueryPool(dev->device, &queries, NULL, &cmd->queries);
	return r;
}

int rdna4_cmd_build(struct zinc_cmd *cmd, struct zinc_err *err)
{
	struct zinc_dev *dev = cmd->dev;
	double parts = (double)flops_of(cmd) / RDNA4_PART_FLOPS + 1;
	VkResult r;
	int rc;

	cmd->n_parts = parts < RDNA4_PARTS_MAX ? (uint32_t)parts : RDNA4_PARTS_MAX;
	rdna4_chain_plan(cmd);
	for (uint64_t i = 0; i < cmd->n_steps; i++) {
		struct rdna4_step *s = &cmd->steps[i];

		rdna4_pipelines_want(dev->pipelines, s->chained ? s->chained : s->pipeline);
	}
	rc = rdna4_pipelines_build(dev->pipelines, err);
	if (!rc)
		rc = upload_args(cmd, err);
	if (rc)
		return rc;
	r = create_commands(cmd);
	if (!r)
		r = write_parts(cmd);
	return rdna4_vk_err(dev, err, r, "recording a command buffer");
}

int rdna4_cmd_unchain(struct zinc_cmd *cmd, struct zinc_err *err)
{
	struct zinc_dev *dev = cmd->dev;
	VkResult r;

	pthread_mutex_lock(&dev->queue_lock);
	r = dev->vk.DeviceWaitIdle(dev->device);
	pthread_mutex_unlock(&dev->queue_lock);
	dev->vk.DestroyCommandPool(dev->device, cmd->pool, NULL);
	rdna4_free(dev->host, cmd->parts);
	cmd->pool = VK_NULL_HANDLE;
	cmd->parts = NULL;
	cmd->chained = false;
	if (!r)
		r = create_commands(cmd);
	if (!r)
		r = write_parts(cmd);
	return rdna4_vk_err(dev, err, r, "recording a command buffer");
}

void rdna4_cmd_unbuild(struct zinc_cmd *cmd)
{
	struct zinc_dev *dev = cmd->dev;

	dev->vk.DestroyQueryPool(dev->device, cmd->queries, NULL);
	dev->vk.DestroyCommandPool(dev->device, cmd->pool, NULL);
	rdna4_free(dev->host, cmd->parts);
	rdna4_buf_free(cmd->memory);
	rdna4_buf_free(cmd->aside.memory);
}

int rdna4_cmd_times(struct zinc_cmd *cmd, uint64_t *ns, uint32_t *n)
{
	struct zinc_dev *dev = cmd->dev;
	uint32_t room = *n < cmd->n_ops ? *n : cmd->n_ops;
	double period = (double)dev->gpu->props.limits.timestampPeriod;
	uint32_t bits = dev->gpu->timestamp_bits;
	uint64_t mask = bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX, at[2];
	VkResult r = VK_SUCCESS;

	if (!cmd->queries)
		return ZINC_E_UNSUPPORTED;
	for (uint32_t i = 0; i < room && !r; i++) {
		r = dev->vk.GetQueryPoolResults(dev->device, cmd->queries, i, 2, sizeof(at), at,
		                                sizeof(at[0]),
		                                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
		ns[i] = (uint64_t)((double)((at[1] - at[0]) & mask) * period);
	}
	*n = cmd->n_ops;
	return rdna4_status(dev, r);
}
