/* linear.c - checks and arguments of the matrix product. */
#include "linear.h"

#include <string.h>

#include "aside.h"
#include "join.h"
#include "layout.h"
#include "weight.h"

enum { COLUMNS_GROUP = 64, TEAM = 16, LONG_PLAIN = 2048, AHEAD = 4 };
/* In chained lists, of up to so many columns; and loads of one column that are under way
 * before the wait. */
enum { CHAIN_GROUP = 256, CHAIN_COLS = 4, CHAIN_AHEAD = 10 };

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

/* F32, or as quant_act wrote it. */
static bool input_ok(const struct zinc_op_linear *d)
{
	const struct zinc_view *x = &d->x;
	bool per_expert = is_experts(d) && x_is_per_expert(d);

	if (!zinc_view_present(x) || !rdna4_fits(x) || x->ne[0] != d->w.ne[0] || x->ne[3] != 1 ||
	    (per_expert ? x->ne[1] != d->ids.ne[0] || x->ne[2] < d->n.imm
	                : x->ne[2] != 1 || x->ne[1] < d->n.imm))
		return false;
	if (x->layout == RDNA4_ACT_PLAIN)
		return zinc_shape_is(x, ZINC_F32);
	return x->dtype == ZINC_U8 && (x->layout == RDNA4_ACT_Q8 || x->layout == RDNA4_ACT_F16) &&
	       x->off % 16 == 0 && x->nb[1] == rdna4_act_row_bytes(x->layout, x->ne[0]);
}

