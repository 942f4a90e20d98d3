/* rope.c - rotary position embedding of Q and K, after their optional norms. */
#include <math.h>
#include <string.h>

#include "kernels.h"
#include "shape.h"

enum { MAX_PAIRS = 512 };

static bool norm_ok(const struct zinc_view *norm, const struct zinc_view *x)
{
	return !zinc_view_present(norm) ||
	       (zinc_view_present(x) && zinc_shape_1d(norm, ZINC_F32, 1) && norm->ne[0] == x->ne[0]);
}

static bool heads_ok(const struct zinc_op_rope_dual *d, const struct zinc_view *x,
                     const struct zinc_view *out)
{
	return zinc_shape_f32_3d(x, x->ne[0], x->ne[1], d->n.imm) && zinc_shape_f32_as(out, x) &&
	       d->n_rot <= x->ne[0];
}

static bool positions_ok(const struct zinc_op_rope_dual *d)
{
	uint32_t pairs = d->n_rot / 2;

	if (zinc_view_present(&d->pos_row))
		return zinc_shape_1d(&d->pos_row, ZINC_I32, pairs) &&
		       zinc_shape_2d(&d->pos, ZINC_I32, d->pos.ne[0], 1) && d->pos.ne[0] >= d->n.imm;
	return zinc_shape_1d(&d->pos, ZINC_I32, d->n.imm);
}

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_rope_dual *d = desc;
	uint32_t pairs = d->n_rot / 2;

	(void)dev;
	if (variant != 0 || d->flags || d->n_rot % 2 || pairs > MAX_PAIRS || d->mode > 1)
		return ZINC_E_UNSUPPORTED;
	if (!heads_ok(d, &d->q, &d->q_out) ||
	    zinc_view_present(&d->k) != zinc_view_present(&d->k_out) ||
	    (zinc_view_present(&d->k) && !heads_ok(d, &d->k, &d->k_out)))
		return ZINC_E_UNSUPPORTED;
	if (!positions_ok(d) || !zinc_shape_1d(&d->freqs, ZINC_F32, pairs) ||
	    (zinc_view_present(&d->factors) && !zinc_shape_1d(&d->factors, ZINC_F32, pairs)) ||
	    !norm_ok(&d->q_norm, &d->q) || !norm_ok(&d->k_norm, &d->k))
		return ZINC_E_UNSUPPORTED;
	return ZINC_OK;
}

struct angles {
	float cos[MAX_PAIRS], sin[MAX_PAIRS];
};

static void angles_of(const struct zinc_op_rope_dual *d, uint64_t token, struct angles *a)
{
	const float *freqs = cpu_f32(&d->freqs, 0, 0);
	const float *factors = zinc_view_present(&d->factors) ? cpu_f32(&d->factors, 0, 0) : NULL;
	const int32_t *row_of = zinc_view_present(&d->pos_row) ? cpu_i32(&d->pos_row, 0) : NULL;

	for (uint32_t i = 0; i < d->n_rot / 2; i++) {
		uint32_t row = row_of ? (uint32_t)row_of[i] : 0;
		int32_t pos = row < d->pos.ne[1] ? cpu_i32(&d->pos, row)[token] : 0;
		/* In double: a float product of 100000 by a frequency is off by
		 * thousandths of a radian. */
		double angle = (double)pos * freqs[i];

		if (factors)
			angle /= factors[i];
		a->cos[i] = (float)cos(angle);
		a->sin[i] = (float)sin(angle);
	}
}

static void rotate(const struct zinc_op_rope_dual *d, const struct angles *a, float *x)
{
	uint32_t pairs = d->n_rot / 2;
	uint32_t step = d->mode == ZINC_ROPE_NEOX ? 1 : 2;
	uint32_t far = d->mode == ZINC_ROPE_NEOX ? pairs : 1;

	for (uint32_t i = 0; i < pairs; i++) {
		float u = x[i * step], v = x[i * step + far];

		x[i * step] = u * a->cos[i] - v * a->sin[i];
		x[i * step + far] = v * a->cos[i] + u * a->sin[i];
	}
}

static void run_head(const struct cpu_ctx *ctx, const struct zinc_op_rope_dual *d,
                     const struct angles *a, bool is_k, uint64_t head, uint64_t token)
{
	const struct zinc_view *x = is_k ? &d->k : &d->q, *out = is_k ? &d->k_out : &d->q_out;
	const struct zinc_view *norm = is_k ? &d->k_norm : &d->q_norm;
	struct kern_norm row = {
		.x = cpu_f32(x, head, token),
		.y = cpu_f32(out, head, token),
		.n = x->ne[0],
		.eps = d->norm_eps,
	};

	if (zinc_view_present(norm)) {
		row.weight = cpu_f32(norm, 0, 0);
		ctx->dev->kernels->rmsnorm(&row);
	} else if (row.x != row.y) {
		memcpy(row.y, row.x, row.n * sizeof(float));
	}
	rotate(d, a, row.y);
}

static uint32_t k_heads(const struct zinc_op_rope_dual *d)
{
	return zinc_view_present(&d->k) ? d->k.ne[1] : 0;
}

static uint64_t cut(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_rope_dual *d = desc;

	return shape_cut(ctx, (uint64_t)cpu_live(ctx, d->n) * (d->q.ne[1] + k_heads(d)),
	                 d->q.ne[0]);
}

/* A piece is of neighbouring heads, so it computes the angles of few tokens. */
static void run(const struct cpu_ctx *ctx, const void *desc)
{
	const struct zinc_op_rope_dual *d = desc;
	uint32_t n_q = d->q.ne[1], n_k = k_heads(d);
	struct shape_part part =
		shape_share(ctx, (uint64_t)cpu_live(ctx, d->n) * (n_q + n_k));
	uint64_t ready = UINT64_MAX;
	struct angles a;

	for (uint64_t i = part.first; i < part.end; i++) {
		uint64_t token = i / (n_q + n_k), head = i % (n_q + n_k);

		if (token != ready)
			angles_of(d, token, &a);
		ready = token;
		run_head(ctx, d, &a, head >= n_q, head < n_q ? head : head - n_q, token);
	}
}

static int record(struct zinc_cmd *cmd, const void *desc, uint32_t variant)
{
	static const struct cpu_work work = {.first = {cut, run}};

	return cpu_record(cmd, &cpu_op_rope_dual, desc, variant, &work);
}

static const struct zinc_variant variants[] = {{"head", 0, ZINC_NUM_F32}};

const struct zinc_op_impl cpu_op_rope_dual = {
	.struct_size = sizeof(cpu_op_rope_dual),
	.op = ZINC_OP_ROPE_DUAL,
	.name = "rope_dual",
	.desc_size = sizeof(struct zinc_op_rope_dual),
	.n_variants = 1,
	.variants = variants,
	.supports = supports,
	.record = record,
};
