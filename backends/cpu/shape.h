/* shape.h - what the supports() functions ask of views, and how row-wise ops
 * walk them. */
#ifndef CPU_SHAPE_H
#define CPU_SHAPE_H

#include "cpu.h"

/* Present, of this dtype in GGUF order, elements of dimension 0 adjacent, and
 * every other stride whole elements. Any shape without a dimension of 0. */
bool shape_is(const struct zinc_view *v, uint32_t dtype);
/* shape_is() F32 and at least these dimensions, exactly in 0 and 1. */
bool shape_f32_3d(const struct zinc_view *v, uint32_t ne0, uint32_t ne1, uint32_t min_ne2);
/* shape_is() with [min_ne1, ne0] and nothing above. */
bool shape_2d(const struct zinc_view *v, uint32_t dtype, uint32_t ne0, uint32_t min_ne1);
/* shape_is() with at least min_ne0 elements in dimension 0 and nothing above. */
bool shape_1d(const struct zinc_view *v, uint32_t dtype, uint32_t min_ne0);
/* shape_is() F32 and the shape of `as`. */
bool shape_f32_as(const struct zinc_view *v, const struct zinc_view *as);
bool shape_same(const struct zinc_view *a, const struct zinc_view *b);
/* The recorded n fits a [N, D] or [N, H, D] view. */
bool shape_rows_fit(const struct zinc_view *v, struct zinc_u32 n);

/* The live rows of a [N, D] or [N, H, D] view, counted over both dimensions:
 * row r is (r % inner, r / inner) in dimensions 1 and 2. With n.imm == 1 all of
 * dimension 1 belongs to the one row (op.h). */
struct shape_rows {
	uint64_t inner, count;
};

static inline struct shape_rows shape_live_rows(const struct zinc_view *v, struct zinc_u32 recorded,
                                                uint32_t live)
{
	struct shape_rows r = {v->ne[1], (uint64_t)v->ne[1] * live};

	if (v->ne[2] == 1 && recorded.imm > 1)
		r.inner = r.count = live;
	return r;
}

static inline float *shape_row(const struct zinc_view *v, const struct shape_rows *rows, uint64_t r)
{
	return cpu_f32(v, r % rows->inner, r / rows->inner);
}

/* This thread's part of `count` pieces of work: [first, end). */
struct shape_part {
	uint64_t first, end;
};

static inline struct shape_part shape_share(const struct cpu_ctx *ctx, uint64_t count)
{
	struct shape_part p = {count * ctx->ith / ctx->nth, count * (ctx->ith + 1) / ctx->nth};

	return p;
}

#endif
