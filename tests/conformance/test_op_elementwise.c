/* test_op_elementwise.c - glu, add, mul, scale, softcap and sigmoid_gate. */
#include "op_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zinc/op.h>

#include "op_check.h"
#include "ref.h"

/* Shapes [N, D] and [N, H, D]; recorded for one row more than is live. */
static const struct shape {
	uint32_t d, h, n;
} shapes[] = {
	{1, 0, 1},  {1, 0, 7},    {5, 0, 2},   {33, 0, 33}, {256, 0, 7}, {1023, 0, 2},
	{17408, 0, 1}, {4097, 0, 3}, {8, 3, 1}, {31, 5, 2},  {128, 4, 33}, {2, 1, 7},
};

enum { N_SHAPES = sizeof(shapes) / sizeof(*shapes) };

static uint32_t ne1(const struct shape *s, uint32_t n)
{
	return s->h ? s->h : n;
}

static uint32_t ne2(const struct shape *s, uint32_t n)
{
	return s->h ? n : 1;
}

static size_t elems(const struct shape *s)
{
	return (size_t)s->d * (s->h ? s->h : 1) * s->n;
}

static struct zinc_view input(struct op_run *r, const struct shape *s, const float *x)
{
	return run_view_f32(r, x, s->d, ne1(s, s->n), ne2(s, s->n));
}

static struct zinc_view output(struct op_run *r, const struct shape *s)
{
	return run_view(r, ZINC_F32, s->d, ne1(s, s->n), ne2(s, s->n), 1);
}

static void check(struct op_run *r, const char *what, const struct shape *s,
                  const struct zinc_view *y, const double *want, double tol)
{
	float *got = must_calloc(elems(s), sizeof(*got));

	run_get(r, y, got);
	check_elems(what, got, want, elems(s), tol, 1e-12);
	free(got);
}

static void glu_case(struct op_run *r, const struct shape *s, uint32_t act, float limit)
{
	struct rnd rnd = {s->d + s->n + act};
	size_t n = elems(s);
	float *gate = rnd_normal(&rnd, n, 4), *up = rnd_normal(&rnd, n, 4);
	double *want = must_calloc(n, sizeof(*want));
	struct zinc_op_glu op = {.struct_size = sizeof(op), .act = act, .limit = limit};
	struct run_params p = run_step(s->n, 1);

	gate[0] = 0;
	gate[n - 1] = -60; /* far tails */
	gate[n / 2] = 60;
	for (size_t i = 0; i < n; i++)
		want[i] = ref_glu(act, gate[i], up[i], limit);
	op.gate = input(r, s, gate);
	op.up = input(r, s, up);
	op.y = output(r, s);
	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, s->n);
	run_op(r, ZINC_OP_GLU, &op, 0, &p);
	/* exp of a value near 60 carries the rounding of that value. gelu's cubic
	 * argument is larger still. */
	check(r, "glu", s, &op.y, want, TOL_F32);
	op.y = op.gate;
	run_op(r, ZINC_OP_GLU, &op, 0, &p);
	check(r, "glu into gate", s, &op.y, want, TOL_F32);
	op.gate = input(r, s, gate);
	op.y = op.up;
	run_op(r, ZINC_OP_GLU, &op, 0, &p);
	check(r, "glu into up", s, &op.y, want, TOL_F32);
	run_reset(r);
	free(want);
	free(up);
	free(gate);
}

static void glu(struct op_run *r)
{
	for (int i = 0; i < N_SHAPES; i++) {
		glu_case(r, &shapes[i], ZINC_ACT_SILU, 0);
		glu_case(r, &shapes[i], ZINC_ACT_GELU_TANH, 0);
		glu_case(r, &shapes[i], ZINC_ACT_SILU, 2.5f);
	}
}

/* b's dimensions: bit i set, dimension i repeats. */
static void binary_case(struct op_run *r, const struct shape *s, uint32_t op_id, unsigned repeats)
{
	struct rnd rnd = {s->d + s->n + repeats};
	uint32_t h = ne1(s, s->n), rows = ne2(s, s->n);
	uint32_t b0 = repeats & 1 ? 1 : s->d, b1 = repeats & 2 ? 1 : h, b2 = repeats & 4 ? 1 : rows;
	float *a = rnd_normal(&rnd, elems(s), 1), *b = rnd_normal(&rnd, elems(s), 1);
	double *want = must_calloc(elems(s), sizeof(*want));
	struct zinc_op_binary op = {.struct_size = sizeof(op)};
	struct run_params p = run_step(s->n, 1);
	size_t at = 0;

	for (uint32_t i2 = 0; i2 < rows; i2++)
		for (uint32_t i1 = 0; i1 < h; i1++)
			for (uint32_t i0 = 0; i0 < s->d; i0++, at++) {
				double y = b[(i0 % b0) + b0 * ((i1 % b1) + (size_t)b1 * (i2 % b2))];

				want[at] = op_id == ZINC_OP_ADD ? a[at] + y : a[at] * y;
			}
	op.a = input(r, s, a);
	op.b = run_view_f32(r, b, b0, b1, b2);
	op.y = output(r, s);
	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, s->n);
	run_op(r, op_id, &op, 0, &p);
	check(r, "binary", s, &op.y, want, TOL_ROUNDING);
	op.y = repeats ? op.a : op.b;
	run_op(r, op_id, &op, 0, &p);
	check(r, "binary in place", s, &op.y, want, TOL_ROUNDING);
	run_reset(r);
	free(want);
	free(b);
	free(a);
}

