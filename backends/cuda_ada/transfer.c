/* transfer.c - copies between host memory and the device.
 *
 * A copy from or to pageable memory runs at a fraction of the bus, so bytes go
 * through two pinned halves: one is filled while the other is on its way. The
 * same halves serve staging for weights that are packed on the device. */
#include "device.h"

#include <string.h>

enum { HALF = 16 << 20 };

/* The lock is held. */
static CUresult bounce(struct zinc_dev *dev)
{
	CUresult r = CUDA_SUCCESS;

	if (!dev->bounce)
		r = dev->drv->cuMemHostAlloc((void **)&dev->bounce, 2 * (size_t)HALF, 0);
	if (r != CUDA_SUCCESS)
		dev->bounce = NULL;
	return r;
}

/* Before a half is filled again the stream has drained: the copy of the other
 * half runs while this one is filled. */
static CUresult copy_in(struct zinc_dev *dev, CUdeviceptr to, const uint8_t *from, uint64_t n)
{
	const struct ada_driver *drv = dev->drv;
	CUresult r = bounce(dev);

	for (uint32_t half = 0; n && r == CUDA_SUCCESS; half ^= 1) {
		uint64_t part = n < HALF ? n : HALF;
		uint8_t *pinned = dev->bounce + half * (size_t)HALF;

		memcpy(pinned, from, part);
		r = drv->cuStreamSynchronize(dev->stream);
		if (r == CUDA_SUCCESS)
			r = drv->cuMemcpyHtoDAsync(to, pinned, part, dev->stream);
		to += part;
		from += part;
		n -= part;
	}
	if (r == CUDA_SUCCESS)
		r = drv->cuStreamSynchronize(dev->stream);
	return r;
}

static CUresult copy_out(struct zinc_dev *dev, uint8_t *to, CUdeviceptr from, uint64_t n)
{
	const struct ada_driver *drv = dev->drv;
	CUresult r = bounce(dev);

	while (n && r == CUDA_SUCCESS) {
		uint64_t part = n < HALF ? n : HALF;

		r = drv->cuMemcpyDtoHAsync(dev->bounce, from, part, dev->stream);
		if (r == CUDA_SUCCESS)
			r = drv->cuStreamSynchronize(dev->stream);
		if (r == CUDA_SUCCESS)
			memcpy(to, dev->bounce, part);
		to += part;
		from += part;
		n -= part;
	}
	return r;
}

int ada_copy_in(struct zinc_dev *dev, CUdeviceptr to, const void *from, uint64_t n)
{
	CUresult r;

	if (ada_enter(dev))
		return ZINC_E_DEVICE_LOST;
	pthread_mutex_lock(&dev->lock);
	r = copy_in(dev, to, from, n);
	pthread_mutex_unlock(&dev->lock);
	return r == CUDA_SUCCESS ? ZINC_OK : ada_dev_err(dev, NULL, r, "copying to the GPU");
}

int ada_copy_out(struct zinc_dev *dev, void *to, CUdeviceptr from, uint64_t n)
{
	CUresult r;

	if (ada_enter(dev))
		return ZINC_E_DEVICE_LOST;
	pthread_mutex_lock(&dev->lock);
	r = copy_out(dev, to, from, n);
	pthread_mutex_unlock(&dev->lock);
	return r == CUDA_SUCCESS ? ZINC_OK : ada_dev_err(dev, NULL, r, "copying from the GPU");
}

/* The kept piece where it is free and large enough, else one of its own. */
static CUresult take_stage(struct zinc_dev *dev, uint64_t bytes, CUdeviceptr *p)
{
	CUresult r;

	if (!dev->stage_busy && dev->stage_bytes >= bytes) {
		dev->stage_busy = true;
		*p = dev->stage;
		return CUDA_SUCCESS;
	}
	r = dev->drv->cuMemAlloc(p, bytes);
	if (r == CUDA_SUCCESS && !dev->stage_busy) {
		if (dev->stage)
			dev->drv->cuMemFree(dev->stage);
		dev->stage = *p;
		dev->stage_bytes = bytes;
		dev->stage_busy = true;
	}
	return r;
}

int ada_stage(struct zinc_dev *dev, const void *src, uint64_t bytes, uint64_t *address,
              struct zinc_err *err)
{
	CUdeviceptr p = 0;
	CUresult r;

	if (ada_enter(dev))
		return ada_err(err, ZINC_E_DEVICE_LOST, "the GPU is lost; restart the program");
	pthread_mutex_lock(&dev->lock);
	r = take_stage(dev, bytes, &p);
	if (r == CUDA_SUCCESS)
		r = copy_in(dev, p, src, bytes);
	pthread_mutex_unlock(&dev->lock);
	if (r != CUDA_SUCCESS) {
		if (p)
			ada_unstage(dev, p);
		return ada_dev_err(dev, err, r, "staging a weight on the GPU");
	}
	*address = p;
	return ZINC_OK;
}

void ada_unstage(struct zinc_dev *dev, uint64_t address)
{
	pthread_mutex_lock(&dev->lock);
	if (dev->stage == address)
		dev->stage_busy = false;
	else if (!ada_enter(dev))
		dev->drv->cuMemFree(address);
	pthread_mutex_unlock(&dev->lock);
}

void ada_transfer_finish(struct zinc_dev *dev)
{
	if (dev->bounce)
		dev->drv->cuMemFreeHost(dev->bounce);
	if (dev->stage)
		dev->drv->cuMemFree(dev->stage);
	dev->bounce = NULL;
	dev->stage = 0;
	dev->stage_bytes = 0;
}
