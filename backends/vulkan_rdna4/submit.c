/* submit.c - a submit is a small prelude, which writes the parameter slots of
 * the lists and orders them behind earlier work, and then the lists. */
#include "submit.h"

#include <string.h>

#include "cmd.h"
#include "timeline.h"

enum { PRELUDES = 16, MAX_LISTS = 32, MAX_POINTS = 16 };

struct prelude {
	VkCommandBuffer commands;
	uint64_t done; /* free when the ring's timeline has reached this */
};

struct rdna4_ring {
	struct zinc_dev *dev;
	pthread_mutex_t lock;
	VkCommandPool pool;
	struct zinc_timeline *timeline;
	uint64_t value;
	struct prelude preludes[PRELUDES];
};

int rdna4_ring_create(struct zinc_dev *dev, struct rdna4_ring **out, struct zinc_err *err)
{
	VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
		.queueFamilyIndex = dev->gpu->family};
	VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY, .commandBufferCount = PRELUDES};
	struct rdna4_ring *ring = rdna4_calloc(dev->host, 1, sizeof(*ring));
	VkCommandBuffer commands[PRELUDES];
	VkResult r;

	if (!ring)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for the Vulkan queue");
	ring->dev = dev;
	pthread_mutex_init(&ring->lock, NULL);
	r = dev->vk.CreateCommandPool(dev->device, &pool, NULL, &ring->pool);
	info.commandPool = ring->pool;
	if (!r)
		r = dev->vk.AllocateCommandBuffers(dev->device, &info, commands);
	if (r || rdna4_tl_create(dev, 0, &ring->timeline)) {
		rdna4_ring_destroy(ring);
		return rdna4_err(err, ZINC_E_NO_MEMORY, "no command buffers for the queue");
	}
	for (int i = 0; i < PRELUDES; i++)
		ring->preludes[i].commands = commands[i];
	*out = ring;
	return ZINC_OK;
}

void rdna4_ring_destroy(struct rdna4_ring *ring)
{
	if (!ring)
		return;
	rdna4_tl_free(ring->timeline);
	ring->dev->vk.DestroyCommandPool(ring->dev->device, ring->pool, NULL);
	pthread_mutex_destroy(&ring->lock);
	rdna4_free(ring->dev->host, ring);
}

static void order(struct zinc_dev *dev, VkCommandBuffer c, VkPipelineStageFlags from,
                  VkPipelineStageFlags to)
{
	VkAccessFlags any = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
	                    VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
	VkMemoryBarrier b = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = from & VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT
		                         ? VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT
		                         : VK_ACCESS_TRANSFER_WRITE_BIT,
		.dstAccessMask = to & VK_PIPELINE_STAGE_TRANSFER_BIT
		                         ? any
		                         : VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT};

	dev->vk.CmdPipelineBarrier(c, from, to, 0, 1, &b, 0, NULL, 0, NULL);
}

/* A list may stand in a submit more than once: its parameters are written once. */
static bool is_first(const struct zinc_submit *s, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (s->cmds[k] == s->cmds[i])
			return false;
	return true;
}

static VkResult write_prelude(struct zinc_dev *dev, VkCommandBuffer c, const struct zinc_submit *s)
{
	struct rdna4_head head = {.alarm = dev->alarm ? dev->alarm->address : 0};
	VkPipelineStageFlags both = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT |
	                            VK_PIPELINE_STAGE_TRANSFER_BIT;
	VkCommandBufferBeginInfo begin = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
	VkResult r = dev->vk.BeginCommandBuffer(c, &begin);

	if (r)
		return r;
	order(dev, c, both, both);
	if (s->params)
		memcpy(head.slots, s->params, sizeof(head.slots));
	for (uint32_t i = 0; i < s->n_cmds; i++)
		if (is_first(s, i))
			dev->vk.CmdUpdateBuffer(c, s->cmds[i]->memory->handle, 0, sizeof(head),
			                        &head);
	order(dev, c, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT);
	return dev->vk.EndCommandBuffer(c);
}

/* The semaphores of one submit. */
struct points {
	VkSemaphore semaphores[MAX_POINTS + 1];
	uint64_t values[MAX_POINTS + 1];
	VkPipelineStageFlags stages[MAX_POINTS + 1];
};

static void gather(struct points *p, const struct zinc_point *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		p->semaphores[i] = from[i].tl->semaphore;
		p->values[i] = from[i].value;
		p->stages[i] = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
	}
}

/* What goes to the queue at once: the prelude with the first part of the first list,
 * then a batch for each other part, which the driver runs as work of its own. */
struct batches {
	VkCommandBuffer commands[MAX_LISTS + RDNA4_PARTS_MAX + 1];
	VkSubmitInfo infos[RDNA4_PARTS_MAX + 1];
	VkTimelineSemaphoreSubmitInfo first, last;
	uint32_t n;
};