static void binary(struct op_run *r)
{
	for (int i = 0; i < N_SHAPES; i++) {
		for (unsigned repeats = 0; repeats < 8; repeats++) {
			binary_case(r, &shapes[i], ZINC_OP_ADD, repeats);
			binary_case(r, &shapes[i], ZINC_OP_MUL, repeats);
		}
	}
}

static void unary(struct op_run *r)
{
	for (int i = 0; i < N_SHAPES; i++) {
		const struct shape *s = &shapes[i];
		struct rnd rnd = {s->d};
		float *x = rnd_normal(&rnd, elems(s), 20);
		double *want = must_calloc(elems(s), sizeof(*want));
		struct zinc_op_unary op = {.struct_size = sizeof(op), .value = 15};
		struct run_params p = run_step(s->n, 1);

		x[0] = 1e-4f; /* tanh(x) is x there, to the last bit */
		op.x = input(r, s, x);
		op.y = output(r, s);
		op.n = zinc_slot(ZINC_SLOT_N_TOKENS, s->n);
		for (size_t k = 0; k < elems(s); k++)
			want[k] = 15 * tanh((double)x[k] / 15);
		run_op(r, ZINC_OP_SOFTCAP, &op, 0, &p);
		check(r, "softcap", s, &op.y, want, 2 * TOL_ROUNDING);
		for (size_t k = 0; k < elems(s); k++)
			want[k] = 15 * (double)x[k];
		op.y = op.x;
		run_op(r, ZINC_OP_SCALE, &op, 0, &p);
		check(r, "scale in place", s, &op.y, want, TOL_ROUNDING);
		run_reset(r);
		free(want);
		free(x);
	}
}

static void gate_case(struct op_run *r, const struct shape *s, bool per_row)
{
	struct rnd rnd = {s->d};
	uint32_t lanes = per_row ? 1 : s->d;
	float *x = rnd_normal(&rnd, elems(s), 1), *gate = rnd_normal(&rnd, elems(s), 3);
	double *want = must_calloc(elems(s), sizeof(*want));
	struct zinc_op_sigmoid_gate op = {.struct_size = sizeof(op)};
	struct run_params p = run_step(s->n, 1);

	for (size_t k = 0; k < elems(s); k++)
		want[k] = x[k] * ref_sigmoid(gate[k / s->d * lanes + k % lanes]);
	op.x = input(r, s, x);
	op.gate = run_view_f32(r, gate, lanes, ne1(s, s->n), ne2(s, s->n));
	op.y = output(r, s);
	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, s->n);
	run_op(r, ZINC_OP_SIGMOID_GATE, &op, 0, &p);
	check(r, "sigmoid_gate", s, &op.y, want, 2 * TOL_ROUNDING);
	op.y = op.x;
	run_op(r, ZINC_OP_SIGMOID_GATE, &op, 0, &p);
	check(r, "sigmoid_gate in place", s, &op.y, want, 2 * TOL_ROUNDING);
	run_reset(r);
	free(want);
	free(gate);
	free(x);
}

static void sigmoid_gate(struct op_run *r)
{
	for (int i = 0; i < N_SHAPES; i++) {
		gate_case(r, &shapes[i], false);
		gate_case(r, &shapes[i], true);
	}
}

/* n = 0 and n below the view: no live row is missed, and a row that is not
 * live is not needed. */
static void fewer_rows_than_recorded(struct op_run *r)
{
	enum { D = 9, N = 8 };
	struct rnd rnd = {1};
	float *x = rnd_normal(&rnd, D * N, 1), got[D * N];
	struct zinc_op_unary op = {.struct_size = sizeof(op), .value = 2};

	for (uint32_t n = 0; n <= N; n += 3) {
		struct run_params p = run_step(n, 1);

		op.x = run_view(r, ZINC_F32, D, N, 1, 1); /* rows past n are NaN */
		op.x.ne[1] = n;
		run_put(r, &op.x, x);
		op.x.ne[1] = N;
		op.y = run_view(r, ZINC_F32, D, N, 1, 1);
		op.n = zinc_slot(ZINC_SLOT_N_TOKENS, N);
		run_op(r, ZINC_OP_SCALE, &op, 0, &p);
		run_get(r, &op.y, got);
		for (uint32_t i = 0; i < n * D; i++)
			assert_true(got[i] == 2 * x[i]);
		run_reset(r);
	}
	free(x);
}

