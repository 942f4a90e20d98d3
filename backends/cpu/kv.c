/* kv.c - writes K and V rows into the paged cache. */
#include "kv.h"

#include "kernels.h"
#include "shape.h"

bool kv_cache_ok(const struct zinc_view *cache)
{
	switch (cache->dtype) {
	case ZINC_F32:
	case ZINC_F16:
	case ZINC_BF16:
		break;
	case ZINC_Q8_0:
		if (cache->ne[0] % 32)
			return false;
		break;
	default:
		return false;
	}
	return zinc_shape_is(cache, cache->dtype) && cache->ne[1] == ZINC_KV_PAGE;
}

bool kv_table_ok(const struct zinc_view *table)
{
	return zinc_shape_2d(table, ZINC_I32, table->ne[0], 1);
}

static bool rows_ok(const struct zinc_view *x, const struct zinc_view *cache, uint32_t n)
{
	return kv_cache_ok(cache) && zinc_shape_f32_3d(x, cache->ne[0], cache->ne[2], n);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_kv_write *d = desc;

	(void)dev;
	if (variant != 0 || d->flags || !rows_ok(&d->k, &d->k_cache, d->n.imm) ||
	    !rows_ok(&d->v, &d->v_cache, d->n.imm) || !zinc_shape_1d(&d->tok_seq, ZINC_I32, d->n.imm) ||
	    !zinc_shape_1d(&d->tok_pos, ZINC_I32, d->n.imm) || !kv_table_ok(&d->block_table))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static void write_row(const struct cpu_ctx *ctx, const struct zinc_op_kv_write *d,
                      const struct zinc_view *x, const struct zinc_view *cache, uint64_t token,
                      uint32_t head)
{
	int32_t pos = cpu_i32(&d->tok_pos, 0)[token], seq = cpu_i32(&d->tok_seq, 0)[token];
	int64_t page;

	if (pos < 0 || seq < 0)
		return;
	page = kv_page(&d->block_table, cache, (uint32_t)seq, (uint32_t)pos / ZINC_KV_PAGE);
	if (page < 0)
		return;
	ctx->dev->kernels->from_f32(cache->dtype, cpu_f32(x, head, token),
	                            kv_row(cache, page, head, (uint32_t)pos % ZINC_KV_PAGE),
	                            x->ne[0]);
}

static uint64_t cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_kv_write *d = desc;

	return shape_cut(ctx, (uint64_t)cpu_live(ctx, d->n) * (d->k.ne[1] + d->v.ne[1]),
	                 d->k.ne[0] / 4);
}

static void run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_kv_write *d = desc;
	uint32_t n_k = d->k.ne[1], n_all = n_k + d->v.ne[1];
	struct shape_part part = shape_share(ctx, (uint64_t)cpu_live(ctx, d->n) * n_all);

	for (uint64_t i = part.first; i < part.end; i++) {
		uint32_t head = (uint32_t)(i % n_all);

		if (head < n_k)
			write_row(ctx, d, &d->k, &d->k_cache, i / n_all, head);
		else
			write_row(ctx, d, &d->v, &d->v_cache, i / n_all, head - n_k);
	}
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {cut, run}};

	return cpu_record(cmd, &cpu_op_kv_write, desc, variant, &work);
}

static const struct zinc_variant variants[] = {{"row", 0, ZINC_NUM_F32}};

const struct zinc_op_impl cpu_op_kv_write = {
	.struct_size = sizeof(cpu_op_kv_write),
	.op = ZINC_OP_KV_WRITE,
	.name = "kv_write",
	.desc_size = sizeof(struct zinc_op_kv_write),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
