/* table.c - tables in pinned host memory: which they are, making and finding them. */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>

#include "device.h"
#include "table_priv.h"

enum { TOLD = 256 << 20 };

/* Option "table_rows", or some thousands in no more than a small part of the GPU's
 * memory. */
static uint32_t slots_wanted(struct zinc_dev *dev, const struct zinc_view *w)
{
	const char *given = dev->host->option(dev->host->ctx, "table_rows");
	uint64_t n = given ? strtoul(given, NULL, 10) : ADA_TABLE_SLOTS, most;
	size_t unused = 0, total = 0;

	if (!given && !ada_enter(dev) &&
	    dev->drv->cuMemGetInfo(&unused, &total) == CUDA_SUCCESS) {
		most = total / 32 / ada_table_row_bytes(w);
		n = n < most ? n : most;
	}
	return n < 1 ? 1 : n < w->ne[1] ? (uint32_t)n : w->ne[1];
}

/* That a table is elsewhere than usual is told to whoever did not ask for it. */
static void tell(struct zinc_dev *dev, const struct zinc_view *w, bool to_host, bool asked)
{
	uint64_t row = ada_table_row_bytes(w), mib = row * w->ne[1] >> 20;
	uint32_t slots = slots_wanted(dev, w);
	char text[200];

	if (to_host)
		snprintf(text, sizeof(text), "a table of %u rows, %llu MiB, lies in host memory; "
		         "of its rows, %u at a time have a copy in %llu MiB of GPU memory "
		         "(option tables)", w->ne[1], (unsigned long long)mib, slots,
		         (unsigned long long)(row * slots >> 20));
	else
		snprintf(text, sizeof(text), "a table of %u rows, %llu MiB, lies in GPU memory "
		         "(option tables)", w->ne[1], (unsigned long long)mib);
	dev->host->log(dev->host->ctx, to_host && !asked ? ZINC_LOG_WARN : ZINC_LOG_INFO, text);
}

static bool is_large(struct zinc_dev *dev, uint64_t bytes)
{
	size_t unused = 0, total = 0;

	return !ada_enter(dev) && dev->drv->cuMemGetInfo(&unused, &total) == CUDA_SUCCESS &&
	       bytes > unused / 4;
}

bool ada_table_goes_to_host(struct zinc_dev *dev, const struct zinc_view *w)
{
	const char *where = dev->host->option(dev->host->ctx, "tables");
	uint64_t bytes = ada_table_row_bytes(w) * w->ne[1];
	bool to_host = where ? !strcmp(where, "host") : is_large(dev, bytes);

	if (to_host || bytes >= TOLD)
		tell(dev, w, to_host, where);
	return to_host;
}

uint64_t ada_table_row_bytes(const struct zinc_view *w)
{
	struct ada_gguf_block b = ada_gguf_block(w->dtype);

	return ((uint64_t)w->ne[0] / b.elems * b.bytes + 15) / 16 * 16;
}

static void *host_array(struct zinc_dev *dev, uint64_t n, uint64_t each)
{
	void *p = dev->host->alloc(dev->host->ctx, n * each, 16);

	if (p)
		memset(p, 0, n * each);
	return p;
}

static CUresult allocate(struct zinc_dev *dev, struct ada_table *t)
{
	const struct ada_driver *drv = dev->drv;
	const size_t orders = 2 * ADA_TABLE_ORDERS * sizeof(struct ada_row_order);
	CUresult r;

	t->slot_of = host_array(dev, t->n_rows, sizeof(*t->slot_of));
	t->slot = host_array(dev, t->n_slots + 1ull, sizeof(*t->slot));
	if (!t->slot_of || !t->slot)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = drv->cuMemHostAlloc((void **)&t->rows, t->row_bytes * t->n_rows,
	                        CU_MEMHOSTALLOC_DEVICEMAP);
	if (r == CUDA_SUCCESS)
		r = drv->cuMemHostAlloc((void **)&t->orders, orders, CU_MEMHOSTALLOC_DEVICEMAP);
	if (r == CUDA_SUCCESS)
		r = drv->cuMemHostGetDevicePointer(&t->rows_at, t->rows, 0);
	if (r == CUDA_SUCCESS)
		r = drv->cuMemHostGetDevicePointer(&t->orders_at, t->orders, 0);
	if (r == CUDA_SUCCESS)
		r = drv->cuMemAlloc(&t->slots, t->row_bytes * t->n_slots);
	if (r == CUDA_SUCCESS)
		r = drv->cuMemAlloc(&t->map, t->n_rows * sizeof(int32_t));
	for (int i = 0; i < 2 && r == CUDA_SUCCESS; i++)
		r = drv->cuEventCreate(&t->done[i], CU_EVENT_DISABLE_TIMING);
	if (r == CUDA_SUCCESS)
		r = drv->cuMemsetD8Async(t->map, 0xff, t->n_rows * sizeof(int32_t), dev->stream);
	return r == CUDA_SUCCESS ? drv->cuStreamSynchronize(dev->stream) : r;
}

static void destroy(struct zinc_dev *dev, struct ada_table *t)
{
	const struct ada_driver *drv = dev->drv;

	if (dev->tables.copy)
		drv->cuStreamSynchronize(dev->tables.copy);
	drv->cuStreamSynchronize(dev->stream);
	for (int i = 0; i < 2; i++)
		if (t->done[i])
			drv->cuEventDestroy(t->done[i]);
	if (t->slots)
		drv->cuMemFree(t->slots);
	if (t->map)
		drv->cuMemFree(t->map);
	if (t->orders)
		drv->cuMemFreeHost(t->orders);
	if (t->rows)
		drv->cuMemFreeHost(t->rows);
	dev->host->free(dev->host->ctx, t->slot_of);
	dev->host->free(dev->host->ctx, t->slot);
	dev->host->free(dev->host->ctx, t);
}