static void activations(struct op_run *r, float *out)
{
	enum { D = 5000, N = 3 };
	struct rnd rnd = {7};
	float *x = rnd_normal(&rnd, D * N, 3);
	struct zinc_op_glu op = {.struct_size = sizeof(op), .act = ZINC_ACT_GELU_TANH};
	struct run_params p = run_step(N, 1);

	op.gate = run_view_f32(r, x, D, N, 1);
	op.up = run_view_f32(r, x, D, N, 1);
	op.y = run_view(r, ZINC_F32, D, N, 1, 1);
	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, N);
	run_op(r, ZINC_OP_GLU, &op, 0, &p);
	run_get(r, &op.y, out);
	free(x);
}

static void test_threads_agree(void **state)
{
	(void)state;
	run_threads_agree(activations, 15000);
}

/* NaN stays NaN, infinities end where the functions do. */
static void special_values(struct op_run *r)
{
	const float x[5] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f}, one[5] = {1, 1, 1, 1, 1};
	float got[5];
	struct zinc_op_sigmoid_gate op = {.struct_size = sizeof(op)};
	struct zinc_op_unary cap = {.struct_size = sizeof(cap), .value = 30};
	struct run_params p = run_step(1, 1);

	op.x = run_view_f32(r, one, 5, 1, 1);
	op.gate = run_view_f32(r, x, 5, 1, 1);
	op.y = run_view(r, ZINC_F32, 5, 1, 1, 1);
	op.n = zinc_imm(1);
	run_op(r, ZINC_OP_SIGMOID_GATE, &op, 0, &p);
	run_get(r, &op.y, got);
	assert_true(isnan(got[0]));
	assert_true(got[1] == 1 && got[2] >= 0 && got[2] < 1e-37f && got[3] == 0.5f);
	cap.x = op.gate;
	cap.y = op.y;
	cap.n = zinc_imm(1);
	run_op(r, ZINC_OP_SOFTCAP, &cap, 0, &p);
	run_get(r, &op.y, got);
	assert_true(isnan(got[0]));
	assert_true(got[1] == 30 && got[2] == -30 && got[3] == 0 && got[4] == 0);
}

static void declines(struct op_run *r)
{
	struct zinc_op_glu glu_op = {.struct_size = sizeof(glu_op), .act = ZINC_ACT_SILU};
	struct zinc_op_binary add;

	glu_op.gate = glu_op.up = glu_op.y = run_view_f32(r, NULL, 8, 2, 1);
	glu_op.n = zinc_imm(2);
	assert_int_equal(run_supports(r, ZINC_OP_GLU, &glu_op, 0), ZINC_OK);
	glu_op.act = 3;
	assert_int_equal(run_supports(r, ZINC_OP_GLU, &glu_op, 0), ZINC_E_UNSUPPORTED);
	glu_op.act = ZINC_ACT_NONE;
	assert_int_equal(run_supports(r, ZINC_OP_GLU, &glu_op, 0), ZINC_E_UNSUPPORTED);
	glu_op.act = ZINC_ACT_SILU;
	glu_op.up.ne[0] = 4;
	assert_int_equal(run_supports(r, ZINC_OP_GLU, &glu_op, 0), ZINC_E_UNSUPPORTED);

	add = (struct zinc_op_binary){.struct_size = sizeof(add), .a = glu_op.gate,
	                              .b = glu_op.gate, .y = glu_op.y, .n = zinc_imm(2)};
	assert_int_equal(run_supports(r, ZINC_OP_ADD, &add, 0), ZINC_OK);
	add.b.ne[0] = 4;
	assert_int_equal(run_supports(r, ZINC_OP_ADD, &add, 0), ZINC_E_UNSUPPORTED);
	add.b = add.a;
	add.flags = 1;
	assert_int_equal(run_supports(r, ZINC_OP_ADD, &add, 0), ZINC_E_UNSUPPORTED);
}

EVERYWHERE(glu)
EVERYWHERE(binary)
EVERYWHERE(unary)
EVERYWHERE(sigmoid_gate)
EVERYWHERE(fewer_rows_than_recorded)
EVERYWHERE(special_values)
EVERYWHERE(declines)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_glu),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_unary),
		cmocka_unit_test(test_sigmoid_gate),
		cmocka_unit_test(test_fewer_rows_than_recorded),
		cmocka_unit_test(test_threads_agree),
		cmocka_unit_test(test_special_values),
		cmocka_unit_test(test_declines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
