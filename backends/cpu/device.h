/* device.h - the CPU as a device. Backend table entries, and what plugin.c
 * hands them as `self`. */
#ifndef CPU_DEVICE_H
#define CPU_DEVICE_H

#include "cpu.h"

/* The plugin's own state, from init() to fini(). */
struct cpu_plugin {
	const struct zinc_host *host;
	uint32_t n_threads;
	enum cpu_isa isa;
};

int cpu_dev_count(void *self, uint32_t *n, struct zinc_err *err);
int cpu_dev_info(void *self, uint32_t i, struct zinc_dev_info *out);
int cpu_dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err);
void cpu_dev_close(struct zinc_dev *dev);

#endif
