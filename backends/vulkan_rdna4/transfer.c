/* transfer.c - a ring of staging slots: while the device copies one, the host
 * fills or empties the next. */
#include "transfer.h"

#include <string.h>

#include "args.h"
#include "buffer.h"
#include "pipeline.h"
#include "timeline.h"

enum { SLOTS = 2, SLOT_BYTES = RDNA4_TRANSFER_MAX, PACK_GROUP = 64 };

/* A piece of one transfer, in flight until the timeline reaches `done`. */
struct slot {
	struct zinc_buf *staging;
	VkCommandBuffer commands;
	uint64_t done;
	void *to; /* of a read: where the bytes go, and how many */
	uint64_t n;
};

struct rdna4_transfer {
	struct zinc_dev *dev;
	pthread_mutex_t lock;
	VkCommandPool pool;
	struct zinc_timeline *timeline;
	uint64_t value;
	struct slot up[SLOTS], down[SLOTS];
	uint32_t next;
};

static int create_slot(struct rdna4_transfer *t, struct slot *s, uint32_t kind,
                       struct zinc_err *err)
{
	struct zinc_dev *dev = t->dev;
	VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandPool = t->pool,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY, .commandBufferCount = 1};
	int rc = rdna4_buf_create(dev, SLOT_BYTES, kind, &s->staging, err);

	if (rc)
		return rc;
	return rdna4_vk_err(dev, err,
	                    dev->vk.AllocateCommandBuffers(dev->device, &info, &s->commands),
	                    "creating the staging ring");
}

int rdna4_transfer_create(struct zinc_dev *dev, struct rdna4_transfer **out, struct zinc_err *err)
{
	VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = dev->gpu->family};
	struct rdna4_transfer *t = rdna4_calloc(dev->host, 1, sizeof(*t));
	int rc;

	if (!t)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for the staging ring");
	t->dev = dev;
	pthread_mutex_init(&t->lock, NULL);
	rc = rdna4_vk_err(dev, err, dev->vk.CreateCommandPool(dev->device, &pool, NULL, &t->pool),
	                  "creating the staging ring");
	if (!rc && rdna4_tl_create(dev, 0, &t->timeline))
		rc = rdna4_err(err, ZINC_E_NO_MEMORY, "no timeline for the staging ring");
	for (int i = 0; i < SLOTS && !rc; i++) {
		rc = create_slot(t, &t->up[i], ZINC_MEM_UPLOAD, err);
		if (!rc)
			rc = create_slot(t, &t->down[i], ZINC_MEM_READBACK, err);
	}
	if (rc) {
		rdna4_transfer_destroy(t);
		return rc;
	}
	*out = t;
	return ZINC_OK;
}

void rdna4_transfer_destroy(struct rdna4_transfer *t)
{
	if (!t)
		return;
	for (int i = 0; i < SLOTS; i++) {
		rdna4_buf_free(t->up[i].staging);
		rdna4_buf_free(t->down[i].staging);
	}
	rdna4_tl_free(t->timeline);
	t->dev->vk.DestroyCommandPool(t->dev->device, t->pool, NULL);
	pthread_mutex_destroy(&t->lock);
	rdna4_free(t->dev->host, t);
}

/* Everything before this transfer, then the transfer, then everything after. */
static void fence_off(struct zinc_dev *dev, VkCommandBuffer c, bool before)
{
	VkPipelineStageFlags work = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT |
	                            VK_PIPELINE_STAGE_TRANSFER_BIT;
	VkMemoryBarrier barrier = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_SHADER_WRITE_BIT,
		.dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT |
		                 VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
		                 (before ? 0 : VK_ACCESS_HOST_READ_BIT)};

	dev->vk.CmdPipelineBarrier(c, work, before ? work : work | VK_PIPELINE_STAGE_HOST_BIT, 0,
	                           1, &barrier, 0, NULL, 0, NULL);
}

/* shaders/linear/pack.comp */
struct pack_args {
	uint64_t slots, src, dst;
	uint32_t src_row, dst_row;
	uint32_t k, n_rows;
};

/* What a slot's command buffer does: a copy, with src NULL a fill, with a pipeline
 * a dispatch. */
struct job {
	VkBuffer src, dst;
	VkBufferCopy region;
	VkPipeline pipeline;
	struct pack_args args;
	uint32_t groups[3];
};

static void dispatch(struct zinc_dev *dev, VkCommandBuffer c, const struct job *j)
{
	dev->vk.CmdBindPipeline(c, VK_PIPELINE_BIND_POINT_COMPUTE, j->pipeline);
	dev->vk.CmdPushConstants(c, dev->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(j->args),
	                         &j->args);
	dev->vk.CmdDispatch(c, j->groups[0], j->groups[1], j->groups[2]);
}

static int start(struct rdna4_transfer *t, struct slot *s, const struct job *j)
{
	struct zinc_dev *dev = t->dev;
	VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
	VkResult r = dev->vk.BeginCommandBuffer(s->commands, &begin);
	int rc;

	if (r)
		return rdna4_status(dev, r);
	fence_off(dev, s->commands, true);
	if (j->pipeline)
		dispatch(dev, s->commands, j);
	else if (j->src)
		dev->vk.CmdCopyBuffer(s->commands, j->src, j->dst, 1, &j->region);
	else
		dev->vk.CmdFillBuffer(s->commands, j->dst, 0, VK_WHOLE_SIZE, 0);
	fence_off(dev, s->commands, false);
	r = dev->vk.EndCommandBuffer(s->commands);
	if (r)
		return rdna4_status(dev, r);
	rc = rdna4_tl_submit(t->timeline, t->value + 1, s->commands);
	if (!rc)
		s->done = ++t->value;
	return rc;
}

