/* tile.h - the kernels of matrix products with many columns (shaders/linear/tile.glsl)
 * and which of them a device uses. */
#ifndef RDNA4_TILE_H
#define RDNA4_TILE_H

#include "rdna4.h"

/* By what products of many columns are made; RDNA4_TIER_PLAIN runs anywhere. */
enum rdna4_tier { RDNA4_TIER_PLAIN, RDNA4_TIER_DOT, RDNA4_TIER_COOPMAT };

/* What suits the device, or what option "products" says and the device can. */
enum rdna4_tier rdna4_tier_of(const struct zinc_dev *dev);

enum rdna4_tile_kind { RDNA4_TILE_COOP, RDNA4_TILE_BYTES, RDNA4_TILE_Q8, RDNA4_TILE_F32 };

/* Of a descriptor that rdna4_linear_ok() accepts. */
bool rdna4_tile_ok(const struct zinc_dev *dev, const struct zinc_op_linear *d,
                   enum rdna4_tile_kind kind);
int rdna4_tile_record(struct zinc_cmd *cmd, const struct zinc_op_linear *d,
                      enum rdna4_tile_kind kind);

#endif
