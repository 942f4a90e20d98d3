/* device.c - one device, made of nothing. */
#include "null.h"

#include <stdio.h>

int null_dev_count(void *self, uint32_t *n, struct zinc_err *err)
{
	(void)self;
	(void)err;
	*n = 1;
	return ZINC_OK;
}

int null_dev_info(void *self, uint32_t i, struct zinc_dev_info *out)
{
	(void)self;
	if (i != 0)
		return ZINC_E_INVALID;
	out->dev_class = ZINC_DEV_CPU;
	snprintf(out->name, sizeof(out->name), "null device");
	snprintf(out->driver, sizeof(out->driver), "null 0");
	out->pci[0] = '\0';
	out->mem_total = UINT64_C(1) << 40;
	out->mem_budget = out->mem_total;
	out->buf_align = 64;
	out->n_queues = 1;
	return ZINC_OK;
}

int null_dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	const struct zinc_host *host = self;
	struct zinc_dev *dev;

	if (i != 0)
		return null_fail(err, ZINC_E_INVALID, "there is one null device, number 0", "");
	dev = host->alloc(host->ctx, sizeof(*dev), sizeof(void *));
	if (!dev)
		return null_fail(err, ZINC_E_NO_MEMORY, "no memory for the null device", "");
	dev->host = host;
	*out = dev;
	return ZINC_OK;
}

void null_dev_close(struct zinc_dev *dev)
{
	if (dev)
		dev->host->free(dev->host->ctx, dev);
}
