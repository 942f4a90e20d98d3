/* instance.c - the loader is opened when somebody first asks for devices. */
#include "instance.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "pin.h"

static int load_globals(struct rdna4_plugin *p, struct zinc_err *err)
{
	struct vk_instance_functions *vk = &p->vk;
	void *symbol;

	p->library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!p->library)
		return rdna4_err(err, ZINC_E_NO_DEVICE,
		                 "no Vulkan loader (libvulkan.so.1): install libvulkan1 and the "
		                 "driver of your GPU");
	symbol = dlsym(p->library, "vkGetInstanceProcAddr");
	memcpy(&vk->GetInstanceProcAddr, &symbol, sizeof(symbol));
	if (!vk->GetInstanceProcAddr)
		return rdna4_err(err, ZINC_E_NO_DEVICE, "libvulkan.so.1 is no Vulkan loader");
#define LOOK_UP(name)                                                                              \
	vk->name = (PFN_vk##name)vk->GetInstanceProcAddr(NULL, "vk" #name);
	VK_GLOBAL_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
	return ZINC_OK;
}

static int create_instance(struct rdna4_plugin *p, struct zinc_err *err)
{
	struct vk_instance_functions *vk = &p->vk;
	VkApplicationInfo app = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "zinc",
		.apiVersion = VK_API_VERSION_1_2,
	};
	VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &app,
	};
	uint32_t version = VK_API_VERSION_1_0;
	VkResult r;

	if (vk->EnumerateInstanceVersion)
		vk->EnumerateInstanceVersion(&version);
	if (!vk->CreateInstance || version < VK_API_VERSION_1_2)
		return rdna4_err(err, ZINC_E_NO_DEVICE,
		                 "the Vulkan loader is older than 1.2: update libvulkan1");
	r = vk->CreateInstance(&info, NULL, &p->instance);
	if (r) {
		p->instance = NULL;
		return rdna4_err(err, ZINC_E_NO_DEVICE,
		                 "no Vulkan driver starts (VkResult %d): install the driver of "
		                 "your GPU", (int)r);
	}
#define LOOK_UP(name)                                                                              \
	vk->name = (PFN_vk##name)vk->GetInstanceProcAddr(p->instance, "vk" #name);
	VK_INSTANCE_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
	return ZINC_OK;
}

/* Devices that cannot serve are dropped; `lacks` tells of the last of them. */
static uint32_t keep_usable(struct rdna4_gpu *gpus, uint32_t n, char *lacks, size_t room)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (gpus[i].lacks[0])
			snprintf(lacks, room, "%.100s lacks %s", gpus[i].props.deviceName,
			         gpus[i].lacks);
		else
			gpus[kept++] = gpus[i];
	}
	return kept;
}

static int list_devices(struct rdna4_plugin *p, struct zinc_err *err)
{
	struct vk_instance_functions *vk = &p->vk;
	VkPhysicalDevice handles[16];
	uint32_t n = sizeof(handles) / sizeof(handles[0]);
	char lacks[224] = "there is none";
	VkResult r = vk->EnumeratePhysicalDevices(p->instance, &n, handles);

	if (r && r != VK_INCOMPLETE)
		return rdna4_err(err, ZINC_E_NO_DEVICE, "Vulkan lists no devices (VkResult %d)",
		                 (int)r);
	p->gpus = rdna4_calloc(p->host, n, sizeof(*p->gpus));
	if (!p->gpus)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for the list of devices");
	for (uint32_t i = 0; i < n; i++) {
		p->gpus[i].handle = handles[i];
		rdna4_gpu_describe(vk, &p->gpus[i]);
	}
	p->n_gpus = keep_usable(p->gpus, n, lacks, sizeof(lacks));
	if (!p->n_gpus)
		return rdna4_err(err, ZINC_E_NO_DEVICE, "no Vulkan device to compute on: %s",
		                 lacks);
	return ZINC_OK;
}

int rdna4_instance_open(struct rdna4_plugin *p, struct zinc_err *err)
{
	struct pin_list before;
	int rc;

	if (p->opened)
		return ZINC_OK;
	rdna4_pin_note(&before);
	rc = load_globals(p, err);
	if (!rc)
		rc = create_instance(p, err);
	if (!rc)
		rc = list_devices(p, err);
	rdna4_pin_new(&before);
	if (rc)
		rdna4_instance_close(p);
	p->opened = rc == ZINC_OK;
	return rc;
}

void rdna4_instance_close(struct rdna4_plugin *p)
{
	rdna4_free(p->host, p->gpus);
	if (p->instance)
		p->vk.DestroyInstance(p->instance, NULL);
	if (p->library)
		dlclose(p->library);
	p->gpus = NULL;
	p->n_gpus = 0;
	p->instance = NULL;
	p->library = NULL;
	p->opened = false;
}

int rdna4_dev_count(void *self, uint32_t *n, struct zinc_err *err)
{
	struct rdna4_plugin *p = self;
	int rc = rdna4_instance_open(p, err);

	*n = p->n_gpus;
	return rc;
}

int rdna4_dev_info(void *self, uint32_t i, struct zinc_dev_info *out)
{
	struct rdna4_plugin *p = self;
	struct zinc_dev_info info = {.buf_align = RDNA4_ALIGN, .n_queues = 1};
	uint32_t room = out->struct_size;
	const struct rdna4_gpu *gpu;

	if (rdna4_instance_open(p, NULL))
		return ZINC_E_NO_DEVICE;
	if (i >= p->n_gpus)
		return ZINC_E_INVALID;
	gpu = &p->gpus[i];
	info.dev_class = gpu->is_null ? ZINC_DEV_SOFT : gpu->dev_class;
	snprintf(info.name, sizeof(info.name), "%.63s", gpu->props.deviceName);
	snprintf(info.driver, sizeof(info.driver), "%s", gpu->driver);
	snprintf(info.pci, sizeof(info.pci), "%s", gpu->pci);
	rdna4_gpu_memory(&p->vk, gpu, &info.mem_total, &info.mem_budget);
	info.struct_size = room < sizeof(info) ? room : (uint32_t)sizeof(info);
	memcpy(out, &info, info.struct_size);
	return ZINC_OK;
}
