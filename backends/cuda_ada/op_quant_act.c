/* op_quant_act.c - activations to the layout that a product asked for. */
#include "linear.h"

#include "linear/args.h"

enum { TO_Q8, TO_F16, N_VARIANTS };

static const struct zinc_variant variants[N_VARIANTS] = {
	[TO_Q8] = {"q8", 0, ZINC_NUM_Q8},
	[TO_F16] = {"f16", 0, ZINC_NUM_F16},
};

enum { THREADS = 128, ELEMS = 8 * THREADS, MAX_GRID_Y = 65535 };

/* [N, k, K] has k rows a token, also when N is 1 and the view has lost its
 * slowest dimension. */
static uint32_t rows_per_token(const struct zinc_op_quant_act *d)
{
	if (d->x.ne[2] > 1)
		return d->x.ne[1];
	return d->n.imm == 1 ? d->x.ne[1] : 1;
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_quant_act *d = desc;
	uint32_t k = d->x.ne[0];

	(void)dev;
	if (d->flags || variant >= N_VARIANTS || !d->n.imm || !zinc_shape_is(&d->x, ZINC_F32) ||
	    d->x.ne[3] != 1 || k > ADA_MAX_K || !zinc_shape_rows_fit(&d->x, d->n))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_view_present(&d->y) || d->y.dtype != ZINC_U8 || d->y.ne[0] != k ||
	    d->y.layout != (variant == TO_Q8 ? ADA_ACT_Q8 : ADA_ACT_F16) ||
	    (variant == TO_Q8 && k % 32) ||
	    d->row_bytes != ada_act_row_bytes(d->y.layout, k))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_quant_act *d = desc;
	struct ada_quant_act_args a = {.x = ada_arg(&d->x), .y = ada_address(&d->y),
	                               .params = ada_params(cmd), .row_bytes = d->row_bytes,
	                               .n = ada_count(d->n), .per_token = rows_per_token(d)};
	struct ada_launch l = {.kernel = variant == TO_Q8 ? "quant_act_q8" : "quant_act_f16",
	                       .block = {THREADS, 1, 1}, .args = &a, .args_size = sizeof(a)};
	uint64_t rows = (uint64_t)d->n.imm * a.per_token;

	if (ada_op_begin(cmd, &ada_op_quant_act, desc, variant))
		return ada_cmd_status(cmd);
	l.grid[0] = ada_div_up(d->x.ne[0], ELEMS);
	l.grid[1] = rows < MAX_GRID_Y ? (uint32_t)rows : MAX_GRID_Y;
	l.grid[2] = 1;
	return ada_launch(cmd, &l);
}


const struct zinc_op_impl ada_op_quant_act = {
	.struct_size = sizeof(struct zinc_op_impl),
	.op = ZINC_OP_QUANT_ACT,
	.name = "quant_act",
	.desc_size = sizeof(struct zinc_op_quant_act),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.supports = supports,
	.record = record,
};