static bool rows_ok(const struct zinc_op_linear *d)
{
	uint32_t m = d->w.ne[1], n = d->n.imm;

	if (!input_ok(d) || !rdna4_fits(&d->y))
		return false;
	if (!is_experts(d))
		return d->w.ne[2] == 1 && zinc_shape_2d(&d->y, ZINC_F32, m, n);
	return zinc_shape_f32_3d(&d->y, m, d->ids.ne[0], n);
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

/* Quantised weights in packed rows; plain ones where four elements are one load. */
static bool is_packed(const struct zinc_view *w)
{
	if (!zinc_view_present(w) || w->dtype >= ZINC_Q8_0)
		return !zinc_view_present(w) || rdna4_weight_is_packed(w);
	return w->ne[0] % 4 == 0 && w->off % 16 == 0 && w->nb[1] % 16 == 0 && w->nb[2] % 16 == 0;
}

bool rdna4_linear_gate_is_alike(const struct zinc_op_linear *d)
{
	if (zinc_view_present(&d->gate_w) &&
	    (d->w.dtype < ZINC_Q8_0) != (d->gate_w.dtype < ZINC_Q8_0))
		return false;
	return (is_packed(&d->w) && is_packed(&d->gate_w)) ||
	       (!rdna4_weight_is_packed(&d->w) && !rdna4_weight_is_packed(&d->gate_w));
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
	return zinc_view_present(w) && w->ne[2] > 1 ? (uint32_t)(w->nb[2] / w->nb[1]) : 0;
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

uint64_t rdna4_linear_ranges(struct zinc_cmd *cmd, struct rdna4_call *call,
                             const struct zinc_op_linear *d)
{
	uint64_t columns = (uint64_t)d->n.imm * (is_experts(d) ? d->ids.ne[0] : 1);

	call->flops = 2 * columns * d->w.ne[0] * d->w.ne[1];
	if (zinc_view_present(&d->gate_w))
		call->flops *= 2;
	rdna4_reads(call, &d->w);
	rdna4_reads(call, &d->gate_w);
	rdna4_reads(call, &d->ids);
	rdna4_reads(call, &d->residual);
	rdna4_writes(call, &d->y);
	return rdna4_aside_of(cmd, call, &d->x);
}

/* Constants by their numbers in shaders/variants.ini; the last is FOURS of linear/dmmv,
 * QUANT of the others. */
enum { PRODUCT_GROUP = 0, NUM_COLS = 3, ACT = 4, RESIDUAL = 5, EXPERTS = 6, PRODUCT_TEAM = 8,
       ROWS = 9, FOURS = 12, QUANT = 12, N_SPEC };

static bool by_fours(const struct zinc_op_linear *d, const struct rdna4_rows *x)
{
	return d->x.layout == RDNA4_ACT_PLAIN && d->w.dtype < ZINC_Q8_0 &&
	       (x->at | 4 * (uint64_t)x->token | 4 * (uint64_t)x->head) % 16 == 0;
}

int rdna4_linear_product(struct zinc_cmd *cmd, const struct zinc_op_linear *d,
                         const struct rdna4_product *p)
{
	struct rdna4_linear_args args = rdna4_linear_args(d);
	uint32_t columns = d->n.imm * args.chosen, cols = is_experts(d) ? 1 : p->cols;
	uint32_t rows = p->group / p->team * p->rows;
	struct rdna4_call call = {
		.shader = p->shader,
		.spec = {p->group, d->w.dtype, d->gate_w.dtype, cols, d->act,
		         zinc_view_present(&d->residual), is_experts(d),
		         is_packed(&d->w) && is_packed(&d->gate_w), p->team, p->rows,
		         rdna4_cmd_dev(cmd)->gpu->subgroup, p->ahead,
		         [FOURS] = by_fours(d, &args.x)},
		.n_spec = N_SPEC, .args = &args, .args_bytes = sizeof(args)};

	args.x.at = rdna4_linear_ranges(cmd, &call, d);
	rdna4_grid(&call, (args.m + rows - 1) / rows, 1);
	call.groups[2] = call.groups[1];
	call.groups[1] = (columns + cols - 1) / cols;
	return rdna4_dispatch(cmd, &call);
}

/* Of an invocation for a row of plain elements. */
static uint32_t loads_of(const struct zinc_op_linear *d, uint32_t team)
{
	uint32_t loads = (d->w.ne[0] + 4 * team - 1) / (4 * team);

	return loads < CHAIN_AHEAD ? loads : CHAIN_AHEAD;
}

int rdna4_linear_columns(struct zinc_cmd *cmd, const struct zinc_op_linear *d, uint32_t cols)
{
	struct rdna4_product p = {.shader = "linear/dmmv", .group = COLUMNS_GROUP, .cols = cols,
	                          .team = TEAM, .rows = 1, .ahead = cols <= 2 ? AHEAD : 1};

	/* A long row of plain elements is few loads for each of a workgroup. */
	if (d->w.dtype < ZINC_Q8_0 && d->w.ne[0] >= LONG_PLAIN)
		p.team = COLUMNS_GROUP;
	/* Where each workgroup signals and waits (chain.h), few and large ones; no sum
	 * depends on it. */
	if (rdna4_cmd_dev(cmd)->alarm && cols <= CHAIN_COLS && !is_experts(d)) {
		p.group = CHAIN_GROUP;
		if (cols == 1 && d->w.dtype < ZINC_Q8_0)
			p.ahead = loads_of(d, p.team);
	}
	return rdna4_linear_product(cmd, d, &p);
}

int rdna4_act_layout(struct zinc_dev *dev, uint32_t op, const struct zinc_op_linear *desc,
                     uint32_t variant, struct zinc_act_layout *out)
{
	(void)dev;
	out->layout = op == ZINC_OP_DMMV ? rdna4_dmmv_act(variant) : rdna4_mmq_act(variant);
	out->row_bytes = rdna4_act_row_bytes(out->layout, desc->x.ne[0]);
	return ZINC_OK;
}

enum { TIMES_SILU = 2, TIMES_GELU = 3 };      /* of RESIDUAL */

bool rdna4_product_glu(struct zinc_cmd *cmd, const struct zinc_op_glu *d)
{
	static const char *const shaders[] = {"linear/dmmv_q8_dot", "linear/dmmv_q8", "linear/dmmv"};
	struct rdna4_linear_args args;
	struct rdna4_call call = {.n_spec = 0};
	struct rdna4_rows gate = rdna4_rows_2d(&d->gate), y = rdna4_rows_2d(&d->y);
	bool found = false;

	if (rdna4_dims(&d->gate, d->n).heads != 1 || d->limit != 0 || memcmp(&gate, &y, sizeof(y)))
		return false;
	for (int i = 0; i < 3 && !found; i++)
		found = rdna4_call_before(cmd, shaders[i], &call, &args, sizeof(args));
	if (!found || call.spec[ACT] || call.spec[RESIDUAL] || call.spec[EXPERTS] ||
	    args.m != d->gate.ne[0] || args.n.imm != d->n.imm || args.n.slot != d->n.slot ||
	    gate.at != args.y.at || (d->n.imm > 1 && gate.token != args.y.token))
		return false;
	call.spec[RESIDUAL] = d->act == ZINC_ACT_SILU ? TIMES_SILU : TIMES_GELU;
	args.residual = rdna4_rows_2d(&d->up);
	rdna4_reads(&call, &d->up);
	return rdna4_call_instead(cmd, &call);
}

bool rdna4_product_join(struct zinc_cmd *cmd, const struct zinc_op_quant_act *q, uint32_t how)
{
	struct rdna4_linear_args args;
	struct rdna4_call call = {.n_spec = 0};

	if (!rdna4_call_before(cmd, "linear/dmmv_q8_dot", &call, &args, sizeof(args)) &&
	    !rdna4_call_before(cmd, "linear/dmmv_q8", &call, &args, sizeof(args)))
		return false;
	if (call.spec[NUM_COLS] != 1 || call.spec[EXPERTS] || call.spec[QUANT] ||
	    call.spec[PRODUCT_GROUP] / call.spec[PRODUCT_TEAM] * call.spec[ROWS] % 32 ||
	    q->n.imm != 1 || args.n.imm != 1 || args.n.slot != q->n.slot ||
	    rdna4_dims(&q->x, q->n).heads != 1 || args.y.at != rdna4_address(&q->x) ||
	    args.m != q->x.ne[0])
		return false;
	call.spec[QUANT] = how;
	return rdna4_quants_instead(cmd, q, &call, &args.ids);
}
