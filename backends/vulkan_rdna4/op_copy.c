/* op_copy.c - copy and cast: views of any strides. */
#include <zinc/shape_op.h>

#include "args.h"
#include "ops.h"
#include "weight.h"

enum { GROUP = 256, CAST_GROUP = 64, WHOLE = 4 };

/* shaders/common/region.glsl */
struct region {
	struct rdna4_count n;
	uint32_t ne[3];
	uint32_t counted;
};

struct copy_args {
	uint64_t slots, x, y;
	struct region live;
	uint32_t units, block_elems, block_units;
	uint32_t x_nb[3], y_nb[3];
};

struct cast_args {
	uint64_t slots, x, y;
	struct region live;
	uint32_t lanes;
	uint32_t x_nb[3], y_nb[3];
};

static struct region region_of(const struct zinc_op_copy *d)
{
	return (struct region){.n = rdna4_count(d->n), .ne = {d->x.ne[1], d->x.ne[2], d->x.ne[3]},
	                       .counted = d->n.imm > 1 ? (uint32_t)zinc_shape_slowest(&d->x) : WHOLE};
}

static uint64_t n_rows(const struct zinc_view *v)
{
	return (uint64_t)v->ne[1] * v->ne[2] * v->ne[3];
}

static bool is_row_type(uint32_t dtype)
{
	return dtype == ZINC_I32 || dtype == ZINC_U8 || rdna4_block_elems(dtype);
}

static uint32_t block_elems(uint32_t dtype)
{
	return dtype == ZINC_I32 || dtype == ZINC_U8 ? 1 : rdna4_block_elems(dtype);
}

static uint32_t block_bytes(uint32_t dtype)
{
	return dtype == ZINC_I32 ? 4 : dtype == ZINC_U8 ? 1 : rdna4_block_bytes(dtype);
}

static bool strides_ok(const struct zinc_view *v)
{
	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		if (v->ne[i] > 1 && v->nb[i] > UINT32_MAX)
			return false;
	return zinc_view_elems(v) <= UINT32_MAX / 4;
}

static bool shapes_ok(const struct zinc_op_copy *d)
{
	return is_row_type(d->x.dtype) && is_row_type(d->y.dtype) &&
	       zinc_shape_is(&d->x, d->x.dtype) && zinc_shape_is(&d->y, d->y.dtype) &&
	       zinc_shape_same(&d->x, &d->y) && d->x.ne[0] % block_elems(d->x.dtype) == 0 &&
	       d->y.ne[0] % block_elems(d->y.dtype) == 0 && strides_ok(&d->x) &&
	       strides_ok(&d->y) && (d->n.imm <= 1 || d->n.imm <= d->x.ne[zinc_shape_slowest(&d->x)]);
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

/* Bytes of a row. */
static uint32_t row_bytes(const struct zinc_op_copy *d)
{
	return d->x.ne[0] / block_elems(d->x.dtype) * block_bytes(d->x.dtype);
}

/* The widest unit that divides all places and a block; a row, where nobody counts what
 * lies inside. */
static uint32_t unit_of(const struct zinc_op_copy *d)
{
	uint64_t all = d->x.off | d->y.off;
	bool whole_rows = d->n.imm <= 1 || zinc_shape_slowest(&d->x) > 0;

	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		all |= (d->x.ne[i] > 1 ? d->x.nb[i] | d->y.nb[i] : 0);
	if (whole_rows && (all | row_bytes(d)) % 16 == 0)
		return 16;
	all |= block_bytes(d->x.dtype);
	return all % 4 == 0 ? 4 : all % 2 == 0 ? 2 : 1;
}

static void strides(uint32_t out[3], const struct zinc_view *v, uint32_t unit)
{
	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		out[i - 1] = v->ne[i] > 1 ? (uint32_t)(v->nb[i] / unit) : 0;
}

static int copy_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_copy *d = desc;
	uint32_t unit = unit_of(d), elems = block_elems(d->x.dtype);
	uint32_t block_units = unit < 16 ? block_bytes(d->x.dtype) / unit : 1;
	struct copy_args args = {.x = rdna4_address(&d->x), .y = rdna4_address(&d->y),
	                         .live = region_of(d), .units = row_bytes(d) / unit,
	                         .block_elems = elems, .block_units = block_units};
	struct rdna4_call call = {.shader = "rows/copy", .spec = {GROUP, unit}, .n_spec = 2,
	                          .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	strides(args.x_nb, &d->x, unit);
	strides(args.y_nb, &d->y, unit);
	rdna4_reads(&call, &d->x);
	rdna4_writes(&call, &d->y);
	rdna4_grid(&call, n_rows(&d->x) * args.units, GROUP);
	return rdna4_dispatch(cmd, &call);
}

static int cast_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_copy *d = desc;
	struct cast_args args = {.x = rdna4_address(&d->x), .y = rdna4_address(&d->y),
	                         .live = region_of(d), .lanes = d->x.ne[0]};
	struct rdna4_call call = {.shader = "rows/cast",
	                          .spec = {CAST_GROUP, d->x.dtype, d->y.dtype}, .n_spec = 3,
	                          .args = &args, .args_bytes = sizeof(args)};

	(void)variant;
	strides(args.x_nb, &d->x, 1);
	strides(args.y_nb, &d->y, 1);
	rdna4_reads(&call, &d->x);
	rdna4_writes(&call, &d->y);
	rdna4_grid(&call, n_rows(&d->x) * ((args.lanes + 31) / 32), CAST_GROUP);
	return rdna4_dispatch(cmd, &call);
}

static int copy_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_copy, desc, variant, copy_run);
}

static int cast_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	return rdna4_record(cmd, &rdna4_op_cast, desc, variant, cast_run);
}

static const struct zinc_variant variants[] = {{"row", 0, ZINC_NUM_F32}};

const struct zinc_op_impl rdna4_op_copy = {
	.struct_size = sizeof(rdna4_op_copy),
	.op = ZINC_OP_COPY,
	.name = "copy",
	.desc_size = sizeof(struct zinc_op_copy),
	.n_variants = 1,
	.variants = variants,
	.supports = copy_supports,
	.record = copy_record,
};

const struct zinc_op_impl rdna4_op_cast = {
	.struct_size = sizeof(rdna4_op_cast),
	.op = ZINC_OP_CAST,
	.name = "cast",
	.desc_size = sizeof(struct zinc_op_copy),
	.n_variants = 1,
	.variants = variants,
	.supports = cast_supports,
	.record = cast_record,
};
