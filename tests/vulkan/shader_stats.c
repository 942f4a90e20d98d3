/* shader_stats.c - compiles shaders for the first Vulkan device, which may be a null
 * device, and prints what its compiler says about each
 * (VK_KHR_pipeline_executable_properties).
 *
 * usage: shader_stats FOLDER < LIST     LIST: lines of NAME SUBGROUP CONSTANT...
 * FOLDER/NAME.spv is compiled with the constants, of which the first is the size of
 * a workgroup; prints NAME, the constants, then VALUE of each statistic, tab-separated,
 * below a line of their names. Exit status 77: no device that can say anything. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include "vk_compat.h"

enum { MAX_SPEC = 16, MAX_STATS = 64, SKIP = 77 };

#define FUNCTIONS(X)                                                                               \
	X(CreateInstance) X(EnumeratePhysicalDevices) X(EnumerateDeviceExtensionProperties)       \
	X(CreateDevice) X(CreatePipelineLayout)                                                    \
	X(CreateShaderModule) X(CreateComputePipelines) X(GetPipelineExecutableStatisticsKHR)     \
	X(DestroyShaderModule) X(DestroyPipeline)

static struct {
	PFN_vkGetInstanceProcAddr get;
#define MEMBER(name) PFN_vk##name name;
	FUNCTIONS(MEMBER)
#undef MEMBER
} vk;

static VkDevice device;
static VkPipelineLayout layout;

static int look_up(VkInstance instance)
{
#define LOOK_UP(name)                                                                              \
	if (!vk.name)                                                                              \
		vk.name = (PFN_vk##name)vk.get(instance, "vk" #name);
	FUNCTIONS(LOOK_UP)
#undef LOOK_UP
	return vk.CreateInstance ? 0 : SKIP;
}

static int open_instance(VkPhysicalDevice *gpu)
{
	VkApplicationInfo app = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
	                         .apiVersion = VK_API_VERSION_1_3};
	VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
	                             .pApplicationInfo = &app};
	void *lib = dlopen("libvulkan.so.1", RTLD_NOW);
	void *symbol = lib ? dlsym(lib, "vkGetInstanceProcAddr") : NULL;
	VkInstance instance;
	uint32_t n = 1;
	VkResult r;

	if (!symbol)
		return SKIP;
	memcpy(&vk.get, &symbol, sizeof(symbol));
	look_up(NULL);
	if (vk.CreateInstance(&info, NULL, &instance))
		return SKIP;
	look_up(instance);
	r = vk.EnumeratePhysicalDevices(instance, &n, gpu);
	return (r == VK_SUCCESS || r == VK_INCOMPLETE) && n ? 0 : SKIP;
}

static VkBool32 has_extension(VkPhysicalDevice gpu, const char *name)
{
	static VkExtensionProperties list[512];
	uint32_t n = sizeof(list) / sizeof(list[0]);

	if (vk.EnumerateDeviceExtensionProperties(gpu, NULL, &n, list) < 0)
		n = 0;
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(list[i].extensionName, name))
			return VK_TRUE;
	return VK_FALSE;
}

static int open_device(VkPhysicalDevice gpu)
{
	VkBool32 matrices = has_extension(gpu, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
	static const float priority = 1;
	static const char *const extensions[] = {
		VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME,
		VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME};
	VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR say = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
		.pipelineExecutableInfo = VK_TRUE};
	VkPhysicalDeviceCooperativeMatrixFeaturesKHR coop = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
		.pNext = &say, .cooperativeMatrix = VK_TRUE};
	VkPhysicalDeviceVulkan13Features v13 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
		.pNext = matrices ? (void *)&coop : &say, .subgroupSizeControl = VK_TRUE,
		.computeFullSubgroups = VK_TRUE,
		.shaderIntegerDotProduct = VK_TRUE};
	VkPhysicalDeviceVulkan12Features v12 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &v13,
		.storageBuffer8BitAccess = VK_TRUE, .shaderInt8 = VK_TRUE, .shaderFloat16 = VK_TRUE,
		.bufferDeviceAddress = VK_TRUE, .scalarBlockLayout = VK_TRUE,
		.vulkanMemoryModel = VK_TRUE};
	VkPhysicalDeviceVulkan11Features v11 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES, .pNext = &v12,
		.storageBuffer16BitAccess = VK_TRUE};
	VkPhysicalDeviceFeatures2 features = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &v11,
		.features = {.shaderInt16 = VK_TRUE, .shaderInt64 = VK_TRUE}};
	VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
	                                 .queueCount = 1, .pQueuePriorities = &priority};
	VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &features,
	                           .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue,
	                           .enabledExtensionCount = 1 + matrices,
	                           .ppEnabledExtensionNames = extensions};
	VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, 128};
	VkPipelineLayoutCreateInfo l = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
	                                .pushConstantRangeCount = 1, .pPushConstantRanges = &range};

	if (vk.CreateDevice(gpu, &info, NULL, &device))
		return SKIP;
	return vk.CreatePipelineLayout(device, &l, NULL, &layout) ? SKIP : 0;
}

static VkShaderModule load_module(const char *folder, const char *name)
{
	static uint32_t words[1 << 18];
	VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
	                                 .pCode = words};
	VkShaderModule module = VK_NULL_HANDLE;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.spv", folder, name);
	f = fopen(path, "rb");
	if (!f)
		return VK_NULL_HANDLE;
	info.codeSize = 4 * fread(words, 4, sizeof(words) / 4, f);
	fclose(f);
	if (vk.CreateShaderModule(device, &info, NULL, &module))
		return VK_NULL_HANDLE;
	return module;
}

static VkPipeline compile(VkShaderModule module, uint32_t subgroup, const uint32_t *spec,
                          uint32_t n)
{
	VkSpecializationMapEntry map[MAX_SPEC];
	VkSpecializationInfo constants = {n, map, 4 * n, spec};
	VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
		.requiredSubgroupSize = subgroup};
	VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, .layout = layout,
		.flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR,
		.stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, .pNext = &size,
		          .flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT,
		          .stage = VK_SHADER_STAGE_COMPUTE_BIT, .module = module, .pName = "main",
		          .pSpecializationInfo = &constants}};
	VkPipeline p = VK_NULL_HANDLE;

	for (uint32_t i = 0; i < n; i++)
		map[i] = (VkSpecializationMapEntry){i, 4 * i, 4};
	if (vk.CreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, NULL, &p))
		return VK_NULL_HANDLE;
	return p;
}

static void print_value(const VkPipelineExecutableStatisticKHR *s)
{
	switch (s->format) {
	case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
		printf("\t%u", s->value.b32);
		break;
	case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
		printf("\t%g", s->value.f64);
		break;
	default: printf("\t%llu", (unsigned long long)s->value.u64);
	}
}

static void print_stats(const char *name, const char *constants, VkPipeline p)
{
	static VkPipelineExecutableStatisticKHR list[MAX_STATS];
	static int titled;
	VkPipelineExecutableInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
	                                    .pipeline = p};
	uint32_t n = MAX_STATS;

	for (uint32_t i = 0; i < n; i++)
		list[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
	if (vk.GetPipelineExecutableStatisticsKHR(device, &info, &n, list) < 0)
		n = 0;
	if (!titled++) {
		printf("shader\tconstants");
		for (uint32_t i = 0; i < n; i++)
			printf("\t%s", list[i].name);
		printf("\n");
	}
	printf("%s\t%s", name, constants);
	for (uint32_t i = 0; i < n; i++)
		print_value(&list[i]);
	printf("\n");
}

/* One line of the list; nonzero where it does not compile. */
static int run_line(const char *folder, char *line)
{
	uint32_t spec[MAX_SPEC], n = 0, subgroup;
	char *name = strtok(line, " \t\n"), *word = strtok(NULL, " \t\n"), constants[256] = "";
	VkShaderModule module;
	VkPipeline p;

	if (!name || !word || name[0] == '#')
		return 0;
	subgroup = (uint32_t)strtoul(word, NULL, 10);
	while (n < MAX_SPEC && (word = strtok(NULL, " \t\n"))) {
		size_t used = strlen(constants);

		spec[n++] = (uint32_t)strtoul(word, NULL, 10);
		snprintf(constants + used, sizeof(constants) - used, "%s%s", used ? " " : "", word);
	}
	module = load_module(folder, name);
	p = module ? compile(module, subgroup, spec, n) : VK_NULL_HANDLE;
	if (!p) {
		fprintf(stderr, "%s %s: does not compile\n", name, constants);
		return 1;
	}
	print_stats(name, constants, p);
	vk.DestroyPipeline(device, p, NULL);
	vk.DestroyShaderModule(device, module, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	VkPhysicalDevice gpu;
	char line[512];
	int failed = 0, rc;

	if (argc != 2) {
		fprintf(stderr, "usage: shader_stats FOLDER < LIST\n");
		return 2;
	}
	rc = open_instance(&gpu);
	if (!rc)
		rc = open_device(gpu);
	if (rc) {
		fprintf(stderr, "SKIP: no Vulkan device that tells about pipelines\n");
		return rc;
	}
	while (fgets(line, sizeof(line), stdin))
		failed += run_line(argv[1], line);
	return failed != 0;
}
