/* copy.c - copy and cast: views of any strides, row by row. */
#include <string.h>
#include <zinc/shape_op.h>

#include "kernels.h"
#include "quant.h"
#include "shape.h"

/* The part of a view that is live: rows of `elems` elements of dimension 0,
 * numbered over dimensions 1 to 3. n counts along the slowest dimension in
 * use; one live row of one is the whole view. */
struct region {
	uint32_t ne[ZINC_MAX_DIMS];
	uint64_t rows;
};

static struct region live_region(const struct cpu_ctx *ctx, const struct zinc_op_copy *d)
{
	uint32_t n = cpu_live(ctx, d->n);
	int dim = zinc_shape_slowest(&d->x);
	struct region r;

	memcpy(r.ne, d->x.ne, sizeof(r.ne));
	if (n == 0 || d->n.imm > 1)
		r.ne[dim] = n < r.ne[dim] ? n : r.ne[dim];
	r.rows = (uint64_t)r.ne[1] * r.ne[2] * r.ne[3];
	return r;
}

static uint8_t *row_at(const struct zinc_view *v, const struct region *r, uint64_t row)
{
	uint64_t i1 = row % r->ne[1], i2 = row / r->ne[1] % r->ne[2];
	uint64_t i3 = row / r->ne[1] / r->ne[2];

	return cpu_ptr(v) + i1 * v->nb[1] + i2 * v->nb[2] + i3 * v->nb[3];
}

/* Whole blocks; the one that holds the last live element is copied in full. */
static uint32_t whole_blocks(uint32_t elems, uint32_t block)
{
	return (elems + block - 1) / block * block;
}

static bool is_row_type(uint32_t dtype)
{
	return dtype < ZINC_DTYPE_MAX &&
	       ((ZINC_TMASK_WEIGHT | ZINC_TBIT(ZINC_I32) | ZINC_TBIT(ZINC_U8)) & ZINC_TBIT(dtype));
}

static uint32_t block_of(uint32_t dtype)
{
	return dtype < ZINC_Q8_0 ? 1 : quant_block_elems(dtype);
}

static uint64_t row_bytes(uint32_t dtype, uint32_t elems)
{
	if (dtype == ZINC_I32)
		return elems * UINT64_C(4);
	return dtype == ZINC_U8 ? elems : quant_row_bytes(dtype, elems);
}

static bool shapes_ok(const struct zinc_op_copy *d)
{
	return is_row_type(d->x.dtype) && is_row_type(d->y.dtype) &&
	       zinc_shape_is(&d->x, d->x.dtype) && zinc_shape_is(&d->y, d->y.dtype) &&
	       zinc_shape_same(&d->x, &d->y) && d->x.ne[0] % block_of(d->x.dtype) == 0 &&
	       d->y.ne[0] % block_of(d->y.dtype) == 0 &&
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

static uint64_t cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_copy *d = desc;

	return shape_cut(ctx, live_region(ctx, d).rows, 20 + d->x.ne[0] / 4);
}

static void copy_run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_copy *d = desc;
	struct region r = live_region(ctx, d);
	struct shape_part part = shape_share(ctx, r.rows);
	uint64_t bytes = row_bytes(d->x.dtype, whole_blocks(r.ne[0], block_of(d->x.dtype)));

	for (uint64_t i = part.first; i < part.end; i++)
		memmove(row_at(&d->y, &r, i), row_at(&d->x, &r, i), bytes);
}

static void cast_run(const struct cpu_ctx *ctx, const void *desc)
{
	enum { PIECE = 256 };
	const struct zinc_op_copy *d = desc;
	const struct cpu_kernels *kern = ctx->dev->kernels;
	struct region r = live_region(ctx, d);
	struct shape_part part = shape_share(ctx, r.rows);
	uint32_t elems = whole_blocks(r.ne[0], block_of(d->y.dtype));
	float piece[PIECE];

	for (uint64_t i = part.first; i < part.end; i++) {
		const uint8_t *x = row_at(&d->x, &r, i);
		uint8_t *y = row_at(&d->y, &r, i);

		for (uint32_t at = 0; at < elems; at += PIECE) {
			uint32_t n = elems - at < PIECE ? elems - at : PIECE;

			kern->to_f32(d->x.dtype, x + row_bytes(d->x.dtype, at), piece, n);
			kern->from_f32(d->y.dtype, piece, y + row_bytes(d->y.dtype, at), n);
		}
	}
}

static int copy_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {cut, copy_run}};

	return cpu_record(cmd, &cpu_op_copy, desc, variant, &work);
}

static int cast_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {cut, cast_run}};

	return cpu_record(cmd, &cpu_op_cast, desc, variant, &work);
}

static const struct zinc_variant variants[] = {{"row", 0, ZINC_NUM_F32}};

const struct zinc_op_impl cpu_op_copy = {
	.struct_size = sizeof(cpu_op_copy),
	.op = ZINC_OP_COPY,
	.name = "copy",
	.desc_size = sizeof(struct zinc_op_copy),
	.n_variants = 1,
	.variants = variants,
	.supports = copy_supports,
	.record = copy_record,
};

const struct zinc_op_impl cpu_op_cast = {
	.struct_size = sizeof(cpu_op_cast),
	.op = ZINC_OP_CAST,
	.name = "cast",
	.desc_size = sizeof(struct zinc_op_copy),
	.n_variants = 1,
	.variants = variants,
	.supports = cast_supports,
	.record = cast_record,
};
