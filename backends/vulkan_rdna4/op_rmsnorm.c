/* op_rmsnorm.c - the RMS norm with all its fusions, a workgroup per row. */
#include "join.h"

#include <string.h>

#include "args.h"
#include "ops.h"

/* MAX_OWN: so many fours an invocation takes where no larger workgroup is to be had. */
enum { MIN_GROUP = 64, MAX_GROUP = 1024, OWN = 4, MAX_OWN = 64 };

/* shaders/rows/rmsnorm.comp */
struct args {
	uint64_t slots, weight;
	struct rdna4_rows x, y, residual, sum, gate, after;
	uint64_t quants;
	struct rdna4_count n;
	uint32_t heads, quant_row;
	float eps;
	uint32_t quant_heads;
	uint64_t factor, second_weight;
	struct rdna4_rows second_y;
	float second_eps;
	uint32_t pad0;
};

/* Specialisation constants by their numbers in shaders/variants.ini. */
enum { GROUP, WEIGHT, RESIDUAL, GATE, AFTER, LANES, QUANT, FACTOR, SECOND, FOURS, N_SPEC };
enum { SECOND_PLAIN = 1, SECOND_WEIGHT = 2 };

/* About two times four elements to an invocation; a sum's order depends on this. */
static uint32_t group_of(const struct zinc_dev *dev, uint32_t lanes)
{
	uint32_t group = MIN_GROUP, most = dev->gpu->props.limits.maxComputeWorkGroupInvocations;

	while (2 * group <= most && group < MAX_GROUP && 2 * OWN * group < lanes)
		group *= 2;
	return group;
}

static bool absent_or_as(const struct zinc_view *v, const struct zinc_view *as)
{
	return !zinc_view_present(v) || (zinc_shape_f32_as(v, as) && rdna4_fits(v));
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_rmsnorm *d = desc;

	if (variant != 0 || d->flags || d->x.ne[0] > OWN * MAX_OWN * group_of(dev, d->x.ne[0]) ||
	    !zinc_shape_is(&d->x, ZINC_F32) ||
	    !zinc_shape_rows_fit(&d->x, d->n) || !rdna4_fits(&d->x))
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&d->weight) &&
	    (!zinc_shape_1d(&d->weight, ZINC_F32, 1) || d->weight.ne[0] != d->x.ne[0]))
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&d->residual) != zinc_view_present(&d->sum))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_view_present(&d->y) || !absent_or_as(&d->y, &d->x) ||
	    !absent_or_as(&d->residual, &d->x) || !absent_or_as(&d->sum, &d->x) ||
	    !absent_or_as(&d->gate, &d->x) || !absent_or_as(&d->after, &d->x))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

/* Whether all rows are read and written by fours. */
static bool by_fours(const struct args *a, uint32_t lanes)
{
	const struct rdna4_rows *rows[] = {&a->x, &a->y, &a->residual, &a->sum, &a->gate, &a->after,
	                                   &a->second_y};
	uint64_t any = a->weight | a->second_weight | 4 * (uint64_t)lanes;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		any |= rows[i]->at | 4 * (uint64_t)rows[i]->token | 4 * (uint64_t)rows[i]->head;
	return any % 16 == 0;
}

/* The norm that was recorded last leaves these rows, and nothing was made of them yet. */
static bool norm_before(const struct zinc_cmd *cmd, const struct zinc_view *x, struct zinc_u32 n,
                        struct rdna4_call *call, struct args *args)
{
	struct rdna4_dims dims = rdna4_dims(x, n);
	struct rdna4_rows rows = rdna4_rows(x, dims);

	return rdna4_call_before(cmd, "rows/rmsnorm", call, args, sizeof(*args)) &&
	       !call->spec[QUANT] && !call->spec[SECOND] && args->n.imm == n.imm &&
	       args->n.slot == n.slot && args->heads == dims.heads &&
	       call->spec[LANES] == x->ne[0] && !memcmp(&rows, &args->y, sizeof(rows));
}

/* A norm of what a norm left. One row alone is read before its result is written. */
static bool join_second(struct zinc_cmd *cmd, const struct zinc_op_rmsnorm *d)
{
	struct rdna4_call call = {.n_spec = 0};
	struct args args;

	if (zinc_view_present(&d->residual) || zinc_view_present(&d->gate) ||
	    zinc_view_present(&d->after) || !norm_before(cmd, &d->x, d->n, &call, &args))
		return false;
	call.spec[SECOND] = zinc_view_present(&d->weight) ? SECOND_WEIGHT : SECOND_PLAIN;
	args.second_weight = rdna4_address(&d->weight);
	args.second_y = rdna4_rows(&d->y, rdna4_dims(&d->x, d->n));
	args.second_eps = d->eps;
	call.spec[FOURS] = by_fours(&args, call.spec[LANES]);
	call.behind = d->n.imm == 1 && args.heads == 1;
	rdna4_reads(&call, &d->weight);
	rdna4_writes(&call, &d->y);
	return rdna4_call_instead(cmd, &call);
}

