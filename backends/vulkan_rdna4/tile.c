/* tile.c - which tiles a matrix product with many columns is cut into. */
#include "tile.h"

#include <string.h>

#include "layout.h"
#include "linear.h"
#include "weight.h"

enum { PLAIN_GROUP = 128, PLAIN_BM = 64, PLAIN_BN = 32 };
enum { FEW_COLUMNS = 8 };
/* WIDE tiles that occupy a device once, and several times. */
enum { MANY_TILES = 96, VERY_MANY_TILES = 448 };

/* shaders/linear/tile.glsl */
struct args {
	uint64_t slots, w, expert_first, perm;
	struct rdna4_rows x, y, residual;
	struct rdna4_count n;
	uint32_t w_row, w_expert;
	uint32_t m, k, chosen, x_per_expert, n_expert;
	float scale;
};

/* A tile, elements of a step, steps in shared memory, and a subgroup's part. */
struct cut {
	uint32_t bm, bn, bk, bufs, wm, wn;
};

enum rdna4_tier rdna4_tier_of(const struct zinc_dev *dev)
{
	const char *wish = dev->host->option(dev->host->ctx, "products");
	bool coop = dev->gpu->coop_m && rdna4_has_shader(dev, "linear/mmq_coop");
	bool soft = dev->gpu->dev_class == ZINC_DEV_SOFT;

	if (wish && !strcmp(wish, "plain"))
		return RDNA4_TIER_PLAIN;
	if (wish && !strcmp(wish, "dot"))
		return RDNA4_TIER_DOT;
	if (coop && (!soft || (wish && !strcmp(wish, "coopmat"))))
		return RDNA4_TIER_COOPMAT;
	return dev->gpu->has_dot && !soft ? RDNA4_TIER_DOT : RDNA4_TIER_PLAIN;
}

static bool is_experts(const struct zinc_op_linear *d)
{
	return zinc_view_present(&d->ids);
}

/* The part of each of n subgroups, at least a matrix; false: they do not fit. */
static bool share(const struct rdna4_gpu *gpu, struct cut *c, uint32_t n)
{
	c->wm = c->bm;
	c->wn = c->bn;
	while (c->bm / c->wm * (c->bn / c->wn) < n) {
		if (c->wm > c->wn && c->wm > gpu->coop_m)
			c->wm /= 2;
		else if (c->wn > gpu->coop_n)
			c->wn /= 2;
		else if (c->wm > gpu->coop_m)
			c->wm /= 2;
		else
			return false;
	}
	return c->bm / c->wm * (c->bn / c->wn) == n;
}

static uint32_t coop_group(const struct cut *c)
{
	return c->bm * c->bk / 32;
}

static uint32_t coop_shared(const struct rdna4_gpu *gpu, const struct cut *c)
{
	return c->bufs * (c->bm + c->bn) * (c->bk + 8) * 2 +
	       coop_group(c) / gpu->subgroup * gpu->coop_m * gpu->coop_n * 4;
}

static bool can_cut(const struct rdna4_gpu *gpu, struct cut *c)
{
	uint32_t group = coop_group(c);

	return group <= gpu->props.limits.maxComputeWorkGroupInvocations &&
	       coop_shared(gpu, c) <= gpu->props.limits.maxComputeSharedMemorySize &&
	       group % gpu->subgroup == 0 && share(gpu, c, group / gpu->subgroup);
}

enum { NARROW, MID, WIDE, WIDEST, N_CUTS };

static const char *const cut_names[N_CUTS] = {"narrow", "mid", "wide", "widest"};
static const struct cut cuts[N_CUTS] = {
	[NARROW] = {.bm = 128, .bn = 32, .bk = 64, .bufs = 1},
	[MID] = {.bm = 64, .bn = 64, .bk = 64, .bufs = 1},
	[WIDE] = {.bm = 128, .bn = 128, .bk = 64, .bufs = 1},
	[WIDEST] = {.bm = 128, .bn = 128, .bk = 32, .bufs = 2}};

/* Wide tiles read inputs less often; small ones occupy a device that a matrix with
 * few rows would leave idle. Option "tiles" has the last word. */
static int wish_of(const struct zinc_dev *dev, const struct zinc_op_linear *d)
{
	const char *wish = dev->host->option(dev->host->ctx, "tiles");
	uint32_t n = d->n.imm, tiles;

	for (int i = 0; wish && i < N_CUTS; i++)
		if (!strcmp(wish, cut_names[i]))
			return i;
	if (is_experts(d))
		n = n * d->ids.ne[0] / d->w.ne[2];
	if (n <= 32)
		return NARROW;
	tiles = (d->w.ne[1] / 128) * ((n + 127) / 128) * (is_experts(d) ? d->w.ne[2] : 1);
	if (n <= 64 || tiles < MANY_TILES)
		return MID;
	return tiles < VERY_MANY_TILES ? WIDE : WIDEST;
}

/* The wish, or what a device with less shared memory can do; bm 0: nothing. Few large
 * subgroups would hold too many matrices each. */
