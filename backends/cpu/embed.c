/* embed.c - rows of a table by id, as F32. */
#include <string.h>

#include "linear.h"
#include "shape.h"

static void embed_row(const struct lin_isa *isa, const struct zinc_op_embed *op, int32_t id,
                      float *y)
{
	uint32_t d = op->table.ne[0];
	struct lin_rows rows = lin_rows_of(&op->table, 0, 0);
	float scale = op->scale != 0.0f ? op->scale : 1.0f;

	if (id < 0 || (uint32_t)id >= op->table.ne[1]) {
		memset(y, 0, d * sizeof(float));
		return;
	}
	for (uint32_t k0 = 0; k0 < d; k0 += LIN_CHUNK) {
		float buf[LIN_CHUNK];
		uint32_t n = d - k0 < LIN_CHUNK ? d - k0 : LIN_CHUNK;
		const float *w = lin_row_f32(isa, &rows, (uint32_t)id, k0, n, buf);

		for (uint32_t i = 0; i < n; i++)
			y[k0 + i] = w[i] * scale;
	}
}

static uint64_t cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_embed *op = desc;

	return shape_cut(ctx, cpu_live(ctx, op->n), op->table.ne[0]);
}

static void run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_embed *op = desc;
	const struct lin_isa *isa = lin_isa_of(ctx->dev->isa);
	const int32_t *ids = cpu_i32(&op->ids, 0);
	struct shape_part part = shape_share(ctx, cpu_live(ctx, op->n));

	for (uint64_t i = part.first; i < part.end; i++)
		embed_row(isa, op, ids[i], cpu_f32(&op->y, i, 0));
}

static bool is_packed(const struct zinc_view *table)
{
	return table->layout == LIN_PACKED && table->ne[1] % LIN_ROWS == 0 &&
	       table->nb[1] == quant_row_bytes(table->dtype, table->ne[0]);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_embed *op = desc;
	const struct quant_format *f = quant_format(op->table.dtype);

	(void)dev;
	if (op->flags || variant || !f || op->table.ne[0] % f->elems || op->table.ne[2] != 1)
		return ZINC_E_UNSUPPORTED;
	if (op->table.layout ? !is_packed(&op->table) : op->table.nb[0] != f->bytes)
		return ZINC_E_UNSUPPORTED;
	if (op->ids.dtype != ZINC_I32 || op->ids.nb[0] != sizeof(int32_t) ||
	    op->y.dtype != ZINC_F32 || op->y.layout || op->y.ne[0] != op->table.ne[0])
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {cut, run}};

	(void)variant;
	return cpu_cmd_add(cmd, &cpu_op_embed, desc, &work);
}

static const struct zinc_variant variants[] = {{"rows", 0, ZINC_NUM_F32}};

const struct zinc_op_impl cpu_op_embed = {
	.struct_size = sizeof(struct zinc_op_impl),
	.op = ZINC_OP_EMBED,
	.name = "embed",
	.desc_size = sizeof(struct zinc_op_embed),
	.n_variants = 1,
	.variants = variants,
	.wtypes = ZINC_TMASK_WEIGHT,
	.supports = supports,
	.record = record,
};
