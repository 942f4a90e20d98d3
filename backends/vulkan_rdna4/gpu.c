/* gpu.c - what a physical device is, and what it lacks for this backend. */
#include <stdio.h>
#include <string.h>

#include "instance.h"

/* What Mesa calls a card that is not there, and for which it only compiles. */
#define NULL_DEVICE "Null hardware"

/* All that is asked of a device, in one chain of Vulkan structs. */
struct answers {
	VkPhysicalDeviceFeatures2 features;
	VkPhysicalDeviceVulkan11Features v11;
	VkPhysicalDeviceVulkan12Features v12;
	VkPhysicalDeviceSubgroupSizeControlFeatures size_control;
	VkPhysicalDeviceShaderIntegerDotProductFeatures dot;
	VkPhysicalDeviceCooperativeMatrixFeaturesKHR coop;
	VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics;
	VkPhysicalDeviceProperties2 props;
	VkPhysicalDeviceDriverProperties driver;
	VkPhysicalDeviceSubgroupProperties subgroup;
	VkPhysicalDeviceMaintenance3Properties limits;
	VkPhysicalDevicePCIBusInfoPropertiesEXT pci;
	VkPhysicalDeviceSubgroupSizeControlProperties size_limits;
};

static bool has_extension(const VkExtensionProperties *list, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(list[i].extensionName, name))
			return true;
	return false;
}

static void read_extensions(const struct vk_instance_functions *vk, struct rdna4_gpu *gpu)
{
	VkExtensionProperties list[512];
	uint32_t n = sizeof(list) / sizeof(list[0]);
	VkResult r = vk->EnumerateDeviceExtensionProperties(gpu->handle, NULL, &n, list);

	if (r && r != VK_INCOMPLETE)
		n = 0;
	gpu->has_budget = has_extension(list, n, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
	gpu->has_pci = has_extension(list, n, VK_EXT_PCI_BUS_INFO_EXTENSION_NAME);
	gpu->can_set_subgroup =
		has_extension(list, n, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
	gpu->has_coop = has_extension(list, n, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
	gpu->has_dot = has_extension(list, n, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME);
	gpu->has_statistics =
		has_extension(list, n, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
}

/* Puts a struct into a chain, behind the one whose pNext is given. */
static void link_in(void **behind, void *what, void **next)
{
	*next = *behind;
	*behind = what;
}

static void ask(const struct vk_instance_functions *vk, const struct rdna4_gpu *gpu,
                struct answers *a)
{
	*a = (struct answers){
		.features = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, &a->v11, {0}},
		.v11 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES},
		.v12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES},
		.size_control = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES},
		.dot = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES},
		.coop = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR},
		.statistics = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR},
		.props = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2},
		.driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES},
		.subgroup = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES},
		.limits = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES},
		.pci = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT},
		.size_limits = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES},
	};
	a->v11.pNext = &a->v12;
	if (gpu->can_set_subgroup)
		link_in(&a->v12.pNext, &a->size_control, &a->size_control.pNext);
	if (gpu->has_dot)
		link_in(&a->v12.pNext, &a->dot, &a->dot.pNext);
	if (gpu->has_coop)
		link_in(&a->v12.pNext, &a->coop, &a->coop.pNext);
	if (gpu->has_statistics)
		link_in(&a->v12.pNext, &a->statistics, &a->statistics.pNext);
	vk->GetPhysicalDeviceFeatures2(gpu->handle, &a->features);
	a->props.pNext = &a->driver;
	a->driver.pNext = &a->subgroup;
	a->subgroup.pNext = &a->limits;
	if (gpu->has_pci)
		a->limits.pNext = &a->pci;
	if (gpu->can_set_subgroup)
		link_in(&a->subgroup.pNext, &a->size_limits, &a->size_limits.pNext);
	vk->GetPhysicalDeviceProperties2(gpu->handle, &a->props);
}

