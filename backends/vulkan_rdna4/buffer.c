/* buffer.c - one Vulkan allocation per buffer; the core asks for few and big
 * ones. What the host can see is mapped for good. */
#include "buffer.h"

#include <stdio.h>
#include <string.h>

#include "instance.h"
#include "table.h"
#include "transfer.h"

enum { MAX_TRIES = 3 };

/* Wanted properties of a kind of memory, best first; 0 ends. `avoid` keeps
 * weights out of the small window of device memory that the host can see. */
struct wish {
	VkMemoryPropertyFlags want, avoid;
};

#define LOCAL VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define VISIBLE (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)
#define CACHED VK_MEMORY_PROPERTY_HOST_CACHED_BIT

static const struct wish wishes[][MAX_TRIES] = {
	[ZINC_MEM_DEVICE] = {{LOCAL, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT}, {LOCAL, 0}, {0, 0}},
	[ZINC_MEM_UPLOAD] = {{VISIBLE | LOCAL, 0}, {VISIBLE, 0}, {0, 0}},
	[ZINC_MEM_READBACK] = {{VISIBLE | CACHED, 0}, {VISIBLE, 0}, {0, 0}},
	[RDNA4_MEM_HOST] = {{VISIBLE, LOCAL}, {VISIBLE, 0}, {0, 0}},
};

static int find_type(const struct rdna4_gpu *gpu, uint32_t allowed, struct wish w)
{
	for (uint32_t i = 0; i < gpu->memory.memoryTypeCount; i++) {
		VkMemoryPropertyFlags has = gpu->memory.memoryTypes[i].propertyFlags;

		if ((allowed & 1u << i) && (has & w.want) == w.want && !(has & w.avoid))
			return (int)i;
	}
	return -1;
}

static VkResult allocate(struct zinc_buf *buf, const VkMemoryRequirements *need, int type)
{
	struct zinc_dev *dev = buf->dev;
	VkMemoryAllocateFlagsInfo flags = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO,
		.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT};
	VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .pNext = &flags,
		.allocationSize = need->size, .memoryTypeIndex = (uint32_t)type};
	VkMemoryPropertyFlags has = dev->gpu->memory.memoryTypes[type].propertyFlags;
	void *map = NULL;
	VkResult r = dev->vk.AllocateMemory(dev->device, &info, NULL, &buf->memory);

	if (!r)
		r = dev->vk.BindBufferMemory(dev->device, buf->handle, buf->memory, 0);
	if (!r && (has & VISIBLE) == VISIBLE)
		r = dev->vk.MapMemory(dev->device, buf->memory, 0, VK_WHOLE_SIZE, 0, &map);
	buf->map = map;
	return r;
}

static VkResult bind_memory(struct zinc_buf *buf, uint32_t kind)
{
	struct zinc_dev *dev = buf->dev;
	VkBufferDeviceAddressInfo where = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, .buffer = buf->handle};
	VkResult r = VK_ERROR_OUT_OF_DEVICE_MEMORY;
	VkMemoryRequirements need;

	dev->vk.GetBufferMemoryRequirements(dev->device, buf->handle, &need);
	for (int i = 0; i < MAX_TRIES && wishes[kind][i].want && r; i++) {
		int type = find_type(dev->gpu, need.memoryTypeBits, wishes[kind][i]);

		if (type < 0)
			continue;
		r = allocate(buf, &need, type);
		if (r && buf->memory) {
			dev->vk.FreeMemory(dev->device, buf->memory, NULL);
			buf->memory = NULL;
		}
	}
	if (!r)
		buf->address = dev->vk.GetBufferDeviceAddress(dev->device, &where);
	return r;
}

/* Drivers would rather move memory to the host than refuse; then everything is
 * slow and nobody knows why. */
