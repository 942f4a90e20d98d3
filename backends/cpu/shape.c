/* shape.c - checks on views for the supports() functions. */
#include "shape.h"

static uint32_t elem_bytes(uint32_t dtype)
{
	switch (dtype) {
	case ZINC_F32:
	case ZINC_I32:
		return 4;
	case ZINC_F16:
	case ZINC_BF16:
		return 2;
	default:
		return 1;
	}
}

bool shape_is(const struct zinc_view *v, uint32_t dtype)
{
	uint32_t bytes = elem_bytes(dtype);

	if (!zinc_view_present(v) || v->dtype != dtype || v->layout || v->off % bytes)
		return false;
	if (dtype < ZINC_Q8_0 && v->nb[0] != bytes)
		return false;
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (v->ne[i] == 0 || (i && v->nb[i] % bytes))
			return false;
	return true;
}

bool shape_f32_3d(const struct zinc_view *v, uint32_t ne0, uint32_t ne1, uint32_t min_ne2)
{
	return shape_is(v, ZINC_F32) && v->ne[0] == ne0 && v->ne[1] == ne1 &&
	       v->ne[2] >= min_ne2 && v->ne[3] == 1;
}

bool shape_2d(const struct zinc_view *v, uint32_t dtype, uint32_t ne0, uint32_t min_ne1)
{
	return shape_is(v, dtype) && v->ne[0] == ne0 && v->ne[1] >= min_ne1 && v->ne[2] == 1 &&
	       v->ne[3] == 1;
}

bool shape_1d(const struct zinc_view *v, uint32_t dtype, uint32_t min_ne0)
{
	return shape_is(v, dtype) && v->ne[0] >= min_ne0 && v->ne[1] == 1 && v->ne[2] == 1 &&
	       v->ne[3] == 1;
}

bool shape_same(const struct zinc_view *a, const struct zinc_view *b)
{
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (a->ne[i] != b->ne[i])
			return false;
	return true;
}

bool shape_f32_as(const struct zinc_view *v, const struct zinc_view *as)
{
	return shape_is(v, ZINC_F32) && shape_same(v, as);
}

bool shape_rows_fit(const struct zinc_view *v, struct zinc_u32 n)
{
	return v->ne[3] == 1 && (v->ne[2] > 1 || n.imm <= 1 ? v->ne[2] : v->ne[1]) >= n.imm;
}
