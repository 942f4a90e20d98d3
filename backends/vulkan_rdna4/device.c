/* device.c - one logical device with one compute queue, and what hangs on it. */
#include "device.h"

#include "chain.h"
#include "instance.h"
#include "pack.h"
#include "pipeline.h"
#include "submit.h"
#include "transfer.h"
#include "wish.h"

/* The features that gpu.c has found to be there. */
static int create_device(struct zinc_dev *dev, struct zinc_err *err)
{
	const struct rdna4_gpu *gpu = dev->gpu;
	const struct vk_instance_functions *vk = &dev->plugin->vk;
	static const float priority = 1.0f;
	const char *extensions[8];
	VkPhysicalDeviceSubgroupSizeControlFeatures size_control = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
		.subgroupSizeControl = VK_TRUE, .computeFullSubgroups = VK_TRUE};
	VkPhysicalDeviceShaderIntegerDotProductFeatures dot = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES,
		.shaderIntegerDotProduct = VK_TRUE};
	VkPhysicalDeviceCooperativeMatrixFeaturesKHR coop = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
		.cooperativeMatrix = VK_TRUE};
	VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
		.pipelineExecutableInfo = VK_TRUE};
	VkPhysicalDeviceVulkan12Features v12 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.storageBuffer8BitAccess = VK_TRUE, .shaderInt8 = VK_TRUE,
		.bufferDeviceAddress = VK_TRUE, .timelineSemaphore = VK_TRUE,
		.scalarBlockLayout = VK_TRUE, .shaderFloat16 = gpu->has_coop,
		.vulkanMemoryModel = gpu->has_memory_model,
		.vulkanMemoryModelDeviceScope = gpu->has_memory_model};
	VkPhysicalDeviceVulkan11Features v11 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, .pNext = &v12,
		.storageBuffer16BitAccess = VK_TRUE};
	VkPhysicalDeviceFeatures2 features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &v11,
		.features = {.shaderInt16 = VK_TRUE, .shaderInt64 = VK_TRUE}};
	VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = gpu->family, .queueCount = 1, .pQueuePriorities = &priority};
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &features,
		.queueCreateInfoCount = 1, .pQueueCreateInfos = &queue,
		.ppEnabledExtensionNames = extensions};
	VkResult r;

	if (gpu->can_set_subgroup) {
		size_control.pNext = v12.pNext;
		v12.pNext = &size_control;
		extensions[info.enabledExtensionCount++] =
			VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME;
	}
	if (gpu->has_dot) {
		dot.pNext = v12.pNext;
		v12.pNext = &dot;
		extensions[info.enabledExtensionCount++] =
			VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME;
	}
	if (gpu->has_coop) {
		coop.pNext = v12.pNext;
		v12.pNext = &coop;
		extensions[info.enabledExtensionCount++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
	}
	if (dev->inspects) {
		statistics.pNext = v12.pNext;
		v12.pNext = &statistics;
		extensions[info.enabledExtensionCount++] =
			VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
	}
	if (gpu->has_budget)
		extensions[info.enabledExtensionCount++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
	r = vk->CreateDevice(gpu->handle, &info, NULL, &dev->device);
	if (r) {
		dev->device = NULL;
		return rdna4_vk_err(NULL, err, r, gpu->props.deviceName);
	}
#define LOOK_UP(name)                                                                              \
	dev->vk.name = (PFN_vk##name)vk->GetDeviceProcAddr(dev->device, "vk" #name);
	VK_DEVICE_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
	dev->vk.GetDeviceQueue(dev->device, gpu->family, 0, &dev->queue);
	return ZINC_OK;
}

/* One layout for all pipelines: no descriptors, arguments as push constants. */
static int create_layout(struct zinc_dev *dev, struct zinc_err *err)
{
	VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, RDNA4_PUSH_ALL};
	VkPipelineLayoutCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.pushConstantRangeCount = 1, .pPushConstantRanges = &range};

	return rdna4_vk_err(dev, err,
	                    dev->vk.CreatePipelineLayout(dev->device, &info, NULL, &dev->layout),
	                    "creating the pipeline layout");
}

