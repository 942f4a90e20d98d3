/* op_elementwise.c - glu, add, mul, scale, softcap and sigmoid_gate: one kernel,
 * y = f(a, b). */
#include <math.h>
#include <zinc/shape_op.h>

#include "args.h"
#include "join.h"
#include "ops.h"

enum { GROUP = 256 };

/* As in shaders/rows/elementwise.comp. */
enum function { ADD, MUL, GLU_SILU, GLU_GELU, SCALE, SOFTCAP, SIGMOID_GATE };

struct args {
	uint64_t slots;
	struct rdna4_rows a, b, y;
	struct rdna4_count n;
	uint32_t lanes, heads, b_lane;
	float value;
};

/* b NULL: a function of a alone. */
struct job {
	enum function f;
	const struct zinc_view *a, *b, *y;
	struct zinc_u32 n;
	float value;
};

static int dispatch(struct zinc_cmd *cmd, const struct job *j)
{
	struct rdna4_dims dims = rdna4_dims(j->a, j->n);
	struct args args = {.a = rdna4_rows(j->a, dims), .y = rdna4_rows(j->y, dims),
	                    .n = rdna4_count(j->n), .lanes = j->a->ne[0], .heads = dims.heads,
	                    .value = j->value};
	struct rdna4_call call = {.shader = "rows/elementwise", .spec = {GROUP, j->f}, .n_spec = 2,
	                          .args = &args, .args_bytes = sizeof(args)};

	rdna4_reads(&call, j->a);
	if (j->b) {
		args.b = rdna4_rows(j->b, dims);
		args.b_lane = j->b->ne[0] > 1;
		rdna4_reads(&call, j->b);
	}
	rdna4_writes(&call, j->y);
	rdna4_grid(&call, (uint64_t)j->n.imm * dims.heads * args.lanes, GROUP);
	return rdna4_dispatch(cmd, &call);
}

/* Kernels can count them; b may be absent. */
static bool all_fit(const struct zinc_view *a, const struct zinc_view *b, const struct zinc_view *y)
{
	return rdna4_fits(a) && rdna4_fits(y) && (!b || rdna4_fits(b));
}

static int glu_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_glu *d = desc;

	(void)dev;
	return variant == 0 && zinc_glu_ok(d) && all_fit(&d->gate, &d->up, &d->y) ? ZINC_OK
	                                            : ZINC_E_UNSUPPORTED;
}

static int glu_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_glu *d = desc;
	struct job j = {.f = d->act == ZINC_ACT_SILU ? GLU_SILU : GLU_GELU, .a = &d->gate,
	                .b = &d->up, .y = &d->y, .n = d->n,
	                .value = d->limit != 0 ? d->limit : INFINITY};

	(void)variant;
	if (rdna4_product_glu(cmd, d))
		return ZINC_OK;
	return dispatch(cmd, &j);
}

static int binary_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_binary *d = desc;

	(void)dev;
	return variant == 0 && zinc_binary_ok(d) && all_fit(&d->a, &d->b, &d->y) ? ZINC_OK
	                                            : ZINC_E_UNSUPPORTED;
}

static int binary_dispatch(struct zinc_cmd *cmd, const struct zinc_op_binary *d, enum function f)
{
	struct job j = {.f = f, .a = &d->a, .b = &d->b, .y = &d->y, .n = d->n};

	return dispatch(cmd, &j);
}

static int add_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	(void)variant;
	return binary_dispatch(cmd, desc, ADD);
}

static int mul_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	(void)variant;
	if (rdna4_rmsnorm_mul(cmd, desc))
		return ZINC_OK;
	return binary_dispatch(cmd, desc, MUL);
}

static int unary_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_unary *d = desc;

	(void)dev;
	return variant == 0 && zinc_unary_ok(d) && all_fit(&d->x, NULL, &d->y) ? ZINC_OK
	                                            : ZINC_E_UNSUPPORTED;
}

static int unary_dispatch(struct zinc_cmd *cmd, const struct zinc_op_unary *d, enum function f)
{
	struct job j = {.f = f, .a = &d->x, .y = &d->y, .n = d->n, .value = d->value};

	return dispatch(cmd, &j);
}

static int scale_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	(void)variant;
	return unary_dispatch(cmd, desc, SCALE);
}

static int softcap_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	(void)variant;
	return unary_dispatch(cmd, desc, SOFTCAP);
}

static int gate_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_sigmoid_gate *d = desc;

	(void)dev;
	return variant == 0 && zinc_sigmoid_gate_ok(d) && all_fit(&d->x, &d->gate, &d->y) ? ZINC_OK
	                                            : ZINC_E_UNSUPPORTED;
}

static int gate_run(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	const struct zinc_op_sigmoid_gate *d = desc;
	struct job j = {.f = SIGMOID_GATE, .a = &d->x, .b = &d->gate, .y = &d->y, .n = d->n};

	(void)variant;
	return dispatch(cmd, &j);
}

static const struct zinc_variant variants[] = {{"element", 0, ZINC_NUM_F32}};

#define ELEMENTWISE(id, number, desc_type, supports_fn, run_fn)                                 \
	static int id##_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)        \
	{                                                                                       \
		return rdna4_record(cmd, &rdna4_op_##id, desc, variant, run_fn);                \
	}                                                                                       \
	const struct zinc_op_impl rdna4_op_##id = {                                             \
		.struct_size = sizeof(rdna4_op_##id),                                           \
		.op = number,                                                                   \
		.name = #id,                                                                    \
		.desc_size = sizeof(struct desc_type),                                          \
		.n_variants = 1,                                                                \
		.variants = variants,                                                           \
		.supports = supports_fn,                                                        \
		.record = id##_record,                                                          \
	}

ELEMENTWISE(glu, ZINC_OP_GLU, zinc_op_glu, glu_supports, glu_run);
ELEMENTWISE(add, ZINC_OP_ADD, zinc_op_binary, binary_supports, add_run);
ELEMENTWISE(mul, ZINC_OP_MUL, zinc_op_binary, binary_supports, mul_run);
ELEMENTWISE(scale, ZINC_OP_SCALE, zinc_op_unary, unary_supports, scale_run);
ELEMENTWISE(softcap, ZINC_OP_SOFTCAP, zinc_op_unary, unary_supports, softcap_run);
ELEMENTWISE(sigmoid_gate, ZINC_OP_SIGMOID_GATE, zinc_op_sigmoid_gate, gate_supports, gate_run);
