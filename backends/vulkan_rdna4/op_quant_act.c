/* op_quant_act.c - activations to the layout that a product asked for. */
#include "args.h"
#include "join.h"
#include "layout.h"
#include "ops.h"

enum { TO_Q8, TO_F16, N_VARIANTS };

static const struct zinc_variant variants[N_VARIANTS] = {
	[TO_Q8] = {"q8", 0, ZINC_NUM_Q8},
	[TO_F16] = {"f16", 0, ZINC_NUM_F16},
};

enum { GROUP = 128, OWN = 4, BLOCK = 32 };

struct args {
	uint64_t slots, y;
	struct rdna4_rows x;
	struct rdna4_count n;
	uint32_t heads, k;
	uint32_t row_bytes, pad0;
};

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_quant_act *d = desc;
	uint32_t k = d->x.ne[0];

	(void)dev;
	if (d->flags || variant >= N_VARIANTS || !d->n.imm || !zinc_shape_is(&d->x, ZINC_F32) ||
	    k % BLOCK || !zinc_shape_rows_fit(&d->x, d->n) || !rdna4_fits(&d->x))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_view_present(&d->y) || d->y.dtype != ZINC_U8 || d->y.ne[0] != k ||
	    d->y.layout != (variant == TO_Q8 ? RDNA4_ACT_Q8 : RDNA4_ACT_F16) || d->y.off % 16 ||
	    d->row_bytes != rdna4_act_row_bytes(d->y.layout, k))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_quant_act *d = desc;
	struct rdna4_dims dims = rdna4_dims(&d->x, d->n);
	uint32_t how = variant == TO_F16 ? RDNA4_ACT_F16 : RDNA4_ACT_Q8;
	struct args args = {.y = rdna4_address(&d->y), .x = rdna4_rows(&d->x, dims),
	                    .n = rdna4_count(d->n), .heads = dims.heads, .k = d->x.ne[0],
	                    .row_bytes = (uint32_t)d->row_bytes};
	struct rdna4_call call = {.shader = "linear/quant_act", .spec = {GROUP, how},
	                          .n_spec = 2, .args = &args, .args_bytes = sizeof(args)};

	if (rdna4_rmsnorm_join(cmd, d, how) || rdna4_attn_join(cmd, d, how) ||
	    rdna4_product_join(cmd, d, how))
		return ZINC_OK;
	rdna4_reads(&call, &d->x);
	rdna4_writes(&call, &d->y);
	rdna4_grid(&call, (uint64_t)d->n.imm * dims.heads * (args.k / OWN), GROUP);
	return rdna4_dispatch(cmd, &call);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_quant_act, desc, variant, run);
}

const struct zinc_op_impl rdna4_op_quant_act = {
	.struct_size = sizeof(rdna4_op_quant_act),
	.op = ZINC_OP_QUANT_ACT,
	.name = "quant_act",
	.desc_size = sizeof(struct zinc_op_quant_act),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.supports = supports,
	.record = record,
};
