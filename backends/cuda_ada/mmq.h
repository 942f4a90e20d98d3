/* mmq.h - what the host files of mmq share. */
#ifndef ADA_MMQ_H
#define ADA_MMQ_H

#include "linear.h"
#include "linear/mmq_args.h"

/* Products of the vendor's library, weights dequantised to F16 in scratch memory
 * (mmq_gemm.c): the plain form. Dequantising costs the same for any number of columns,
 * so choice.c says from how many it pays. */
bool ada_mmq_gemm_is_ok(struct zinc_dev *dev, const struct zinc_op_linear *op);
uint64_t ada_mmq_gemm_scratch(struct zinc_dev *dev, const struct zinc_op_linear *op);
/* The launch that writes w's rows as F16 to `to`; its arguments stay in *a. */
struct ada_launch ada_dequant_launch(const struct zinc_view *w, uint64_t to,
                                     struct ada_dequant_args *a);
int ada_mmq_gemm_record(struct zinc_cmd *cmd, const struct zinc_op_linear *op);

/* Tiles, both forms and any number of columns (mmq_tile.c): of quantised and 16-bit
 * weights on F16 tensor cores, of most quantised ones on int8 tensor cores, of F32
 * weights. */
enum ada_mmq_tiles { ADA_TILES_F16, ADA_TILES_INT8, ADA_TILES_F32 };

bool ada_mmq_f16_is_ok(const struct zinc_op_linear *op);
bool ada_mmq_int8_is_ok(const struct zinc_op_linear *op);
bool ada_mmq_f32_is_ok(const struct zinc_op_linear *op);
/* Columns enough for int8 tiles, which are wide, to have something to do? */
bool ada_mmq_fills_int8(const struct zinc_op_linear *op);
uint64_t ada_mmq_tile_scratch(struct zinc_dev *dev, const struct zinc_op_linear *op,
                              enum ada_mmq_tiles tiles);
int ada_mmq_tile_record(struct zinc_cmd *cmd, const struct zinc_op_linear *op,
                        enum ada_mmq_tiles tiles);

/* 16-byte loads are possible anywhere in the rows of this F16 or BF16 weight. */
static inline bool ada_weight_is_even16(const struct zinc_view *w)
{
	return (w->dtype == ZINC_F16 || w->dtype == ZINC_BF16) && !w->layout &&
	       w->off % 16 == 0 && w->nb[1] % 16 == 0 && w->nb[2] % 16 == 0;
}

#endif
