/* device.c - one device, made of nothing. */
#include "null.h"

#include <string.h>

int null_dev_count(void *self, uint32_t *n, struct zinc_err *err)
{
	(void)self;
	(void)err;
	*n = 1;
	return ZINC_OK;
}

/* The caller's struct may be shorter than ours: it gets what fits. */
int null_dev_info(void *self, uint32_t i, struct zinc_dev_info *out)
{
	struct zinc_dev_info info = { .dev_class = ZINC_DEV_CPU, .name = "null device",
		                      .driver = "null 0", .mem_total = UINT64_C(1) << 40,
		                      .mem_budget = UINT64_C(1) << 40, .buf_align = 64,
		                      .n_queues = 1 };
	uint32_t room = out->struct_size;

	(void)self;
	if (i != 0)
		return ZINC_E_INVALID;
	info.struct_size = room < sizeof(info) ? room : (uint32_t)sizeof(info);
	memcpy(out, &info, info.struct_size);
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