/* The stream that all tables share, and the event of the last list that read one. */
static CUresult make_stream(struct zinc_dev *dev)
{
	struct ada_tables *all = &dev->tables;
	CUresult r = CUDA_SUCCESS;

	if (!all->copy)
		r = dev->drv->cuStreamCreate(&all->copy, CU_STREAM_NON_BLOCKING);
	if (r == CUDA_SUCCESS && !all->busy)
		r = dev->drv->cuEventCreate(&all->busy, CU_EVENT_DISABLE_TIMING);
	return r;
}

static void fill(struct ada_table *t, const struct zinc_view *w, const uint8_t *src)
{
	struct ada_gguf_block b = ada_gguf_block(w->dtype);
	uint64_t bytes = (uint64_t)w->ne[0] / b.elems * b.bytes;

	for (uint32_t i = 0; i < t->n_rows; i++) {
		memcpy(t->rows + i * t->row_bytes, src + i * bytes, bytes);
		memset(t->rows + i * t->row_bytes + bytes, 0, t->row_bytes - bytes);
	}
	memset(t->slot_of, 0xff, t->n_rows * sizeof(*t->slot_of));
	ada_table_lru_init(t);
}

/* Lists that read the table stay good. */
static int refill(struct zinc_dev *dev, struct ada_table *t, const struct zinc_view *w,
                  const void *src, struct zinc_err *err)
{
	CUresult r;

	pthread_mutex_lock(&dev->tables.lock);
	r = dev->drv->cuStreamSynchronize(dev->tables.copy);
	if (r == CUDA_SUCCESS)
		r = dev->drv->cuMemsetD8Async(t->map, 0xff, t->n_rows * sizeof(int32_t),
		                              dev->stream);
	if (r == CUDA_SUCCESS)
		r = dev->drv->cuStreamSynchronize(dev->stream);
	if (r == CUDA_SUCCESS)
		fill(t, w, src);
	pthread_mutex_unlock(&dev->tables.lock);
	return r == CUDA_SUCCESS ? ZINC_OK
	                         : ada_dev_err(dev, err, r, "replacing a table in host memory");
}

int ada_table_create(struct zinc_dev *dev, const struct zinc_view *w, const void *src,
                     uint64_t place, struct zinc_err *err)
{
	const struct zinc_host *host = dev->host;
	struct ada_table *t = ada_table_find(dev, place);
	CUresult r;

	if (ada_enter(dev))
		return ada_err(err, ZINC_E_DEVICE_LOST, "the GPU is lost; restart the program");
	if (t && t->n_rows == w->ne[1] && t->row_bytes == ada_table_row_bytes(w))
		return refill(dev, t, w, src, err);
	ada_table_forget(dev, place, ADA_TABLE_PLACE);
	t = host->alloc(host->ctx, sizeof(*t), _Alignof(struct ada_table));
	if (!t)
		return ada_err(err, ZINC_E_NO_MEMORY, "no memory for a table");
	*t = (struct ada_table){.place = place, .row_bytes = ada_table_row_bytes(w),
	                        .n_rows = w->ne[1]};
	t->n_slots = slots_wanted(dev, w);
	pthread_mutex_lock(&dev->tables.lock);
	r = make_stream(dev);
	if (r == CUDA_SUCCESS)
		r = allocate(dev, t);
	if (r == CUDA_SUCCESS) {
		fill(t, w, src);
		t->next = dev->tables.first;
		dev->tables.first = t;
	} else {
		destroy(dev, t);
	}
	pthread_mutex_unlock(&dev->tables.lock);
	return r == CUDA_SUCCESS ? ZINC_OK
	                         : ada_dev_err(dev, err, r, "putting a table into host memory");
}

void ada_table_forget(struct zinc_dev *dev, uint64_t address, uint64_t bytes)
{
	struct ada_table **at = &dev->tables.first;

	pthread_mutex_lock(&dev->tables.lock);
	while (*at) {
		struct ada_table *t = *at;

		if (t->place >= address + bytes || t->place + ADA_TABLE_PLACE <= address) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		dev->drv->cuCtxSetCurrent(dev->ctx);
		destroy(dev, t);
	}
	pthread_mutex_unlock(&dev->tables.lock);
}

void ada_tables_finish(struct zinc_dev *dev)
{
	struct ada_tables *all = &dev->tables;

	ada_table_forget(dev, 0, UINT64_MAX);
	if (all->busy)
		dev->drv->cuEventDestroy(all->busy);
	if (all->copy)
		dev->drv->cuStreamDestroy(all->copy);
	all->busy = NULL;
	all->copy = NULL;
}

struct ada_table *ada_table_find(struct zinc_dev *dev, uint64_t place)
{
	struct ada_table *t;

	pthread_mutex_lock(&dev->tables.lock);
	for (t = dev->tables.first; t && t->place != place;)
		t = t->next;
	pthread_mutex_unlock(&dev->tables.lock);
	return t;
}

struct ada_table_view ada_table_view(const struct ada_table *t)
{
	return (struct ada_table_view){t->rows_at, t->slots, t->map};
}
