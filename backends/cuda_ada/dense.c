/* dense.c - F16 copies of quantised weights in GPU memory that nothing else wants. */
#include "dense.h"

#include <stdio.h>
#include <stdlib.h>

#include "choice.h"
#include "device.h"
#include "mmq.h"

struct ada_dense {
	struct ada_dense *next;
	struct zinc_view w; /* buf NULL: free for another weight */
	uint64_t from;      /* w's address */
	CUdeviceptr at;
	uint64_t bytes;
	bool filled;
};

/* Copies of the device, under dense_lock. */
struct ada_dense_list {
	struct ada_dense *first;
	uint64_t budget, used, generation;
	uint32_t n_new;
	bool has_budget, spent;
};

static void tell(struct zinc_dev *dev, uint64_t bytes, const char *what)
{
	char text[160];

	snprintf(text, sizeof(text), "%s %llu MiB of GPU memory (option dense_mib)", what,
	         (unsigned long long)(bytes >> 20));
	dev->host->log(dev->host->ctx, ZINC_LOG_INFO, text);
}

static void find_budget(struct zinc_dev *dev, struct ada_dense_list *l)
{
	const char *mib = dev->host->option(dev->host->ctx, "dense_mib");
	size_t unused = 0, total = 0;

	l->has_budget = true;
	if (mib)
		l->budget = (uint64_t)strtoul(mib, NULL, 10) << 20;
	else if (dev->drv->cuMemGetInfo(&unused, &total) == CUDA_SUCCESS)
		l->budget = unused / 2;
	if (l->budget)
		tell(dev, l->budget, "weights of long prompts are kept as F16 too, in up to");
}

static struct ada_dense_list *list_of(struct zinc_dev *dev)
{
	const struct zinc_host *host = dev->host;

	if (!dev->dense) {
		dev->dense = host->alloc(host->ctx, sizeof(*dev->dense),
		                         _Alignof(struct ada_dense_list));
		if (dev->dense)
			memset(dev->dense, 0, sizeof(*dev->dense));
	}
	if (dev->dense && !dev->dense->has_budget)
		find_budget(dev, dev->dense);
	return dev->dense;
}

static bool is_same(const struct ada_dense *d, const struct zinc_view *w)
{
	return d->w.buf == w->buf && d->from == ada_address(w) && d->w.dtype == w->dtype &&
	       d->w.ne[0] == w->ne[0] && d->w.ne[1] == w->ne[1] && d->w.nb[1] == w->nb[1];
}

/* One whose weight is gone, or a new one. */
static struct ada_dense *spare(struct zinc_dev *dev, struct ada_dense_list *l)
{
	const struct zinc_host *host = dev->host;
	struct ada_dense *d = l->first;

	while (d && d->w.buf)
		d = d->next;
	if (d)
		return d;
	d = host->alloc(host->ctx, sizeof(*d), _Alignof(struct ada_dense));
	if (!d)
		return NULL;
	*d = (struct ada_dense){.next = l->first};
	l->first = d;
	return d;
}

static struct ada_dense *add(struct zinc_dev *dev, struct ada_dense_list *l,
                             const struct zinc_view *w)
{
	uint64_t bytes = 2ull * w->ne[0] * w->ne[1];
	struct ada_dense *d;
	CUdeviceptr at;

	if (bytes > l->budget - l->used) {
		if (!l->spent)
			tell(dev, l->used, "the other weights get no F16 copy and are unpacked for each "
			     "prompt: there is no room past");
		l->spent = true;
		return NULL;
	}
	d = spare(dev, l);
	if (!d || dev->drv->cuMemAlloc(&at, bytes) != CUDA_SUCCESS)
		return NULL;
	d->w = *w;
	d->from = ada_address(w);
	d->at = at;
	d->bytes = bytes;
	d->filled = false;
	l->used += bytes;
	l->n_new++;
	return d;
}

struct ada_dense *ada_dense_of(struct zinc_dev *dev, const struct zinc_view *w)
{
	struct ada_dense_list *l;
	struct ada_dense *d = NULL;

