/* op_mmq.c - the matrix product for many columns: which of the ways takes it.
 *
 * F16 tensor cores are exact enough for anything, and nothing is faster where they
 * sum in F32 at full rate. Long inputs go through the vendor's library then, of
 * which the F16 tiles do the same for fewer columns and for experts. GeForce sums at
 * half rate, a quarter of its int8 rate; there int8 comes first. Where this GPU was
 * measured, choice.c says which way is the fastest; all of mmq declines what dmmv does
 * faster. */
#include <string.h>

#include "choice.h"
#include "dense.h"
#include "mmq.h"

enum { INT8, LIBRARY, F16, F32, N_VARIANTS };

/* The library counts columns in an int. */
static const struct zinc_variant variants[N_VARIANTS] = {
	[INT8] = {"int8", 0, ZINC_NUM_FREE8},
	[LIBRARY] = {"library", INT32_MAX, ZINC_NUM_FREE16},
	[F16] = {"f16", 0, ZINC_NUM_FREE16},
	[F32] = {"f32", 0, ZINC_NUM_FREE},
};

static const uint32_t act_layouts[N_VARIANTS] = {
	[INT8] = ADA_ACT_Q8, [LIBRARY] = ADA_ACT_F16, [F16] = ADA_ACT_F16, [F32] = ADA_ACT_PLAIN};

static const enum ada_mmq_tiles tiles_of[N_VARIANTS] = {
	[INT8] = ADA_TILES_INT8, [LIBRARY] = ADA_TILES_F16, [F16] = ADA_TILES_F16,
	[F32] = ADA_TILES_F32};

/* Option "products": f16 or int8; unset: what suits the GPU. */
static bool wants_int8(struct zinc_dev *dev)
{
	const struct zinc_host *host = ada_host(dev);
	const char *products = host->option(host->ctx, "products");
	uint32_t cc = ada_limits(dev)->cc;

	if (products)
		return !strcmp(products, "int8");
	return cc == 86 || cc == 89 || cc == 120;
}

/* Does a measurement of this GPU prefer the library to int8 tiles? */
static bool library_beats_int8(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	const struct zinc_host *host = ada_host(dev);

	return !host->option(host->ctx, "products") && ada_choice_is_measured(dev, op);
}

/* The library pays only if there is a copy of the weights, of which nobody knows before
 * lists are recorded: tiles stand by. */
static bool hopes_for_copy(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	return ada_choice_of(dev, op) == ADA_WAY_TILES && !wants_int8(dev) &&
	       ada_choice_wants_copy(dev, op) && ada_mmq_f16_is_ok(op);
}

static bool has_copy(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	return ada_dense_of(dev, &op->w) &&
	       (!zinc_view_present(&op->gate_w) || ada_dense_of(dev, &op->gate_w));
}

static bool takes(struct zinc_dev *dev, const struct zinc_op_linear *op, uint32_t variant)
{
	enum ada_way way = ada_choice_of(dev, op);

	if (way == ADA_WAY_DMMV)
		return false;
	switch (variant) {
	case INT8:
		return wants_int8(dev) && ada_mmq_fills_int8(op) && ada_mmq_int8_is_ok(op) &&
		       !(way == ADA_WAY_LIBRARY && library_beats_int8(dev, op));
	case LIBRARY:
		return (way == ADA_WAY_LIBRARY || hopes_for_copy(dev, op)) &&
		       ada_mmq_gemm_is_ok(dev, op);
	case F16: return ada_mmq_f16_is_ok(op);
	default: return ada_mmq_f32_is_ok(op);
	}
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *op = desc;

	if (variant >= N_VARIANTS || !ada_linear_is_ok(op) ||
	    !ada_linear_x_is(op, act_layouts[variant]))
		return ZINC_E_UNSUPPORTED;
	return takes(dev, op, variant) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static uint64_t scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	uint64_t tiles = ada_mmq_tile_scratch(dev, desc, tiles_of[variant]);
	uint64_t library = variant == LIBRARY ? ada_mmq_gemm_scratch(dev, desc) : 0;

	return tiles > library ? tiles : library;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *op = desc;

	if (ada_op_begin(cmd, &ada_op_mmq, desc, variant))
		return ada_cmd_status(cmd);
	/* quant_act wrote what this reads; the core inserts it. */
	if (op->x.layout != act_layouts[variant])
		return ZINC_E_INVALID;
	if (variant == LIBRARY &&
	    (!hopes_for_copy(ada_cmd_dev(cmd), op) || has_copy(ada_cmd_dev(cmd), op)))
		return ada_mmq_gemm_record(cmd, op);
	return ada_mmq_tile_record(cmd, op, tiles_of[variant]);
}

uint32_t ada_mmq_act(const struct zinc_op_linear *op, uint32_t variant)
{
	(void)op;
	return variant < N_VARIANTS ? act_layouts[variant] : ADA_ACT_PLAIN;
}

const struct zinc_op_impl ada_op_mmq = {
	.struct_size = sizeof(struct zinc_op_impl),
	.op = ZINC_OP_MMQ,
	.name = "mmq",
	.desc_size = sizeof(struct zinc_op_linear),
	.n_variants = N_VARIANTS,
	.variants = variants,
	.wtypes = ZINC_TMASK_WEIGHT,
	.supports = supports,
	.scratch = scratch,
	.record = record,
};