static const char *missing_feature(const struct answers *a)
{
	const VkSubgroupFeatureFlags need = VK_SUBGROUP_FEATURE_ARITHMETIC_BIT |
	                                    VK_SUBGROUP_FEATURE_SHUFFLE_BIT;

	if (!a->v12.bufferDeviceAddress)
		return "buffer device addresses";
	if (!a->v12.timelineSemaphore)
		return "timeline semaphores";
	if (!a->v12.storageBuffer8BitAccess || !a->v12.shaderInt8)
		return "8-bit storage";
	if (!a->v11.storageBuffer16BitAccess || !a->features.features.shaderInt16)
		return "16-bit storage";
	if (!a->features.features.shaderInt64)
		return "64-bit integers";
	if (!a->v12.scalarBlockLayout)
		return "scalar block layout";
	if ((a->subgroup.supportedOperations & need) != need ||
	    !(a->subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT))
		return "subgroup operations in compute shaders";
	return NULL;
}

/* By a subgroup, in sizes that fit tiles and blocks of 32. */
static bool is_usable(const VkCooperativeMatrixPropertiesKHR *p)
{
	return p->scope == VK_SCOPE_SUBGROUP_KHR && p->BType == p->AType &&
	       p->ResultType == p->CType && !p->saturatingAccumulation && 32 % p->KSize == 0 &&
	       32 % p->NSize == 0 && 64 % p->MSize == 0;
}

/* 16 x 16 x 16 where there are several: two such are a block of 32, which may have a
 * scale for each half. */
static void take_matrix(const VkCooperativeMatrixPropertiesKHR *p, uint32_t *m, uint32_t *n,
                        uint32_t *k)
{
	bool square = p->MSize == 16 && p->NSize == 16;

	if (*m && (!square || (p->KSize != 16 && *m == 16 && *n == 16)))
		return;
	*m = p->MSize;
	*n = p->NSize;
	*k = p->KSize;
}

/* F16 summed in F32, and bytes in 32-bit integers. */
static void find_matrices(const struct vk_instance_functions *vk, struct rdna4_gpu *gpu)
{
	VkCooperativeMatrixPropertiesKHR list[128];
	uint32_t n = sizeof(list) / sizeof(list[0]);
	VkResult r;

	for (uint32_t i = 0; i < n; i++)
		list[i] = (VkCooperativeMatrixPropertiesKHR){
			.sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR};
	if (!vk->GetPhysicalDeviceCooperativeMatrixPropertiesKHR)
		return;
	r = vk->GetPhysicalDeviceCooperativeMatrixPropertiesKHR(gpu->handle, &n, list);
	for (uint32_t i = 0; i < n && (!r || r == VK_INCOMPLETE); i++) {
		const VkCooperativeMatrixPropertiesKHR *p = &list[i];

		if (!is_usable(p))
			continue;
		if (p->AType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
		    p->CType == VK_COMPONENT_TYPE_FLOAT32_KHR)
			take_matrix(p, &gpu->coop_m, &gpu->coop_n, &gpu->coop_k);
		if (p->AType == VK_COMPONENT_TYPE_SINT8_KHR &&
		    p->CType == VK_COMPONENT_TYPE_SINT32_KHR)
			take_matrix(p, &gpu->byte_m, &gpu->byte_n, &gpu->byte_k);
	}
}

/* A family made for compute alone runs beside the desktop's drawing. */
static bool find_queue(const struct vk_instance_functions *vk, struct rdna4_gpu *gpu)
{
	VkQueueFamilyProperties list[32];
	uint32_t n = sizeof(list) / sizeof(list[0]);
	int best = -1;

	vk->GetPhysicalDeviceQueueFamilyProperties(gpu->handle, &n, list);
	for (uint32_t i = 0; i < n; i++) {
		bool graphics = list[i].queueFlags & VK_QUEUE_GRAPHICS_BIT;

		if (!(list[i].queueFlags & VK_QUEUE_COMPUTE_BIT))
			continue;
		if (best < 0 || (!graphics && (list[best].queueFlags & VK_QUEUE_GRAPHICS_BIT)))
			best = (int)i;
	}
	if (best < 0)
		return false;
	gpu->family = (uint32_t)best;
	gpu->timestamp_bits = list[best].timestampValidBits;
	return true;
}

