/* tile.c - which tiles a matrix product with many columns is cut into. */
#include "tile.h"

#include <string.h>

#include "layout.h"
#include "linear.h"
#include "weight.h"

/* Plain tiles of 8-bit codes; of F32, several teams to one where there are few. */
enum { Q8_GROUP = 128, Q8_BM = 64, Q8_BN = 32, LARGE = 64, SMALL = 32, OWN = 16 };
enum { FEW_COLUMNS = 8, FEW_ROWS = 16 };
/* WIDE tiles that occupy a device once, and several times; others that do not. */
enum { MANY_TILES = 96, VERY_MANY_TILES = 448, FEW_TILES = 128 };

/* shaders/linear/tile.glsl */
struct args {
	uint64_t slots, w, gate_w, expert_first, perm;
	struct rdna4_rows x, y, residual;
	struct rdna4_count n;
	uint32_t w_row, w_expert;
	uint32_t m, k, experts;
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
	if (coop && (!soft || (wish && (!strcmp(wish, "coopmat") || !strcmp(wish, "int8")))))
		return RDNA4_TIER_COOPMAT;
	return dev->gpu->has_dot && !soft ? RDNA4_TIER_DOT : RDNA4_TIER_PLAIN;
}

static bool is_experts(const struct zinc_op_linear *d)
{
	return zinc_view_present(&d->ids);
}

static bool has_gate(const struct zinc_op_linear *d)
{
	return zinc_view_present(&d->gate_w);
}

/* What a subgroup multiplies at once, of elements of some bytes; a part of a tile has a
 * multiple of least_m rows: with a gate, matrices of both. */
struct matrix {
	uint32_t m, n, k, least_m, bytes;
};

static struct matrix matrix_of(const struct rdna4_gpu *gpu, const struct zinc_op_linear *d,
                               enum rdna4_tile_kind kind)
{
	struct matrix x = {.m = gpu->coop_m, .n = gpu->coop_n, .k = gpu->coop_k, .bytes = 2};

	if (kind == RDNA4_TILE_BYTES)
		x = (struct matrix){.m = gpu->byte_m, .n = gpu->byte_n, .k = gpu->byte_k, .bytes = 1};
	x.least_m = has_gate(d) ? 2 * x.m : x.m;
	return x;
}

