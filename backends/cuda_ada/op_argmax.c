/* op_argmax.c - the index of each row's largest element. */
#include "ada.h"
#include "out/args.h"

enum { MIN_PART = 2048 }; /* elements that are worth a block */

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_argmax *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_2d(&d->x, ZINC_F32, d->x.ne[0], d->n.imm) ||
	    !zinc_shape_1d(&d->ids, ZINC_I32, d->n.imm) || d->x.ne[0] > INT32_MAX)
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static uint32_t rows_of(const struct zinc_op_argmax *d)
{
	return d->n.imm ? d->n.imm : 1;
}

/* Elements to a block: as many blocks as keep the device busy. */
static uint32_t part_of(struct zinc_dev *dev, const struct zinc_op_argmax *d)
{
	uint32_t parts = ada_div_up(2 * ada_limits(dev)->n_sm, rows_of(d));
	uint32_t part = ada_div_up(d->x.ne[0], parts);

	return part < MIN_PART ? MIN_PART : part;
}

static uint64_t scratch(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_argmax *d = desc;
	uint64_t parts = ada_div_up(d->x.ne[0], part_of(dev, d));

	(void)variant;
	return parts > 1 ? parts * rows_of(d) * sizeof(uint64_t) : 0;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_argmax *d = desc;
	struct ada_top_args a = {.x = ada_arg(&d->x), .ids = ada_arg(&d->ids),
	                         .params = ada_params(cmd), .n = ada_count(d->n),
	                         .lanes = d->x.ne[0], .part = part_of(ada_cmd_dev(cmd), d),
	                         .n_top = 1};
	uint32_t parts = ada_div_up(a.lanes, a.part);
	struct ada_launch l = {.kernel = "argmax_part", .grid = {rows_of(d), parts, 1},
	                       .block = {256, 1, 1}, .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_argmax, desc, variant))
		return ada_cmd_status(cmd);
	a.to = parts > 1 ? ada_scratch(cmd) : 0;
	if (ada_launch(cmd, &l) || parts == 1)
		return ada_cmd_status(cmd);
	a.from = a.to;
	a.lanes = parts;
	l = (struct ada_launch){.kernel = "argmax_last", .grid = {rows_of(d), 1, 1},
	                        .block = {128, 1, 1}, .args = &a, .args_size = sizeof(a)};
	return ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"parts", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_argmax = {
	.struct_size = sizeof(ada_op_argmax),
	.op = ZINC_OP_ARGMAX,
	.name = "argmax",
	.desc_size = sizeof(struct zinc_op_argmax),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.scratch = scratch,
	.record = record,
};
