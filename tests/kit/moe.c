/* moe.c - cases of moe_route and moe_combine. */
#include <zinc/op.h>

#include "conformance/ref.h"
#include "list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct route_shape {
	uint32_t n_expert, k, n, gating;
	bool renorm, bias, expert_scale, ties;
	float scale;
	uint32_t more; /* rows recorded beyond n */
};

struct route_data {
	float *logits, *bias, *expert_scale;
};

static const char *const gatings[] = {"softmax", "softmax of the top", "sigmoid"};

static void build_route(struct kit_case *c, const void *shape)
{
	const struct route_shape *s = shape;
	struct zinc_op_moe_route *op = (struct zinc_op_moe_route *)(void *)c->desc;
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->n + s->more);
	struct route_data *t = c->data = kit_alloc(c, 1, sizeof(*t));
	size_t n = (size_t)s->n_expert * s->n;

	kit_text(c, "%u of %u experts, N=%u of %u, %s%s%s%s%s, scale %g", s->k, s->n_expert, s->n,
	         s->n + s->more, gatings[s->gating], s->renorm ? ", renorm" : "",
	         s->bias ? ", bias" : "", s->expert_scale ? ", expert scale" : "",
	         s->ties ? ", ties" : "", (double)s->scale);
	t->logits = kit_normal(c, n, 2);
	for (size_t i = 0; s->ties && i < n; i++)
		t->logits[i] = roundf(t->logits[i]);
	t->bias = kit_normal(c, s->n_expert, 0.3f);
	t->expert_scale = kit_uniform(c, s->n_expert, 0.5f, 2);
	c->desc_size = sizeof(*op);
	*op = (struct zinc_op_moe_route){.struct_size = sizeof(*op), .n = r.slot, .k = s->k,
	                                 .flags = s->renorm ? ZINC_ROUTE_RENORM : 0,
	                                 .gating = s->gating, .scale = s->scale};
	op->logits = kit_act_of(c, s->n_expert, 0, r, s->more ? 4 : 0, t->logits);
	op->ids = kit_tensor(c, KIT_DATA, ZINC_I32, s->k, r.n_max, 1, 1);
	op->weights = kit_tensor(c, KIT_DATA, ZINC_F32, s->k, r.n_max, 1, 1);
	op->expert_first = kit_tensor(c, KIT_DATA, ZINC_I32, s->n_expert + 1, 1, 1, 1);
	op->perm = kit_tensor(c, KIT_DATA, ZINC_I32, s->k * r.n_max, 1, 1, 1);
	if (s->bias)
		op->bias = kit_vector(c, KIT_WEIGHTS, ZINC_F32, s->n_expert, t->bias);
	if (s->expert_scale)
		op->expert_scale = kit_vector(c, KIT_WEIGHTS, ZINC_F32, s->n_expert,
		                              t->expert_scale);
	kit_out(c, &op->ids, 1, r);
	kit_out(c, &op->weights, 1, r);
	if (c->variation) { /* other lists for other company */
		kit_may(c, &op->expert_first);
		kit_may(c, &op->perm);
		return;
	}
	kit_out(c, &op->expert_first, 0, (struct kit_rows){.n = s->n_expert + 1});
	kit_out(c, &op->perm, 0, (struct kit_rows){.n = s->n * s->k});
}

static void expect_lists(struct kit_case *c, const struct route_shape *s, const double *ids)
{
	struct kit_want *first = kit_want(c, 2, ZINC_I32, 1, s->n_expert + 1);
	struct kit_want *perm = kit_want(c, 3, ZINC_I32, 1, s->n * s->k);
	uint32_t at = 0;

	for (uint32_t e = 0; e < s->n_expert; e++) {
		first->want[e] = at;
		for (uint32_t i = 0; i < s->n * s->k; i++)
			if (ids[i] == e)
				perm->want[at++] = i;
	}
	first->want[s->n_expert] = at;
}

