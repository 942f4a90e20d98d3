/* device.c - counting, describing, opening and closing devices. */
#include "device.h"

#include <stdio.h>
#include <string.h>

#include "blas.h"
#include "choice.h"
#include "dense.h"
#include "table.h"
#include "wish.h"

static int driver(struct ada_self *self, struct zinc_err *err)
{
	return self->drv.library ? ZINC_OK : ada_driver_open(&self->drv, err);
}

int ada_dev_count(void *self_, uint32_t *n, struct zinc_err *err)
{
	struct ada_self *self = self_;
	int count = 0, rc = driver(self, err);
	CUresult r;

	*n = 0;
	if (rc)
		return rc;
	r = self->drv.cuDeviceGetCount(&count);
	if (r != CUDA_SUCCESS)
		return ada_cu_err(&self->drv, err, r, "counting the GPUs");
	*n = (uint32_t)count;
	return count ? ZINC_OK : ada_err(err, ZINC_E_NO_DEVICE, "the NVIDIA driver sees no GPU");
}

static struct zinc_dev *find_open(const struct ada_self *self, uint32_t i)
{
	for (struct zinc_dev *dev = self->open; dev; dev = dev->next)
		if (dev->index == i)
			return dev;
	return NULL;
}

/* Free memory is known only where a context exists; before that, the card's own
 * memory less what a context takes. */
static void describe_memory(struct ada_self *self, uint32_t i, CUdevice device,
                            struct zinc_dev_info *out)
{
	const uint64_t context = UINT64_C(512) << 20;
	struct zinc_dev *dev = find_open(self, i);
	size_t total = 0, unused = 0;

	self->drv.cuDeviceTotalMem(&total, device);
	out->mem_total = total;
	out->mem_budget = total > context ? total - context : total;
	if (dev && !ada_enter(dev) && self->drv.cuMemGetInfo(&unused, &total) == CUDA_SUCCESS)
		out->mem_budget = unused;
}

/* The caller's struct may be shorter than ours: it gets what fits. */
int ada_dev_info(void *self_, uint32_t i, struct zinc_dev_info *given)
{
	struct ada_self *self = self_;
	const struct ada_driver *drv = &self->drv;
	struct zinc_dev_info info = {0}, *out = &info;
	uint32_t room = given->struct_size;
	CUdevice device;
	int rc = driver(self, NULL);

	if (rc)
		return rc;
	if (drv->cuDeviceGet(&device, (int)i) != CUDA_SUCCESS)
		return ZINC_E_INVALID;
	out->dev_class = ZINC_DEV_DGPU;
	drv->cuDeviceGetName(out->name, sizeof(out->name), device);
	snprintf(out->driver, sizeof(out->driver), "CUDA driver %d.%d", drv->version / 1000,
	         drv->version % 1000 / 10);
	drv->cuDeviceGetPCIBusId(out->pci, sizeof(out->pci), device);
	describe_memory(self, i, device, out);
	out->buf_align = 256;
	out->n_queues = 1;
	info.struct_size = room < sizeof(info) ? room : (uint32_t)sizeof(info);
	memcpy(given, &info, info.struct_size);
	return ZINC_OK;
}

static uint32_t attribute(const struct zinc_dev *dev, CUdevice_attribute which)
{
	int v = 0;

	dev->drv->cuDeviceGetAttribute(&v, which, dev->device);
	return v > 0 ? (uint32_t)v : 0;
}

