/* SPDX-License-Identifier: MIT */
/* shape_op.h - does a descriptor keep what its op's header says? For the ops whose
 * rules are the same on every device; a supports() adds what its kernels ask
 * besides. Pure functions on values, like those of shape.h. [any] */
#ifndef ZINC_SHAPE_OP_H
#define ZINC_SHAPE_OP_H

#include <zinc/op.h>
#include <zinc/shape.h>

#ifdef __cplusplus
extern "C" {
#endif

/* F32 rows x, n of them live, with a result in their shape. */
static inline bool zinc_shape_rows_to(const struct zinc_view *x, const struct zinc_view *y,
                                      struct zinc_u32 n)
{
	return zinc_shape_is(x, ZINC_F32) && zinc_shape_rows_fit(x, n) && zinc_shape_f32_as(y, x);
}

static inline bool zinc_glu_ok(const struct zinc_op_glu *d)
{
	return !d->flags && (d->act == ZINC_ACT_SILU || d->act == ZINC_ACT_GELU_TANH) &&
	       d->limit >= 0 && zinc_shape_rows_to(&d->gate, &d->y, d->n) &&
	       zinc_shape_f32_as(&d->up, &d->gate);
}

/* b repeats where it has 1. */
static inline bool zinc_binary_ok(const struct zinc_op_binary *d)
{
	if (d->flags || !zinc_shape_rows_to(&d->a, &d->y, d->n) || !zinc_shape_is(&d->b, ZINC_F32))
		return false;
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (d->b.ne[i] != 1 && d->b.ne[i] != d->a.ne[i])
			return false;
	return true;
}

static inline bool zinc_unary_ok(const struct zinc_op_unary *d)
{
	return !d->flags && zinc_shape_rows_to(&d->x, &d->y, d->n);
}

/* One gate for a row, or one for each element. */
static inline bool zinc_sigmoid_gate_ok(const struct zinc_op_sigmoid_gate *d)
{
	if (d->flags || !zinc_shape_rows_to(&d->x, &d->y, d->n) ||
	    !zinc_shape_is(&d->gate, ZINC_F32) ||
	    (d->gate.ne[0] != 1 && d->gate.ne[0] != d->x.ne[0]))
		return false;
	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		if (d->gate.ne[i] != d->x.ne[i])
			return false;
	return true;
}

/* Which dtypes copy and cast take: the same, or plain ones and F32 to Q8_0. */
static inline bool zinc_copy_types_ok(const struct zinc_op_copy *d)
{
	return !d->flags && d->x.dtype == d->y.dtype;
}

static inline bool zinc_cast_types_ok(const struct zinc_op_copy *d)
{
	bool to_plain;

	if (d->x.dtype >= ZINC_DTYPE_MAX || d->y.dtype >= ZINC_DTYPE_MAX)
		return false;
	to_plain = ZINC_TMASK_PLAIN & ZINC_TBIT(d->y.dtype);
	return !d->flags && (ZINC_TMASK_PLAIN & ZINC_TBIT(d->x.dtype)) &&
	       (to_plain || (d->y.dtype == ZINC_Q8_0 && d->x.dtype == ZINC_F32));
}

#ifdef __cplusplus
}
#endif
#endif /* ZINC_SHAPE_OP_H */
