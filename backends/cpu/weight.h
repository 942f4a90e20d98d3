/* weight.h - the layout of weights on this backend. Backend table entries. */
#ifndef CPU_WEIGHT_H
#define CPU_WEIGHT_H

#include "cpu.h"

int cpu_weight_layout(struct zinc_dev *dev, const struct zinc_weight_use *use,
                      struct zinc_weight_layout *out);
int cpu_weight_pack(struct zinc_dev *dev, const struct zinc_weight_use *use, uint32_t layout,
                    const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err);

#endif
