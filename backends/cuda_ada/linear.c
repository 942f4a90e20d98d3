/* linear.c - what dmmv and mmq accept alike, and which activations they read. */
#include "linear.h"

bool ada_weight_is_plain(const struct zinc_view *w)
{
	return w->layout == ADA_WEIGHT_GGUF && (ZINC_TMASK_PLAIN & ZINC_TBIT(w->dtype));
}

bool ada_weight_is_packed(const struct zinc_view *w)
{
	return w->layout == ADA_WEIGHT_ROWS && (ZINC_TMASK_BLOCK & ZINC_TBIT(w->dtype));
}

/* [n_expert, M, K] of a weight dtype, rows where a kernel can read them. */
static bool weight_is_ok(const struct zinc_view *w)
{
	struct ada_gguf_block b;

	if (!zinc_view_present(w) || w->dtype >= ZINC_DTYPE_MAX ||
	    !(ZINC_TMASK_WEIGHT & ZINC_TBIT(w->dtype)))
		return false;
	b = ada_gguf_block(w->dtype);
	if (!w->ne[0] || !w->ne[1] || !w->ne[2] || w->ne[3] != 1 || w->ne[0] % b.elems ||
	    w->ne[0] > ADA_MAX_K)
		return false;
	if (w->layout == ADA_WEIGHT_ROWS)
		return ada_weight_is_packed(w) && w->nb[1] % 16 == 0;
	return w->layout == ADA_WEIGHT_GGUF && w->nb[0] == b.bytes &&
	       (b.elems > 1 || (w->nb[1] % b.bytes == 0 && w->nb[2] % b.bytes == 0));
}

static bool output_is_ok(const struct zinc_view *y, const struct zinc_op_linear *op)
{
	return zinc_shape_is(y, ZINC_F32) && y->ne[0] == op->w.ne[1] && y->ne[1] == op->y.ne[1] &&
	       y->ne[2] == op->y.ne[2] && y->ne[3] == 1;
}

static bool gate_is_ok(const struct zinc_op_linear *op)
{
	const struct zinc_view *g = &op->gate_w;

	if (!zinc_view_present(g))
		return op->act == ZINC_ACT_NONE;
	return weight_is_ok(g) && g->ne[0] == op->w.ne[0] && g->ne[1] == op->w.ne[1] &&
	       g->ne[2] == op->w.ne[2] &&
	       (op->act == ZINC_ACT_SILU || op->act == ZINC_ACT_GELU_TANH);
}

static bool experts_are_ok(const struct zinc_op_linear *op)
{
	uint32_t cells;

	if (!zinc_view_present(&op->ids))
		return op->w.ne[2] == 1 && op->y.ne[2] == 1 && op->y.ne[1] >= op->n.imm;
	cells = op->y.ne[1] * op->y.ne[2];
	return op->y.ne[2] >= op->n.imm && zinc_shape_is(&op->ids, ZINC_I32) &&
	       op->ids.ne[0] == op->y.ne[1] && op->ids.nb[1] == 4ull * op->ids.ne[0] &&
	       zinc_shape_1d(&op->expert_first, ZINC_I32, op->w.ne[2] + 1) &&
	       zinc_shape_1d(&op->perm, ZINC_I32, cells);
}

static bool input_is_ok(const struct zinc_op_linear *op)
{
	const struct zinc_view *x = &op->x, *y = &op->y;
	bool rows_fit = zinc_view_present(&op->ids) && x->ne[2] > 1
	                        ? x->ne[1] == y->ne[1] && x->ne[2] >= op->n.imm
	                        : x->ne[1] >= op->n.imm;

	if (!zinc_view_present(x) || x->ne[0] != op->w.ne[0] || x->ne[3] != 1 || !rows_fit)
		return false;
	if (x->layout == ADA_ACT_PLAIN)
		return zinc_shape_is(x, ZINC_F32);
	return x->dtype == ZINC_U8 && (x->layout == ADA_ACT_Q8 || x->layout == ADA_ACT_F16) &&
	       x->nb[1] == ada_act_row_bytes(x->layout, x->ne[0]);
}

bool ada_linear_is_ok(const struct zinc_op_linear *op)
{
	return !op->flags && op->n.imm && weight_is_ok(&op->w) && output_is_ok(&op->y, op) &&
	       (!zinc_view_present(&op->residual) || output_is_ok(&op->residual, op)) &&
	       gate_is_ok(op) && experts_are_ok(op) && input_is_ok(op);
}

bool ada_linear_x_is(const struct zinc_op_linear *op, uint32_t layout)
{
	return op->x.layout == ADA_ACT_PLAIN || op->x.layout == layout;
}

uint32_t ada_linear_cells(const struct zinc_op_linear *op)
{
	return zinc_view_present(&op->ids) ? op->n.imm * op->y.ne[1] : op->n.imm;
}

bool ada_linear_x_per_slot(const struct zinc_op_linear *op)
{
	return zinc_view_present(&op->ids) && op->x.ne[1] == op->y.ne[1] &&
	       op->x.ne[2] == op->y.ne[2];
}

uint64_t ada_act_row_bytes(uint32_t layout, uint32_t k)
{
	switch (layout) {
	case ADA_ACT_Q8: return ada_act_q8_bytes(k);
	case ADA_ACT_F16: return ada_act_f16_bytes(k);
	default: return 4ull * k;
	}
}

int ada_act_layout(struct zinc_dev *dev, uint32_t op, const struct zinc_op_linear *desc,
                   uint32_t variant, struct zinc_act_layout *out)
{
	(void)dev;
	out->layout = ADA_ACT_PLAIN;
	if (op == ZINC_OP_DMMV && ada_dmmv_act)
		out->layout = ada_dmmv_act(desc, variant);
	if (op == ZINC_OP_MMQ && ada_mmq_act)
		out->layout = ada_mmq_act(desc, variant);
	out->row_bytes = ada_act_row_bytes(out->layout, desc->x.ne[0]);
	return ZINC_OK;
}
