/* table.h - tables of rows (embeddings, per-layer embeddings of several GB) in host memory,
 * which kernels read over the bus by its device address.
 *
 * Which tables: option "tables" = host: all that only embed reads; device: none; unset:
 * on a discrete GPU those of more than a quarter of the memory that is free when the model
 * is planned.
 *
 * On the device a table has a few bytes of its own, at the place that the core gave it:
 * the address of its rows, in GGUF order. */
#ifndef RDNA4_TABLE_H
#define RDNA4_TABLE_H

#include "rdna4.h"

enum { RDNA4_TABLE_PLACE = 256 }; /* bytes on the device */

/* [any] Does this weight, which only embed reads, go to host memory? A line says so. */
bool rdna4_table_goes_to_host(struct zinc_dev *dev, const struct zinc_weight_use *use);
/* [any] Copies src, rows in GGUF order, to host memory as the table of the place at off. */
int rdna4_table_create(struct zinc_dev *dev, const struct zinc_view *w, const void *src,
                       struct zinc_buf *dst, uint64_t off, struct zinc_err *err);
/* [any] Tables with a place in these bytes go: the memory is freed, or gets others. */
void rdna4_table_forget(struct zinc_buf *buf, uint64_t off, uint64_t bytes);

#endif
