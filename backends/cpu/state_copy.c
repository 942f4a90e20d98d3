/* state_copy.c - copies or clears an entry of a pool of state or pages. */
#include <string.h>

#include "shape.h"

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_state_copy *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_2d(&d->pool, ZINC_U8, d->pool.ne[0], 1) ||
	    (d->pool.ne[1] > 1 && d->pool.nb[1] != d->pool.ne[0]))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static uint64_t cut(const struct cpu_ctx *ctx, const void *desc)
{
	enum { UNIT = 4096, UNIT_NS = 300 };
	const struct zinc_op_state_copy *d = desc;

	return shape_cut(ctx, (d->pool.ne[0] + UNIT - UINT64_C(1)) / UNIT, UNIT_NS);
}

static void run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_state_copy *d = desc;
	uint32_t src = cpu_u32(ctx, d->src), dst = cpu_u32(ctx, d->dst);
	uint64_t bytes = d->pool.ne[0];
	struct shape_part part = shape_share(ctx, bytes);
	uint8_t *base = cpu_ptr(&d->pool) + part.first;
	uint64_t n = part.end - part.first;

	if (dst >= d->pool.ne[1] || src == dst)
		return;
	if (src == ZINC_STATE_ZERO)
		memset(base + dst * bytes, 0, n);
	else if (src < d->pool.ne[1])
		memcpy(base + dst * bytes, base + src * bytes, n);
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {cut, run}};

	return cpu_record(cmd, &cpu_op_state_copy, desc, variant, &work);
}

static const struct zinc_variant variants[] = {{"bytes", 0, ZINC_NUM_F32}};

const struct zinc_op_impl cpu_op_state_copy = {
	.struct_size = sizeof(cpu_op_state_copy),
	.op = ZINC_OP_STATE_COPY,
	.name = "state_copy",
	.desc_size = sizeof(struct zinc_op_state_copy),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
