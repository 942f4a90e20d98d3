/* linear.c - dmmv and mmq of the CPU backend: what they accept and which run
 * function carries them out. Both take the same path; they differ only in the
 * number of columns that the core chooses them for. */
#include "linear.h"

/* Q8 first: the backend's order of preference. */
static const struct zinc_variant dmmv_variants[] = {
	{"q8_cols8", 8, ZINC_NUM_Q8},
	{"f32_cols8", 8, ZINC_NUM_F32},
};

static const struct zinc_variant mmq_variants[] = {
	{"q8_tile", 0, ZINC_NUM_Q8},
	{"f32_tile", 0, ZINC_NUM_F32},
};

#define Q8_VARIANT 0u
#define N_VARIANTS 2u

/* Whole groups of rows. A view that is a window of its tensor also starts on one
 * (off counts from the tensor's start where the core asks). */
static bool packed_is_ok(const struct zinc_view *w)
{
	uint64_t group = LIN_ROWS * w->nb[1];

	if (w->ne[1] % LIN_ROWS || w->nb[1] != quant_row_bytes(w->dtype, w->ne[0]))
		return false;
	return w->nb[2] == w->nb[1] * w->ne[1] || (w->nb[2] % group == 0 && w->off % group == 0);
}

static bool weight_is_ok(const struct zinc_view *w, const struct zinc_view *like, bool q8)
{
	const struct quant_format *f = quant_format(w->dtype);

	if (f && w->layout == LIN_PACKED && !(q8 && !f->sub))
		return w->ne[0] && w->ne[0] % f->elems == 0 && packed_is_ok(w) &&
		       w->ne[0] == like->ne[0] && w->ne[1] == like->ne[1] &&
		       w->ne[2] == like->ne[2];
	if (!f || w->layout || !w->ne[0] || w->ne[0] % f->elems || (q8 && !f->sub))
		return false;
	/* A chunk of K starts on a block, and its lanes on a multiple of 4 bytes. */
	if (w->nb[0] != f->bytes || (!f->sub && w->nb[1] % f->bytes))
		return false;
	return w->ne[0] == like->ne[0] && w->ne[1] == like->ne[1] && w->ne[2] == like->ne[2];
}

static bool output_is_ok(const struct zinc_view *y, const struct zinc_view *like)
{
	if (y->dtype != ZINC_F32 || y->layout || y->nb[0] != sizeof(float))
		return false;
	return y->ne[0] == like->ne[0] && y->ne[1] == like->ne[1] && y->ne[2] == like->ne[2];
}

static bool input_is_ok(const struct zinc_op_linear *op, bool q8)
{
	const struct zinc_view *x = &op->x;

	if (x->ne[0] != op->w.ne[0])
		return false;
	if (q8 && x->dtype == ZINC_U8 && x->layout == LIN_ACT_LAYOUT)
		return true;
	return x->dtype == ZINC_F32 && !x->layout && x->nb[0] == sizeof(float);
}

static bool experts_are_ok(const struct zinc_op_linear *op)
{
	if (!zinc_view_present(&op->ids))
		return op->w.ne[2] == 1 && op->y.ne[2] == 1;
	return zinc_view_present(&op->expert_first) && zinc_view_present(&op->perm) &&
	       op->ids.dtype == ZINC_I32 && op->ids.ne[0] == op->y.ne[1];
}

static int linear_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *op = desc;
	bool q8 = variant == Q8_VARIANT, gated = zinc_view_present(&op->gate_w);

	(void)dev;
	if (op->flags || variant >= N_VARIANTS || op->w.ne[1] != op->y.ne[0])
		return ZINC_E_UNSUPPORTED;
	if (!weight_is_ok(&op->w, &op->w, q8) || !input_is_ok(op, q8) || !experts_are_ok(op))
		return ZINC_E_UNSUPPORTED;
	if (!output_is_ok(&op->y, &op->y))
		return ZINC_E_UNSUPPORTED;
	if (gated && (!weight_is_ok(&op->gate_w, &op->w, q8) ||
	              (op->act != ZINC_ACT_SILU && op->act != ZINC_ACT_GELU_TANH)))
		return ZINC_E_UNSUPPORTED;
	if (zinc_view_present(&op->residual) && !output_is_ok(&op->residual, &op->y))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int dmmv_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *op = desc;

	if (variant < N_VARIANTS && op->n.imm > dmmv_variants[variant].max_cols)
		return ZINC_E_UNSUPPORTED;
	return linear_supports(dev, desc, variant);
}

static int linear_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *op = desc;

	/* quant_act writes what class Q8 reads; the core inserts it. */
	if (variant == Q8_VARIANT && op->x.layout != LIN_ACT_LAYOUT)
		return ZINC_E_INVALID;
	return cpu_cmd_add(cmd, &cpu_op_dmmv, op,
	                   variant == Q8_VARIANT ? &lin_work_q8 : &lin_work_f32);
}

int cpu_act_layout(struct zinc_dev *dev, uint32_t op, const struct zinc_op_linear *desc,
                   uint32_t variant, struct zinc_act_layout *out)
{
	bool q8 = variant == Q8_VARIANT && (op == ZINC_OP_DMMV || op == ZINC_OP_MMQ);

	(void)dev;
	out->layout = q8 ? LIN_ACT_LAYOUT : 0;
	out->row_bytes = q8 ? lin_act_row_bytes(desc->x.ne[0])
	                    : (uint64_t)desc->x.ne[0] * sizeof(float);
	return ZINC_OK;
}

const struct zinc_op_impl cpu_op_dmmv = {
	.struct_size = sizeof(struct zinc_op_impl),
	.op = ZINC_OP_DMMV,
	.name = "dmmv",
	.desc_size = sizeof(struct zinc_op_linear),
	.n_variants = N_VARIANTS,
	.variants = dmmv_variants,
	.wtypes = ZINC_TMASK_WEIGHT,
	.supports = dmmv_supports,
	.record = linear_record,
};

const struct zinc_op_impl cpu_op_mmq = {
	.struct_size = sizeof(struct zinc_op_impl),
	.op = ZINC_OP_MMQ,
	.name = "mmq",
	.desc_size = sizeof(struct zinc_op_linear),
	.n_variants = N_VARIANTS,
	.variants = mmq_variants,
	.wtypes = ZINC_TMASK_WEIGHT,
	.supports = linear_supports,
	.record = linear_record,
};
