/* op_mmq.c - the matrix product for many columns: prefill. */
#include "linear.h"
#include "ops.h"

/* "f32_cols8" is dmmv's kernel over all columns: slower than tiles, and the same
 * bits as dmmv. */
enum { COLS8 };

static const struct zinc_variant variants[] = {
	[COLS8] = {"f32_cols8", 0, ZINC_NUM_F32},
};

enum { N_VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant < N_VARIANTS && rdna4_linear_ok(desc) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	(void)variant;
	return rdna4_linear_columns(cmd, desc, 8);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_mmq, desc, variant, run);
}

const struct zinc_op_impl rdna4_op_mmq = {
	.struct_size = sizeof(rdna4_op_mmq),
	.op = ZINC_OP_MMQ,
	.name = "mmq",
	.desc_size = sizeof(struct zinc_op_linear),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.wtypes = ZINC_TMASK_WEIGHT,
	.supports = supports,
	.record = record,
};
