/* op_elementwise.c - glu, add, mul, scale, softcap and sigmoid_gate. */
#include <math.h>
#include <zinc/shape_op.h>

#include "op_rows.h"

static int glu_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant == 0 && zinc_glu_ok(desc) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static int glu_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_glu *d = desc;
	struct ada_glu_args a = {.rows = ada_rows_of(cmd, &d->gate, d->n),
	                         .gate = ada_arg(&d->gate), .up = ada_arg(&d->up),
	                         .y = ada_arg(&d->y), .limit = d->limit != 0 ? d->limit : INFINITY};
	struct ada_launch l = {.kernel = d->act == ZINC_ACT_SILU ? "glu_silu" : "glu_gelu_tanh",
	                       .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_glu, desc, variant))
		return ada_cmd_status(cmd);
	ada_rows_also(&a.rows, &d->up);
	ada_rows_also(&a.rows, &d->y);
	ada_grid_of_rows(&l, &a.rows);
	return ada_launch(cmd, &l);
}

static int binary_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant == 0 && zinc_binary_ok(desc) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

/* y = y * one number. */
static bool is_one_in_place(const struct zinc_op_binary *d)
{
	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		if (d->b.ne[i] != 1 || d->y.nb[i] != d->a.nb[i])
			return false;
	return ada_address(&d->y) == ada_address(&d->a);
}

static int binary_record(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const char *kernel,
                         const struct zinc_op_binary *d, uint32_t variant)
{
	struct ada_binary_args a = {.rows = ada_rows_of(cmd, &d->a, d->n), .a = ada_arg(&d->a),
	                            .b = ada_arg(&d->b), .y = ada_arg(&d->y),
	                            .b_lanes = d->b.ne[0]};
	struct ada_launch l = {.kernel = kernel, .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, op, d, variant))
		return ada_cmd_status(cmd);
	if (d->b.ne[1] == 1)
		a.b.nb1 = 0;
	if (d->b.ne[2] == 1)
		a.b.nb2 = 0;
	if (op == &ada_op_mul && is_one_in_place(d) &&
	    ada_norm_takes_factor(cmd, &a.a, &a.rows, ada_address(&d->b)))
		return ada_cmd_status(cmd);
	ada_rows_also(&a.rows, &d->y);
	if (d->b.ne[0] == d->a.ne[0])
		ada_rows_also(&a.rows, &d->b);
	ada_grid_of_rows(&l, &a.rows);
	return ada_launch(cmd, &l);
}

static int add_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return binary_record(cmd, &ada_op_add, "add_rows", desc, variant);
}

static int mul_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return binary_record(cmd, &ada_op_mul, "mul_rows", desc, variant);
}

static int unary_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant == 0 && zinc_unary_ok(desc) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static int unary_record(struct zinc_cmd *cmd, const struct zinc_op_impl *op, const char *kernel,
                        const struct zinc_op_unary *d, uint32_t variant)
{
	struct ada_unary_args a = {.rows = ada_rows_of(cmd, &d->x, d->n), .x = ada_arg(&d->x),
	                           .y = ada_arg(&d->y), .value = d->value};
	struct ada_launch l = {.kernel = kernel, .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, op, d, variant))
		return ada_cmd_status(cmd);
	ada_rows_also(&a.rows, &d->y);
	ada_grid_of_rows(&l, &a.rows);
	return ada_launch(cmd, &l);
}

static int scale_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return unary_record(cmd, &ada_op_scale, "scale_rows", desc, variant);
}

static int softcap_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return unary_record(cmd, &ada_op_softcap, "softcap_rows", desc, variant);
}

static int gate_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant == 0 && zinc_sigmoid_gate_ok(desc) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static int gate_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_sigmoid_gate *d = desc;
	struct ada_gate_args a = {.rows = ada_rows_of(cmd, &d->x, d->n), .x = ada_arg(&d->x),
	                          .gate = ada_arg(&d->gate), .y = ada_arg(&d->y),
	                          .gate_lanes = d->gate.ne[0]};
	struct ada_launch l = {.kernel = "sigmoid_gate_rows", .args = &a, .args_size = sizeof(a)};

	if (ada_op_begin(cmd, &ada_op_sigmoid_gate, desc, variant))
		return ada_cmd_status(cmd);
	ada_rows_also(&a.rows, &d->y);
	if (d->gate.ne[0] == d->x.ne[0])
		ada_rows_also(&a.rows, &d->gate);
	ada_grid_of_rows(&l, &a.rows);
	return ada_launch(cmd, &l);
}

static const struct zinc_variant variants[] = {{"quads", 0, ZINC_NUM_F32}};

#define ELEMENTWISE(id, number, desc_type)                                                         \
	.struct_size = sizeof(struct zinc_op_impl), .op = number, .name = #id,                     \
	.desc_size = sizeof(struct desc_type), .n_variants = 1, .variants = variants,              \
	.record = id##_record

const struct zinc_op_impl ada_op_glu = {
	ELEMENTWISE(glu, ZINC_OP_GLU, zinc_op_glu), .supports = glu_supports,
};

const struct zinc_op_impl ada_op_add = {
	ELEMENTWISE(add, ZINC_OP_ADD, zinc_op_binary), .supports = binary_supports,
};

const struct zinc_op_impl ada_op_mul = {
	ELEMENTWISE(mul, ZINC_OP_MUL, zinc_op_binary), .supports = binary_supports,
};

const struct zinc_op_impl ada_op_scale = {
	ELEMENTWISE(scale, ZINC_OP_SCALE, zinc_op_unary), .supports = unary_supports,
};

const struct zinc_op_impl ada_op_softcap = {
	ELEMENTWISE(softcap, ZINC_OP_SOFTCAP, zinc_op_unary), .supports = unary_supports,
};

const struct zinc_op_impl ada_op_sigmoid_gate = {
	.struct_size = sizeof(struct zinc_op_impl),
	.op = ZINC_OP_SIGMOID_GATE,
	.name = "sigmoid_gate",
	.desc_size = sizeof(struct zinc_op_sigmoid_gate),
	.n_variants = 1,
	.variants = variants,
	.supports = gate_supports,
	.record = gate_record,
};
