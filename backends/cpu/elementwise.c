/* elementwise.c - glu, add, mul, scale, softcap and sigmoid_gate.
 *
 * The work is cut into spans of a row, so that a single wide row is shared by
 * all threads too. */
#include <math.h>
#include <zinc/shape_op.h>

#include "kernels.h"
#include "shape.h"

enum { SPAN = 1024 }; /* elements; a multiple of every vector */

/* The live elements of an op, as spans numbered row by row. */
struct spans {
	struct shape_rows rows;
	uint32_t ne0, per_row;
	uint64_t count;
};

struct span {
	uint64_t row;
	uint32_t first, n;
};

static struct spans spans_of(const struct cpu_ctx *ctx, const struct zinc_view *x,
                             struct zinc_u32 n)
{
	struct spans s = {.rows = shape_live_rows(x, n, cpu_live(ctx, n)), .ne0 = x->ne[0]};

	s.per_row = (s.ne0 + SPAN - 1) / SPAN;
	s.count = s.rows.count * s.per_row;
	return s;
}

static struct span span_at(const struct spans *s, uint64_t i)
{
	struct span at = {.row = i / s->per_row, .first = (uint32_t)(i % s->per_row) * SPAN};

	at.n = s->ne0 - at.first < SPAN ? s->ne0 - at.first : SPAN;
	return at;
}

static float *span_ptr(const struct zinc_view *v, const struct spans *s, struct span at)
{
	return shape_row(v, &s->rows, at.row) + at.first;
}

enum { SPAN_NS = 500 };

static uint64_t cut_spans(const struct cpu_ctx *ctx, const struct zinc_view *x, struct zinc_u32 n)
{
	return shape_cut(ctx, spans_of(ctx, x, n).count, SPAN_NS);
}

static int glu_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant == 0 && zinc_glu_ok(desc) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static uint64_t glu_cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_glu *d = desc;

	return cut_spans(ctx, &d->gate, d->n);
}

static void glu_run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_glu *d = desc;
	struct spans s = spans_of(ctx, &d->gate, d->n);
	struct shape_part part = shape_share(ctx, s.count);
	float limit = d->limit != 0 ? d->limit : INFINITY;

	for (uint64_t i = part.first; i < part.end; i++) {
		struct span at = span_at(&s, i);

		ctx->dev->kernels->glu[d->act](span_ptr(&d->y, &s, at), span_ptr(&d->gate, &s, at),
		                               span_ptr(&d->up, &s, at), limit, at.n);
	}
}

/* b has a's shape, or dimensions of 1 that repeat. The repeated dimension N of
 * a [N, H, D] is 2; for n.imm == 1 the shapes alone say it all. */
static int binary_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant == 0 && zinc_binary_ok(desc) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static void add_span(float *y, const float *a, const float *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		y[i] = a[i] + b[i];
}

static void mul_span(float *y, const float *a, const float *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		y[i] = a[i] * b[i];
}

static void add_scalar(float *y, const float *a, float b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		y[i] = a[i] + b;
}

static void mul_scalar(float *y, const float *a, float b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		y[i] = a[i] * b;
}

static uint64_t binary_cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_binary *d = desc;

	return cut_spans(ctx, &d->a, d->n);
}

static void binary_run(const struct cpu_ctx *ctx, const struct zinc_op_binary *d, bool add)
{
	struct spans s = spans_of(ctx, &d->a, d->n);
	struct shape_part part = shape_share(ctx, s.count);

	for (uint64_t i = part.first; i < part.end; i++) {
		struct span at = span_at(&s, i);
		uint64_t i1 = at.row % s.rows.inner, i2 = at.row / s.rows.inner;
		const float *a = span_ptr(&d->a, &s, at);
		const float *b = cpu_f32(&d->b, d->b.ne[1] > 1 ? i1 : 0, d->b.ne[2] > 1 ? i2 : 0);
		float *y = span_ptr(&d->y, &s, at);

		if (d->b.ne[0] == d->a.ne[0])
			(add ? add_span : mul_span)(y, a, b + at.first, at.n);
		else
			(add ? add_scalar : mul_scalar)(y, a, *b, at.n);
	}
}

