/* moe.c - routing tokens to experts, and adding up what the experts gave. */
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "shape.h"

enum { MAX_EXPERTS = 4096 };

static bool dense_rows(const struct zinc_view *v, uint32_t dtype, uint32_t k, uint32_t n)
{
	return zinc_shape_2d(v, dtype, k, n) && (v->ne[1] == 1 || v->nb[1] == k * UINT64_C(4));
}

static int route_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_moe_route *d = desc;
	uint32_t n_expert = d->logits.ne[0];

	(void)dev;
	if (variant != 0 || (d->flags & ~ZINC_ROUTE_RENORM) || d->gating > ZINC_GATING_SIGMOID ||
	    d->k == 0 || d->k > n_expert || n_expert > MAX_EXPERTS)
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_2d(&d->logits, ZINC_F32, n_expert, d->n.imm) ||
	    !dense_rows(&d->ids, ZINC_I32, d->k, d->n.imm) ||
	    !dense_rows(&d->weights, ZINC_F32, d->k, d->n.imm) ||
	    !zinc_shape_1d(&d->expert_first, ZINC_I32, n_expert + 1))
		return ZINC_E_UNSUPPORTED;
	if (!zinc_shape_is(&d->perm, ZINC_I32) || !zinc_view_is_dense(&d->perm) ||
	    zinc_view_elems(&d->perm) < (uint64_t)d->n.imm * d->k)
		return ZINC_E_UNSUPPORTED;
	if ((zinc_view_present(&d->bias) && !zinc_shape_1d(&d->bias, ZINC_F32, n_expert)) ||
	    (zinc_view_present(&d->expert_scale) &&
	     !zinc_shape_1d(&d->expert_scale, ZINC_F32, n_expert)))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

/* NaN is below every number. */
static bool above(float a, float b)
{
	return a > b || (isnan(b) && !isnan(a));
}

static float highest(const float *x, uint32_t n)
{
	float top = -INFINITY;

	for (uint32_t i = 0; i < n; i++)
		if (x[i] > top)
			top = x[i];
	return top;
}

static void softmax(const struct cpu_kernels *kern, float *p, const float *x, uint32_t n)
{
	float sum = kern->exp_sum(p, x, highest(x, n), n);

	for (uint32_t i = 0; i < n; i++)
		p[i] /= sum;
}

/* The k largest of key, descending, ties by lower index. */
static void choose(const float *key, uint32_t n, uint32_t k, int32_t *ids)
{
	uint32_t have = 0;

	for (uint32_t e = 0; e < n; e++) {
		uint32_t at = have;

		if (have == k && !above(key[e], key[ids[k - 1]]))
			continue;
		while (at > 0 && above(key[e], key[ids[at - 1]]))
			at--;
		if (have < k)
			have++;
		memmove(ids + at + 1, ids + at, (have - 1 - at) * sizeof(*ids));
		ids[at] = (int32_t)e;
	}
}

/* The bias has a say in who is chosen, not in their order. */
static void sort_chosen(const float *p, int32_t *ids, uint32_t k)
{
	for (uint32_t i = 1; i < k; i++) {
		int32_t e = ids[i];
		uint32_t at = i;

		for (; at > 0; at--) {
			float pe = p[e], pb = p[ids[at - 1]];

			if (!above(pe, pb) && !(pe == pb && e < ids[at - 1]))
				break;
			ids[at] = ids[at - 1];
		}
		ids[at] = e;
	}
}