static void expect_route(struct kit_case *c, const void *shape)
{
	const struct route_shape *s = shape;
	const struct route_data *t = c->data;
	struct kit_want *ids = kit_want(c, 0, ZINC_I32, s->k, s->n);
	struct kit_want *weights = kit_want(c, 1, ZINC_F32, s->k, s->n);
	int32_t *chosen = kit_alloc(c, s->k, sizeof(*chosen));

	for (uint32_t i = 0; i < s->n; i++) {
		struct ref_route ref = {t->logits + (size_t)i * s->n_expert,
		                        s->bias ? t->bias : NULL,
		                        s->expert_scale ? t->expert_scale : NULL,
		                        s->n_expert, s->k, s->gating, s->renorm,
		                        (double)s->scale};

		ref_route_token(&ref, chosen, weights->want + (size_t)i * s->k);
		for (uint32_t j = 0; j < s->k; j++)
			ids->want[(size_t)i * s->k + j] = chosen[j];
	}
	kit_slack_elems(weights, TOL_F32, 0);
	expect_lists(c, s, ids->want);
}

static const struct kit_recipe route = {ZINC_OP_MOE_ROUTE, build_route, expect_route, NULL};

void route_cases(const struct kit_list *l, uint32_t op)
{
	static const struct route_shape list[] = {
		{256, 8, 33, ZINC_GATING_SOFTMAX, .renorm = true},
		{256, 8, 7, ZINC_GATING_SOFTMAX, .ties = true},
		{128, 8, 5, ZINC_GATING_SOFTMAX, .renorm = true, .expert_scale = true},
		{64, 6, 9, ZINC_GATING_SOFTMAX_TOPK, .scale = 2.5f},
		{64, 6, 9, ZINC_GATING_SOFTMAX_TOPK, .ties = true, .expert_scale = true},
		{60, 4, 11, ZINC_GATING_SIGMOID, .bias = true, .renorm = true, .scale = 1.5f},
		{32, 5, 3, ZINC_GATING_SIGMOID, .ties = true},
		{17, 3, 4, ZINC_GATING_SOFTMAX, .bias = true},
		{17, 3, 4, ZINC_GATING_SOFTMAX_TOPK, .bias = true, .renorm = true},
		{8, 8, 2, ZINC_GATING_SOFTMAX, .renorm = true},
		{1, 1, 2, ZINC_GATING_SOFTMAX_TOPK, .renorm = true},
		{512, 10, 1, ZINC_GATING_SOFTMAX, .renorm = true},
		{16, 2, 0, ZINC_GATING_SOFTMAX, .renorm = true},
		{256, 8, 1, ZINC_GATING_SOFTMAX, .renorm = true},
		{128, 8, 300, ZINC_GATING_SOFTMAX, .renorm = true},
		{256, 8, 513, ZINC_GATING_SOFTMAX_TOPK, .renorm = true},
		{64, 4, 130, ZINC_GATING_SIGMOID, .bias = true, .expert_scale = true},
	};

	(void)op;
	for (size_t i = 0; i < COUNT(list); i++)
		for (uint32_t more = 0; more <= 5; more += 5) {
			struct route_shape s = list[i];

			s.more = more;
			if (s.n + more)
				l->add(l->ctx, &route, &s);
		}
}

enum combine_fusion { SHARED = 1, SHARED_GATE = 2, RESIDUAL = 4, IN_PLACE = 8 };

struct combine_shape {
	uint32_t d, k, n, n_max, pad;
	unsigned fusions;
};

struct combine_data {
	float *x, *weights, *shared, *gate, *residual;
};

