/* timeline.c - a zinc timeline is a Vulkan timeline semaphore. */
#include "timeline.h"

#include "chain.h"

#include <time.h>

int rdna4_tl_create(struct zinc_dev *dev, uint64_t initial, struct zinc_timeline **out)
{
	VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE, .initialValue = initial};
	VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO,
	                              .pNext = &type};
	struct zinc_timeline *tl = rdna4_calloc(dev->host, 1, sizeof(*tl));
	VkResult r;

	if (!tl)
		return ZINC_E_NO_MEMORY;
	tl->dev = dev;
	r = dev->vk.CreateSemaphore(dev->device, &info, NULL, &tl->semaphore);
	if (r) {
		rdna4_free(dev->host, tl);
		return rdna4_status(dev, r);
	}
	*out = tl;
	return ZINC_OK;
}

static bool is_cpu(const struct zinc_dev *dev)
{
	return dev->gpu->props.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

/* A thread that sleeps is woken up about 0.1 ms late, a twentieth of a fast token: the
 * first milliseconds of a wait it asks again and again. */
enum { POLL_NS = 5000000, POLLS = 16 }; /* between looks at the clock */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Whether the value was reached within this time; what goes wrong, the wait finds again.
 * A device that is this processor needs the time itself. */
static bool poll(struct zinc_timeline *tl, uint64_t value, uint64_t for_ns)
{
	struct zinc_dev *dev = tl->dev;
	uint64_t began = now_ns(), have = 0;

	if (is_cpu(dev))
		return false;
	do {
		for (int i = 0; i < POLLS && have < value; i++)
			if (dev->vk.GetSemaphoreCounterValue(dev->device, tl->semaphore, &have))
				return false;
	} while (have < value && now_ns() - began < for_ns);
	return have >= value;
}

int rdna4_tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t timeout_ns)
{
	struct zinc_dev *dev = tl->dev;
	VkSemaphoreWaitInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
	                            .semaphoreCount = 1, .pSemaphores = &tl->semaphore,
	                            .pValues = &value};
	int rc;

	if (atomic_load(&dev->lost))
		return ZINC_E_DEVICE_LOST;
	if (poll(tl, value, timeout_ns < POLL_NS ? timeout_ns : POLL_NS))
		return rdna4_chain_check(dev);
	rc = rdna4_status(dev, dev->vk.WaitSemaphores(dev->device, &info, timeout_ns));
	return rc ? rc : rdna4_chain_check(dev);
}

int rdna4_tl_value(struct zinc_timeline *tl, uint64_t *out)
{
	struct zinc_dev *dev = tl->dev;

	return rdna4_status(dev,
	                    dev->vk.GetSemaphoreCounterValue(dev->device, tl->semaphore, out));
}

/* Lavapipe's thread of a queue puts away what a batch waited for after the batch's own
 * signal was seen (Mesa 22: vk_queue_submit_cleanup()), and crashes where that is gone by
 * then. Once the device is idle it is done. */
static void settle(struct zinc_dev *dev)
{
	if (!is_cpu(dev))
		return;
	pthread_mutex_lock(&dev->queue_lock);
	dev->vk.DeviceWaitIdle(dev->device);
	pthread_mutex_unlock(&dev->queue_lock);
}

void rdna4_tl_free(struct zinc_timeline *tl)
{
	if (!tl)
		return;
	settle(tl->dev);
	tl->dev->vk.DestroySemaphore(tl->dev->device, tl->semaphore, NULL);
	rdna4_free(tl->dev->host, tl);
}

int rdna4_tl_submit(struct zinc_timeline *tl, uint64_t value, VkCommandBuffer commands)
{
	struct zinc_dev *dev = tl->dev;
	VkTimelineSemaphoreSubmitInfo values = {
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.signalSemaphoreValueCount = 1, .pSignalSemaphoreValues = &value};
	VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .pNext = &values,
	                     .commandBufferCount = 1, .pCommandBuffers = &commands,
	                     .signalSemaphoreCount = 1, .pSignalSemaphores = &tl->semaphore};
	VkResult r;

	if (atomic_load(&dev->lost))
		return ZINC_E_DEVICE_LOST;
	pthread_mutex_lock(&dev->queue_lock);
	r = dev->vk.QueueSubmit(dev->queue, 1, &info, VK_NULL_HANDLE);
	pthread_mutex_unlock(&dev->queue_lock);
	return rdna4_status(dev, r);
}
