/* buffer.h - device memory. */
#ifndef RDNA4_BUFFER_H
#define RDNA4_BUFFER_H

#include "rdna4.h"

/* Beside enum zinc_mem: of the host, which the device reads over the bus. */
enum { RDNA4_MEM_HOST = ZINC_MEM_READBACK + 1 };

/* As rdna4_buf_alloc(), without clearing it; also of kind RDNA4_MEM_HOST. */
int rdna4_buf_create(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                     struct zinc_err *err);

/* The entries of the backend table. */
int rdna4_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                    struct zinc_err *err);
void rdna4_buf_free(struct zinc_buf *buf);
int rdna4_buf_write(struct zinc_buf *buf, uint64_t off, const void *from, uint64_t n);
int rdna4_buf_read(struct zinc_buf *buf, uint64_t off, void *to, uint64_t n);

#endif
