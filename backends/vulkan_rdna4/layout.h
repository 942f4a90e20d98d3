/* layout.h - how weights and activations lie in device memory, besides GGUF order
 * and plain F32.
 *
 * Weights, RDNA4_WEIGHT_ROWS: see shaders/common/packed.glsl. RDNA4_WEIGHT_HOST: rows in
 *     GGUF order in host memory, their address on the device (table.h).
 * Activations. RDNA4_ACT_Q8: a row is int8 q[K], then for each block of 32 a float
 *     d = max|x| / 127 and two int16, the sums of q of each half; x is about d q.
 *     K % 32 == 0.
 * RDNA4_ACT_F16: a row is K halves of x / RDNA4_ACT_SHRINK, so that values up to a
 *     million fit; the product multiplies by it. K % 32 == 0.
 * Rows start at multiples of 16 bytes; rows past the live ones hold anything. */
#ifndef RDNA4_LAYOUT_H
#define RDNA4_LAYOUT_H

#include "rdna4.h"

#define RDNA4_WEIGHT_GGUF 0u
#define RDNA4_WEIGHT_ROWS 1u
#define RDNA4_WEIGHT_HOST 2u

#define RDNA4_ACT_PLAIN 0u
#define RDNA4_ACT_Q8 1u
#define RDNA4_ACT_F16 2u
#define RDNA4_ACT_SHRINK 16.0f

/* Bytes of a row of k weights in RDNA4_WEIGHT_ROWS. */
uint64_t rdna4_packed_row_bytes(uint32_t dtype, uint32_t k);
/* Bytes of a row of k activations. */
uint64_t rdna4_act_row_bytes(uint32_t layout, uint32_t k);

/* The entries of the backend table; rdna4_act_layout() is in linear.c. */
int rdna4_weight_layout(struct zinc_dev *dev, const struct zinc_weight_use *use,
                        struct zinc_weight_layout *out);
int rdna4_weight_pack(struct zinc_dev *dev, const struct zinc_weight_use *use, uint32_t layout,
                      const void *src, struct zinc_buf *dst, uint64_t off, struct zinc_err *err);
int rdna4_act_layout(struct zinc_dev *dev, uint32_t op, const struct zinc_op_linear *desc,
                     uint32_t variant, struct zinc_act_layout *out);

#endif