/* Workgroups of full subgroups may have fewer invocations than others. */
static void limit_groups(struct rdna4_gpu *gpu, const struct answers *a)
{
	uint32_t *most = &gpu->props.limits.maxComputeWorkGroupInvocations;
	uint64_t full = (uint64_t)gpu->subgroup * a->size_limits.maxComputeWorkgroupSubgroups;

	if (gpu->can_set_subgroup && full && full < *most)
		*most = (uint32_t)full;
}

static uint32_t class_of(VkPhysicalDeviceType type)
{
	switch (type) {
	case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return ZINC_DEV_DGPU;
	case VK_PHYSICAL_DEVICE_TYPE_CPU: return ZINC_DEV_SOFT;
	default: return ZINC_DEV_IGPU;
	}
}

void rdna4_gpu_describe(const struct vk_instance_functions *vk, struct rdna4_gpu *gpu)
{
	VkPhysicalDeviceMemoryProperties2 memory = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2};
	const char *lacks;
	struct answers a;

	read_extensions(vk, gpu);
	ask(vk, gpu, &a);
	vk->GetPhysicalDeviceMemoryProperties2(gpu->handle, &memory);
	gpu->memory = memory.memoryProperties;
	gpu->props = a.props.properties;
	gpu->dev_class = class_of(gpu->props.deviceType);
	gpu->subgroup = a.subgroup.subgroupSize;
	gpu->max_alloc = a.limits.maxMemoryAllocationSize;
	gpu->can_set_subgroup = gpu->can_set_subgroup && a.size_control.subgroupSizeControl &&
	                        a.size_control.computeFullSubgroups;
	limit_groups(gpu, &a);
	gpu->has_memory_model = a.v12.vulkanMemoryModel && a.v12.vulkanMemoryModelDeviceScope;
	gpu->starts_in_order = a.driver.driverID == VK_DRIVER_ID_NVIDIA_PROPRIETARY;
	gpu->has_coop = gpu->has_coop && a.coop.cooperativeMatrix && a.v12.shaderFloat16 &&
	                gpu->has_memory_model;
	if (gpu->has_coop)
		find_matrices(vk, gpu);
	gpu->has_dot = gpu->has_dot && a.dot.shaderIntegerDotProduct;
	gpu->has_statistics = gpu->has_statistics && a.statistics.pipelineExecutableInfo;
	gpu->is_null = strncmp(gpu->props.deviceName, NULL_DEVICE, strlen(NULL_DEVICE)) == 0;
	snprintf(gpu->driver, sizeof(gpu->driver), "%.30s %.30s", a.driver.driverName,
	         a.driver.driverInfo);
	if (gpu->has_pci)
		snprintf(gpu->pci, sizeof(gpu->pci), "%04x:%02x:%02x.%x", a.pci.pciDomain & 0xffff,
		         a.pci.pciBus & 0xff, a.pci.pciDevice & 0xff, a.pci.pciFunction & 0xf);
	if (gpu->props.apiVersion < VK_API_VERSION_1_2)
		lacks = "Vulkan 1.2";
	else if (!find_queue(vk, gpu))
		lacks = "a compute queue";
	else
		lacks = missing_feature(&a);
	snprintf(gpu->lacks, sizeof(gpu->lacks), "%s", lacks ? lacks : "");
}

void rdna4_gpu_memory(const struct vk_instance_functions *vk, const struct rdna4_gpu *gpu,
                      uint64_t *total, uint64_t *budget)
{
	VkPhysicalDeviceMemoryBudgetPropertiesEXT now = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
	VkPhysicalDeviceMemoryProperties2 memory = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
		.pNext = gpu->has_budget ? &now : NULL};

	*total = *budget = 0;
	if (gpu->is_null)
		return;
	vk->GetPhysicalDeviceMemoryProperties2(gpu->handle, &memory);
	for (uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; i++) {
		VkMemoryHeap heap = memory.memoryProperties.memoryHeaps[i];

		if (!(heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT))
			continue;
		*total += heap.size;
		if (!gpu->has_budget)
			*budget += heap.size;
		else if (now.heapBudget[i] > now.heapUsage[i])
			*budget += now.heapBudget[i] - now.heapUsage[i];
	}
}
