/* linear.h - what the host files of the linear ops share. The layouts themselves:
 * cuda/linear/layout.h. */
#ifndef ADA_LINEAR_H
#define ADA_LINEAR_H

#include "ada.h"
#include "linear/layout.h"

/* [n.imm == 1] dmmv quantises x itself, block by block, where a row has at most
 * this many elements: cheaper than a launch of quant_act. */
#define ADA_QUANT_INLINE_MAX 8192u

/* Longest row: byte counts of rows stay inside 32 bits. */
#define ADA_MAX_K (1u << 26)

/* Is this descriptor one that dmmv or mmq may take at all? Shapes, dtypes and
 * strides of w, y, gate_w, residual, ids, expert_first and perm as op_linear.h
 * says; w and gate_w in either weight layout; x in any activation layout with the
 * right width (a kernel checks for its own by ada_linear_x_is()). */
bool ada_linear_is_ok(const struct zinc_op_linear *op);

/* x as a kernel wants it: still plain F32 (before act_layout() was asked), or
 * already in `layout`. */
bool ada_linear_x_is(const struct zinc_op_linear *op, uint32_t layout);

/* A quantised weight in layout ADA_WEIGHT_ROWS. */
bool ada_weight_is_packed(const struct zinc_view *w);
/* F32, F16 or BF16. */
bool ada_weight_is_plain(const struct zinc_view *w);

/* Columns of y: tokens of the recording, times experts per token. */
uint32_t ada_linear_cells(const struct zinc_op_linear *op);
/* In the expert form: does each (token, slot) have an x of its own? */
bool ada_linear_x_per_slot(const struct zinc_op_linear *op);

/* Bytes of a row of k activations in a layout. */
uint64_t ada_act_row_bytes(uint32_t layout, uint32_t k);

/* The activation layout that a variant of mmq reads (op_mmq.c); dmmv's the same. */
uint32_t ada_mmq_act(const struct zinc_op_linear *op, uint32_t variant) __attribute__((weak));
uint32_t ada_dmmv_act(const struct zinc_op_linear *op, uint32_t variant) __attribute__((weak));

#endif