static void build_combine(struct kit_case *c, const void *shape)
{
	const struct combine_shape *s = shape;
	struct zinc_op_moe_combine *op = (struct zinc_op_moe_combine *)(void *)c->desc;
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->n_max);
	struct combine_data *t = c->data = kit_alloc(c, 1, sizeof(*t));

	kit_text(c, "D=%u, %u experts, N=%u of %u%s%s%s%s", s->d, s->k, s->n, s->n_max,
	         s->fusions & SHARED ? ", shared" : "",
	         s->fusions & SHARED_GATE ? ", its gate" : "",
	         s->fusions & RESIDUAL ? ", residual" : "",
	         s->fusions & IN_PLACE ? ", in place" : "");
	t->x = kit_normal(c, (size_t)s->d * s->k * s->n, 1);
	t->weights = kit_uniform(c, (size_t)s->k * s->n, 0, 1);
	t->shared = kit_normal(c, (size_t)s->d * s->n, 1);
	t->gate = kit_normal(c, s->n, 2);
	t->residual = kit_normal(c, (size_t)s->d * s->n, 1);
	c->desc_size = sizeof(*op);
	c->fused = s->fusions;
	*op = (struct zinc_op_moe_combine){.struct_size = sizeof(*op), .n = r.slot};
	op->x = kit_act_of(c, s->d, s->k, r, s->pad, t->x);
	op->weights = kit_act_of(c, s->k, 0, r, 0, t->weights);
	if (s->fusions & SHARED)
		op->shared = kit_act_of(c, s->d, 0, r, s->pad, t->shared);
	if (s->fusions & SHARED_GATE)
		op->shared_gate = kit_act_of(c, 1, 0, r, 0, t->gate);
	if (s->fusions & RESIDUAL)
		op->residual = kit_act_of(c, s->d, 0, r, s->pad, t->residual);
	op->y = s->fusions & IN_PLACE ? op->residual : kit_act(c, s->d, 0, r.n_max, s->pad);
	kit_out(c, &op->y, 1, r);
}

static void expect_combine(struct kit_case *c, const void *shape)
{
	const struct combine_shape *s = shape;
	const struct combine_data *t = c->data;
	struct kit_want *w = kit_want(c, 0, ZINC_F32, s->d, s->n);

	for (uint32_t n = 0; n < s->n; n++) {
		double factor = s->fusions & SHARED_GATE ? ref_sigmoid(t->gate[n]) : 1;

		for (uint32_t i = 0; i < s->d; i++) {
			size_t at = (size_t)n * s->d + i;
			double y = s->fusions & SHARED ? factor * t->shared[at] : 0;

			for (uint32_t e = 0; e < s->k; e++)
				y += (double)t->weights[n * s->k + e] *
				     t->x[((size_t)n * s->k + e) * s->d + i];
			w->want[at] = y + (s->fusions & RESIDUAL ? t->residual[at] : 0);
		}
	}
	kit_slack_rows(w, s->d, TOL_F32);
	/* A row of one element may cancel; its terms are of the size of 1. */
	for (size_t i = 0; i < (size_t)s->d * s->n; i++)
		w->slack[i] += TOL_ROUNDING * (s->k + 2);
}

static const struct kit_recipe combine = {ZINC_OP_MOE_COMBINE, build_combine, expect_combine,
                                          NULL};

void combine_cases(const struct kit_list *l, uint32_t op)
{
	/* D, experts, N, N recorded, pad */
	static const uint32_t shapes[][5] = {
		{2048, 8, 7, 8, 0}, {1, 1, 1, 1, 0},    {5, 2, 33, 33, 3},      {257, 3, 2, 4, 0},
		{64, 4, 0, 2, 0},   {4096, 8, 1, 1, 0}, {2048, 8, 130, 256, 4},
	};
	static const unsigned fusions[] = {0, SHARED, SHARED | SHARED_GATE, RESIDUAL,
	                                   SHARED | SHARED_GATE | RESIDUAL, RESIDUAL | IN_PLACE};

	(void)op;
	for (size_t i = 0; i < COUNT(shapes); i++)
		for (size_t f = 0; f < COUNT(fusions); f++)
			l->add(l->ctx, &combine, &(struct combine_shape){
				shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3],
				shapes[i][4], fusions[f]});
}
