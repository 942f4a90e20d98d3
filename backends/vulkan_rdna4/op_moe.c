/* op_moe.c - routing tokens to experts, and adding up what the experts gave. */
#include "args.h"
#include "ops.h"

enum { ROUTE_GROUP = 64, ROUTE_MOST = 256, LISTS_GROUP = 256, COMBINE_GROUP = 256 };
enum { MAX_EXPERTS = 2048, FEW_EXPERTS = 512, MAX_CHOSEN = 64 };

struct route_args {
	uint64_t slots, ids, weights, bias, expert_scale;
	struct rdna4_rows logits;
	struct rdna4_count n;
	uint32_t n_expert, k, gating, flags;
	float scale;
	uint32_t pad0;
	uint64_t expert_first, perm;
};

struct lists_args {
	uint64_t slots, ids, expert_first, perm;
	struct rdna4_count n;
	uint32_t n_expert, k;
};

struct combine_args {
	uint64_t slots;
	struct rdna4_rows x, y, weights, shared_y, shared_gate, residual;
	struct rdna4_count n;
	uint32_t lanes, k;
};

static bool dense_rows(const struct zinc_view *v, uint32_t dtype, uint32_t k, uint32_t n)
{
	return zinc_shape_2d(v, dtype, k, n) && (v->ne[1] == 1 || v->nb[1] == k * UINT64_C(4));
}

static int route_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_moe_route *d = desc;
	uint32_t n_expert = d->logits.ne[0];

	(void)dev;
	if (variant != 0 || (d->flags & ~ZINC_ROUTE_RENORM) || d->gating > ZINC_GATING_SIGMOID ||
	    d->k == 0 || d->k > n_expert || n_expert > MAX_EXPERTS || d->k > MAX_CHOSEN)
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_2d(&d->logits, ZINC_F32, n_expert, d->n.imm) || !rdna4_fits(&d->logits) ||
	    !dense_rows(&d->ids, ZINC_I32, d->k, d->n.imm) ||
	    !dense_rows(&d->weights, ZINC_F32, d->k, d->n.imm) ||
	    !zinc_shape_1d(&d->expert_first, ZINC_I32, n_expert + 1))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_is(&d->perm, ZINC_I32) || !zinc_view_is_dense(&d->perm) ||
	    zinc_view_elems(&d->perm) < (uint64_t)d->n.imm * d->k)
		return ZINC_E_UNSUPPORTED;
	if ((zinc_view_present(&d->bias) && !zinc_shape_1d(&d->bias, ZINC_F32, n_expert)) ||
	    (zinc_view_present(&d->expert_scale) &&
	     !zinc_shape_1d(&d->expert_scale, ZINC_F32, n_expert)))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

/* One token is listed where it is routed. */
static bool lists_itself(const struct zinc_op_moe_route *d)
{
	return d->n.imm == 1;
}

/* An invocation for each expert, where there are few enough; at least for each chosen. */
static uint32_t route_group(const struct zinc_dev *dev, uint32_t n_expert)
{
	uint32_t group = ROUTE_GROUP, most = dev->gpu->props.limits.maxComputeWorkGroupInvocations;

	while (group < n_expert && group < ROUTE_MOST && 2 * group <= most)
		group *= 2;
	return group;
}

static int choose(struct zinc_cmd *cmd, const struct zinc_op_moe_route *d)
{
	struct route_args args = {
		.ids = rdna4_address(&d->ids), .weights = rdna4_address(&d->weights),
		.bias = rdna4_address(&d->bias), .expert_scale = rdna4_address(&d->expert_scale),
		.logits = rdna4_rows_2d(&d->logits), .n = rdna4_count(d->n),
		.n_expert = d->logits.ne[0], .k = d->k, .gating = d->gating, .flags = d->flags,
		.scale = d->scale, .expert_first = rdna4_address(&d->expert_first),
		.perm = rdna4_address(&d->perm)};
	struct rdna4_call call = {.shader = "moe/route",
	                          .spec = {route_group(rdna4_cmd_dev(cmd), args.n_expert),
	                                   args.n_expert, d->k, zinc_view_present(&d->bias),
	                                   zinc_view_present(&d->expert_scale),
	                                   lists_itself(d)},
	                          .n_spec = 6,
	                          .args = &args, .args_bytes = sizeof(args)};

	rdna4_reads(&call, &d->logits);
	rdna4_reads(&call, &d->bias);
	rdna4_reads(&call, &d->expert_scale);
	rdna4_writes(&call, &d->ids);
	rdna4_writes(&call, &d->weights);
	if (lists_itself(d)) {
		rdna4_writes(&call, &d->expert_first);
		rdna4_writes(&call, &d->perm);
	}
	rdna4_grid(&call, d->n.imm, 1);
	return rdna4_dispatch(cmd, &call);
}