static struct cut coop_cut(const struct zinc_dev *dev, const struct zinc_op_linear *d)
{
	int i = wish_of(dev, d);
	struct cut c = cuts[i], mid = cuts[MID], none = {0};

	if (i == WIDEST && coop_group(&c) < 4 * dev->gpu->subgroup)
		c = cuts[WIDE];
	if (can_cut(dev->gpu, &c))
		return c;
	return can_cut(dev->gpu, &mid) ? mid : none;
}

static bool halves_ok(const struct zinc_view *w)
{
	return (w->dtype == ZINC_F16 || w->dtype == ZINC_BF16) && w->off % 4 == 0 &&
	       w->nb[1] % 4 == 0;
}

bool rdna4_tile_ok(const struct zinc_dev *dev, const struct zinc_op_linear *d,
                   enum rdna4_tile_kind kind)
{
	bool packed = rdna4_weight_is_packed(&d->w), by_32 = d->w.ne[0] % 32 == 0;

	if (zinc_view_present(&d->gate_w) || (!packed && d->w.dtype >= ZINC_Q8_0))
		return false;
	switch (kind) {
	case RDNA4_TILE_COOP:
		return rdna4_tier_of(dev) == RDNA4_TIER_COOPMAT && by_32 &&
		       (packed || halves_ok(&d->w)) && coop_cut(dev, d).bm;
	case RDNA4_TILE_Q8:
		return rdna4_tier_of(dev) == RDNA4_TIER_DOT && by_32 && packed &&
		       dev->gpu->subgroup >= 8;
	default:
		return true;
	}
}

static struct args args_of(const struct zinc_op_linear *d, enum rdna4_tile_kind kind)
{
	struct rdna4_linear_args a = rdna4_linear_args(d);

	return (struct args){
		.w = a.w, .expert_first = rdna4_address(&d->expert_first),
		.perm = rdna4_address(&d->perm), .x = a.x, .y = a.y, .residual = a.residual,
		.n = a.n, .w_row = a.w_row, .w_expert = a.w_expert, .m = a.m, .k = a.k,
		.chosen = a.chosen, .x_per_expert = a.x.head != 0, .n_expert = d->w.ne[2],
		.scale = kind == RDNA4_TILE_COOP ? a.scale * RDNA4_ACT_SHRINK : a.scale};
}

/* Rows of tiles by columns of tiles; each expert may have one that is not full. */
static void set_grid(struct rdna4_call *call, const struct zinc_op_linear *d, const struct cut *c)
{
	uint32_t rows = (d->w.ne[1] + c->bm - 1) / c->bm, cells = d->n.imm, all;

	call->groups[2] = 1;
	if (!is_experts(d)) {
		call->groups[0] = (cells + c->bn - 1) / c->bn;
		call->groups[1] = rows;
		return;
	}
	cells *= d->ids.ne[0];
	all = cells / c->bn + d->w.ne[2];
	call->groups[0] = rows;
	call->groups[1] = all < cells ? all : cells;
}

int rdna4_tile_record(struct zinc_cmd *cmd, const struct zinc_op_linear *d,
                      enum rdna4_tile_kind kind)
{
	const struct zinc_dev *dev = rdna4_cmd_dev(cmd);
	const struct rdna4_gpu *gpu = dev->gpu;
	struct cut c = {.bm = PLAIN_BM, .bn = PLAIN_BN};
	struct args args = args_of(d, kind);
	struct rdna4_call call = {.shader = "linear/mmq_f32", .n_spec = 6, .args = &args,
	                          .args_bytes = sizeof(args)};

	/* Few tiles, as of a router, would leave a device idle. */
	if (kind == RDNA4_TILE_F32 && !is_experts(d) && !dev->host->option(dev->host->ctx, "tiles") &&
	    (d->w.ne[1] + c.bm - 1) / c.bm * ((d->n.imm + c.bn - 1) / c.bn) < MANY_TILES)
		return rdna4_linear_columns(cmd, d, FEW_COLUMNS);
	if (kind == RDNA4_TILE_Q8)
		call.shader = gpu->has_dot ? "linear/mmq_q8_dot" : "linear/mmq_q8";
	if (kind == RDNA4_TILE_COOP) {
		c = coop_cut(dev, d);
		call.shader = "linear/mmq_coop";
		call.n_spec = 14;
	}
	memcpy(call.spec,
	       (uint32_t[]){kind == RDNA4_TILE_COOP ? coop_group(&c) : PLAIN_GROUP, d->w.dtype,
	                    c.bm, c.bn, is_experts(d), zinc_view_present(&d->residual),
	                    gpu->subgroup, c.wm, c.wn, gpu->coop_m, gpu->coop_n, gpu->coop_k, c.bk,
	                    c.bufs, 0, 0},
	       sizeof(call.spec));
	rdna4_linear_ranges(&call, d);
	rdna4_reads(&call, &d->expert_first);
	rdna4_reads(&call, &d->perm);
	set_grid(&call, d, &c);
	return rdna4_dispatch(cmd, &call);
}
