/* shape.h - how row-wise ops walk their views and share them among threads. */
#ifndef CPU_SHAPE_H
#define CPU_SHAPE_H

#include <zinc/shape.h>

#include "cpu.h"

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

/* This piece's part of `count` units of work: [first, end). */
struct shape_part {
	uint64_t first, end;
};

static inline struct shape_part shape_share(const struct cpu_ctx *ctx, uint64_t count)
{
	struct shape_part p = {count * ctx->piece / ctx->n_pieces,
	                       count * (ctx->piece + 1) / ctx->n_pieces};

	return p;
}

/* Pieces are taken in turn by all threads. Each thread has a lane of neighbours, and
 * the lanes' pieces are dealt out alternately: so most threads go on in memory where
 * they were, and find what they have fetched ahead. */
static inline uint32_t shape_in_lanes(const struct cpu_ctx *ctx)
{
	uint32_t lane = ctx->piece % ctx->nth, length = ctx->n_pieces / ctx->nth;
	uint32_t longer = ctx->n_pieces % ctx->nth; /* by one: the first lanes */

	return lane * length + (lane < longer ? lane : longer) + ctx->piece / ctx->nth;
}

/* How to cut `count` units of about `ns` nanoseconds each: one piece where handing
 * them out costs more than it gains, else enough that nobody waits long. */
static inline uint64_t shape_cut(const struct cpu_ctx *ctx, uint64_t count, uint64_t ns)
{
	uint64_t n = count * ns / 3000, most = 8 * (uint64_t)ctx->nth;

	n = n < most ? n : most;
	n = n < count ? n : count;
	return n || !count ? n : 1;
}

#endif