static void route_token(const struct cpu_ctx *ctx, const struct zinc_op_moe_route *d, uint64_t t)
{
	const struct cpu_kernels *kern = ctx->dev->kernels;
	const float *logits = cpu_f32(&d->logits, t, 0);
	uint32_t n = d->logits.ne[0];
	int32_t *ids = cpu_i32(&d->ids, t);
	float *w = cpu_f32(&d->weights, t, 0), p[MAX_EXPERTS], key[MAX_EXPERTS];
	const float *bias = zinc_view_present(&d->bias) ? cpu_f32(&d->bias, 0, 0) : NULL;

	if (d->gating == ZINC_GATING_SOFTMAX)
		softmax(kern, p, logits, n);
	else
		memcpy(p, logits, n * sizeof(*p));
	if (d->gating == ZINC_GATING_SIGMOID) {
		for (uint32_t e = 0; e < n; e++)
			key[e] = 1.0f;
		kern->sigmoid_gate(p, key, logits, n);
	}
	for (uint32_t e = 0; e < n; e++)
		key[e] = bias ? p[e] + bias[e] : p[e];
	choose(key, n, d->k, ids);
	sort_chosen(p, ids, d->k);
	for (uint32_t s = 0; s < d->k; s++)
		w[s] = p[ids[s]];
	if (d->gating == ZINC_GATING_SOFTMAX_TOPK)
		softmax(kern, w, w, d->k);
}

static void weigh_token(const struct zinc_op_moe_route *d, uint64_t t)
{
	const int32_t *ids = cpu_i32(&d->ids, t);
	float *w = cpu_f32(&d->weights, t, 0), sum = 0;

	for (uint32_t s = 0; s < d->k; s++)
		sum += w[s];
	for (uint32_t s = 0; s < d->k; s++) {
		/* Sigmoids may all underflow; nothing is left to share then. */
		if ((d->flags & ZINC_ROUTE_RENORM) && sum != 0)
			w[s] /= sum;
		if (d->scale != 0)
			w[s] *= d->scale;
		if (zinc_view_present(&d->expert_scale))
			w[s] *= cpu_f32(&d->expert_scale, 0, 0)[ids[s]];
	}
}

/* The cells t*k + s grouped by expert, by counting. While cells are placed,
 * first[e] runs from the start of e's list to its end. */
static void list_by_expert(const struct zinc_op_moe_route *d, uint32_t n)
{
	uint32_t n_expert = d->logits.ne[0], cells = n * d->k;
	int32_t *first = cpu_i32(&d->expert_first, 0), *perm = cpu_i32(&d->perm, 0);
	const int32_t *ids = cpu_i32(&d->ids, 0);

	memset(first, 0, (n_expert + 1) * sizeof(*first));
	for (uint32_t i = 0; i < cells; i++)
		first[ids[i] + 1]++;
	for (uint32_t e = 0; e < n_expert; e++)
		first[e + 1] += first[e];
	for (uint32_t i = 0; i < cells; i++)
		perm[first[ids[i]]++] = (int32_t)i;
	memmove(first + 1, first, n_expert * sizeof(*first));
	first[0] = 0;
}

static uint64_t route_cut(const struct cpu_ctx *ctx, const void *desc)
{
	enum { EXPERT_NS = 20 };
	const struct zinc_op_moe_route *d = desc;

	return shape_cut(ctx, cpu_live(ctx, d->n), EXPERT_NS * (uint64_t)d->logits.ne[0]);
}

static void route_run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_moe_route *d = desc;
	struct shape_part part = shape_share(ctx, cpu_live(ctx, d->n));

	for (uint64_t t = part.first; t < part.end; t++) {
		route_token(ctx, d, t);
		weigh_token(d, t);
	}
}

static uint64_t one_piece(const struct cpu_ctx *ctx, const void *desc)
{
	(void)ctx;
	(void)desc;
	return 1;
}

static void list_run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_moe_route *d = desc;

	list_by_expert(d, cpu_live(ctx, d->n));
}

static bool absent_or_rows(const struct zinc_view *v, uint32_t lanes, uint32_t n)
{
	return !zinc_view_present(v) || zinc_shape_2d(v, ZINC_F32, lanes, n);
}

