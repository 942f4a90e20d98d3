/* ops.c - add, mul, scale and softcap. A real backend has one file per op.
 *
 * supports() is a promise: what it accepts, record() can do, in any shape. What
 * it does not know (a flag, a shape) it declines, and the core looks for
 * another way. */
#include "proto.h"

#include <math.h>

static uint32_t live(struct zinc_u32 n, const uint32_t *params)
{
	return n.slot ? params[n.slot] : n.imm;
}

/* Rows of dimensions 1 and 2 that are alive: with one row recorded, all of
 * dimension 1 belongs to it (op.h). */
static void live_rows(const struct zinc_view *v, struct zinc_u32 n, const uint32_t *params,
                      uint32_t rows[2])
{
	uint32_t alive = live(n, params);

	rows[0] = v->ne[1];
	rows[1] = v->ne[2];
	if (v->ne[2] > 1)
		rows[1] = alive;
	else if (n.imm > 1)
		rows[0] = alive;
	else if (!alive)
		rows[0] = 0;
}

/* The row (i1, i2); a dimension of 1 is repeated. */
static float *row(const struct zinc_view *v, uint32_t i1, uint32_t i2)
{
	uint64_t off = v->off + (v->ne[1] > 1 ? i1 * v->nb[1] : 0) +
	               (v->ne[2] > 1 ? i2 * v->nb[2] : 0);

	return (float *)(void *)(v->buf->bytes + off);
}

static int supports_binary(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_binary *d = desc;

	(void)dev;
	if (variant || d->flags || !zinc_shape_is(&d->a, ZINC_F32) ||
	    !zinc_shape_is(&d->b, ZINC_F32) || !zinc_shape_f32_as(&d->y, &d->a) ||
	    !zinc_shape_rows_fit(&d->a, d->n))
		return ZINC_E_UNSUPPORTED;
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (d->b.ne[i] != 1 && d->b.ne[i] != d->a.ne[i])
			return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

static void run_binary(const struct proto_step *step, const uint32_t *params)
{
	const struct zinc_op_binary *d = &step->desc.binary;
	uint32_t rows[2], wide = d->b.ne[0] > 1;

	live_rows(&d->a, d->n, params, rows);
	for (uint32_t i2 = 0; i2 < rows[1]; i2++)
		for (uint32_t i1 = 0; i1 < rows[0]; i1++) {
			const float *a = row(&d->a, i1, i2), *b = row(&d->b, i1, i2);
			float *y = row(&d->y, i1, i2);

			for (uint32_t i = 0; i < d->a.ne[0]; i++)
				y[i] = step->op == ZINC_OP_ADD ? a[i] + b[i * wide]
				                               : a[i] * b[i * wide];
		}
}

static int supports_unary(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_unary *d = desc;

	(void)dev;
	return !variant && !d->flags && zinc_shape_is(&d->x, ZINC_F32) &&
	                       zinc_shape_f32_as(&d->y, &d->x) && zinc_shape_rows_fit(&d->x, d->n)
	               ? ZINC_OK
	               : ZINC_E_UNSUPPORTED;
}

static void run_unary(const struct proto_step *step, const uint32_t *params)
{
	const struct zinc_op_unary *d = &step->desc.unary;
	uint32_t rows[2];

	live_rows(&d->x, d->n, params, rows);
	for (uint32_t i2 = 0; i2 < rows[1]; i2++)
		for (uint32_t i1 = 0; i1 < rows[0]; i1++) {
			const float *x = row(&d->x, i1, i2);
			float *y = row(&d->y, i1, i2);

			for (uint32_t i = 0; i < d->x.ne[0]; i++)
				y[i] = step->op == ZINC_OP_SCALE
				               ? x[i] * d->value
				               : d->value * tanhf(x[i] / d->value);
		}
}

static int record_binary(struct zinc_cmd *cmd, const struct zinc_op_binary *d, uint32_t op)
{
	struct proto_step *step = proto_cmd_step(cmd);

	if (!step)
		return cmd->status;
	step->op = op;
	step->run = run_binary;
	step->desc.binary = *d;
	return ZINC_OK;
}

static int record_unary(struct zinc_cmd *cmd, const struct zinc_op_unary *d, uint32_t op)
{
	struct proto_step *step = proto_cmd_step(cmd);

	if (!step)
		return cmd->status;
	step->op = op;
	step->run = run_unary;
	step->desc.unary = *d;
	return ZINC_OK;
}

static int record_add(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	(void)variant;
	return record_binary(cmd, desc, ZINC_OP_ADD);
}

static int record_mul(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	(void)variant;
	return record_binary(cmd, desc, ZINC_OP_MUL);
}

static int record_scale(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	(void)variant;
	return record_unary(cmd, desc, ZINC_OP_SCALE);
}

static int record_softcap(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	(void)variant;
	return record_unary(cmd, desc, ZINC_OP_SOFTCAP);
}

/* Sums of a row in an order that depends on nothing else: class F32. */
static const struct zinc_variant rows_variant[] = {{"rows", 0, ZINC_NUM_F32}};

#define OP(ID, label, T, can, rec)                                                                 \
	{.struct_size = sizeof(struct zinc_op_impl), .op = ID, .name = label,                      \
	 .desc_size = sizeof(struct T), .n_variants = 1, .variants = rows_variant,                 \
	 .supports = can, .record = rec}

static const struct zinc_op_impl
	add = OP(ZINC_OP_ADD, "add", zinc_op_binary, supports_binary, record_add),
	mul = OP(ZINC_OP_MUL, "mul", zinc_op_binary, supports_binary, record_mul),
	scale = OP(ZINC_OP_SCALE, "scale", zinc_op_unary, supports_unary, record_scale),
	softcap = OP(ZINC_OP_SOFTCAP, "softcap", zinc_op_unary, supports_unary, record_softcap);

const struct zinc_op_impl *const proto_ops[PROTO_N_OPS] = {&add, &mul, &scale, &softcap};
