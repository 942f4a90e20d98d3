/* op_mmq.c - the matrix product for many columns: prefill. */
#include "layout.h"
#include "linear.h"
#include "ops.h"
#include "tile.h"

/* None is of a strict class: where one is wanted, dmmv has kernels for any number of
 * columns that give the bits of those for one. */
enum { COOP8, COOP16, Q8, F32_TILE, N_VARIANTS };

/* A class has one variant without a limit; steps have no more tokens than this. */
enum { MOST_TOKENS = 4096 };

static const struct zinc_variant variants[N_VARIANTS] = {
	[COOP8] = {"coop_int8", MOST_TOKENS, ZINC_NUM_FREE8},
	[COOP16] = {"coop_f16", 0, ZINC_NUM_FREE16},
	[Q8] = {"q8", 0, ZINC_NUM_FREE8},
	[F32_TILE] = {"f32", 0, ZINC_NUM_FREE},
};

static const enum rdna4_tile_kind kinds[] = {
	[COOP8] = RDNA4_TILE_BYTES, [COOP16] = RDNA4_TILE_COOP, [Q8] = RDNA4_TILE_Q8,
	[F32_TILE] = RDNA4_TILE_F32};

static const uint32_t layouts[] = {
	[COOP8] = RDNA4_ACT_Q8, [COOP16] = RDNA4_ACT_F16, [Q8] = RDNA4_ACT_Q8,
	[F32_TILE] = RDNA4_ACT_PLAIN};

uint32_t rdna4_mmq_act(uint32_t variant)
{
	return variant < N_VARIANTS ? layouts[variant] : RDNA4_ACT_PLAIN;
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *d = desc;
	uint32_t layout = d->x.layout;

	if (variant >= N_VARIANTS || !rdna4_linear_ok(d) ||
	    (variants[variant].max_cols && d->n.imm > variants[variant].max_cols) ||
	    (layout != RDNA4_ACT_PLAIN && layout != rdna4_mmq_act(variant)))
		return ZINC_E_UNSUPPORTED;
	return rdna4_tile_ok(dev, d, kinds[variant]) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *d = desc;

	/* quant_act wrote what this reads; the core inserts it. */
	if (d->x.layout != rdna4_mmq_act(variant))
		return ZINC_E_INVALID;
	return rdna4_tile_record(cmd, d, kinds[variant]);
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