bool rdna4_rmsnorm_mul(struct zinc_cmd *cmd, const struct zinc_op_binary *d)
{
	struct rdna4_call call = {.n_spec = 0};
	struct rdna4_rows y = rdna4_rows(&d->y, rdna4_dims(&d->a, d->n));
	struct args args;

	if (zinc_view_elems(&d->b) != 1 || !norm_before(cmd, &d->a, d->n, &call, &args) ||
	    call.spec[FACTOR] || memcmp(&y, &args.y, sizeof(y)))
		return false;
	call.spec[FACTOR] = 1;
	args.factor = rdna4_address(&d->b);
	rdna4_reads(&call, &d->b);
	return rdna4_call_instead(cmd, &call);
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_rmsnorm *d = desc;
	struct rdna4_dims dims = rdna4_dims(&d->x, d->n);
	struct args args = {
		.weight = rdna4_address(&d->weight), .x = rdna4_rows(&d->x, dims),
		.y = rdna4_rows(&d->y, dims), .residual = rdna4_rows(&d->residual, dims),
		.sum = rdna4_rows(&d->sum, dims), .gate = rdna4_rows(&d->gate, dims),
		.after = rdna4_rows(&d->after, dims), .n = rdna4_count(d->n),
		.heads = dims.heads, .eps = d->eps};
	struct rdna4_call call = {
		.shader = "rows/rmsnorm",
		.spec = {group_of(rdna4_cmd_dev(cmd), d->x.ne[0]), zinc_view_present(&d->weight),
		         zinc_view_present(&d->residual), zinc_view_present(&d->gate),
		         zinc_view_present(&d->after), d->x.ne[0], 0, 0, 0,
		         by_fours(&args, d->x.ne[0])},
		.n_spec = N_SPEC, .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	if (join_second(cmd, d))
		return ZINC_OK;
	rdna4_reads(&call, &d->x);
	rdna4_reads(&call, &d->weight);
	rdna4_reads(&call, &d->residual);
	rdna4_reads(&call, &d->gate);
	rdna4_reads(&call, &d->after);
	rdna4_writes(&call, &d->sum);
	rdna4_writes(&call, &d->y);
	rdna4_grid(&call, (uint64_t)d->n.imm * dims.heads, 1);
	return rdna4_dispatch(cmd, &call);
}

/* Rows of the norm in a row that is quantised; 0: it is another one. */
static uint32_t rows_in(const struct zinc_op_quant_act *q, const struct args *a,
                        const struct rdna4_rows *y, uint32_t lanes)
{
	struct rdna4_dims dims = rdna4_dims(&q->x, q->n);
	struct rdna4_rows x = rdna4_rows(&q->x, dims);

	if (a->heads == dims.heads && lanes == q->x.ne[0] && !memcmp(&x, y, sizeof(x)))
		return 1;
	return dims.heads == 1 && x.at == y->at && (q->n.imm == 1 || x.token == y->token) &&
	       y->head == lanes && lanes % 32 == 0 && q->x.ne[0] == a->heads * lanes ? a->heads : 0;
}

bool rdna4_rmsnorm_join(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how)
{
	struct rdna4_call call = {.n_spec = 0};
	struct args args;

	if (!rdna4_call_before(cmd, "rows/rmsnorm", &call, &args, sizeof(args)) || call.spec[QUANT] ||
	    args.n.imm != q->n.imm || args.n.slot != q->n.slot)
		return false;
	args.quant_heads = rows_in(q, &args, call.spec[SECOND] ? &args.second_y : &args.y,
	                           call.spec[LANES]);
	if (!args.quant_heads)
		return false;
	call.spec[QUANT] = how;
	call.behind = call.spec[SECOND] && args.n.imm == 1 && args.heads == 1;
	args.quants = rdna4_address(&q->y);
	args.quant_row = (uint32_t)q->row_bytes;
	rdna4_writes(&call, &q->y);
	return rdna4_call_instead(cmd, &call);
}

bool rdna4_plain_norm_before(const struct zinc_cmd *cmd, struct rdna4_plain_norm *norm)
{
	struct rdna4_call call = {.n_spec = 0};
	struct args a;

	if (!rdna4_call_before(cmd, "rows/rmsnorm", &call, &a, sizeof(a)) || call.spec[WEIGHT] ||
	    call.spec[RESIDUAL] || call.spec[GATE] || call.spec[AFTER] || call.spec[QUANT] ||
	    call.spec[FACTOR] || call.spec[SECOND])
		return false;
	*norm = (struct rdna4_plain_norm){.x = a.x, .y = a.y, .n = a.n, .heads = a.heads,
	                                  .lanes = call.spec[LANES], .group = call.spec[GROUP],
	                                  .eps = a.eps};
	return true;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_rmsnorm, desc, variant, run);
}

static const struct zinc_variant variants[] = {{"row", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_rmsnorm = {
	.struct_size = sizeof(rdna4_op_rmsnorm),
	.op = ZINC_OP_RMSNORM,
	.name = "rmsnorm",
	.desc_size = sizeof(struct zinc_op_rmsnorm),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
