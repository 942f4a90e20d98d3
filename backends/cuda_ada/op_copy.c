/* op_copy.c - copy and cast, between views of any strides. */
#include <zinc/shape_op.h>

#include "op_rows.h"

/* Elements and bytes of a block of every dtype that rows can have. */
static const struct block {
	uint32_t elems, bytes;
} blocks[ZINC_DTYPE_MAX] = {
	[ZINC_F32] = {1, 4},      [ZINC_F16] = {1, 2},      [ZINC_BF16] = {1, 2},
	[ZINC_I32] = {1, 4},      [ZINC_U8] = {1, 1},       [ZINC_Q8_0] = {32, 34},
	[ZINC_Q4_0] = {32, 18},   [ZINC_Q4_1] = {32, 20},   [ZINC_Q5_0] = {32, 22},
	[ZINC_Q5_1] = {32, 24},   [ZINC_Q2_K] = {256, 84},  [ZINC_Q3_K] = {256, 110},
	[ZINC_Q4_K] = {256, 144}, [ZINC_Q5_K] = {256, 176}, [ZINC_Q6_K] = {256, 210},
	[ZINC_IQ4_NL] = {32, 18}, [ZINC_IQ4_XS] = {256, 136}, [ZINC_MXFP4] = {32, 17},
};

static bool rows_ok(const struct zinc_view *v)
{
	return v->dtype < ZINC_DTYPE_MAX && blocks[v->dtype].elems && zinc_shape_is(v, v->dtype) &&
	       v->ne[0] % blocks[v->dtype].elems == 0 &&
	       (uint64_t)v->ne[0] / blocks[v->dtype].elems * blocks[v->dtype].bytes <= UINT32_MAX;
}

static bool shapes_ok(const struct zinc_op_copy *d)
{
	return rows_ok(&d->x) && rows_ok(&d->y) && zinc_shape_same(&d->x, &d->y) &&
	       (d->n.imm <= 1 || d->n.imm <= d->x.ne[zinc_shape_slowest(&d->x)]);
}

static int copy_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant == 0 && zinc_copy_types_ok(desc) && shapes_ok(desc)
	               ? ZINC_OK
	               : ZINC_E_UNSUPPORTED;
}

static int cast_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant == 0 && zinc_cast_types_ok(desc) && shapes_ok(desc)
	               ? ZINC_OK
	               : ZINC_E_UNSUPPORTED;
}

/* The widest unit, in bytes, that starts of rows and whole pieces of them are
 * multiples of. */
static uint32_t unit_of(const struct zinc_op_copy *d, uint64_t piece)
{
	uint64_t bits = piece | ada_address(&d->x) | ada_address(&d->y);

	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		if (d->x.ne[i] > 1)
			bits |= d->x.nb[i] | d->y.nb[i];
	return bits % 16 == 0 ? 16 : bits % 4 == 0 ? 4 : bits % 2 == 0 ? 2 : 1;
}

static struct ada_copy_args args_of(const struct zinc_cmd *cmd, const struct zinc_op_copy *d)
{
	struct ada_copy_args a = {.x = ada_arg(&d->x), .y = ada_arg(&d->y),
	                          .params = ada_params(cmd), .n = ada_count(d->n),
	                          .dim = (uint32_t)zinc_shape_slowest(&d->x),
	                          .whole = d->n.imm <= 1};

	return a;
}

static int launch(struct zinc_cmd *cmd, const char *kernel, const struct ada_copy_args *a)
{
	struct ada_launch l = {.kernel = kernel, .args = a, .args_size = sizeof(*a)};
	uint32_t units = ada_div_up(a->x.ne0, a->unit_den) * a->unit_num;

	ada_grid_over(&l, units, (uint64_t)a->x.ne1 * a->x.ne2 * a->x.ne3);
	return ada_launch(cmd, &l);
}

static int copy_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_copy *d = desc;
	struct ada_copy_args a = args_of(cmd, d);
	struct block piece = blocks[d->x.dtype];
	uint32_t unit;

	if (ada_op_begin(cmd, &ada_op_copy, desc, variant))
		return ada_cmd_status(cmd);
	if (a.dim > 0 || a.whole) { /* always whole rows */
		piece.bytes *= d->x.ne[0] / piece.elems;
		piece.elems = d->x.ne[0];
	}
	unit = unit_of(d, piece.bytes);
	a.unit_num = piece.bytes / unit;
	a.unit_den = piece.elems;
	return launch(cmd, unit == 16  ? "copy_16"
	                   : unit == 4 ? "copy_4"
	                   : unit == 2 ? "copy_2"
	                               : "copy_1", &a);
}

static enum ada_cast_type cast_type(uint32_t dtype)
{
	return dtype == ZINC_F32 ? ADA_CAST_F32 : dtype == ZINC_F16 ? ADA_CAST_F16 : ADA_CAST_BF16;
}

static int cast_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_copy *d = desc;
	struct ada_copy_args a = args_of(cmd, d);

	if (ada_op_begin(cmd, &ada_op_cast, desc, variant))
		return ada_cmd_status(cmd);
	a.unit_num = a.unit_den = blocks[d->y.dtype].elems;
	a.from = cast_type(d->x.dtype);
	a.to = cast_type(d->y.dtype);
	return launch(cmd, d->y.dtype == ZINC_Q8_0 ? "cast_q8_0" : "cast_plain", &a);
}

static const struct zinc_variant variants[] = {{"units", 0, ZINC_NUM_F32}};

const struct zinc_op_impl ada_op_copy = {
	.struct_size = sizeof(ada_op_copy),
	.op = ZINC_OP_COPY,
	.name = "copy",
	.desc_size = sizeof(struct zinc_op_copy),
	.n_variants = 1,
	.variants = variants,
	.supports = copy_supports,
	.record = copy_record,
};

const struct zinc_op_impl ada_op_cast = {
	.struct_size = sizeof(ada_op_cast),
	.op = ZINC_OP_CAST,
	.name = "cast",
	.desc_size = sizeof(struct zinc_op_copy),
	.n_variants = 1,
	.variants = variants,
	.supports = cast_supports,
	.record = cast_record,
};
