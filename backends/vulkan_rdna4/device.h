/* device.h - opening a device. */
#ifndef RDNA4_DEVICE_H
#define RDNA4_DEVICE_H

#include "rdna4.h"

int rdna4_dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err);
/* A device that compiles and tells about it; nothing runs on it and it has no memory.
 * ZINC_E_UNSUPPORTED where its driver tells nothing. */
int rdna4_dev_open_to_inspect(struct rdna4_plugin *p, uint32_t i, struct zinc_dev **out,
                              struct zinc_err *err);
void rdna4_dev_close(struct zinc_dev *dev);

#endif