static int check_budget(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_err *err)
{
	uint64_t total, budget;

	if (bytes > dev->gpu->max_alloc)
		return rdna4_err(err, ZINC_E_NO_MEMORY,
		                 "%llu MiB in one piece: this device allocates %llu at most",
		                 (unsigned long long)(bytes >> 20),
		                 (unsigned long long)(dev->gpu->max_alloc >> 20));
	if (kind != ZINC_MEM_DEVICE || !dev->gpu->has_budget)
		return ZINC_OK;
	rdna4_gpu_memory(&dev->plugin->vk, dev->gpu, &total, &budget);
	if (bytes > budget)
		return rdna4_err(err, ZINC_E_NO_MEMORY,
		                 "%llu MiB of device memory wanted, %llu MiB left: close other "
		                 "programs, or take a smaller model or --ctx",
		                 (unsigned long long)(bytes >> 20),
		                 (unsigned long long)(budget >> 20));
	return ZINC_OK;
}

int rdna4_buf_create(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                     struct zinc_err *err)
{
	VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = bytes ? (bytes + 3) / 4 * 4 : 4,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
		         VK_BUFFER_USAGE_TRANSFER_DST_BIT |
		         VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT};
	struct zinc_buf *buf;
	char what[64];
	VkResult r;
	int rc;

	if (atomic_load(&dev->lost))
		return rdna4_err(err, ZINC_E_DEVICE_LOST, "the Vulkan device was lost");
	rc = check_budget(dev, bytes, kind, err);
	if (rc)
		return rc;
	buf = rdna4_calloc(dev->host, 1, sizeof(*buf));
	if (!buf)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for a buffer");
	buf->dev = dev;
	buf->bytes = bytes;
	r = dev->vk.CreateBuffer(dev->device, &info, NULL, &buf->handle);
	if (!r)
		r = bind_memory(buf, kind);
	if (r) {
		rdna4_buf_free(buf);
		snprintf(what, sizeof(what), "allocating %llu KiB",
		         (unsigned long long)(bytes >> 10));
		return rdna4_vk_err(dev, err, r, what);
	}
	*out = buf;
	return ZINC_OK;
}

int rdna4_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                    struct zinc_err *err)
{
	struct zinc_buf *buf;
	int rc;

	if (kind > ZINC_MEM_READBACK)
		return rdna4_err(err, ZINC_E_INVALID, "unknown kind of memory %u", kind);
	rc = rdna4_buf_create(dev, bytes, kind, &buf, err);
	if (rc)
		return rc;
	if (buf->map)
		memset(buf->map, 0, (size_t)bytes);
	else
		rc = rdna4_transfer_clear(dev->transfer, buf);
	if (rc) {
		rdna4_buf_free(buf);
		return rdna4_step_err(err, rc, "clearing a buffer");
	}
	*out = buf;
	return ZINC_OK;
}

void rdna4_buf_free(struct zinc_buf *buf)
{
	struct zinc_dev *dev;

	if (!buf)
		return;
	dev = buf->dev;
	if (buf->address)
		rdna4_table_forget(buf, 0, buf->bytes);
	dev->vk.DestroyBuffer(dev->device, buf->handle, NULL);
	dev->vk.FreeMemory(dev->device, buf->memory, NULL);
	rdna4_free(dev->host, buf);
}

static bool is_inside(const struct zinc_buf *buf, uint64_t off, uint64_t n)
{
	return off <= buf->bytes && n <= buf->bytes - off;
}

int rdna4_buf_write(struct zinc_buf *buf, uint64_t off, const void *from, uint64_t n)
{
	if (!is_inside(buf, off, n))
		return ZINC_E_INVALID;
	if (!n)
		return ZINC_OK;
	if (!buf->map)
		return rdna4_transfer_write(buf->dev->transfer, buf, off, from, n);
	memcpy(buf->map + off, from, (size_t)n);
	return ZINC_OK;
}

int rdna4_buf_read(struct zinc_buf *buf, uint64_t off, void *to, uint64_t n)
{
	if (!is_inside(buf, off, n))
		return ZINC_E_INVALID;
	if (!n)
		return ZINC_OK;
	if (!buf->map)
		return rdna4_transfer_read(buf->dev->transfer, buf, off, to, n);
	memcpy(to, buf->map + off, (size_t)n);
	return ZINC_OK;
}
