/* op_state_copy.c - copies or clears an entry of a pool of state or pages. */
#include "ada.h"
#include "ssm/args.h"

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_state_copy *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_2d(&d->pool, ZINC_U8, d->pool.ne[0], 1) ||
	    (d->pool.ne[1] > 1 && d->pool.nb[1] != d->pool.ne[0]))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_state_copy *d = desc;
	uint64_t pool = ada_address(&d->pool), bits = pool | d->pool.ne[0];
	uint32_t unit = bits % 16 == 0 ? 16 : bits % 4 == 0 ? 4 : 1, blocks;
	struct ada_state_copy_args a = {.pool = pool, .params = ada_params(cmd),
	                                .src = ada_count(d->src), .dst = ada_count(d->dst),
	                                .units = d->pool.ne[0] / unit, .n_entries = d->pool.ne[1]};
	struct ada_launch l = {.kernel = unit == 16  ? "state_copy_16"
	                                 : unit == 4 ? "state_copy_4"
	                                             : "state_copy_1",
	                       .block = {256, 1, 1}, .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_state_copy, desc, variant))
		return ada_cmd_status(cmd);
	blocks = ada_div_up(a.units, 256);
	l.grid[0] = blocks < 1024 ? blocks : 1024;
	l.grid[1] = l.grid[2] = 1;
	return ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"units", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_state_copy = {
	.struct_size = sizeof(ada_op_state_copy),
	.op = ZINC_OP_STATE_COPY,
	.name = "state_copy",
	.desc_size = sizeof(struct zinc_op_state_copy),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