/* The part of each of n subgroups, at least a matrix; false: they do not fit. */
static bool share(const struct matrix *x, struct cut *c, uint32_t n)
{
	c->wm = c->bm;
	c->wn = c->bn;
	while (c->bm / c->wm * (c->bn / c->wn) < n) {
		if (c->wm > c->wn && c->wm > x->least_m)
			c->wm /= 2;
		else if (c->wn > x->n)
			c->wn /= 2;
		else if (c->wm > x->least_m)
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

/* Bytes have scales beside them: for each half of a block two of a row; of a column one
 * more. Matrices start at multiples of 16 bytes. */
static uint32_t coop_shared(const struct rdna4_gpu *gpu, const struct matrix *x,
                            const struct cut *c)
{
	uint32_t row = c->bk * x->bytes, scales = 0;

	if (x->bytes == 1) {
		row = x->k < 16 ? c->bk * 16 / x->k : c->bk;
		scales = c->bk / 32 * 4 * (4 * c->bm + 3 * c->bn);
	}
	return c->bufs * ((c->bm + c->bn) * (row + 16) + scales) +
	       coop_group(c) / gpu->subgroup * x->m * x->n * 4;
}

static bool can_cut(const struct rdna4_gpu *gpu, const struct matrix *x, struct cut *c)
{
	uint32_t group = coop_group(c);

	return group <= gpu->props.limits.maxComputeWorkGroupInvocations &&
	       coop_shared(gpu, x, c) <= gpu->props.limits.maxComputeSharedMemorySize &&
	       group % gpu->subgroup == 0 && share(x, c, group / gpu->subgroup);
}

enum { NARROW, DEEP, MID, WIDE, WIDEST, N_CUTS };

static const char *const cut_names[N_CUTS] = {"narrow", "deep", "mid", "wide", "widest"};
static const struct cut cuts[N_CUTS] = {
	[NARROW] = {.bm = 128, .bn = 32, .bk = 64, .bufs = 1},
	[DEEP] = {.bm = 64, .bn = 64, .bk = 128, .bufs = 1},
	[MID] = {.bm = 64, .bn = 64, .bk = 64, .bufs = 1},
	[WIDE] = {.bm = 128, .bn = 128, .bk = 64, .bufs = 1},
	[WIDEST] = {.bm = 128, .bn = 128, .bk = 32, .bufs = 2}};

static uint32_t square_tiles(const struct zinc_op_linear *d, uint32_t edge)
{
	uint32_t rows = d->w.ne[1] * (has_gate(d) ? 2 : 1), n = d->n.imm;

	if (is_experts(d))
		n = n * d->ids.ne[0] / d->w.ne[2] + 1;
	return (rows + edge - 1) / edge * ((n + edge - 1) / edge) * d->w.ne[2];
}

/* Wide tiles read inputs less often; small ones occupy a device that a matrix with few
 * rows would leave idle; deep ones have more subgroups, for tiles that have a compute unit
 * to themselves. Option "tiles" has the last word. */
static int wish_of(const struct zinc_dev *dev, const struct zinc_op_linear *d)
{
	const char *wish = dev->host->option(dev->host->ctx, "tiles");
	uint32_t n = d->n.imm, tiles = square_tiles(d, 128);

	for (int i = 0; wish && i < N_CUTS; i++)
		if (!strcmp(wish, cut_names[i]))
			return i;
	if (is_experts(d))
		n = n * d->ids.ne[0] / d->w.ne[2];
	if (n <= 32)
		return NARROW;
	if (n <= 128 && square_tiles(d, 64) <= FEW_TILES)
		return DEEP;
	if (n <= 128 || tiles < MANY_TILES)
		return MID;
	return tiles < VERY_MANY_TILES ? WIDE : WIDEST;
}

/* The wish, or what a device with less shared memory can do; bm 0: nothing. Few large
 * subgroups would hold too many matrices each. */
static struct cut coop_cut(const struct zinc_dev *dev, const struct zinc_op_linear *d,
                           enum rdna4_tile_kind kind)
{
	int i = wish_of(dev, d);
	struct matrix x = matrix_of(dev->gpu, d, kind);
	struct cut c = cuts[i], mid = cuts[MID], none = {0};

	if (i == WIDEST && coop_group(&c) < 4 * dev->gpu->subgroup)
		c = cuts[WIDE];
	if (can_cut(dev->gpu, &x, &c))
		return c;
	return can_cut(dev->gpu, &x, &mid) ? mid : none;
}

static bool halves_ok(const struct zinc_view *w)
{
	return (w->dtype == ZINC_F16 || w->dtype == ZINC_BF16) && w->off % 4 == 0 &&
	       w->nb[1] % 4 == 0;
}

/* One kernel reads both weights, by the same strides. */
static bool gate_is_like(const struct zinc_op_linear *d)
{
	const struct zinc_view *w = &d->w, *g = &d->gate_w;

	return !has_gate(d) || (g->dtype == w->dtype && g->layout == w->layout &&
	                        g->nb[1] == w->nb[1] && g->off % 4 == w->off % 4 &&
	                        (w->ne[2] == 1 || g->nb[2] == w->nb[2]));
}

/* RDNA4 multiplies bytes at twice the rate of halves, which pays where a block has one
 * scale and no minimum (tests/bench/rdna4.md): making F32 of the integers costs, too. */
static bool wants_bytes(const struct zinc_dev *dev, uint32_t type)
{
	const uint64_t plain = ZINC_TBIT(ZINC_Q8_0) | ZINC_TBIT(ZINC_Q4_0) | ZINC_TBIT(ZINC_Q5_0) |
	                       ZINC_TBIT(ZINC_IQ4_NL) | ZINC_TBIT(ZINC_IQ4_XS) |
	                       ZINC_TBIT(ZINC_MXFP4);
	const VkPhysicalDeviceProperties *p = &dev->gpu->props;
	const char *wish = dev->host->option(dev->host->ctx, "products");
	bool is_rdna4 = p->vendorID == 0x1002 && p->deviceID >= 0x7550 && p->deviceID <= 0x75ff;

	if (dev->inspects)
		return true;
	return wish ? !strcmp(wish, "int8") : is_rdna4 && (plain & ZINC_TBIT(type));
}

static bool bytes_ok(const struct zinc_dev *dev, const struct zinc_op_linear *d)
{
	uint32_t type = d->w.dtype, k = dev->gpu->byte_k;
	/* Both have scales of their own, so a block is two matrices deep or more. */
	bool halves = type == ZINC_Q2_K || type == ZINC_Q3_K || type == ZINC_Q6_K;

	return wants_bytes(dev, type) && k && k <= (halves ? 16 : 32) &&
	       rdna4_has_shader(dev, "linear/mmq_coop_q8");
}

bool rdna4_tile_ok(const struct zinc_dev *dev, const struct zinc_op_linear *d,
                   enum rdna4_tile_kind kind)
{
	bool packed = rdna4_weight_is_packed(&d->w), by_32 = d->w.ne[0] % 32 == 0;

	if (!gate_is_like(d) || d->w.ne[2] > UINT16_MAX || (!packed && d->w.dtype >= ZINC_Q8_0))
		return false;
	switch (kind) {
	case RDNA4_TILE_BYTES:
		return rdna4_tier_of(dev) == RDNA4_TIER_COOPMAT && by_32 && packed &&
		       bytes_ok(dev, d) && coop_cut(dev, d, kind).bm;
	case RDNA4_TILE_COOP:
		return rdna4_tier_of(dev) == RDNA4_TIER_COOPMAT && by_32 &&
		       (packed || halves_ok(&d->w)) && coop_cut(dev, d, kind).bm;
	case RDNA4_TILE_Q8:
		return rdna4_tier_of(dev) == RDNA4_TIER_DOT && by_32 && packed &&
		       dev->gpu->subgroup >= 8;
	default:
		/* Each alone may have a faster kernel. */
		return !has_gate(d) || d->w.dtype == ZINC_F32 ||
		       rdna4_tier_of(dev) == RDNA4_TIER_PLAIN;
	}
}

static struct args args_of(const struct zinc_op_linear *d)
{
	struct rdna4_linear_args a = rdna4_linear_args(d);

	return (struct args){
		.w = a.w, .gate_w = a.gate_w, .expert_first = rdna4_address(&d->expert_first),
		.perm = rdna4_address(&d->perm), .x = a.x, .y = a.y, .residual = a.residual,
		.n = a.n, .w_row = a.w_row, .w_expert = a.w_expert, .m = a.m, .k = a.k,
		.experts = a.chosen | d->w.ne[2] << 16, .scale = a.scale};
}

/* Rows of tiles by columns of tiles; each expert may have one that is not full. */
static void set_grid(struct rdna4_call *call, const struct zinc_op_linear *d, const struct cut *c)
{
	uint32_t bm = has_gate(d) ? c->bm / 2 : c->bm, cells = d->n.imm, all;
	uint32_t rows = (d->w.ne[1] + bm - 1) / bm;

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

static struct rdna4_call coop_call(const struct zinc_dev *dev, const struct zinc_op_linear *d,
                                   enum rdna4_tile_kind kind, struct cut *c)
{
	struct matrix x = matrix_of(dev->gpu, d, kind);

	*c = coop_cut(dev, d, kind);
	return (struct rdna4_call){
		.shader = kind == RDNA4_TILE_BYTES ? "linear/mmq_coop_q8" : "linear/mmq_coop",
		.spec = {[0] = coop_group(c), [7] = dev->gpu->subgroup, [8] = c->wm, [9] = c->wn,
		         [10] = x.m, [11] = x.n, [12] = x.k, [13] = c->bk, [14] = c->bufs},
		.n_spec = 15};
}

static struct rdna4_call q8_call(const struct zinc_dev *dev, struct cut *c)
{
	*c = (struct cut){.bm = Q8_BM, .bn = Q8_BN};
	return (struct rdna4_call){
		.shader = dev->gpu->has_dot ? "linear/mmq_q8_dot" : "linear/mmq_q8",
		.spec = {Q8_GROUP}, .n_spec = 7};
}

static bool starts_at_16(const struct zinc_view *v)
{
	return !zinc_view_present(v) ||
	       (v->off % 16 == 0 && v->nb[1] % 16 == 0 && (v->ne[2] == 1 || v->nb[2] % 16 == 0));
}

static bool by_fours(const struct zinc_op_linear *d)
{
	bool w_ok = d->w.dtype != ZINC_F32 || (starts_at_16(&d->w) && starts_at_16(&d->gate_w));

	return d->w.ne[0] % 4 == 0 && w_ok && starts_at_16(&d->x);
}

static bool f32_fits(const struct rdna4_gpu *gpu, uint32_t edge, uint32_t split)
{
	const VkPhysicalDeviceLimits *l = &gpu->props.limits;

	return edge * edge / OWN * split <= l->maxComputeWorkGroupInvocations &&
	       2 * edge * (32 + 4) * 4 * split <= l->maxComputeSharedMemorySize;
}

/* shaders/linear/mmq_f32.comp */
static struct rdna4_call f32_call(const struct zinc_dev *dev, const struct zinc_op_linear *d,
                                  struct cut *c)
{
	uint32_t edge = LARGE, split = 1;

	if (square_tiles(d, LARGE) < MANY_TILES || !f32_fits(dev->gpu, LARGE, 1)) {
		edge = SMALL;
		split = square_tiles(d, SMALL) < VERY_MANY_TILES ? 4 : 2;
	} else if (square_tiles(d, LARGE) < VERY_MANY_TILES) {
		split = 2;
	}
	while (split > 1 && !f32_fits(dev->gpu, edge, split))
		split /= 2;
	*c = (struct cut){.bm = edge, .bn = edge};
	return (struct rdna4_call){
		.shader = "linear/mmq_f32",
		.spec = {[0] = edge * edge / OWN * split, [7] = split, [8] = by_fours(d)},
		.n_spec = 9};
}

int rdna4_tile_record(struct zinc_cmd *cmd, const struct zinc_op_linear *d,
                      enum rdna4_tile_kind kind)
{
	const struct zinc_dev *dev = rdna4_cmd_dev(cmd);
	struct args args = args_of(d);
	struct rdna4_call call;
	struct cut c;

	/* Most of a tile would be empty. */
	if (kind == RDNA4_TILE_F32 && !is_experts(d) && !has_gate(d) && d->w.ne[1] <= FEW_ROWS)
		return rdna4_linear_columns(cmd, d, FEW_COLUMNS);
	call = kind == RDNA4_TILE_F32  ? f32_call(dev, d, &c)
	       : kind == RDNA4_TILE_Q8 ? q8_call(dev, &c)
	                               : coop_call(dev, d, kind, &c);
	memcpy(call.spec + 1,
	       (uint32_t[]){d->w.dtype, c.bm, c.bn, is_experts(d), zinc_view_present(&d->residual),
	                    has_gate(d) ? d->act : 0},
	       6 * sizeof(*call.spec));
	call.args = &args;
	call.args_bytes = sizeof(args);
	args.x.at = rdna4_linear_ranges(cmd, &call, d);
	rdna4_reads(&call, &d->expert_first);
	rdna4_reads(&call, &d->perm);
	set_grid(&call, d, &c);
	return rdna4_dispatch(cmd, &call);
}
