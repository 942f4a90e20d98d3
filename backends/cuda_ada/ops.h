/* ops.h - the op table, in ops.c. */
#ifndef ADA_OPS_H
#define ADA_OPS_H

#include "ada.h"

enum { ADA_N_OPS = ZINC_OP_COUNT - 3 };
extern const struct zinc_op_impl *const ada_ops[ADA_N_OPS];

#endif
