/* table.c - which tables lie in host memory, making and freeing them. */
#include "table.h"

#include <stdio.h>
#include <string.h>

#include "buffer.h"
#include "instance.h"
#include "layout.h"
#include "weight.h"

enum { TOLD = 256 << 20 };

struct rdna4_table {
	struct rdna4_table *next;
	uint64_t place; /* device address */
	struct zinc_buf *rows;
};

/* Where host and device share their memory nothing would be gained. */
static bool is_large(const struct zinc_dev *dev, uint64_t bytes)
{
	uint64_t total, budget;

	if (dev->gpu->dev_class != ZINC_DEV_DGPU)
		return false;
	rdna4_gpu_memory(&dev->plugin->vk, dev->gpu, &total, &budget);
	return bytes > budget / 4;
}

/* That a table is elsewhere than usual is told to whoever did not ask for it. */
static void tell(const struct zinc_dev *dev, const struct zinc_view *w, bool to_host, bool asked)
{
	unsigned long long mib = w->nb[1] * w->ne[1] >> 20;
	char text[160];

	snprintf(text, sizeof(text), "a table of %u rows, %llu MiB, lies in %s (option tables)",
	         w->ne[1], mib,
	         to_host ? "host memory, and the GPU reads it over the bus" : "GPU memory");
	dev->host->log(dev->host->ctx, to_host && !asked ? ZINC_LOG_WARN : ZINC_LOG_INFO, text);
}

/* One matrix, as kernels read it where it begins at an even address. */
static bool is_readable(const struct zinc_view *w)
{
	struct zinc_view v = *w;

	v.buf = (struct zinc_buf *)(void *)&v;
	v.off = 0;
	return w->ne[2] == 1 && w->ne[3] == 1 && rdna4_weight_ok(&v);
}

bool rdna4_table_goes_to_host(struct zinc_dev *dev, const struct zinc_weight_use *use)
{
	const char *where = dev->host->option(dev->host->ctx, "tables");
	const struct zinc_view *w = &use->view;
	uint64_t bytes = w->nb[1] * w->ne[1];
	bool to_host;

	if (use->roles != ZINC_ROLE_TABLE || !is_readable(w))
		return false;
	to_host = where ? !strcmp(where, "host") : is_large(dev, bytes);
	if (to_host || bytes >= TOLD)
		tell(dev, w, to_host, where);
	return to_host;
}

int rdna4_table_create(struct zinc_dev *dev, const struct zinc_view *w, const void *src,
                       struct zinc_buf *dst, uint64_t off, struct zinc_err *err)
{
	struct rdna4_table *t = rdna4_calloc(dev->host, 1, sizeof(*t));
	uint64_t bytes = w->nb[1] * w->ne[1];
	int rc;

	if (!t)
		return rdna4_err(err, ZINC_E_NO_MEMORY, "out of memory for a table");
	rdna4_table_forget(dst, off, RDNA4_TABLE_PLACE);
	rc = rdna4_buf_create(dev, bytes, RDNA4_MEM_HOST, &t->rows, err);
	if (rc) {
		rdna4_free(dev->host, t);
		return rc;
	}
	memcpy(t->rows->map, src, (size_t)bytes);
	t->place = dst->address + off;
	rc = rdna4_buf_write(dst, off, &t->rows->address, sizeof(t->rows->address));
	pthread_mutex_lock(&dev->tables_lock);
	t->next = dev->tables;
	dev->tables = t;
	pthread_mutex_unlock(&dev->tables_lock);
	return rdna4_step_err(err, rc, "putting a table into host memory");
}

void rdna4_table_forget(struct zinc_buf *buf, uint64_t off, uint64_t bytes)
{
	struct zinc_dev *dev = buf->dev;
	uint64_t first = buf->address + off;
	struct rdna4_table *t, *gone = NULL;

	pthread_mutex_lock(&dev->tables_lock);
	for (struct rdna4_table **at = &dev->tables; *at;) {
		t = *at;
		if (t->place < first || t->place - first >= bytes) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		t->next = gone;
		gone = t;
	}
	pthread_mutex_unlock(&dev->tables_lock);
	while (gone) {
		t = gone;
		gone = t->next;
		rdna4_buf_free(t->rows);
		rdna4_free(dev->host, t);
	}
}
