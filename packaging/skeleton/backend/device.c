/* device.c - one device: the host itself. */
#include "proto.h"

#include <string.h>
#include <unistd.h>

int proto_dev_count(void *self, uint32_t *n, struct zinc_err *err)
{
	(void)self;
	(void)err;
	*n = 1;
	return ZINC_OK;
}

/* out->struct_size is the host's: an older one's struct is shorter. */
int proto_dev_info(void *self, uint32_t i, struct zinc_dev_info *out)
{
	struct zinc_dev_info info = {
		.struct_size = out->struct_size,
		.dev_class = ZINC_DEV_SOFT, /* never chosen unless it is named */
		.name = "host memory",
		.driver = "proto 0",
		.buf_align = 64,
		.n_queues = 1,
	};
	size_t n = out->struct_size < sizeof(info) ? out->struct_size : sizeof(info);

	(void)self;
	if (i != 0)
		return ZINC_E_INVALID;
	info.mem_total = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	info.mem_budget = info.mem_total;
	memcpy(out, &info, n);
	return ZINC_OK;
}

int proto_dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	const struct zinc_host *host = self;
	struct zinc_dev *dev;

	if (i != 0)
		return proto_fail(err, ZINC_E_INVALID, "there is one device, number 0");
	dev = host->alloc(host->ctx, sizeof(*dev), sizeof(void *));
	if (!dev)
		return proto_fail(err, ZINC_E_NO_MEMORY, "no memory for the device");
	dev->host = host;
	*out = dev;
	return ZINC_OK;
}

void proto_dev_close(struct zinc_dev *dev)
{
	if (dev)
		dev->host->free(dev->host->ctx, dev);
}
