/* device.c - the one device: this machine's CPU and memory. */
#include "device.h"

#include <stdio.h>
#include <string.h>

#include "buffer.h"
#include "isa.h"
#include "kernels.h"
#include "machine.h"
#include "pool.h"

int cpu_dev_count(void *self, uint32_t *n, struct zinc_err *err)
{
	(void)self;
	(void)err;
	*n = 1;
	return ZINC_OK;
}

int cpu_dev_info(void *self, uint32_t i, struct zinc_dev_info *out)
{
	const struct cpu_plugin *p = self;
	struct zinc_dev_info info = {.dev_class = ZINC_DEV_CPU};
	uint32_t room = out->struct_size;

	if (i != 0)
		return ZINC_E_INVALID;
	machine_cpu_name(info.name, sizeof(info.name));
	snprintf(info.driver, sizeof(info.driver), "zinc %s %s", CPU_VERSION, isa_name(p->isa));
	machine_memory(&info.mem_total, &info.mem_budget);
	info.buf_align = CPU_BUF_ALIGN;
	info.n_queues = 1;
	info.struct_size = room < sizeof(info) ? room : (uint32_t)sizeof(info);
	memcpy(out, &info, info.struct_size);
	return ZINC_OK;
}

int cpu_dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err)
{
	const struct cpu_plugin *p = self;
	const struct zinc_host *host = p->host;
	struct zinc_dev *dev;
	int rc;

	if (i != 0)
		return cpu_err(err, ZINC_E_INVALID, "there is no CPU device %u", i);
	dev = host->alloc(host->ctx, sizeof(*dev), _Alignof(struct zinc_dev));
	if (!dev)
		return cpu_err(err, ZINC_E_NO_MEMORY, "out of memory for the CPU device");
	memset(dev, 0, sizeof(*dev));
	dev->host = host;
	dev->n_threads = p->n_threads;
	dev->isa = p->isa;
	dev->kernels = cpu_kernels_of(p->isa);
	rc = cpu_pool_create(host, p->n_threads, &dev->pool, err);
	if (rc) {
		host->free(host->ctx, dev);
		return rc;
	}
	*out = dev;
	return ZINC_OK;
}

void cpu_dev_close(struct zinc_dev *dev)
{
	if (!dev)
		return;
	cpu_pool_destroy(dev->pool);
	dev->host->free(dev->host->ctx, dev);
}