/* Parts past the room for batches stay in the last one. */
static void collect(struct batches *b, const struct zinc_submit *s, VkCommandBuffer prelude)
{
	uint32_t n = 0;

	b->n = 0;
	b->commands[n++] = prelude;
	b->infos[b->n++] = (VkSubmitInfo){.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
	                                  .commandBufferCount = 1, .pCommandBuffers = b->commands};
	for (uint32_t i = 0; i < s->n_cmds; i++)
		for (uint32_t p = 0; p < s->cmds[i]->n_parts; p++) {
			b->commands[n++] = s->cmds[i]->parts[p];
			if (p == 0 || b->n > RDNA4_PARTS_MAX)
				b->infos[b->n - 1].commandBufferCount++;
			else
				b->infos[b->n++] = (VkSubmitInfo){
					.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
					.commandBufferCount = 1,
					.pCommandBuffers = &b->commands[n - 1]};
		}
}

/* The first batch waits, the last signals. */
static void attach(struct batches *b, const struct points *wait, uint32_t n_wait,
                   const struct points *signal, uint32_t n_signal)
{
	VkSubmitInfo *first = &b->infos[0], *last = &b->infos[b->n - 1];

	b->first = b->last = (VkTimelineSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};
	first->waitSemaphoreCount = b->first.waitSemaphoreValueCount = n_wait;
	first->pWaitSemaphores = wait->semaphores;
	first->pWaitDstStageMask = wait->stages;
	b->first.pWaitSemaphoreValues = wait->values;
	first->pNext = &b->first;
	if (last != first)
		last->pNext = &b->last;
	last->signalSemaphoreCount = n_signal;
	last->pSignalSemaphores = signal->semaphores;
	(last == first ? &b->first : &b->last)->signalSemaphoreValueCount = n_signal;
	(last == first ? &b->first : &b->last)->pSignalSemaphoreValues = signal->values;
}

/* The ring's own point is signalled beside the caller's. */
static VkResult start(struct rdna4_ring *ring, const struct zinc_submit *s, struct prelude *p)
{
	struct zinc_dev *dev = ring->dev;
	struct points wait, signal;
	struct batches batches;
	VkResult r;

	gather(&wait, s->wait, s->n_wait);
	gather(&signal, s->signal, s->n_signal);
	p->done = ++ring->value;
	signal.semaphores[s->n_signal] = ring->timeline->semaphore;
	signal.values[s->n_signal] = p->done;
	collect(&batches, s, p->commands);
	attach(&batches, &wait, s->n_wait, &signal, s->n_signal + 1);
	pthread_mutex_lock(&dev->queue_lock);
	r = dev->vk.QueueSubmit(dev->queue, batches.n, batches.infos, VK_NULL_HANDLE);
	pthread_mutex_unlock(&dev->queue_lock);
	if (r) {
		p->done = 0;
		ring->value--;
	}
	return r;
}

/* Lists of one submit have room for their parts together. */
static bool parts_fit(const struct zinc_submit *s)
{
	uint32_t parts = 0;

	for (uint32_t i = 0; i < s->n_cmds; i++)
		parts += s->cmds[i]->n_parts;
	return parts <= MAX_LISTS + RDNA4_PARTS_MAX;
}

static int check(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err)
{
	if (s->queue != 0)
		return rdna4_err(err, ZINC_E_INVALID, "queue %u, but there is queue 0 only",
		                 s->queue);
	if (s->n_cmds > MAX_LISTS || s->n_wait > MAX_POINTS || s->n_signal > MAX_POINTS)
		return rdna4_err(err, ZINC_E_INVALID,
		                 "a submit takes at most %d lists and %d timeline points",
		                 MAX_LISTS, MAX_POINTS);
	for (uint32_t i = 0; i < s->n_cmds; i++)
		if (!s->cmds[i]->ended || s->cmds[i]->err.code)
			return rdna4_err(err, ZINC_E_INVALID,
			                 "command list %u of the submit has not ended well", i);
	if (!parts_fit(s))
		return rdna4_err(err, ZINC_E_INVALID,
		                 "a submit of several lists that are this long");
	if (atomic_load(&dev->lost))
		return rdna4_err(err, ZINC_E_DEVICE_LOST, "the Vulkan device was lost");
	return ZINC_OK;
}

int rdna4_submit(struct zinc_dev *dev, const struct zinc_submit *s, struct zinc_err *err)
{
	struct rdna4_ring *ring = dev->ring;
	int rc = check(dev, s, err);
	struct prelude *p;
	VkResult r;

	/* A second run would find the counters as the first one left them. */
	for (uint32_t i = 0; i < s->n_cmds && !rc; i++)
		if (s->cmds[i]->chained && (atomic_load(&dev->unchained) || !is_first(s, i)))
			rc = rdna4_cmd_unchain(s->cmds[i], err);
	if (rc)
		return rc;
	pthread_mutex_lock(&ring->lock);
	p = &ring->preludes[ring->value % PRELUDES];
	rc = p->done ? rdna4_tl_wait(ring->timeline, p->done, UINT64_MAX) : ZINC_OK;
	if (rc) {
		rdna4_step_err(err, rc, "waiting for earlier work");
	} else {
		r = write_prelude(dev, p->commands, s);
		if (!r)
			r = start(ring, s, p);
		rc = rdna4_vk_err(dev, err, r, "starting a step");
	}
	pthread_mutex_unlock(&ring->lock);
	return rc;
}