static void add_run(const struct cpu_ctx *ctx, const void *desc)
{
	binary_run(ctx, desc, true);
}

static void mul_run(const struct cpu_ctx *ctx, const void *desc)
{
	binary_run(ctx, desc, false);
}

static int unary_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant == 0 && zinc_unary_ok(desc) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static uint64_t unary_cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_unary *d = desc;

	return cut_spans(ctx, &d->x, d->n);
}

static void scale_run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_unary *d = desc;
	struct spans s = spans_of(ctx, &d->x, d->n);
	struct shape_part part = shape_share(ctx, s.count);

	for (uint64_t i = part.first; i < part.end; i++) {
		struct span at = span_at(&s, i);

		mul_scalar(span_ptr(&d->y, &s, at), span_ptr(&d->x, &s, at), d->value, at.n);
	}
}

static void softcap_run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_unary *d = desc;
	struct spans s = spans_of(ctx, &d->x, d->n);
	struct shape_part part = shape_share(ctx, s.count);

	for (uint64_t i = part.first; i < part.end; i++) {
		struct span at = span_at(&s, i);

		ctx->dev->kernels->softcap(span_ptr(&d->y, &s, at), span_ptr(&d->x, &s, at),
		                           d->value, at.n);
	}
}

static int gate_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	return variant == 0 && zinc_sigmoid_gate_ok(desc) ? ZINC_OK : ZINC_E_UNSUPPORTED;
}

static uint64_t gate_cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_sigmoid_gate *d = desc;

	return cut_spans(ctx, &d->x, d->n);
}

static void gate_run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_sigmoid_gate *d = desc;
	const struct cpu_kernels *kern = ctx->dev->kernels;
	struct spans s = spans_of(ctx, &d->x, d->n);
	struct shape_part part = shape_share(ctx, s.count);

	for (uint64_t i = part.first; i < part.end; i++) {
		struct span at = span_at(&s, i);
		const float *x = span_ptr(&d->x, &s, at);
		const float *gate = shape_row(&d->gate, &s.rows, at.row);
		float *y = span_ptr(&d->y, &s, at), one = 1.0f, factor;

		if (d->gate.ne[0] == d->x.ne[0]) {
			kern->sigmoid_gate(y, x, gate + at.first, at.n);
		} else {
			kern->sigmoid_gate(&factor, &one, gate, 1);
			mul_scalar(y, x, factor, at.n);
		}
	}
}

static const struct zinc_variant variants[] = {{"span", 0, ZINC_NUM_F32}};

#define ELEMENTWISE(id, number, desc_type, supports_fn, cut_fn, run_fn)                         \
	static int id##_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)        \
	{                                                                                       \
		static const struct cpu_work work = {.first = {cut_fn, run_fn}};                \
                                                                                                \
		return cpu_record(cmd, &cpu_op_##id, desc, variant, &work);                     \
	}                                                                                       \
	const struct zinc_op_impl cpu_op_##id = {                                               \
		.struct_size = sizeof(cpu_op_##id),                                             \
		.op = number,                                                                   \
		.name = #id,                                                                    \
		.desc_size = sizeof(struct desc_type),                                          \
		.n_variants = 1,                                                                \
		.variants = variants,                                                           \
		.supports = supports_fn,                                                        \
		.record = id##_record,                                                          \
	}

ELEMENTWISE(glu, ZINC_OP_GLU, zinc_op_glu, glu_supports, glu_cut, glu_run);
ELEMENTWISE(add, ZINC_OP_ADD, zinc_op_binary, binary_supports, binary_cut, add_run);
ELEMENTWISE(mul, ZINC_OP_MUL, zinc_op_binary, binary_supports, binary_cut, mul_run);
ELEMENTWISE(scale, ZINC_OP_SCALE, zinc_op_unary, unary_supports, unary_cut, scale_run);
ELEMENTWISE(softcap, ZINC_OP_SOFTCAP, zinc_op_unary, unary_supports, unary_cut, softcap_run);
ELEMENTWISE(sigmoid_gate, ZINC_OP_SIGMOID_GATE, zinc_op_sigmoid_gate, gate_supports, gate_cut,
            gate_run);
