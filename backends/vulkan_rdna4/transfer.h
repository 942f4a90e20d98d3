/* transfer.h - moving bytes between the host and memory that it cannot see.
 *
 * All functions are [any] and complete before they return. */
#ifndef RDNA4_TRANSFER_H
#define RDNA4_TRANSFER_H

#include "rdna4.h"

enum { RDNA4_TRANSFER_MAX = 8 << 20 }; /* bytes of a slot of the ring */

int rdna4_transfer_create(struct zinc_dev *dev, struct rdna4_transfer **out,
                          struct zinc_err *err);
void rdna4_transfer_destroy(struct rdna4_transfer *t); /* NULL ok */

int rdna4_transfer_write(struct rdna4_transfer *t, struct zinc_buf *dst, uint64_t off,
                         const void *from, uint64_t n);
int rdna4_transfer_read(struct rdna4_transfer *t, struct zinc_buf *src, uint64_t off, void *to,
                        uint64_t n);
/* Rows of weights, GGUF order to RDNA4_WEIGHT_ROWS (layout.h). */
struct rdna4_packing {
	uint32_t dtype, k;
	uint64_t rows;
	uint32_t src_row, dst_row; /* bytes of a row; src_row <= RDNA4_TRANSFER_MAX */
};

int rdna4_transfer_pack(struct rdna4_transfer *t, const struct rdna4_packing *p,
                        struct zinc_buf *dst, uint64_t off, const void *from,
                        struct zinc_err *err);
int rdna4_transfer_clear(struct rdna4_transfer *t, struct zinc_buf *buf);

#endif
