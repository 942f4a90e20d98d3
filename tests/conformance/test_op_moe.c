/* test_op_moe.c - moe_route with its lists, and moe_combine. */
#include "op_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zinc/op.h>

#include "op_check.h"
#include "ref.h"

struct route_case {
	uint32_t n_expert, k, n, gating;
	bool renorm, bias, expert_scale, ties;
	float scale;
};

struct route_data {
	const struct route_case *c;
	float *logits, *bias, *expert_scale;
};

static struct route_data make_route(const struct route_case *c)
{
	struct rnd r = {c->n_expert + c->k * 7 + c->gating};
	struct route_data t = {c, rnd_normal(&r, (size_t)c->n_expert * c->n, 2),
	                       rnd_normal(&r, c->n_expert, 0.3f),
	                       rnd_uniform(&r, c->n_expert, 0.5f, 2)};

	for (size_t i = 0; c->ties && i < (size_t)c->n_expert * c->n; i++)
		t.logits[i] = roundf(t.logits[i]);
	return t;
}

static void free_route(struct route_data *t)
{
	free(t->logits);
	free(t->bias);
	free(t->expert_scale);
}

static struct zinc_op_moe_route describe(struct op_run *r, const struct route_data *t,
                                         uint32_t rows)
{
	const struct route_case *c = t->c;
	struct zinc_op_moe_route op = {.struct_size = sizeof(op), .k = c->k, .gating = c->gating,
	                               .scale = c->scale};

	op.flags = c->renorm ? ZINC_ROUTE_RENORM : 0;
	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, rows);
	op.logits = run_view(r, ZINC_F32, c->n_expert, rows, 1, 1);
	op.logits.ne[1] = c->n;
	run_put(r, &op.logits, t->logits);
	op.logits.ne[1] = rows;
	op.ids = run_view(r, ZINC_I32, c->k, rows, 1, 1);
	op.weights = run_view(r, ZINC_F32, c->k, rows, 1, 1);
	op.expert_first = run_view(r, ZINC_I32, c->n_expert + 1, 1, 1, 1);
	op.perm = run_view(r, ZINC_I32, c->k * rows, 1, 1, 1);
	if (c->bias)
		op.bias = run_view_f32(r, t->bias, c->n_expert, 1, 1);
	if (c->expert_scale)
		op.expert_scale = run_view_f32(r, t->expert_scale, c->n_expert, 1, 1);
	return op;
}

static void check_choice(struct op_run *r, const struct route_data *t,
                         const struct zinc_op_moe_route *op, uint32_t rows, int32_t *ids)
{
	const struct route_case *c = t->c;
	int32_t *want_ids = must_calloc(c->k, sizeof(*want_ids));
	double *want = must_calloc(c->k, sizeof(*want));
	float *got = must_calloc((size_t)c->k * rows, sizeof(*got));

	run_get(r, &op->ids, ids);
	run_get(r, &op->weights, got);
	for (uint32_t i = 0; i < c->n; i++) {
		struct ref_route ref = {t->logits + (size_t)i * c->n_expert,
		                        c->bias ? t->bias : NULL,
		                        c->expert_scale ? t->expert_scale : NULL,
		                        c->n_expert, c->k, c->gating, c->renorm, c->scale};

		ref_route_token(&ref, want_ids, want);
		check_bits("chosen experts", ids + (size_t)i * c->k, want_ids,
		           c->k * sizeof(*ids));
		check_elems("weights", got + (size_t)i * c->k, want, c->k, TOL_F32, 0);
	}
	free(got);
	free(want);
	free(want_ids);
}

/* Every live cell once, in the list of its expert, ascending. */
static void check_lists(struct op_run *r, const struct route_data *t,
                        const struct zinc_op_moe_route *op, uint32_t rows, const int32_t *ids)
{
	const struct route_case *c = t->c;
	int32_t *first = must_calloc(c->n_expert + 1, sizeof(*first));
	int32_t *perm = must_calloc((size_t)c->k * rows, sizeof(*perm));

	run_get(r, &op->expert_first, first);
	run_get(r, &op->perm, perm);
	assert_int_equal(first[0], 0);
	assert_int_equal(first[c->n_expert], c->n * c->k);
	for (uint32_t e = 0; e < c->n_expert; e++) {
		for (int32_t i = first[e]; i < first[e + 1]; i++) {
			assert_in_range(perm[i], 0, c->n * c->k - 1);
			assert_int_equal(ids[perm[i]], e);
			assert_true(i == first[e] || perm[i] > perm[i - 1]);
		}
	}
	free(perm);
	free(first);
}

static void run_route(struct op_run *r, const struct route_case *c, uint32_t rows)
{
	struct route_data t = make_route(c);
	struct zinc_op_moe_route op = describe(r, &t, rows);
	struct run_params p = run_step(c->n, 1);
	int32_t *ids = must_calloc((size_t)c->k * rows, sizeof(*ids));

	run_op(r, ZINC_OP_MOE_ROUTE, &op, 0, &p);
	check_choice(r, &t, &op, rows, ids);
	check_lists(r, &t, &op, rows, ids);
	run_reset(r);
	free(ids);
	free_route(&t);
}

static void route(struct op_run *r)
{
	static const struct route_case list[] = {
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
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
		run_route(r, &list[i], list[i].n);
		run_route(r, &list[i], list[i].n + 5);
	}
}

