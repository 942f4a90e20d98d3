/* op_state_copy.c - copies or clears an entry of a pool of state or pages. */
#include "args.h"
#include "ops.h"

enum { GROUP = 256 };

struct args {
	uint64_t slots, pool, bytes;
	struct rdna4_count src, dst;
	uint32_t n_entries, units;
};

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_state_copy *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_2d(&d->pool, ZINC_U8, d->pool.ne[0], 1) ||
	    (d->pool.ne[1] > 1 && d->pool.nb[1] != d->pool.ne[0]))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_state_copy *d = desc;
	uint32_t unit = (d->pool.off | d->pool.ne[0]) % 4 ? 1 : 4;
	struct args args = {.pool = rdna4_address(&d->pool), .bytes = d->pool.ne[0],
	                    .src = rdna4_count(d->src), .dst = rdna4_count(d->dst),
	                    .n_entries = d->pool.ne[1], .units = d->pool.ne[0] / unit};
	struct rdna4_call call = {.shader = "rows/state_copy", .spec = {GROUP, unit}, .n_spec = 2,
	                          .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	rdna4_reads(&call, &d->pool);
	rdna4_writes(&call, &d->pool);
	rdna4_grid(&call, args.units, GROUP);
	return rdna4_dispatch(cmd, &call);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_state_copy, desc, variant, run);
}

static const struct zinc_variant variants[] = {{"bytes", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_state_copy = {
	.struct_size = sizeof(rdna4_op_state_copy),
	.op = ZINC_OP_STATE_COPY,
	.name = "state_copy",
	.desc_size = sizeof(struct zinc_op_state_copy),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