static int read_limits(struct zinc_dev *dev, struct zinc_err *err)
{
	struct ada_limits *l = &dev->limits;

	l->cc = 10 * attribute(dev, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) +
	        attribute(dev, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
	l->n_sm = attribute(dev, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
	l->smem_block = attribute(dev, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
	l->l2_bytes = attribute(dev, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
	if (l->cc < 80)
		return ada_err(err, ZINC_E_NO_DEVICE,
		               "GPU %u has compute capability %u.%u; this backend needs 8.0 "
		               "(Ampere) or newer", dev->index, l->cc / 10, l->cc % 10);
	return ZINC_OK;
}

static int make_context(struct zinc_dev *dev, struct zinc_err *err)
{
	const struct ada_driver *drv = dev->drv;
	const size_t set = ZINC_SLOT_COUNT * sizeof(uint32_t);
	CUresult r = drv->cuDeviceGet(&dev->device, (int)dev->index);

	if (r != CUDA_SUCCESS)
		return ada_err(err, ZINC_E_INVALID, "there is no GPU %u", dev->index);
	if (read_limits(dev, err))
		return ZINC_E_NO_DEVICE;
	r = drv->cuDevicePrimaryCtxRetain(&dev->ctx, dev->device);
	if (r != CUDA_SUCCESS) {
		dev->ctx = NULL;
		return ada_dev_err(dev, err, r, "opening the GPU");
	}
	r = drv->cuCtxSetCurrent(dev->ctx);
	if (r == CUDA_SUCCESS)
		r = drv->cuStreamCreate(&dev->stream, CU_STREAM_NON_BLOCKING);
	if (r == CUDA_SUCCESS)
		r = drv->cuStreamCreate(&dev->capture, CU_STREAM_NON_BLOCKING);
	if (r == CUDA_SUCCESS)
		r = drv->cuMemAlloc(&dev->params, set);
	if (r == CUDA_SUCCESS)
		r = drv->cuMemHostAlloc((void **)&dev->param_sets, set * ADA_PARAM_SETS, 0);
	return r == CUDA_SUCCESS ? ZINC_OK : ada_dev_err(dev, err, r, "opening the GPU");
}

int ada_dev_open(void *self_, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	struct ada_self *self = self_;
	struct zinc_dev *dev;
	int rc = ada_wishes_check(self->host, err);

	if (!rc)
		rc = driver(self, err);
	if (rc)
		return rc;
	dev = self->host->alloc(self->host->ctx, sizeof(*dev), _Alignof(struct zinc_dev));
	if (!dev)
		return ada_err(err, ZINC_E_NO_MEMORY, "no memory for a device");
	memset(dev, 0, sizeof(*dev));
	dev->self = self;
	dev->host = self->host;
	dev->drv = &self->drv;
	dev->index = i;
	pthread_mutex_init(&dev->lock, NULL);
	pthread_mutex_init(&dev->capture_lock, NULL);
	pthread_mutex_init(&dev->dense_lock, NULL);
	pthread_mutex_init(&dev->tables.lock, NULL);
	rc = make_context(dev, err);
	if (!rc)
		rc = ada_kernels_init(dev, err);
	dev->next = self->open;
	self->open = dev;
	if (rc) {
		ada_dev_close(dev);
		return rc;
	}
	ada_choices_init(dev);
	*out = dev;
	return ZINC_OK;
}

static void destroy_context(struct zinc_dev *dev)
{
	const struct ada_driver *drv = dev->drv;

	drv->cuCtxSetCurrent(dev->ctx);
	if (dev->stream)
		drv->cuStreamSynchronize(dev->stream);
	ada_dense_finish(dev);
	ada_tables_finish(dev);
	ada_blas_destroy(dev->blas);
	ada_kernels_finish(dev);
	ada_transfer_finish(dev);
	if (dev->param_sets)
		drv->cuMemFreeHost(dev->param_sets);
	if (dev->params)
		drv->cuMemFree(dev->params);
	if (dev->capture)
		drv->cuStreamDestroy(dev->capture);
	if (dev->stream)
		drv->cuStreamDestroy(dev->stream);
	drv->cuCtxSetCurrent(NULL);
	drv->cuDevicePrimaryCtxRelease(dev->device);
}

void ada_dev_close(struct zinc_dev *dev)
{
	struct zinc_dev **at;

	if (!dev)
		return;
	for (at = &dev->self->open; *at != dev; at = &(*at)->next)
		;
	*at = dev->next;
	if (dev->ctx)
		destroy_context(dev);
	ada_choices_finish(dev);
	pthread_mutex_destroy(&dev->lock);
	pthread_mutex_destroy(&dev->capture_lock);
	pthread_mutex_destroy(&dev->dense_lock);
	pthread_mutex_destroy(&dev->tables.lock);
	dev->host->free(dev->host->ctx, dev);
}

const struct ada_limits *ada_limits(const struct zinc_dev *dev)
{
	return &dev->limits;
}

const struct zinc_host *ada_host(const struct zinc_dev *dev)
{
	return dev->host;
}

int ada_enter(struct zinc_dev *dev)
{
	if (dev->lost)
		return ZINC_E_DEVICE_LOST;
	return ada_status(dev->drv->cuCtxSetCurrent(dev->ctx));
}

int ada_dev_err(struct zinc_dev *dev, struct zinc_err *err, CUresult r, const char *what)
{
	struct zinc_err own = {0};
	int code = ada_cu_err(dev->drv, &own, r, what);

	if (err)
		*err = own;
	if (code == ZINC_E_DEVICE_LOST && !dev->lost) {
		dev->lost = true;
		dev->host->log(dev->host->ctx, ZINC_LOG_ERROR, own.msg);
	}
	return code;
}