static void route_nobody(struct op_run *r)
{
	const struct route_case c = {16, 2, 0, ZINC_GATING_SOFTMAX, .renorm = true};

	run_route(r, &c, 4);
}

/* NaN is never preferred to a number, and all k are still different experts. */
static void route_nan(struct op_run *r)
{
	float logits[6] = {NAN, 1, NAN, 3, NAN, NAN};
	const struct route_case c = {6, 4, 1, ZINC_GATING_SIGMOID, .renorm = false};
	struct route_data t = {&c, logits, NULL, NULL};
	struct zinc_op_moe_route op = describe(r, &t, 1);
	struct run_params p = run_step(1, 1);
	int32_t ids[4];
	static const int32_t want[4] = {3, 1, 0, 2};

	run_op(r, ZINC_OP_MOE_ROUTE, &op, 0, &p);
	run_get(r, &op.ids, ids);
	check_bits("experts beside NaN", ids, want, sizeof(ids));
}

enum combine_fusion { SHARED = 1, SHARED_GATE = 2, RESIDUAL = 4, IN_PLACE = 8 };

static void run_combine(struct op_run *r, uint32_t d, uint32_t k, uint32_t n, unsigned fusions)
{
	struct rnd rnd = {d + k * 3 + n};
	float *x = rnd_normal(&rnd, (size_t)d * k * n, 1);
	float *w = rnd_uniform(&rnd, (size_t)k * n, 0, 1);
	float *shared = rnd_normal(&rnd, (size_t)d * n, 1);
	float *res = rnd_normal(&rnd, (size_t)d * n, 1);
	float *gate = rnd_normal(&rnd, n, 2), *got = must_calloc((size_t)d * n, sizeof(*got));
	double *want = must_calloc((size_t)d * n, sizeof(*want));
	struct zinc_op_moe_combine op = {.struct_size = sizeof(op)};
	struct run_params p = run_step(n, 1);

	for (uint32_t t = 0; t < n; t++) {
		double factor = fusions & SHARED_GATE ? ref_sigmoid(gate[t]) : 1;

		for (uint32_t i = 0; i < d; i++) {
			double y = fusions & SHARED ? factor * shared[t * d + i] : 0;

			for (uint32_t s = 0; s < k; s++)
				y += (double)w[t * k + s] * x[((size_t)t * k + s) * d + i];
			want[t * d + i] = y + (fusions & RESIDUAL ? res[t * d + i] : 0);
		}
	}
	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, n);
	op.x = run_view_f32(r, x, d, k, n);
	op.weights = run_view_f32(r, w, k, n, 1);
	op.y = run_view(r, ZINC_F32, d, n, 1, 1);
	if (fusions & SHARED)
		op.shared = run_view_f32(r, shared, d, n, 1);
	if (fusions & SHARED_GATE)
		op.shared_gate = run_view_f32(r, gate, 1, n, 1);
	if (fusions & RESIDUAL)
		op.residual = run_view_f32(r, res, d, n, 1);
	if (fusions & IN_PLACE)
		op.y = op.residual;
	run_op(r, ZINC_OP_MOE_COMBINE, &op, 0, &p);
	run_get(r, &op.y, got);
	check_rows("combine", got, want, n, d, TOL_F32);
	run_reset(r);
	free(want);
	free(got);
	free(gate);
	free(res);
	free(shared);
	free(w);
	free(x);
}

static void combine(struct op_run *r)
{
	static const uint32_t shapes[][3] = {{2048, 8, 7}, {1, 1, 1}, {5, 2, 33}, {257, 3, 2}};
	static const unsigned fusions[] = {0, SHARED, SHARED | SHARED_GATE, RESIDUAL,
	                                   SHARED | SHARED_GATE | RESIDUAL, RESIDUAL | IN_PLACE};

	for (int s = 0; s < 4; s++)
		for (int f = 0; f < 6; f++)
			run_combine(r, shapes[s][0], shapes[s][1], shapes[s][2], fusions[f]);
}

static void declines(struct op_run *r)
{
	const struct route_case c = {16, 2, 3, ZINC_GATING_SOFTMAX, .renorm = true};
	struct route_data t = make_route(&c);
	const struct zinc_op_moe_route good = describe(r, &t, 3);
	struct zinc_op_moe_route op = good;

	op.flags = 2;
	assert_int_equal(run_supports(r, ZINC_OP_MOE_ROUTE, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.k = 17;
	assert_int_equal(run_supports(r, ZINC_OP_MOE_ROUTE, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.gating = 3;
	assert_int_equal(run_supports(r, ZINC_OP_MOE_ROUTE, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.expert_first.ne[0] = 16;
	assert_int_equal(run_supports(r, ZINC_OP_MOE_ROUTE, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.ids.nb[1] = 16;
	assert_int_equal(run_supports(r, ZINC_OP_MOE_ROUTE, &op, 0), ZINC_E_UNSUPPORTED);
	free_route(&t);
}

EVERYWHERE(route)
EVERYWHERE(route_nobody)
EVERYWHERE(route_nan)
EVERYWHERE(combine)
EVERYWHERE(declines)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_route_nobody),
		cmocka_unit_test(test_route_nan),
		cmocka_unit_test(test_combine),
		cmocka_unit_test(test_declines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
