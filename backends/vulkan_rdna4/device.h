/* device.h - opening a device. */
#ifndef RDNA4_DEVICE_H
#define RDNA4_DEVICE_H

#include "rdna4.h"

int rdna4_dev_open(void *self, uint32_t i, struct zinc_dev **out, struct zinc_err *err);
void rdna4_dev_close(struct zinc_dev *dev);

#endif
