/* op_dmmv.c - the matrix product for few columns: decode. */
#include "linear.h"
#include "ops.h"

static const struct zinc_variant variants[] = {
	{"f32_cols1", 1, ZINC_NUM_F32}, {"f32_cols2", 2, ZINC_NUM_F32},
	{"f32_cols4", 4, ZINC_NUM_F32}, {"f32_cols8", 8, ZINC_NUM_F32},
};

enum { N_VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *d = desc;

	(void)dev;
	return variant < N_VARIANTS && d->n.imm <= variants[variant].max_cols && rdna4_linear_ok(d)
	               ? ZINC_OK
	               : ZINC_E_UNSUPPORTED;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_linear_columns(cmd, desc, variants[variant].max_cols);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_dmmv, desc, variant, run);
}

const struct zinc_op_impl rdna4_op_dmmv = {
	.struct_size = sizeof(rdna4_op_dmmv),
	.op = ZINC_OP_DMMV,
	.name = "dmmv",
	.desc_size = sizeof(struct zinc_op_linear),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.wtypes = ZINC_TMASK_WEIGHT,
	.supports = supports,
	.record = record,
};