/* The slot is free afterwards; a read's bytes have arrived. */
static int finish(struct rdna4_transfer *t, struct slot *s)
{
	int rc = s->done ? rdna4_tl_wait(t->timeline, s->done, UINT64_MAX) : ZINC_OK;

	if (!rc && s->to)
		memcpy(s->to, s->staging->map, (size_t)s->n);
	s->done = 0;
	s->to = NULL;
	return rc;
}

static int finish_all(struct rdna4_transfer *t, struct slot *slots, int rc)
{
	for (int i = 0; i < SLOTS; i++) {
		int e = finish(t, &slots[t->next++ % SLOTS]);

		rc = rc ? rc : e;
	}
	return rc;
}

int rdna4_transfer_write(struct rdna4_transfer *t, struct zinc_buf *dst, uint64_t off,
                         const void *from, uint64_t n)
{
	const uint8_t *bytes = from;
	int rc = ZINC_OK;

	pthread_mutex_lock(&t->lock);
	for (uint64_t at = 0; at < n && !rc; at += SLOT_BYTES) {
		struct slot *s = &t->up[t->next++ % SLOTS];
		uint64_t part = n - at < SLOT_BYTES ? n - at : SLOT_BYTES;
		struct job j = {.src = s->staging->handle, .dst = dst->handle,
		                .region = {0, off + at, part}};

		rc = finish(t, s);
		if (rc)
			break;
		memcpy(s->staging->map, bytes + at, (size_t)part);
		rc = start(t, s, &j);
	}
	rc = finish_all(t, t->up, rc);
	pthread_mutex_unlock(&t->lock);
	return rc;
}

static int pack_pipeline(struct zinc_dev *dev, uint32_t dtype, VkPipeline *out,
                         struct zinc_err *err)
{
	uint32_t spec[] = {PACK_GROUP, dtype};
	struct rdna4_pipeline *p = rdna4_pipelines_get(dev->pipelines, "linear/pack", spec, 2);
	int rc;

	if (!p)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for packing weights");
	rdna4_pipelines_want(dev->pipelines, p);
	rc = rdna4_pipelines_build(dev->pipelines, err);
	*out = p->handle;
	return rc;
}

/* Rows from..to of a packing, through one slot. */
static int pack_part(struct rdna4_transfer *t, const struct rdna4_packing *p, struct job *j,
                     const uint8_t *bytes, uint64_t first)
{
	struct slot *s = &t->up[t->next++ % SLOTS];
	uint64_t rows = SLOT_BYTES / p->src_row;
	struct rdna4_call grid;
	int rc = finish(t, s);

	if (rc)
		return rc;
	if (rows > p->rows - first)
		rows = p->rows - first;
	memcpy(s->staging->map, bytes + first * p->src_row, (size_t)(rows * p->src_row));
	rdna4_grid(&grid, rows * (p->k / 32), PACK_GROUP);
	memcpy(j->groups, grid.groups, sizeof(j->groups));
	j->args.src = s->staging->address;
	j->args.n_rows = (uint32_t)rows;
	rc = start(t, s, j);
	j->args.dst += rows * p->dst_row;
	return rc;
}

int rdna4_transfer_pack(struct rdna4_transfer *t, const struct rdna4_packing *p,
                        struct zinc_buf *dst, uint64_t off, const void *from,
                        struct zinc_err *err)
{
	struct job j = {.args = {.dst = dst->address + off, .src_row = p->src_row,
	                         .dst_row = p->dst_row, .k = p->k}};
	int rc = pack_pipeline(t->dev, p->dtype, &j.pipeline, err);

	if (rc)
		return rc;
	pthread_mutex_lock(&t->lock);
	for (uint64_t first = 0; first < p->rows && !rc; first += SLOT_BYTES / p->src_row)
		rc = pack_part(t, p, &j, from, first);
	rc = finish_all(t, t->up, rc);
	pthread_mutex_unlock(&t->lock);
	return rdna4_step_err(err, rc, "packing a weight on the device");
}

int rdna4_transfer_read(struct rdna4_transfer *t, struct zinc_buf *src, uint64_t off, void *to,
                        uint64_t n)
{
	uint8_t *bytes = to;
	int rc = ZINC_OK;

	pthread_mutex_lock(&t->lock);
	for (uint64_t at = 0; at < n && !rc; at += SLOT_BYTES) {
		struct slot *s = &t->down[t->next++ % SLOTS];
		uint64_t part = n - at < SLOT_BYTES ? n - at : SLOT_BYTES;
		struct job j = {.src = src->handle, .dst = s->staging->handle,
		                .region = {off + at, 0, part}};

		rc = finish(t, s);
		if (rc)
			break;
		rc = start(t, s, &j);
		if (rc)
			break;
		s->to = bytes + at;
		s->n = part;
	}
	rc = finish_all(t, t->down, rc);
	pthread_mutex_unlock(&t->lock);
	return rc;
}

int rdna4_transfer_clear(struct rdna4_transfer *t, struct zinc_buf *buf)
{
	struct job j = {.dst = buf->handle};
	int rc;

	pthread_mutex_lock(&t->lock);
	rc = start(t, &t->up[0], &j);
	rc = finish_all(t, t->up, rc);
	pthread_mutex_unlock(&t->lock);
	return rc;
}