static int list_by_expert(struct zinc_cmd *cmd, const struct zinc_op_moe_route *d)
{
	struct lists_args args = {
		.ids = rdna4_address(&d->ids), .expert_first = rdna4_address(&d->expert_first),
		.perm = rdna4_address(&d->perm), .n = rdna4_count(d->n),
		.n_expert = d->logits.ne[0], .k = d->k};
	struct rdna4_call call = {.shader = "moe/lists", .spec = {LISTS_GROUP, args.n_expert,
	                                   args.n_expert <= FEW_EXPERTS ? 4 : 1},
	                          .n_spec = 3, .args = &args, .args_bytes = sizeof(args)};

	rdna4_reads(&call, &d->ids);
	rdna4_writes(&call, &d->expert_first);
	rdna4_writes(&call, &d->perm);
	rdna4_grid(&call, 1, 1);
	return rdna4_dispatch(cmd, &call);
}

static int route_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	int rc = choose(cmd, desc);

	(void)variant;
	return rc || lists_itself(desc) ? rc : list_by_expert(cmd, desc);
}

static bool absent_or_rows(const struct zinc_view *v, uint32_t lanes, uint32_t n)
{
	return !zinc_view_present(v) || (zinc_shape_2d(v, ZINC_F32, lanes, n) && rdna4_fits(v));
}

static int combine_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_moe_combine *d = desc;
	uint32_t n = d->n.imm, lanes = d->x.ne[0];

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_f32_3d(&d->x, lanes, d->x.ne[1], n) ||
	    !rdna4_fits(&d->x) || !zinc_view_present(&d->y) ||
	    !zinc_shape_2d(&d->weights, ZINC_F32, d->x.ne[1], n) ||
	    !absent_or_rows(&d->y, lanes, n) || !absent_or_rows(&d->shared, lanes, n) ||
	    !absent_or_rows(&d->shared_gate, 1, n) || !absent_or_rows(&d->residual, lanes, n) ||
	    (zinc_view_present(&d->shared_gate) && !zinc_view_present(&d->shared)))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int combine_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_moe_combine *d = desc;
	struct combine_args args = {
		.x = rdna4_rows_3d(&d->x), .y = rdna4_rows_2d(&d->y),
		.weights = rdna4_rows_2d(&d->weights), .shared_y = rdna4_rows_2d(&d->shared),
		.shared_gate = rdna4_rows_2d(&d->shared_gate),
		.residual = rdna4_rows_2d(&d->residual), .n = rdna4_count(d->n),
		.lanes = d->x.ne[0], .k = d->x.ne[1]};
	struct rdna4_call call = {
		.shader = "moe/combine",
		.spec = {COMBINE_GROUP, zinc_view_present(&d->shared),
		         zinc_view_present(&d->shared_gate), zinc_view_present(&d->residual)},
		.n_spec = 4, .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	rdna4_reads(&call, &d->x);
	rdna4_reads(&call, &d->weights);
	rdna4_reads(&call, &d->shared);
	rdna4_reads(&call, &d->shared_gate);
	rdna4_reads(&call, &d->residual);
	rdna4_writes(&call, &d->y);
	rdna4_grid(&call, (uint64_t)d->n.imm * args.lanes, COMBINE_GROUP);
	return rdna4_dispatch(cmd, &call);
}

static int route_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_moe_route, desc, variant, route_run);
}

static int combine_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_moe_combine, desc, variant, combine_run);
}

static const struct zinc_variant variants[] = {{"token", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_moe_route = {
	.struct_size = sizeof(rdna4_op_moe_route),
	.op = ZINC_OP_MOE_ROUTE,
	.name = "moe_route",
	.desc_size = sizeof(struct zinc_op_moe_route),
	.n_variants = 1,
	.variants = variants,
	.supports = route_supports,
	.record = route_record,
};

const struct zinc_op_impl rdna4_op_moe_combine = {
	.struct_size = sizeof(rdna4_op_moe_combine),
	.op = ZINC_OP_MOE_COMBINE,
	.name = "moe_combine",
	.desc_size = sizeof(struct zinc_op_moe_combine),
	.n_variants = 1,
	.variants = variants,
	.supports = combine_supports,
	.record = combine_record,
};
