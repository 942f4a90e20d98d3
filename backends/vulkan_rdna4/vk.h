/* vk.h - the Vulkan functions this backend calls, all looked up at run time, so
 * that the plugin loads on machines without a Vulkan loader. */
#ifndef RDNA4_VK_H
#define RDNA4_VK_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include "vk_compat.h"

#define VK_GLOBAL_FUNCTIONS(X) X(EnumerateInstanceVersion) X(CreateInstance)

#define VK_INSTANCE_FUNCTIONS(X)                                                                   \
	X(DestroyInstance)                                                                         \
	X(EnumeratePhysicalDevices)                                                                \
	X(EnumerateDeviceExtensionProperties)                                                      \
	X(GetPhysicalDeviceProperties2)                                                            \
	X(GetPhysicalDeviceFeatures2)                                                              \
	X(GetPhysicalDeviceMemoryProperties2)                                                      \
	X(GetPhysicalDeviceQueueFamilyProperties)                                                  \
	X(CreateDevice)                                                                            \
	X(GetPhysicalDeviceCooperativeMatrixPropertiesKHR)                                         \
	X(GetDeviceProcAddr)

#define VK_DEVICE_FUNCTIONS(X)                                                                     \
	X(DestroyDevice)                                                                           \
	X(GetDeviceQueue)                                                                          \
	X(DeviceWaitIdle)                                                                          \
	X(QueueSubmit)                                                                             \
	X(AllocateMemory)                                                                          \
	X(FreeMemory)                                                                              \
	X(MapMemory)                                                                               \
	X(CreateBuffer)                                                                            \
	X(DestroyBuffer)                                                                           \
	X(GetBufferMemoryRequirements)                                                             \
	X(BindBufferMemory)                                                                        \
	X(GetBufferDeviceAddress)                                                                  \
	X(CreateCommandPool)                                                                       \
	X(DestroyCommandPool)                                                                      \
	X(AllocateCommandBuffers)                                                                  \
	X(BeginCommandBuffer)                                                                      \
	X(EndCommandBuffer)                                                                        \
	X(CmdBindPipeline)                                                                         \
	X(CmdPushConstants)                                                                        \
	X(CmdDispatch)                                                                             \
	X(CmdPipelineBarrier)                                                                      \
	X(CmdCopyBuffer)                                                                           \
	X(CmdFillBuffer)                                                                           \
	X(CmdUpdateBuffer)                                                                         \
	X(CmdResetQueryPool)                                                                       \
	X(CmdWriteTimestamp)                                                                       \
	X(CreateQueryPool)                                                                         \
	X(DestroyQueryPool)                                                                        \
	X(GetQueryPoolResults)                                                                     \
	X(CreateSemaphore)                                                                         \
	X(DestroySemaphore)                                                                        \
	X(WaitSemaphores)                                                                          \
	X(GetSemaphoreCounterValue)                                                                \
	X(CreateShaderModule)                                                                      \
	X(DestroyShaderModule)                                                                     \
	X(CreatePipelineLayout)                                                                    \
	X(DestroyPipelineLayout)                                                                   \
	X(CreatePipelineCache)                                                                     \
	X(DestroyPipelineCache)                                                                    \
	X(GetPipelineCacheData)                                                                    \
	X(CreateComputePipelines)                                                                  \
	X(DestroyPipeline)                                                                         \
	X(GetPipelineExecutableStatisticsKHR)

#define VK_MEMBER(name) PFN_vk##name name;

struct vk_instance_functions {
	PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
	VK_GLOBAL_FUNCTIONS(VK_MEMBER)
	VK_INSTANCE_FUNCTIONS(VK_MEMBER)
};

struct vk_device_functions {
	VK_DEVICE_FUNCTIONS(VK_MEMBER)
};

#endif
