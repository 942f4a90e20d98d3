/* timeline.c - a counter in pinned memory that the stream writes. */
#include "device.h"

#include <sched.h>
#include <time.h>

struct zinc_timeline {
	struct zinc_dev *dev;
	uint64_t *value; /* pinned; the GPU writes it           */
	CUdeviceptr address;
	uint64_t due;    /* the last value that was enqueued    */
};

int ada_tl_create(struct zinc_dev *dev, uint64_t initial, struct zinc_timeline **out)
{
	const struct zinc_host *host = dev->host;
	const struct ada_driver *drv = dev->drv;
	struct zinc_timeline *tl;
	CUresult r;

	if (ada_enter(dev))
		return ZINC_E_DEVICE_LOST;
	tl = host->alloc(host->ctx, sizeof(*tl), _Alignof(struct zinc_timeline));
	if (!tl)
		return ZINC_E_NO_MEMORY;
	*tl = (struct zinc_timeline){.dev = dev, .due = initial};
	r = drv->cuMemHostAlloc((void **)&tl->value, sizeof(*tl->value),
	                        CU_MEMHOSTALLOC_DEVICEMAP);
	if (r != CUDA_SUCCESS)
		tl->value = NULL;
	else
		r = drv->cuMemHostGetDevicePointer(&tl->address, tl->value, 0);
	if (r != CUDA_SUCCESS) {
		ada_tl_free(tl);
		return ada_dev_err(dev, NULL, r, "making a timeline");
	}
	*tl->value = initial;
	*out = tl;
	return ZINC_OK;
}

void ada_tl_free(struct zinc_timeline *tl)
{
	if (!tl)
		return;
	tl->dev->drv->cuCtxSetCurrent(tl->dev->ctx);
	if (tl->value)
		tl->dev->drv->cuMemFreeHost(tl->value);
	tl->dev->host->free(tl->dev->host->ctx, tl);
}

bool ada_tl_is_due(const struct zinc_timeline *tl, uint64_t value)
{
	return value <= __atomic_load_n(&tl->due, __ATOMIC_ACQUIRE);
}

CUresult ada_tl_enqueue(struct zinc_timeline *tl, uint64_t value)
{
	CUresult r = tl->dev->drv->cuStreamWriteValue64(tl->dev->stream, tl->address, value,
	                                                CU_STREAM_WRITE_VALUE_DEFAULT);

	if (r == CUDA_SUCCESS)
		__atomic_store_n(&tl->due, value, __ATOMIC_RELEASE);
	return r;
}

int ada_tl_value(struct zinc_timeline *tl, uint64_t *out)
{
	*out = __atomic_load_n(tl->value, __ATOMIC_ACQUIRE);
	return ZINC_OK;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Work that failed never writes its value: only the stream tells. */
static int look_at_stream(struct zinc_dev *dev)
{
	CUresult r;

	if (ada_enter(dev))
		return ZINC_E_DEVICE_LOST;
	r = dev->drv->cuStreamQuery(dev->stream);
	if (r == CUDA_SUCCESS || r == CUDA_ERROR_NOT_READY)
		return ZINC_OK;
	ada_dev_err(dev, NULL, r, "waiting for the GPU");
	return ZINC_E_DEVICE_LOST;
}

/* A step takes a millisecond or two, and a sleeping thread wakes 50 us late: so
 * spin for a while, then sleep in short pieces. */
int ada_tl_wait(struct zinc_timeline *tl, uint64_t value, uint64_t timeout_ns)
{
	const uint64_t spin = 5000000, look_every = 10000000;
	uint64_t start = now_ns(), looked = start;

	for (;;) {
		uint64_t now;

		for (int i = 0; i < 256; i++)
			if (__atomic_load_n(tl->value, __ATOMIC_ACQUIRE) >= value)
				return ZINC_OK;
		now = now_ns();
		if (now - looked >= look_every || now - start >= timeout_ns) {
			if (look_at_stream(tl->dev))
				return ZINC_E_DEVICE_LOST;
			looked = now;
		}
		if (now - start >= timeout_ns)
			return __atomic_load_n(tl->value, __ATOMIC_ACQUIRE) >= value
			               ? ZINC_OK : ZINC_E_TIMEOUT;
		if (now - start > spin)
			nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
		else
			sched_yield();
	}
}
