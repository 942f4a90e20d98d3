/* weight.h - weights as the kernels read them: GGUF order or packed, any
 * weight dtype. */
#ifndef RDNA4_WEIGHT_H
#define RDNA4_WEIGHT_H

#include "rdna4.h"

/* Elements and bytes of a block; 0 where dtype is no weight dtype. */
uint32_t rdna4_block_elems(uint32_t dtype);
uint32_t rdna4_block_bytes(uint32_t dtype);

/* Whole blocks in rows, at addresses where kernels can load them. */
bool rdna4_weight_ok(const struct zinc_view *w);
/* A quantised weight in layout RDNA4_WEIGHT_ROWS. */
bool rdna4_weight_is_packed(const struct zinc_view *w);

#endif
