/* faulty_loader.c - stands before the Vulkan loader (found first through
 * LD_LIBRARY_PATH) and lets what $VULKAN_FAULT names go wrong; all else is the real one.
 *
 *   none       no device               old      a device of Vulkan 1.1
 *   feature    no buffer addresses     create   no logical device
 *   compile    no pipeline             memory   no memory after the first few pieces
 *   submit     the device is lost when work is started after the first few times
 *   wait       the same while waiting
 *   twice      parameters are written twice, in no order
 * $VULKAN_FEW: how often that is; without it 3. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

static PFN_vkGetInstanceProcAddr real_instance;
static PFN_vkGetDeviceProcAddr real_device;
static VkInstance instance;
static VkDevice device;

static int is_fault(const char *name)
{
	const char *fault = getenv("VULKAN_FAULT");

	return fault && !strcmp(fault, name);
}

/* True once the fault has been asked for more than a few times. */
static int is_due(const char *name, int *count)
{
	const char *few = getenv("VULKAN_FEW");

	return is_fault(name) && ++*count > (few ? atoi(few) : 3);
}

#define REAL_INSTANCE(name) ((PFN_vk##name)real_instance(instance, "vk" #name))
#define REAL_DEVICE(name) ((PFN_vk##name)real_device(device, "vk" #name))

static VkResult create_instance(const VkInstanceCreateInfo *info, const VkAllocationCallbacks *a,
                                VkInstance *out)
{
	VkResult r = ((PFN_vkCreateInstance)real_instance(NULL, "vkCreateInstance"))(info, a, out);

	instance = r ? NULL : *out;
	return r;
}

static VkResult enumerate(VkInstance i, uint32_t *n, VkPhysicalDevice *list)
{
	if (!is_fault("none"))
		return REAL_INSTANCE(EnumeratePhysicalDevices)(i, n, list);
	*n = 0;
	return VK_SUCCESS;
}

static void properties(VkPhysicalDevice gpu, VkPhysicalDeviceProperties2 *p)
{
	REAL_INSTANCE(GetPhysicalDeviceProperties2)(gpu, p);
	if (is_fault("old"))
		p->properties.apiVersion = VK_API_VERSION_1_1;
}

static void features(VkPhysicalDevice gpu, VkPhysicalDeviceFeatures2 *f)
{
	VkBaseOutStructure *s;

	REAL_INSTANCE(GetPhysicalDeviceFeatures2)(gpu, f);
	for (s = f->pNext; s && is_fault("feature"); s = s->pNext)
		if (s->sType == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES)
			((VkPhysicalDeviceVulkan12Features *)(void *)s)->bufferDeviceAddress =
				VK_FALSE;
}

static VkResult create_device(VkPhysicalDevice gpu, const VkDeviceCreateInfo *info,
                              const VkAllocationCallbacks *a, VkDevice *out)
{
	VkResult r = VK_ERROR_INITIALIZATION_FAILED;

	if (!is_fault("create"))
		r = REAL_INSTANCE(CreateDevice)(gpu, info, a, out);
	device = r ? NULL : *out;
	return r;
}

static VkResult compile(VkDevice d, VkPipelineCache cache, uint32_t n,
                        const VkComputePipelineCreateInfo *infos, const VkAllocationCallbacks *a,
                        VkPipeline *out)
{
	if (is_fault("compile"))
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	return REAL_DEVICE(CreateComputePipelines)(d, cache, n, infos, a, out);
}

static VkResult allocate(VkDevice d, const VkMemoryAllocateInfo *info,
                         const VkAllocationCallbacks *a, VkDeviceMemory *out)
{
	static int count;

	if (is_due("memory", &count))
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	return REAL_DEVICE(AllocateMemory)(d, info, a, out);
}

static VkResult submit(VkQueue q, uint32_t n, const VkSubmitInfo *infos, VkFence fence)
{
	static int count;

	if (is_due("submit", &count))
		return VK_ERROR_DEVICE_LOST;
	return REAL_DEVICE(QueueSubmit)(q, n, infos, fence);
}

static VkResult wait(VkDevice d, const VkSemaphoreWaitInfo *info, uint64_t timeout)
{
	static int count;

	/* A device that is lost works on nothing more. */
	if (is_due("wait", &count)) {
		REAL_DEVICE(DeviceWaitIdle)(d);
		return VK_ERROR_DEVICE_LOST;
	}
	return REAL_DEVICE(WaitSemaphores)(d, info, timeout);
}

static void update(VkCommandBuffer c, VkBuffer to, VkDeviceSize at, VkDeviceSize n,
                   const void *data)
{
	for (int i = 0; i <= is_fault("twice"); i++)
		REAL_DEVICE(CmdUpdateBuffer)(c, to, at, n, data);
}

static PFN_vkVoidFunction get_device(VkDevice d, const char *name);

static PFN_vkVoidFunction own(const char *name)
{
	const struct {
		const char *name;
		PFN_vkVoidFunction function;
	} all[] = {
		{"vkCreateInstance", (PFN_vkVoidFunction)create_instance},
		{"vkEnumeratePhysicalDevices", (PFN_vkVoidFunction)enumerate},
		{"vkGetPhysicalDeviceProperties2", (PFN_vkVoidFunction)properties},
		{"vkGetPhysicalDeviceFeatures2", (PFN_vkVoidFunction)features},
		{"vkCreateDevice", (PFN_vkVoidFunction)create_device},
		{"vkGetDeviceProcAddr", (PFN_vkVoidFunction)get_device},
		{"vkCreateComputePipelines", (PFN_vkVoidFunction)compile},
		{"vkAllocateMemory", (PFN_vkVoidFunction)allocate},
		{"vkCmdUpdateBuffer", (PFN_vkVoidFunction)update},
		{"vkQueueSubmit", (PFN_vkVoidFunction)submit},
		{"vkWaitSemaphores", (PFN_vkVoidFunction)wait}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(name, all[i].name))
			return all[i].function;
	return NULL;
}

static PFN_vkVoidFunction get_device(VkDevice d, const char *name)
{
	PFN_vkVoidFunction f = own(name);

	return f ? f : real_device(d, name);
}

__attribute__((visibility("default"))) PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance i,
                                                                               const char *name);

PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance i, const char *name)
{
	PFN_vkVoidFunction f = own(name);
	void *library, *symbol = NULL;

	if (!real_instance) {
		library = dlopen(getenv("VULKAN_LOADER"), RTLD_NOW | RTLD_LOCAL);
		if (library)
			symbol = dlsym(library, "vkGetInstanceProcAddr");
		if (!symbol)
			return NULL;
		memcpy(&real_instance, &symbol, sizeof(symbol));
	}
	if (i && !real_device)
		real_device = (PFN_vkGetDeviceProcAddr)real_instance(i, "vkGetDeviceProcAddr");
	return f ? f : real_instance(i, name);
}
