/* linear.c - checks and arguments of the matrix product. */
#include "linear.h"

#include "weight.h"

enum { COLUMNS_GROUP = 64, TEAM = 16, ROWS = COLUMNS_GROUP / TEAM };

static bool weight_ok(const struct zinc_view *w, const struct zinc_view *like)
{
	return rdna4_weight_ok(w) && w->ne[0] == like->ne[0] && w->ne[1] == like->ne[1] &&
	       w->ne[2] == like->ne[2] && w->ne[3] == 1 &&
	       (w->ne[2] == 1 || (w->nb[2] % w->nb[1] == 0 && w->nb[2] / w->nb[1] <= UINT32_MAX));
}

static bool is_experts(const struct zinc_op_linear *d)
{
	return zinc_view_present(&d->ids);
}

/* One input for all of a token's experts, or one for each. */
static bool x_is_per_expert(const struct zinc_op_linear *d)
{
	return d->x.ne[2] > 1 || (d->n.imm == 1 && d->x.ne[1] == d->ids.ne[0]);
}

static bool rows_ok(const struct zinc_op_linear *d)
{
	uint32_t k = d->w.ne[0], m = d->w.ne[1], n = d->n.imm;

	if (!rdna4_fits(&d->x) || !rdna4_fits(&d->y))
		return false;
	if (!is_experts(d))
		return d->w.ne[2] == 1 && zinc_shape_2d(&d->x, ZINC_F32, k, n) &&
		       zinc_shape_2d(&d->y, ZINC_F32, m, n);
	if (!zinc_shape_f32_3d(&d->y, m, d->ids.ne[0], n))
		return false;
	if (x_is_per_expert(d))
		return zinc_shape_f32_3d(&d->x, k, d->ids.ne[0], n);
	return zinc_shape_2d(&d->x, ZINC_F32, k, n);
}

static bool experts_ok(const struct zinc_op_linear *d)
{
	if (!is_experts(d))
		return true;
	return zinc_shape_2d(&d->ids, ZINC_I32, d->ids.ne[0], d->n.imm) &&
	       (d->ids.ne[1] == 1 || zinc_view_is_dense(&d->ids)) &&
	       zinc_shape_1d(&d->expert_first, ZINC_I32, d->w.ne[2] + 1) &&
	       zinc_shape_is(&d->perm, ZINC_I32) && zinc_view_is_dense(&d->perm) &&
	       (uint64_t)d->n.imm * d->ids.ne[0] <= RDNA4_GROUPS_MAX;
}

bool rdna4_linear_ok(const struct zinc_op_linear *d)
{
	if (d->flags || !weight_ok(&d->w, &d->w) || !experts_ok(d) || !rows_ok(d))
		return false;
	if (zinc_view_present(&d->gate_w) &&
	    (!weight_ok(&d->gate_w, &d->w) ||
	     (d->act != ZINC_ACT_SILU && d->act != ZINC_ACT_GELU_TANH)))
		return false;
	return !zinc_view_present(&d->residual) ||
	       (zinc_shape_f32_as(&d->residual, &d->y) && rdna4_fits(&d->residual));
}

static struct rdna4_rows input_rows(const struct zinc_op_linear *d)
{
	struct rdna4_rows r;

	if (!is_experts(d) || !x_is_per_expert(d))
		return rdna4_rows_2d(&d->x);
	r = rdna4_rows_3d(&d->x);
	return r;
}

static struct rdna4_rows output_rows(const struct zinc_op_linear *d, const struct zinc_view *v)
{
	return is_experts(d) ? rdna4_rows_3d(v) : rdna4_rows_2d(v);
}

static uint32_t expert_rows(const struct zinc_view *w)
{
	return w->ne[2] > 1 ? (uint32_t)(w->nb[2] / w->nb[1]) : 0;
}

struct rdna4_linear_args rdna4_linear_args(const struct zinc_op_linear *d)
{
	return (struct rdna4_linear_args){
		.w = rdna4_address(&d->w), .gate_w = rdna4_address(&d->gate_w),
		.ids = rdna4_address(&d->ids), .x = input_rows(d), .y = output_rows(d, &d->y),
		.residual = output_rows(d, &d->residual), .n = rdna4_count(d->n),
		.w_row = (uint32_t)d->w.nb[1], .gate_row = (uint32_t)d->gate_w.nb[1],
		.w_expert = expert_rows(&d->w), .gate_expert = expert_rows(&d->gate_w),
		.m = d->w.ne[1], .k = d->w.ne[0], .chosen = is_experts(d) ? d->ids.ne[0] : 1,
		.scale = d->scale != 0 ? d->scale : 1.0f};
}

void rdna4_linear_ranges(struct rdna4_call *call, const struct zinc_op_linear *d)
{
	rdna4_reads(call, &d->w);
	rdna4_reads(call, &d->gate_w);
	rdna4_reads(call, &d->x);
	rdna4_reads(call, &d->ids);
	rdna4_reads(call, &d->expert_first);
	rdna4_reads(call, &d->perm);
	rdna4_reads(call, &d->residual);
	rdna4_writes(call, &d->y);
}

int rdna4_linear_columns(struct zinc_cmd *cmd, const struct zinc_op_linear *d, uint32_t cols)
{
	struct rdna4_linear_args args = rdna4_linear_args(d);
	struct rdna4_call call = {
		.shader = "linear/dmmv",
		.spec = {COLUMNS_GROUP, d->w.dtype, d->gate_w.dtype, is_experts(d) ? 1 : cols,
		         d->act, zinc_view_present(&d->residual), is_experts(d)},
		.n_spec = 7, .args = &args, .args_bytes = sizeof(args)};
	uint32_t columns = d->n.imm * args.chosen;

	rdna4_linear_ranges(&call, d);
	rdna4_grid(&call, (args.m + ROWS - 1) / ROWS, 1);
	call.groups[2] = call.groups[1];
	call.groups[1] = is_experts(d) ? columns : (columns + cols - 1) / cols;
	return rdna4_dispatch(cmd, &call);
}
