/* op_moe_route.c - router logits to experts, weights and the lists per expert. */
#include "ada.h"
#include "moe/args.h"

/* SMEM: what a block gets without asking. FEW_CELLS: each of so many cells is
 * compared with all others by one block. */
enum { MAX_EXPERTS = 4096, MAX_WARPS = 32, SMEM = 48 << 10, FEW_CELLS = 512 };

static bool dense_rows(const struct zinc_view *v, uint32_t dtype, uint32_t k, uint32_t n)
{
	return zinc_shape_2d(v, dtype, k, n) && (v->ne[1] == 1 || v->nb[1] == k * UINT64_C(4));
}

static bool lists_ok(const struct zinc_op_moe_route *d, uint32_t n_expert)
{
	return zinc_shape_1d(&d->expert_first, ZINC_I32, n_expert + 1) &&
	       zinc_shape_is(&d->perm, ZINC_I32) && zinc_view_is_dense(&d->perm) &&
	       zinc_view_elems(&d->perm) >= (uint64_t)d->n.imm * d->k;
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_moe_route *d = desc;
	uint32_t n_expert = d->logits.ne[0];

	(void)dev;
	if (variant != 0 || (d->flags & ~ZINC_ROUTE_RENORM) || d->gating > ZINC_GATING_SIGMOID ||
	    d->k == 0 || d->k > n_expert || n_expert > MAX_EXPERTS)
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_2d(&d->logits, ZINC_F32, n_expert, d->n.imm) ||
	    !dense_rows(&d->ids, ZINC_I32, d->k, d->n.imm) ||
	    !dense_rows(&d->weights, ZINC_F32, d->k, d->n.imm) || !lists_ok(d, n_expert))
		return ZINC_E_UNSUPPORTED;
	if ((zinc_view_present(&d->bias) && !zinc_shape_1d(&d->bias, ZINC_F32, n_expert)) ||
	    (zinc_view_present(&d->expert_scale) &&
	     !zinc_shape_1d(&d->expert_scale, ZINC_F32, n_expert)))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

/* Shared memory of a warp: keys, the chosen and their p, and cells. */
static uint32_t warp_bytes(const struct zinc_op_moe_route *d)
{
	return (d->logits.ne[0] + 3 * d->k) * (uint32_t)sizeof(uint32_t);
}

static uint32_t tile_tokens(const struct zinc_op_moe_route *d)
{
	uint32_t fit = SMEM / warp_bytes(d);

	return fit < 1 ? 1 : fit < MAX_WARPS ? fit : MAX_WARPS;
}

static bool is_few(const struct zinc_op_moe_route *d)
{
	return d->n.imm <= tile_tokens(d) && (uint64_t)d->n.imm * d->k <= FEW_CELLS;
}

static uint32_t tiles_of(const struct zinc_op_moe_route *d)
{
	return ada_div_up(d->n.imm ? d->n.imm : 1, tile_tokens(d));
}

static uint64_t scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_moe_route *d = desc;

	(void)dev;
	(void)variant;
	return is_few(d) ? 0 : (uint64_t)tiles_of(d) * d->logits.ne[0] * sizeof(uint32_t);
}

static struct ada_route_args args_of(const struct zinc_cmd *cmd, const struct zinc_op_moe_route *d)
{
	struct ada_route_args a = {
		.logits = ada_arg(&d->logits), .ids = ada_address(&d->ids),
		.weights = ada_address(&d->weights), .expert_first = ada_address(&d->expert_first),
		.perm = ada_address(&d->perm), .bias = ada_address(&d->bias),
		.expert_scale = ada_address(&d->expert_scale), .counts = ada_scratch(cmd),
		.params = ada_params(cmd), .n = ada_count(d->n), .n_expert = d->logits.ne[0],
		.k = d->k, .gating = d->gating, .renorm = (d->flags & ZINC_ROUTE_RENORM) != 0,
		.scale = d->scale, .tile_tokens = tile_tokens(d)};

	return a;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_moe_route *d = desc;
	struct ada_route_args a = args_of(cmd, d);
	struct ada_launch l = {.kernel = "moe_route_tile", .grid = {tiles_of(d), 1, 1},
	                       .block = {32 * a.tile_tokens, 1, 1},
	                       .smem = a.tile_tokens * warp_bytes(d), .args = &a,
	                       .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_moe_route, desc, variant))
		return ada_cmd_status(cmd);
	if (is_few(d)) {
		/* A token needs a warp; the lists are quicker with some more. */
		a.tile_tokens = d->n.imm ? d->n.imm : 1;
		l.kernel = "moe_route_few";
		l.block[0] = 32 * (a.tile_tokens < 8 ? 8 : a.tile_tokens);
		l.smem = a.tile_tokens * warp_bytes(d);
		return ada_launch(cmd, &l);
	}
	if (ada_launch(cmd, &l))
		return ada_cmd_status(cmd);
	l.kernel = "moe_route_place";
	l.block[0] = 256;
	l.smem = (2 * a.n_expert + a.tile_tokens * a.k) * (uint32_t)sizeof(uint32_t);
	return ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"warp", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_moe_route = {
	.struct_size = sizeof(ada_op_moe_route),
	.op = ZINC_OP_MOE_ROUTE,
	.name = "moe_route",
	.desc_size = sizeof(struct zinc_op_moe_route),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.scratch = scratch,
	.record = record,
};
