/* instance.h - the Vulkan loader, its instance, and what devices there are. */
#ifndef RDNA4_INSTANCE_H
#define RDNA4_INSTANCE_H

#include "rdna4.h"

/* Opens the loader and lists the devices, once. ZINC_E_NO_DEVICE with the
 * reason where there is no loader, no driver or no device that will do. */
int rdna4_instance_open(struct rdna4_plugin *p, struct zinc_err *err);
void rdna4_instance_close(struct rdna4_plugin *p);

/* Fills all of gpu but its handle, which is given (gpu.c). */
void rdna4_gpu_describe(const struct vk_instance_functions *vk, struct rdna4_gpu *gpu);
/* Bytes of device memory: all, and what this process may still take. */
void rdna4_gpu_memory(const struct vk_instance_functions *vk, const struct rdna4_gpu *gpu,
                      uint64_t *total, uint64_t *budget);

int rdna4_dev_count(void *self, uint32_t *n, struct zinc_err *err);
int rdna4_dev_info(void *self, uint32_t i, struct zinc_dev_info *out);

#endif
