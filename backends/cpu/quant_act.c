/* quant_act.c - activations to the 8-bit rows that class Q8 reads. */
#include "linear.h"
#include "shape.h"

enum { CHUNK_NS = 120 };

/* x rows of one token: [N, k, K] has k, also when N is 1 and the view has lost
 * its slowest dimension. */
static uint32_t rows_per_token(const struct zinc_op_quant_act *op)
{
	if (op->x.ne[2] > 1)
		return op->x.ne[1];
	return op->n.imm == 1 ? op->x.ne[1] : 1;
}

/* Chunks of all live rows. */
static uint64_t count_chunks(const struct cpu_ctx *ctx, const struct zinc_op_quant_act *op)
{
	uint32_t row_chunks = (op->x.ne[0] + LIN_CHUNK - 1) / LIN_CHUNK;

	return (uint64_t)cpu_live(ctx, op->n) * rows_per_token(op) * row_chunks;
}

static uint64_t cut(const struct cpu_ctx *ctx, const void *desc)
{
	return shape_cut(ctx, count_chunks(ctx, desc), CHUNK_NS);
}

/* A piece is some chunks of any rows: a single long row is shared too. */
static void run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_quant_act *op = desc;
	const struct lin_isa *isa = lin_isa_of(ctx->dev->isa);
	uint32_t k = op->x.ne[0], per_token = rows_per_token(op);
	uint32_t row_chunks = (k + LIN_CHUNK - 1) / LIN_CHUNK;
	struct shape_part part = shape_share(ctx, count_chunks(ctx, op));
	bool flat = op->x.ne[2] == 1;

	for (uint64_t i = part.first; i < part.end; i++) {
		uint64_t row = i / row_chunks;
		uint32_t k0 = (uint32_t)(i % row_chunks) * LIN_CHUNK;
		const float *x = flat ? cpu_f32(&op->x, row, 0)
		                      : cpu_f32(&op->x, row % per_token, row / per_token);
		void *y = cpu_ptr(&op->y) + row * op->row_bytes;

		isa->quantise(x + k0, k - k0 < LIN_CHUNK ? k - k0 : LIN_CHUNK,
		              (struct lin_act *)y + k0 / LIN_CHUNK);
	}
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_quant_act *op = desc;

	(void)dev;
	if (op->flags || variant || op->x.dtype != ZINC_F32 || op->x.layout ||
	    op->x.nb[0] != sizeof(float) || !op->x.ne[0])
		return ZINC_E_UNSUPPORTED;
	if (op->y.dtype != ZINC_U8 || op->y.layout != LIN_ACT_LAYOUT ||
	    op->y.ne[0] != op->x.ne[0] || op->row_bytes != lin_act_row_bytes(op->x.ne[0]))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {cut, run}};

	(void)variant;
	return cpu_cmd_add(cmd, &cpu_op_quant_act, desc, &work);
}

static const struct zinc_variant variants[] = {{"blocks32", 0, ZINC_NUM_Q8}};

const struct zinc_op_impl cpu_op_quant_act = {
	.struct_size = sizeof(struct zinc_op_impl),
	.op = ZINC_OP_QUANT_ACT,
	.name = "quant_act",
	.desc_size = sizeof(struct zinc_op_quant_act),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
