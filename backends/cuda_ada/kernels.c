/* kernels.c - finding kernels by name, and launching them.
 *
 * Names are global over all images, so a lookup asks each image in turn; what was
 * found is kept. The driver loads a kernel's code when it is first used. */
#include "device.h"

#include <stdio.h>
#include <string.h>

#include "images.h"

enum { MAX_KERNELS = 1024, SMEM_DEFAULT = 48 << 10 };

struct ada_kernel {
	const char *name;
	struct ada_function function;
};

int ada_kernels_init(struct zinc_dev *dev, struct zinc_err *err)
{
	const struct zinc_host *host = dev->host;
	size_t n_modules = ada_n_images * sizeof(CUmodule);
	size_t n_kernels = MAX_KERNELS * sizeof(struct ada_kernel);

	dev->modules = host->alloc(host->ctx, n_modules, sizeof(void *));
	dev->kernels = host->alloc(host->ctx, n_kernels, sizeof(void *));
	if (!dev->modules || !dev->kernels)
		return ada_err(err, ZINC_E_NO_MEMORY, "no memory for the table of kernels");
	memset(dev->modules, 0, n_modules);
	memset(dev->kernels, 0, n_kernels);
	for (uint32_t i = 0; i < ada_n_images; i++) {
		CUresult r = dev->drv->cuModuleLoadData(&dev->modules[i], ada_images[i].data);

		if (r == CUDA_ERROR_NO_BINARY_FOR_GPU || r == CUDA_ERROR_UNSUPPORTED_PTX_VERSION)
			return ada_err(err, ZINC_E_NO_DEVICE,
			               "the kernels of this build do not run on a GPU of compute "
			               "capability %u.%u with this driver; update the driver",
			               dev->limits.cc / 10, dev->limits.cc % 10);
		if (r != CUDA_SUCCESS) {
			char what[96];

			dev->modules[i] = NULL;
			snprintf(what, sizeof(what), "loading kernels (%s)", ada_images[i].name);
			return ada_dev_err(dev, err, r, what);
		}
	}
	return ZINC_OK;
}

void ada_kernels_finish(struct zinc_dev *dev)
{
	const struct zinc_host *host = dev->host;

	for (uint32_t i = 0; i < ada_n_images && dev->modules; i++)
		if (dev->modules[i])
			dev->drv->cuModuleUnload(dev->modules[i]);
	host->free(host->ctx, dev->modules);
	host->free(host->ctx, dev->kernels);
	dev->modules = NULL;
	dev->kernels = NULL;
}

/* The place of the name in the table, or the free place where it belongs. */
static struct ada_kernel *slot_of(struct zinc_dev *dev, const char *name)
{
	uint32_t h = 2166136261u;

	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	for (uint32_t i = 0; i < MAX_KERNELS; i++) {
		struct ada_kernel *k = &dev->kernels[(h + i) % MAX_KERNELS];

		if (!k->name || !strcmp(k->name, name))
			return k;
	}
	return NULL;
}

static int look_up(struct zinc_dev *dev, struct ada_kernel *k, const char *name,
                   struct zinc_err *err)
{
	for (uint32_t i = 0; i < ada_n_images; i++) {
		CUresult r = dev->drv->cuModuleGetFunction(&k->function.f, dev->modules[i], name);

		if (r == CUDA_SUCCESS) {
			int fixed = 0;

			/* The default is for static and dynamic memory together. */
			dev->drv->cuFuncGetAttribute(&fixed, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES,
			                             k->function.f);
			k->name = name;
			k->function.smem_set = SMEM_DEFAULT - (uint32_t)fixed;
			return ZINC_OK;
		}
		if (r != CUDA_ERROR_NOT_FOUND)
			return ada_dev_err(dev, err, r, name);
	}
	return ada_err(err, ZINC_E_INTERNAL, "no image of this plugin has the kernel %s", name);
}

int ada_kernel_find(struct zinc_dev *dev, const char *name, struct ada_function **out,
                    struct zinc_err *err)
{
	struct ada_kernel *k;
	int rc = ZINC_OK;

	pthread_mutex_lock(&dev->lock);
	k = slot_of(dev, name);
	if (!k)
		rc = ada_err(err, ZINC_E_INTERNAL, "more than %d kernels are in use", MAX_KERNELS);
	else if (!k->name)
		rc = look_up(dev, k, name, err);
	pthread_mutex_unlock(&dev->lock);
	if (!rc)
		*out = &k->function;
	return rc;
}

CUresult ada_kernel_launch(struct zinc_dev *dev, CUstream stream, struct ada_function *f,
                           const struct ada_launch *l)
{
	/* Lets a kernel be set up while the one before still runs; see kernel.cuh. */
	CUlaunchAttribute overlap = {.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
	                             .value.programmaticStreamSerializationAllowed = 1};
	CUlaunchConfig c = {.gridDimX = l->grid[0], .gridDimY = l->grid[1], .gridDimZ = l->grid[2],
	                    .blockDimX = l->block[0], .blockDimY = l->block[1],
	                    .blockDimZ = l->block[2], .sharedMemBytes = l->smem,
	                    .hStream = stream, .attrs = &overlap,
	                    .numAttrs = dev->limits.cc >= 90};
	void *args[] = {(void *)(uintptr_t)l->args};

	return dev->drv->cuLaunchKernelEx(&c, f->f, args, NULL);
}
