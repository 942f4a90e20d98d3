/* peel.c - taking fusions off, last of the epilogue first, until a backend
 * accepts what is left. Each function here mirrors a "(fusion, peels to ...)"
 * of the op headers. */
#include <string.h>

#include "graph/lower.h"
#include "graph/schema.h"

static const struct zinc_view absent;

static void emit_add(struct lower *lo, const struct zinc_view *a, const struct zinc_view *b,
                     const struct zinc_view *y, struct zinc_u32 n)
{
	struct zinc_op_binary add = {.struct_size = sizeof(add), .a = *a, .b = *b, .y = *y, .n = n};

	lower_emit(lo, ZINC_OP_ADD, &add);
}

static bool peel_linear(struct lower *lo, const struct zinc_op_linear *d)
{
	struct zinc_op_linear p = *d;

	if (d->residual.buf) {
		p.y = lower_temp_like(lo, &d->y);
		p.residual = absent;
		lower_emit(lo, ZINC_OP_LINEAR, &p);
		emit_add(lo, &p.y, &d->residual, &d->y, d->n);
		return true;
	}
	if (d->gate_w.buf) {
		struct zinc_op_glu glu = {.struct_size = sizeof(glu), .act = d->act, .y = d->y,
		                          .n = d->n};

		p.gate_w = absent;
		p.act = ZINC_ACT_NONE;
		p.y = glu.up = lower_temp_like(lo, &d->y);
		lower_emit(lo, ZINC_OP_LINEAR, &p);
		p.w = d->gate_w;
		p.scale = 0;
		p.y = glu.gate = lower_temp_like(lo, &d->y);
		lower_emit(lo, ZINC_OP_LINEAR, &p);
		lower_emit(lo, ZINC_OP_GLU, &glu);
		return true;
	}
	if (d->scale != 0 && d->scale != 1) {
		struct zinc_op_unary s = {.struct_size = sizeof(s), .y = d->y, .n = d->n,
		                          .value = d->scale};

		p.scale = 0;
		p.y = s.x = lower_temp_like(lo, &d->y);
		lower_emit(lo, ZINC_OP_LINEAR, &p);
		lower_emit(lo, ZINC_OP_SCALE, &s);
		return true;
	}
	return false;
}

static bool peel_rmsnorm(struct lower *lo, const struct zinc_op_rmsnorm *d)
{
	struct zinc_op_rmsnorm p = *d;

	if (d->after.buf) {
		p.y = lower_temp_like(lo, &d->y);
		p.after = absent;
		lower_emit(lo, ZINC_OP_RMSNORM, &p);
		emit_add(lo, &p.y, &d->after, &d->y, d->n);
		return true;
	}
	if (d->gate.buf) {
		struct zinc_op_glu glu = {.struct_size = sizeof(glu), .act = ZINC_ACT_SILU,
		                          .gate = d->gate, .y = d->y, .n = d->n};

		p.y = glu.up = lower_temp_like(lo, &d->y);
		p.gate = absent;
		lower_emit(lo, ZINC_OP_RMSNORM, &p);
		lower_emit(lo, ZINC_OP_GLU, &glu);
		return true;
	}
	if (d->residual.buf) {
		emit_add(lo, &d->x, &d->residual, &d->sum, d->n);
		p.x = d->sum;
		p.residual = p.sum = absent;
		lower_emit(lo, ZINC_OP_RMSNORM, &p);
		return true;
	}
	return false;
}

/* One per-head norm in front; the rotation then reads its result. */
static struct zinc_view norm_heads(struct lower *lo, const struct zinc_op_rope_dual *d,
                                   const struct zinc_view *x, const struct zinc_view *weight)
{
	struct zinc_op_rmsnorm norm = {.struct_size = sizeof(norm), .x = *x, .weight = *weight,
	                               .n = d->n, .eps = d->norm_eps};

	norm.y = lower_temp_like(lo, x);
	lower_emit(lo, ZINC_OP_RMSNORM, &norm);
	return norm.y;
}

static bool peel_rope(struct lower *lo, const struct zinc_op_rope_dual *d)
{
	struct zinc_op_rope_dual p = *d;

	if (!d->q_norm.buf && !d->k_norm.buf)
		return false;
	if (d->q_norm.buf)
		p.q = norm_heads(lo, d, &d->q, &d->q_norm);
	if (d->k_norm.buf)
		p.k = norm_heads(lo, d, &d->k, &d->k_norm);
	p.q_norm = p.k_norm = absent;
	p.norm_eps = 0;
	lower_emit(lo, ZINC_OP_ROPE_DUAL, &p);
	return true;
}

static bool peel_attn(struct lower *lo, const struct zinc_op_flash_attn *d)
{
	struct zinc_op_flash_attn p = *d;
	struct zinc_op_sigmoid_gate s = {.struct_size = sizeof(s), .gate = d->gate, .y = d->out,
	                                 .n = d->n};

	if (!d->gate.buf)
		return false;
	p.gate = absent;
	p.out = s.x = lower_temp_like(lo, &d->out);
	lower_emit(lo, ZINC_OP_FLASH_ATTN, &p);
	lower_emit(lo, ZINC_OP_SIGMOID_GATE, &s);
	return true;
}

static bool peel_combine(struct lower *lo, const struct zinc_op_moe_combine *d)
{
	struct zinc_op_moe_combine p = *d;

	if (d->residual.buf) {
		p.residual = absent;
		p.y = lower_temp_like(lo, &d->y);
		lower_emit(lo, ZINC_OP_MOE_COMBINE, &p);
		emit_add(lo, &p.y, &d->residual, &d->y, d->n);
		return true;
	}
	if (d->shared.buf) {
		struct zinc_view shared = d->shared;

		if (d->shared_gate.buf) {
			struct zinc_op_sigmoid_gate s = {.struct_size = sizeof(s), .x = d->shared,
			                                 .gate = d->shared_gate, .n = d->n};

			shared = s.y = lower_temp_like(lo, &d->shared);
			lower_emit(lo, ZINC_OP_SIGMOID_GATE, &s);
		}
		p.shared = p.shared_gate = absent;
		p.y = lower_temp_like(lo, &d->y);
		lower_emit(lo, ZINC_OP_MOE_COMBINE, &p);
		emit_add(lo, &p.y, &shared, &d->y, d->n);
		return true;
	}
	return false;
}

bool peel_emit(struct lower *lo, uint32_t op, const void *desc)
{
	switch (op) {
	case ZINC_OP_LINEAR: return peel_linear(lo, desc);
	case ZINC_OP_RMSNORM: return peel_rmsnorm(lo, desc);
	case ZINC_OP_ROPE_DUAL: return peel_rope(lo, desc);
	case ZINC_OP_FLASH_ATTN: return peel_attn(lo, desc);
	case ZINC_OP_MOE_COMBINE: return peel_combine(lo, desc);
	default: return false;
	}
}