/* What both ways of opening share. */
static int open_device(struct rdna4_plugin *p, uint32_t i, bool inspects, struct zinc_dev **out,
                       struct zinc_err *err)
{
	int rc = rdna4_wishes_check(p->host, err);
	struct zinc_dev *dev;

	if (rc)
		return rc;
	dev = rdna4_calloc(p->host, 1, sizeof(*dev));
	if (!dev)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for the Vulkan device");
	dev->host = p->host;
	dev->plugin = p;
	dev->gpu = &p->gpus[i];
	dev->inspects = inspects;
	pthread_mutex_init(&dev->queue_lock, NULL);
	pthread_mutex_init(&dev->tables_lock, NULL);
	rc = create_device(dev, err);
	if (!rc)
		rc = create_layout(dev, err);
	if (!rc)
		rc = rdna4_pack_open(dev, &dev->pack, err);
	if (!rc)
		rc = rdna4_pipelines_create(dev, &dev->pipelines, err);
	if (rc) {
		rdna4_dev_close(dev);
		return rc;
	}
	*out = dev;
	return ZINC_OK;
}

static int find_gpu(struct rdna4_plugin *p, uint32_t i, struct zinc_err *err)
{
	int rc = rdna4_instance_open(p, err);

	if (!rc && i >= p->n_gpus)
		rc = rdna4_err(err, ZINC_E_INVALID, "there is no Vulkan device %u", i);
	return rc;
}

int rdna4_dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	struct rdna4_plugin *p = self;
	struct zinc_dev *dev;
	int rc = find_gpu(p, i, err);

	if (!rc && p->gpus[i].is_null)
		rc = rdna4_err(err, ZINC_E_NO_DEVICE,
		               "%s runs nothing: it is there for zinc plugin shaders",
		               p->gpus[i].props.deviceName);
	if (!rc)
		rc = open_device(p, i, false, &dev, err);
	if (rc)
		return rc;
	rc = rdna4_transfer_create(dev, &dev->transfer, err);
	if (!rc)
		rc = rdna4_ring_create(dev, &dev->ring, err);
	if (!rc)
		rc = rdna4_chain_open(dev, err);
	if (rc) {
		rdna4_dev_close(dev);
		return rc;
	}
	*out = dev;
	return ZINC_OK;
}

int rdna4_dev_open_to_inspect(struct rdna4_plugin *p, uint32_t i, struct zinc_dev **out,
                              struct zinc_err *err)
{
	int rc = find_gpu(p, i, err);

	if (!rc && !p->gpus[i].has_statistics)
		rc = rdna4_err(err, ZINC_E_UNSUPPORTED,
		               "the driver of %s tells nothing about compiled kernels "
		               "(VK_KHR_pipeline_executable_properties)",
		               p->gpus[i].props.deviceName);
	return rc ? rc : open_device(p, i, true, out, err);
}

void rdna4_dev_close(struct zinc_dev *dev)
{
	if (!dev)
		return;
	if (dev->device) {
		if (!dev->inspects)
			dev->vk.DeviceWaitIdle(dev->device);
		rdna4_chain_close(dev);
		rdna4_ring_destroy(dev->ring);
		rdna4_transfer_destroy(dev->transfer);
		rdna4_pipelines_destroy(dev->pipelines);
		dev->vk.DestroyPipelineLayout(dev->device, dev->layout, NULL);
		dev->vk.DestroyDevice(dev->device, NULL);
	}
	rdna4_pack_close(dev->pack);
	pthread_mutex_destroy(&dev->tables_lock);
	pthread_mutex_destroy(&dev->queue_lock);
	rdna4_free(dev->host, dev);
}
