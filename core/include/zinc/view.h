/* SPDX-License-Identifier: MIT */
/* view.h - arithmetic on views, for architectures and backends alike.
 *
 * Pure functions on values; they work on the core's handles as well as on
 * real buffers. [any] */
#ifndef ZINC_VIEW_H
#define ZINC_VIEW_H

#include <stdbool.h>
#include <zinc/types.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline bool zinc_view_present(const struct zinc_view *v)
{
	return v->buf != NULL;
}

static inline uint64_t zinc_view_elems(const struct zinc_view *v)
{
	return (uint64_t)v->ne[0] * v->ne[1] * v->ne[2] * v->ne[3];
}

/* Plain dtypes: every dimension follows the one below without a gap. */
static inline bool zinc_view_is_dense(const struct zinc_view *v)
{
	for (int i = 0; i < ZINC_MAX_DIMS - 1; i++)
		if (v->ne[i + 1] > 1 && v->nb[i + 1] != v->nb[i] * v->ne[i])
			return false;
	return true;
}

/* Splits dimension 0 of a plain view: [T, a*b] becomes [T, b, a] (slowest
 * first), for example a row of heads into heads of `a` lanes. The view must
 * have ne[2] == ne[3] == 1 and ne[0] % a == 0. */
static inline struct zinc_view zinc_view_heads(struct zinc_view v, uint32_t a)
{
	v.ne[2] = v.ne[1];
	v.nb[2] = v.nb[1];
	v.ne[1] = v.ne[0] / a;
	v.nb[1] = v.nb[0] * a;
	v.ne[0] = a;
	v.nb[3] = v.nb[2] * v.ne[2];
	return v;
}

/* Lanes [first, first + n) of dimension 0 of a plain view. */
static inline struct zinc_view zinc_view_lanes(struct zinc_view v, uint32_t first, uint32_t n)
{
	v.off += (uint64_t)first * v.nb[0];
	v.ne[0] = n;
	return v;
}

/* Rows [first, first + n) of dimension 1. Of a weight with a private layout
 * nb[1] is what weight_layout() answered as row_bytes. */
static inline struct zinc_view zinc_view_rows(struct zinc_view v, uint32_t first, uint32_t n)
{
	v.off += (uint64_t)first * v.nb[1];
	v.ne[1] = n;
	return v;
}

static inline struct zinc_u32 zinc_imm(uint32_t value)
{
	struct zinc_u32 u = {value, ZINC_SLOT_NONE};
	return u;
}

static inline struct zinc_u32 zinc_slot(uint32_t slot, uint32_t max)
{
	struct zinc_u32 u = {max, slot};
	return u;
}

#ifdef __cplusplus
}
#endif
#endif /* ZINC_VIEW_H */