static int combine_supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_moe_combine *d = desc;
	uint32_t n = d->n.imm, lanes = d->x.ne[0];

	(void)dev;
	if (variant != 0 || d->flags || !zinc_shape_f32_3d(&d->x, lanes, d->x.ne[1], n) ||
	    !zinc_shape_2d(&d->weights, ZINC_F32, d->x.ne[1], n) ||
	    !zinc_shape_2d(&d->y, ZINC_F32, lanes, n) || !absent_or_rows(&d->shared, lanes, n) ||
	    !absent_or_rows(&d->shared_gate, 1, n) || !absent_or_rows(&d->residual, lanes, n) ||
	    (zinc_view_present(&d->shared_gate) && !zinc_view_present(&d->shared)))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

enum { SPAN = 256 };

static void combine_span(const struct zinc_op_moe_combine *d, uint64_t t, uint32_t first,
                         uint32_t n, float shared_factor)
{
	const float *w = cpu_f32(&d->weights, t, 0);
	float acc[SPAN] = {0}, *y = cpu_f32(&d->y, t, 0) + first;

	for (uint32_t s = 0; s < d->x.ne[1]; s++) {
		const float *x = cpu_f32(&d->x, s, t) + first;

		for (uint32_t i = 0; i < n; i++)
			acc[i] += w[s] * x[i];
	}
	if (zinc_view_present(&d->shared)) {
		const float *x = cpu_f32(&d->shared, t, 0) + first;

		for (uint32_t i = 0; i < n; i++)
			acc[i] += shared_factor * x[i];
	}
	if (zinc_view_present(&d->residual)) {
		const float *x = cpu_f32(&d->residual, t, 0) + first;

		for (uint32_t i = 0; i < n; i++)
			acc[i] += x[i];
	}
	memcpy(y, acc, n * sizeof(*y));
}

static uint64_t combine_spans(const struct cpu_ctx *ctx, const struct zinc_op_moe_combine *d)
{
	return (uint64_t)cpu_live(ctx, d->n) * ((d->x.ne[0] + SPAN - 1) / SPAN);
}

static uint64_t combine_cut(const struct cpu_ctx *ctx, const void *desc)
{
	enum { ROW_NS = 30 };
	const struct zinc_op_moe_combine *d = desc;

	return shape_cut(ctx, combine_spans(ctx, d), ROW_NS * (UINT64_C(2) + d->x.ne[1]));
}

static void combine_run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_moe_combine *d = desc;
	uint32_t lanes = d->x.ne[0], per_row = (lanes + SPAN - 1) / SPAN;
	struct shape_part part = shape_share(ctx, combine_spans(ctx, d));
	const float one = 1.0f;

	for (uint64_t i = part.first; i < part.end; i++) {
		uint64_t t = i / per_row;
		uint32_t first = (uint32_t)(i % per_row) * SPAN;
		float factor = 1.0f;

		if (zinc_view_present(&d->shared_gate))
			ctx->dev->kernels->sigmoid_gate(&factor, &one,
			                                cpu_f32(&d->shared_gate, t, 0), 1);
		combine_span(d, t, first, lanes - first < SPAN ? lanes - first : SPAN, factor);
	}
}

static int route_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {{route_cut, route_run}, {one_piece, list_run}};

	return cpu_record(cmd, &cpu_op_moe_route, desc, variant, &work);
}

static int combine_record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {combine_cut, combine_run}};

	return cpu_record(cmd, &cpu_op_moe_combine, desc, variant, &work);
}

static const struct zinc_variant variants[] = {{"token", 0, ZINC_NUM_F32}};

const struct zinc_op_impl cpu_op_moe_route = {
	.struct_size = sizeof(cpu_op_moe_route),
	.op = ZINC_OP_MOE_ROUTE,
	.name = "moe_route",
	.desc_size = sizeof(struct zinc_op_moe_route),
	.n_variants = 1,
	.variants = variants,
	.supports = route_supports,
	.record = route_record,
};

const struct zinc_op_impl cpu_op_moe_combine = {
	.struct_size = sizeof(cpu_op_moe_combine),
	.op = ZINC_OP_MOE_COMBINE,
	.name = "moe_combine",
	.desc_size = sizeof(struct zinc_op_moe_combine),
	.n_variants = 1,
	.variants = variants,
	.supports = combine_supports,
	.record = combine_record,
};
