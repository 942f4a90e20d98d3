/* test_op_output.c - argmax and top_logits: ties, NaN, few and many rows. */
#include "op_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zinc/op.h>

#include "op_check.h"

/* Is a to stand before b? */
static bool before(const float *x, int32_t a, int32_t b)
{
	if (isnan(x[a]) || isnan(x[b]))
		return isnan(x[a]) && isnan(x[b]) ? a < b : isnan(x[b]);
	return x[a] > x[b] || (x[a] == x[b] && a < b);
}

/* The best n by repeated search. */
static void reference(const float *x, uint32_t v, uint32_t n, int32_t *ids)
{
	bool *taken = must_calloc(v, sizeof(*taken));

	for (uint32_t i = 0; i < n; i++) {
		int32_t best = -1;

		for (int32_t j = 0; j < (int32_t)v; j++)
			if (!taken[j] && (best < 0 || before(x, j, best)))
				best = j;
		taken[best] = true;
		ids[i] = best;
	}
	free(taken);
}

enum content { RANDOM, TIES, SOME_NAN, ALL_NAN, ASCENDING, INFINITE, CONTENTS };

static float *make_rows(uint32_t v, uint32_t n, enum content content)
{
	struct rnd r = {v + n * 5 + content};
	float *x = rnd_normal(&r, (size_t)v * n, 5);

	for (size_t i = 0; i < (size_t)v * n; i++) {
		if (content == TIES)
			x[i] = roundf(x[i] / 5);
		if (content == ALL_NAN || (content == SOME_NAN && rnd_below(&r, 3) == 0))
			x[i] = NAN;
		if (content == ASCENDING)
			x[i] = (float)i;
		if (content == INFINITE)
			x[i] = rnd_below(&r, 2) ? -INFINITY : NAN;
	}
	return x;
}

static void run_case(struct op_run *r, uint32_t v, uint32_t n, uint32_t n_top,
                     enum content content)
{
	float *x = make_rows(v, n, content);
	float *values = must_calloc((size_t)n * n_top, sizeof(*values));
	int32_t *want = must_calloc(n_top, sizeof(*want));
	int32_t *ids = must_calloc((size_t)n * n_top, sizeof(*ids));
	int32_t *best = must_calloc(n, sizeof(*best));
	struct zinc_op_top_logits top = {.struct_size = sizeof(top), .n_top = n_top,
	                                 .n = zinc_slot(ZINC_SLOT_N_OUT, n)};
	struct zinc_op_argmax arg = {.struct_size = sizeof(arg), .n = top.n};
	struct run_params p = run_step(n, 1);

	top.x = arg.x = run_view_f32(r, x, v, n, 1);
	top.ids = run_view(r, ZINC_I32, n_top, n, 1, 1);
	top.values = run_view(r, ZINC_F32, n_top, n, 1, 1);
	arg.ids = run_view(r, ZINC_I32, n, 1, 1, 1);
	run_op(r, ZINC_OP_TOP_LOGITS, &top, 0, &p);
	run_op(r, ZINC_OP_ARGMAX, &arg, 0, &p);
	run_get(r, &top.ids, ids);
	run_get(r, &top.values, values);
	run_get(r, &arg.ids, best);
	for (uint32_t i = 0; i < n; i++) {
		const float *row = x + (size_t)i * v;

		reference(row, v, n_top, want);
		check_bits("top ids", ids + (size_t)i * n_top, want, n_top * sizeof(*ids));
		assert_int_equal(best[i], want[0]);
		for (uint32_t k = 0; k < n_top; k++)
			check_bits("top value", &values[(size_t)i * n_top + k], &row[want[k]], 4);
	}
	run_reset(r);
	free(best);
	free(ids);
	free(want);
	free(values);
	free(x);
}

static void rows(struct op_run *r)
{
	static const uint32_t shapes[][3] = {{1, 1, 1}, {2, 1, 2}, {7, 33, 3}, {1000, 1, 40},
	                                     {1000, 2, 1}, {64, 7, 64}, {20011, 1, 5}};

	for (size_t s = 0; s < sizeof(shapes) / sizeof(*shapes); s++)
		for (int c = 0; c < CONTENTS; c++)
			run_case(r, shapes[s][0], shapes[s][1], shapes[s][2], (enum content)c);
}

static void nobody(struct op_run *r)
{
	struct zinc_op_argmax arg = {.struct_size = sizeof(arg),
	                             .n = zinc_slot(ZINC_SLOT_N_OUT, 2)};
	struct run_params p = run_step(0, 0);
	int32_t ids[2];

	arg.x = run_view(r, ZINC_F32, 9, 2, 1, 1);
	arg.ids = run_view(r, ZINC_I32, 2, 1, 1, 1);
	run_op(r, ZINC_OP_ARGMAX, &arg, 0, &p);
	run_get(r, &arg.ids, ids);
	assert_int_equal(ids[0], -1); /* as run_view() left it */
}

static void declines(struct op_run *r)
{
	struct zinc_op_top_logits op = {.struct_size = sizeof(op), .n_top = 4, .n = zinc_imm(2)};

	op.x = run_view(r, ZINC_F32, 3, 2, 1, 1);
	op.ids = run_view(r, ZINC_I32, 4, 2, 1, 1);
	op.values = run_view(r, ZINC_F32, 4, 2, 1, 1);
	assert_int_equal(run_supports(r, ZINC_OP_TOP_LOGITS, &op, 0), ZINC_E_UNSUPPORTED);
	op.n_top = 0;
	assert_int_equal(run_supports(r, ZINC_OP_TOP_LOGITS, &op, 0), ZINC_E_UNSUPPORTED);
}

EVERYWHERE(rows)
EVERYWHERE(nobody)
EVERYWHERE(declines)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_declines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
