/* buffer.h - device memory, which is host memory here. Backend table entries. */
#ifndef CPU_BUFFER_H
#define CPU_BUFFER_H

#include "cpu.h"

enum { CPU_BUF_ALIGN = 64 };

int cpu_buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                  struct zinc_err *err);
int cpu_buf_import(struct zinc_dev *dev, const void *host, uint64_t bytes, struct zinc_buf **out,
                   struct zinc_err *err);
void cpu_buf_free(struct zinc_buf *b);
int cpu_buf_write(struct zinc_buf *b, uint64_t off, const void *src, uint64_t n);
int cpu_buf_read(struct zinc_buf *b, uint64_t off, void *dst, uint64_t n);

#endif
