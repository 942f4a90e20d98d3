/* buffer.c - device memory, and pinned host memory for batch tables and results.
 *
 * DEVICE   memory of the card.
 * UPLOAD   memory of the card with a pinned copy beside it: buf_write() fills the
 *          copy, and the next submit sends what changed, in order with the work.
 * READBACK pinned host memory that kernels write over the bus. */
#include "dense.h"
#include "device.h"

#include <stdio.h>
#include <string.h>

#include "table.h"

static CUresult allocate(struct zinc_buf *buf)
{
	const struct ada_driver *drv = buf->dev->drv;
	size_t bytes = buf->bytes ? buf->bytes : 1;
	CUdeviceptr p = 0;
	CUresult r = CUDA_SUCCESS;

	if (buf->kind != ZINC_MEM_DEVICE) {
		r = drv->cuMemHostAlloc((void **)&buf->host, bytes, CU_MEMHOSTALLOC_DEVICEMAP);
		if (r != CUDA_SUCCESS) {
			buf->host = NULL;
			return r;
		}
		memset(buf->host, 0, bytes);
	}
	if (buf->kind == ZINC_MEM_READBACK) {
		r = drv->cuMemHostGetDevicePointer(&p, buf->host, 0);
	} else {
		r = drv->cuMemAlloc(&p, bytes);
		if (r == CUDA_SUCCESS)
			buf->address = p;
		if (r == CUDA_SUCCESS)
			r = drv->cuMemsetD8Async(p, 0, bytes, buf->dev->stream);
		if (r == CUDA_SUCCESS)
			r = drv->cuStreamSynchronize(buf->dev->stream);
	}
	buf->address = p;
	return r;
}

int ada_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                  struct zinc_err *err)
{
	struct zinc_buf *buf;
	CUresult r;

	if (kind > ZINC_MEM_READBACK)
		return ada_err(err, ZINC_E_UNSUPPORTED, "unknown memory kind %u", kind);
	if (ada_enter(dev))
		return ada_err(err, ZINC_E_DEVICE_LOST, "the GPU is lost; restart the program");
	buf = dev->host->alloc(dev->host->ctx, sizeof(*buf), _Alignof(struct zinc_buf));
	if (!buf)
		return ada_err(err, ZINC_E_NO_MEMORY, "no memory for a buffer");
	*buf = (struct zinc_buf){.dev = dev, .bytes = bytes, .kind = kind};
	r = allocate(buf);
	if (r == CUDA_ERROR_OUT_OF_MEMORY && kind != ZINC_MEM_READBACK && ada_dense_drop(dev)) {
		if (buf->host)
			dev->drv->cuMemFreeHost(buf->host);
		buf->host = NULL;
		r = allocate(buf);
	}
	if (r != CUDA_SUCCESS) {
		char what[96];
		int rc;

		snprintf(what, sizeof(what), "allocating %llu MiB of %s memory",
		         (unsigned long long)(bytes >> 20),
		         kind == ZINC_MEM_DEVICE ? "GPU" : "pinned host");
		rc = ada_dev_err(dev, err, r, what);
		ada_buf_free(buf);
		return rc;
	}
	if (kind == ZINC_MEM_UPLOAD) {
		pthread_mutex_lock(&dev->lock);
		buf->next_upload = dev->uploads;
		dev->uploads = buf;
		pthread_mutex_unlock(&dev->lock);
	}
	*out = buf;
	return ZINC_OK;
}

static void forget_upload(struct zinc_buf *buf)
{
	struct zinc_dev *dev = buf->dev;

	pthread_mutex_lock(&dev->lock);
	for (struct zinc_buf **at = &dev->uploads; *at; at = &(*at)->next_upload)
		if (*at == buf) {
			*at = buf->next_upload;
			break;
		}
	pthread_mutex_unlock(&dev->lock);
}

void ada_buf_free(struct zinc_buf *buf)
{
	const struct ada_driver *drv;

	if (!buf)
		return;
	drv = buf->dev->drv;
	drv->cuCtxSetCurrent(buf->dev->ctx);
	if (buf->kind == ZINC_MEM_UPLOAD)
		forget_upload(buf);
	if (buf->kind == ZINC_MEM_DEVICE && buf->address) {
		ada_dense_forget(buf->dev, buf->address, buf->bytes);
		ada_table_forget(buf->dev, buf->address, buf->bytes);
	}
	if (buf->address && buf->kind != ZINC_MEM_READBACK)
		drv->cuMemFree(buf->address);
	if (buf->host)
		drv->cuMemFreeHost(buf->host);
	buf->dev->host->free(buf->dev->host->ctx, buf);
}

static bool is_inside(const struct zinc_buf *buf, uint64_t off, uint64_t n)
{
	return off <= buf->bytes && n <= buf->bytes - off;
}

int ada_buf_write(struct zinc_buf *buf, uint64_t off, const void *from, uint64_t n)
{
	if (!is_inside(buf, off, n))
		return ZINC_E_INVALID;
	if (!n)
		return ZINC_OK;
	if (buf->kind == ZINC_MEM_DEVICE) {
		ada_dense_forget(buf->dev, buf->address + off, n);
		return ada_copy_in(buf->dev, buf->address + off, from, n);
	}
	pthread_mutex_lock(&buf->dev->lock);
	memcpy(buf->host + off, from, n);
	if (buf->dirty_to == buf->dirty_from) {
		buf->dirty_from = off;
		buf->dirty_to = off + n;
	}
	buf->dirty_from = off < buf->dirty_from ? off : buf->dirty_from;
	buf->dirty_to = off + n > buf->dirty_to ? off + n : buf->dirty_to;
	pthread_mutex_unlock(&buf->dev->lock);
	return ZINC_OK;
}

int ada_buf_read(struct zinc_buf *buf, uint64_t off, void *to, uint64_t n)
{
	if (!is_inside(buf, off, n))
		return ZINC_E_INVALID;
	if (!n)
		return ZINC_OK;
	if (buf->kind == ZINC_MEM_READBACK) {
		memcpy(to, buf->host + off, n);
		return ZINC_OK;
	}
	/* An op may have written over an UPLOAD buffer, so its pinned copy says
	 * nothing about what has been sent. */
	if (buf->kind == ZINC_MEM_UPLOAD && !ada_enter(buf->dev))
		ada_buf_flush(buf->dev);
	return ada_copy_out(buf->dev, to, buf->address + off, n);
}

CUresult ada_buf_flush(struct zinc_dev *dev)
{
	CUresult r = CUDA_SUCCESS;

	pthread_mutex_lock(&dev->lock);
	for (struct zinc_buf *buf = dev->uploads; buf && r == CUDA_SUCCESS; buf = buf->next_upload) {
		uint64_t from = buf->dirty_from, n = buf->dirty_to - from;

		if (!n)
			continue;
		r = dev->drv->cuMemcpyHtoDAsync(buf->address + from, buf->host + from, n,
		                                dev->stream);
		buf->dirty_from = buf->dirty_to = 0;
	}
	pthread_mutex_unlock(&dev->lock);
	return r;
}
