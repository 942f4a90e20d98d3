/* replay.c - from a recorded list to one Vulkan command buffer, which submit.c
 * starts as often as the core wants. */
#include <string.h>

#include "buffer.h"
#include "cmd.h"

/* Puts the address of the parameter slots in front of each struct of arguments
 * and copies the arguments to the device. */
static int upload_args(struct zinc_cmd *cmd, struct zinc_err *err)
{
	uint64_t bytes = RDNA4_PARAM_BYTES + cmd->n_args;
	int rc = rdna4_buf_create(cmd->dev, bytes, ZINC_MEM_DEVICE, &cmd->memory, err);

	if (rc)
		return rc;
	for (uint64_t i = 0; i < cmd->n_steps; i++)
		memcpy(cmd->args + cmd->steps[i].args, &cmd->memory->address,
		       sizeof(cmd->memory->address));
	rc = rdna4_buf_write(cmd->memory, RDNA4_PARAM_BYTES, cmd->args, cmd->n_args);
	return rc ? rdna4_err(err, rc, "copying arguments to the device failed") : ZINC_OK;
}

static void barrier(struct zinc_cmd *cmd, VkPipelineStageFlags to, VkAccessFlags access)
{
	VkMemoryBarrier b = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
	                     .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
	                     .dstAccessMask = access};

	cmd->dev->vk.CmdPipelineBarrier(cmd->commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, to, 0,
	                                1, &b, 0, NULL, 0, NULL);
}

static void push_args(struct zinc_cmd *cmd, const struct rdna4_step *s)
{
	const struct vk_device_functions *vk = &cmd->dev->vk;
	VkDeviceAddress at = cmd->memory->address + RDNA4_PARAM_BYTES + s->args;
	bool fits = s->args_bytes <= RDNA4_PUSH_MAX;

	vk->CmdPushConstants(cmd->commands, cmd->dev->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
	                     fits ? s->args_bytes : (uint32_t)sizeof(at),
	                     fits ? (const void *)(cmd->args + s->args) : &at);
}

static void timestamp(struct zinc_cmd *cmd, uint32_t i)
{
	if (cmd->queries)
		cmd->dev->vk.CmdWriteTimestamp(cmd->commands,
		                               VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
		                               cmd->queries, i);
}

static void write_steps(struct zinc_cmd *cmd)
{
	const struct vk_device_functions *vk = &cmd->dev->vk;
	VkPipeline bound = VK_NULL_HANDLE;
	uint32_t op = 0;

	if (cmd->queries)
		vk->CmdResetQueryPool(cmd->commands, cmd->queries, 0, cmd->n_ops + 1);
	timestamp(cmd, 0);
	for (uint64_t i = 0; i < cmd->n_steps; i++) {
		const struct rdna4_step *s = &cmd->steps[i];

		while (op < s->op)
			timestamp(cmd, ++op);
		if (s->barrier)
			barrier(cmd, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
			        VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
		if (s->pipeline->handle != bound)
			vk->CmdBindPipeline(cmd->commands, VK_PIPELINE_BIND_POINT_COMPUTE,
			                    s->pipeline->handle);
		bound = s->pipeline->handle;
		push_args(cmd, s);
		vk->CmdDispatch(cmd->commands, s->groups[0], s->groups[1], s->groups[2]);
	}
	while (op < cmd->n_ops)
		timestamp(cmd, ++op);
	barrier(cmd, VK_PIPELINE_STAGE_HOST_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT |
	                     VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
	        VK_ACCESS_HOST_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT |
	                VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
}

static VkResult create_commands(struct zinc_cmd *cmd)
{
	struct zinc_dev *dev = cmd->dev;
	VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
	                                .queueFamilyIndex = dev->gpu->family};
	VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY, .commandBufferCount = 1};
	VkQueryPoolCreateInfo queries = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
	                                 .queryType = VK_QUERY_TYPE_TIMESTAMP,
	                                 .queryCount = cmd->n_ops + 1};
	VkResult r = dev->vk.CreateCommandPool(dev->device, &pool, NULL, &cmd->pool);

	if (r)
		return r;
	info.commandPool = cmd->pool;
	r = dev->vk.AllocateCommandBuffers(dev->device, &info, &cmd->commands);
	if (!r && (cmd->flags & ZINC_CMD_PROFILE) && dev->gpu->timestamp_bits)
		r = dev->vk.CreateQueryPool(dev->device, &queries, NULL, &cmd->queries);
	return r;
}

int rdna4_cmd_build(struct zinc_cmd *cmd, struct zinc_err *err)
{
	struct zinc_dev *dev = cmd->dev;
	VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT};
	int rc = rdna4_pipelines_build(dev->pipelines, err);
	VkResult r;

	if (!rc)
		rc = upload_args(cmd, err);
	if (rc)
		return rc;
	r = create_commands(cmd);
	if (!r)
		r = dev->vk.BeginCommandBuffer(cmd->commands, &begin);
	if (!r) {
		write_steps(cmd);
		r = dev->vk.EndCommandBuffer(cmd->commands);
	}
	return rdna4_vk_err(dev, err, r, "recording a command buffer");
}

void rdna4_cmd_unbuild(struct zinc_cmd *cmd)
{
	struct zinc_dev *dev = cmd->dev;

	dev->vk.DestroyQueryPool(dev->device, cmd->queries, NULL);
	dev->vk.DestroyCommandPool(dev->device, cmd->pool, NULL);
	rdna4_buf_free(cmd->memory);
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
