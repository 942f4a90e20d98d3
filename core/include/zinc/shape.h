/* SPDX-License-Identifier: MIT */
/* shape.h - questions that a backend's supports() asks of views.
 *
 * Pure functions on values. They look at shapes, strides and dtypes only, never
 * at buf beyond its presence. [any] */
#ifndef ZINC_SHAPE_H
#define ZINC_SHAPE_H

#include <zinc/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of one element of a plain dtype; 1 for the others. */
static inline uint32_t zinc_plain_bytes(uint32_t dtype)
{
	switch (dtype) {
	case ZINC_F32:
	case ZINC_I32: return 4;
	case ZINC_F16:
	case ZINC_BF16: return 2;
	default: return 1;
	}
}

/* Present, of this dtype in GGUF order, elements of dimension 0 adjacent, and
 * every other stride whole elements. Any shape without a dimension of 0. */
static inline bool zinc_shape_is(const struct zinc_view *v, uint32_t dtype)
{
	uint32_t bytes = zinc_plain_bytes(dtype);

	if (!zinc_view_present(v) || v->dtype != dtype || v->layout || v->off % bytes)
		return false;
	if (dtype < ZINC_Q8_0 && v->nb[0] != bytes)
		return false;
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (v->ne[i] == 0 || (i && v->nb[i] % bytes))
			return false;
	return true;
}

/* F32, exactly ne0 and ne1, at least min_ne2. */
static inline bool zinc_shape_f32_3d(const struct zinc_view *v, uint32_t ne0, uint32_t ne1,
                                     uint32_t min_ne2)
{
	return zinc_shape_is(v, ZINC_F32) && v->ne[0] == ne0 && v->ne[1] == ne1 &&
	       v->ne[2] >= min_ne2 && v->ne[3] == 1;
}

/* [at least min_ne1, ne0] and nothing above. */
static inline bool zinc_shape_2d(const struct zinc_view *v, uint32_t dtype, uint32_t ne0,
                                 uint32_t min_ne1)
{
	return zinc_shape_is(v, dtype) && v->ne[0] == ne0 && v->ne[1] >= min_ne1 &&
	       v->ne[2] == 1 && v->ne[3] == 1;
}

/* At least min_ne0 elements in dimension 0 and nothing above. */
static inline bool zinc_shape_1d(const struct zinc_view *v, uint32_t dtype, uint32_t min_ne0)
{
	return zinc_shape_is(v, dtype) && v->ne[0] >= min_ne0 && v->ne[1] == 1 && v->ne[2] == 1 &&
	       v->ne[3] == 1;
}

static inline bool zinc_shape_same(const struct zinc_view *a, const struct zinc_view *b)
{
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (a->ne[i] != b->ne[i])
			return false;
	return true;
}

/* F32 in the shape of `as`. */
static inline bool zinc_shape_f32_as(const struct zinc_view *v, const struct zinc_view *as)
{
	return zinc_shape_is(v, ZINC_F32) && zinc_shape_same(v, as);
}

/* The slowest dimension with more than one element; 0 if there is none. */
static inline int zinc_shape_slowest(const struct zinc_view *v)
{
	int i = ZINC_MAX_DIMS - 1;

	while (i > 0 && v->ne[i] == 1)
		i--;
	return i;
}

/* The recorded n fits a [N, D] or [N, H, D] view. */
static inline bool zinc_shape_rows_fit(const struct zinc_view *v, struct zinc_u32 n)
{
	return v->ne[3] == 1 && (v->ne[2] > 1 || n.imm <= 1 ? v->ne[2] : v->ne[1]) >= n.imm;
}

#ifdef __cplusplus
}
#endif
#endif /* ZINC_SHAPE_H */