	/* What is measured is the way that any weight can go. */
	if (!ada_weight_is_packed(w) || (dev->choices && dev->choices->measuring) ||
	    ada_enter(dev))
		return NULL;
	pthread_mutex_lock(&dev->dense_lock);
	l = list_of(dev);
	for (d = l ? l->first : NULL; d && !is_same(d, w);)
		d = d->next;
	if (l && !d && l->budget)
		d = add(dev, l, w);
	pthread_mutex_unlock(&dev->dense_lock);
	return d;
}

uint64_t ada_dense_address(const struct ada_dense *d)
{
	return d ? d->at : 0;
}

static CUresult fill_one(struct zinc_dev *dev, struct ada_dense *d)
{
	struct ada_dequant_args a;
	struct ada_launch l = ada_dequant_launch(&d->w, d->at, &a);
	struct ada_function *f;

	if (ada_kernel_find(dev, l.kernel, &f, NULL))
		return CUDA_ERROR_NOT_FOUND;
	d->filled = true;
	return ada_kernel_launch(dev, dev->stream, f, &l);
}

CUresult ada_dense_fill(struct zinc_dev *dev)
{
	CUresult r = CUDA_SUCCESS;

	pthread_mutex_lock(&dev->dense_lock);
	if (dev->dense && dev->dense->n_new) {
		for (struct ada_dense *d = dev->dense->first; d && r == CUDA_SUCCESS; d = d->next)
			if (d->at && !d->filled)
				r = fill_one(dev, d);
		dev->dense->n_new = 0;
		tell(dev, dev->dense->used, "weights of long prompts are kept as F16 in");
	}
	pthread_mutex_unlock(&dev->dense_lock);
	return r;
}

/* Nothing that was enqueued reads it any more: the driver frees no sooner. */
static void remove_copy(struct zinc_dev *dev, struct ada_dense *d)
{
	if (!d->at)
		return;
	dev->drv->cuStreamSynchronize(dev->stream);
	dev->drv->cuMemFree(d->at);
	d->at = 0;
	dev->dense->used -= d->bytes;
	dev->dense->generation++;
}

void ada_dense_forget(struct zinc_dev *dev, uint64_t address, uint64_t bytes)
{
	pthread_mutex_lock(&dev->dense_lock);
	for (struct ada_dense *d = dev->dense ? dev->dense->first : NULL; d; d = d->next) {
		if (!d->w.buf || d->from >= address + bytes ||
		    d->from + d->w.nb[1] * d->w.ne[1] <= address || ada_enter(dev))
			continue;
		remove_copy(dev, d);
		d->w.buf = NULL;
	}
	pthread_mutex_unlock(&dev->dense_lock);
}

bool ada_dense_drop(struct zinc_dev *dev)
{
	bool any;

	pthread_mutex_lock(&dev->dense_lock);
	any = dev->dense && dev->dense->used;
	for (struct ada_dense *d = any ? dev->dense->first : NULL; d; d = d->next)
		remove_copy(dev, d);
	if (any) {
		dev->dense->budget = 0;
		dev->host->log(dev->host->ctx, ZINC_LOG_INFO,
		               "GPU memory is short: weights are no longer kept as F16");
	}
	pthread_mutex_unlock(&dev->dense_lock);
	return any;
}

uint64_t ada_dense_generation(struct zinc_dev *dev)
{
	uint64_t n;

	pthread_mutex_lock(&dev->dense_lock);
	n = dev->dense ? dev->dense->generation : 0;
	pthread_mutex_unlock(&dev->dense_lock);
	return n;
}

void ada_dense_finish(struct zinc_dev *dev)
{
	const struct zinc_host *host = dev->host;

	while (dev->dense && dev->dense->first) {
		struct ada_dense *d = dev->dense->first;

		dev->dense->first = d->next;
		if (d->at)
			dev->drv->cuMemFree(d->at);
		host->free(host->ctx, d);
	}
	host->free(host->ctx, dev->dense);
	dev->dense = NULL;
}
