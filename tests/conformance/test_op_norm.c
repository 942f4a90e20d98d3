/* test_op_norm.c - rmsnorm: its forms, its fusions, strides and aliases. */
#include "op_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zinc/op.h>

#include "op_check.h"
#include "ref.h"

enum fusion { WEIGHT = 1, RESIDUAL = 2, GATE = 4, AFTER = 8, ALL_FUSIONS = 16 };

struct data {
	uint32_t d, rows;
	float *x, *weight, *residual, *gate, *after;
};

static struct data make_data(uint32_t d, uint32_t rows)
{
	struct rnd r = {d * 1000 + rows};
	size_t n = (size_t)d * rows;
	struct data t = {d, rows, rnd_normal(&r, n, 2), rnd_normal(&r, d, 1), rnd_normal(&r, n, 1),
	                 rnd_normal(&r, n, 3), rnd_normal(&r, n, 1)};

	return t;
}

static void free_data(struct data *t)
{
	free(t->x);
	free(t->weight);
	free(t->residual);
	free(t->gate);
	free(t->after);
}

static void reference(const struct data *t, unsigned fusions, double *y, double *sum)
{
	for (uint32_t i = 0; i < t->rows; i++) {
		size_t at = (size_t)i * t->d;
		struct ref_norm row = {
			.x = t->x + at,
			.residual = fusions & RESIDUAL ? t->residual + at : NULL,
			.weight = fusions & WEIGHT ? t->weight : NULL,
			.gate = fusions & GATE ? t->gate + at : NULL,
			.after = fusions & AFTER ? t->after + at : NULL,
			.n = t->d,
			.eps = 1e-6,
		};

		ref_rmsnorm(&row, y + at, sum + at);
	}
}

static struct zinc_op_rmsnorm describe(struct op_run *r, const struct data *t, unsigned fusions,
                                       uint32_t heads)
{
	uint32_t rows = t->rows / heads;
	struct zinc_op_rmsnorm op = {.struct_size = sizeof(op), .eps = 1e-6f};

	/* [rows, d], or [rows, heads, d] */
	uint32_t ne1 = heads > 1 ? heads : rows, ne2 = heads > 1 ? rows : 1;

	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, rows);
	op.x = run_view_f32(r, t->x, t->d, ne1, ne2);
	op.y = run_view(r, ZINC_F32, t->d, ne1, ne2, 1);
	if (fusions & WEIGHT)
		op.weight = run_view_f32(r, t->weight, t->d, 1, 1);
	if (fusions & RESIDUAL) {
		op.residual = run_view_f32(r, t->residual, t->d, ne1, ne2);
		op.sum = run_view(r, ZINC_F32, t->d, ne1, ne2, 1);
	}
	if (fusions & GATE)
		op.gate = run_view_f32(r, t->gate, t->d, ne1, ne2);
	if (fusions & AFTER)
		op.after = run_view_f32(r, t->after, t->d, ne1, ne2);
	return op;
}

static void check(struct op_run *r, const struct zinc_op_rmsnorm *op, const struct data *t,
                  unsigned fusions)
{
	size_t n = (size_t)t->d * t->rows;
	double *y = must_calloc(n, sizeof(*y)), *sum = must_calloc(n, sizeof(*sum));
	float *got = must_calloc(n, sizeof(*got));
	char what[64];

	snprintf(what, sizeof(what), "rmsnorm D=%u N=%u fusions=%u %s", t->d, t->rows, fusions,
	         r->isa_name);
	reference(t, fusions, y, sum);
	run_get(r, &op->y, got);
	check_rows(what, got, y, t->rows, t->d, TOL_F32);
	if (fusions & RESIDUAL) {
		run_get(r, &op->sum, got);
		check_rows(what, got, sum, t->rows, t->d, TOL_ROUNDING);
	}
	free(got);
	free(sum);
	free(y);
}

static void shapes(struct op_run *r)
{
	static const uint32_t lanes[] = {1, 5, 33, 64, 256, 1000, 4096, 5120};
	static const uint32_t rows[] = {1, 2, 7, 33};

	for (size_t i = 0; i < sizeof(lanes) / sizeof(*lanes); i++) {
		for (size_t j = 0; j < sizeof(rows) / sizeof(*rows); j++) {
			struct data t = make_data(lanes[i], rows[j]);

			for (unsigned f = 0; f < ALL_FUSIONS; f++) {
				struct zinc_op_rmsnorm op = describe(r, &t, f, 1);
				struct run_params p = run_step(t.rows, 1);

				run_op(r, ZINC_OP_RMSNORM, &op, 0, &p);
				check(r, &op, &t, f);
				run_reset(r);
			}
			free_data(&t);
		}
	}
}

static void per_head(struct op_run *r)
{
	static const uint32_t tokens[] = {1, 2, 7};

	for (int i = 0; i < 3; i++) {
		struct data t = make_data(80, 5 * tokens[i]);
		struct zinc_op_rmsnorm op = describe(r, &t, WEIGHT | GATE, 5);
		struct run_params p = run_step(tokens[i], 1);

		run_op(r, ZINC_OP_RMSNORM, &op, 0, &p);
		check(r, &op, &t, WEIGHT | GATE);
		run_reset(r);
		free_data(&t);
	}
}

/* Rows past n may hold anything and must not be needed. */
static void fewer_rows_than_recorded(struct op_run *r)
{
	struct data t = make_data(100, 33);

	for (uint32_t n = 0; n <= 33; n += 11) {
		struct zinc_op_rmsnorm op = describe(r, &t, WEIGHT | RESIDUAL, 1);
		struct run_params p = run_step(n, 1);
		struct data live = t;

		live.rows = n;
		run_op(r, ZINC_OP_RMSNORM, &op, 0, &p);
		op.y.ne[1] = op.sum.ne[1] = n;
		if (n)
			check(r, &op, &live, WEIGHT | RESIDUAL);
		run_reset(r);
	}
	free_data(&t);
}

static void aliases(struct op_run *r)
{
	struct data t = make_data(130, 9);
	struct run_params p = run_step(9, 1);
	struct zinc_op_rmsnorm op = describe(r, &t, WEIGHT, 1);

	op.y = op.x;
	run_op(r, ZINC_OP_RMSNORM, &op, 0, &p);
	check(r, &op, &t, WEIGHT);

	op = describe(r, &t, WEIGHT | AFTER, 1);
	op.y = op.after;
	run_op(r, ZINC_OP_RMSNORM, &op, 0, &p);
	check(r, &op, &t, WEIGHT | AFTER);

	op = describe(r, &t, WEIGHT | RESIDUAL, 1);
	op.sum = op.x;
	run_op(r, ZINC_OP_RMSNORM, &op, 0, &p);
	check(r, &op, &t, WEIGHT | RESIDUAL);

	op = describe(r, &t, WEIGHT | RESIDUAL, 1);
	op.sum = op.residual;
	run_op(r, ZINC_OP_RMSNORM, &op, 0, &p);
	check(r, &op, &t, WEIGHT | RESIDUAL);
	free_data(&t);
}

/* x as the first half of each head of an interleaved row; the other half stays
 * as it is. */
static void lanes_of_a_wider_row(struct op_run *r)
{
	enum { D = 48, H = 3, N = 7 };
	struct data t = make_data(D, H * N);
	struct run_params p = run_step(N, 1);
	struct zinc_op_rmsnorm op = describe(r, &t, WEIGHT, H);
	struct zinc_view wide = run_view_f32(r, NULL, 2 * D, H, N);
	struct zinc_view other = zinc_view_lanes(wide, D, D);
	float *got = must_calloc(D * H * N, sizeof(*got));
	float *zero = must_calloc(D * H * N, sizeof(*zero));

	op.x = op.y = zinc_view_lanes(wide, 0, D);
	run_put(r, &op.x, t.x);
	run_op(r, ZINC_OP_RMSNORM, &op, 0, &p);
	check(r, &op, &t, WEIGHT);
	run_get(r, &other, got);
	check_bits("the lanes beside", got, zero, D * H * N * sizeof(*got));
	free(zero);
	free(got);
	free_data(&t);
}

/* A row alone and among others; the threads of run_everywhere() split it
 * differently still. */
static void same_bits_in_company(struct op_run *r)
{
	enum { D = 1111, N = 33 };
	struct data t = make_data(D, N), one = t;
	float *all = must_calloc(D * N, sizeof(*all)), alone[D];
	struct zinc_op_rmsnorm op = describe(r, &t, WEIGHT, 1);
	struct run_params p = run_step(N, 1);

	run_op(r, ZINC_OP_RMSNORM, &op, 0, &p);
	run_get(r, &op.y, all);
	one.rows = 1;
	p = run_step(1, 1);
	for (int i = 0; i < N; i += 8) {
		run_reset(r);
		one.x = t.x + (size_t)i * D;
		op = describe(r, &one, WEIGHT, 1);
		run_op(r, ZINC_OP_RMSNORM, &op, 0, &p);
		run_get(r, &op.y, alone);
		check_bits("row alone", alone, all + (size_t)i * D, sizeof(alone));
	}
	free(all);
	free_data(&t);
}

static void declines(struct op_run *r)
{
	struct data t = make_data(32, 4);
	struct zinc_op_rmsnorm good = describe(r, &t, ALL_FUSIONS - 1, 1), op = good;

	assert_int_equal(run_supports(r, ZINC_OP_RMSNORM, &op, 0), ZINC_OK);
	assert_int_equal(run_supports(r, ZINC_OP_RMSNORM, &op, 1), ZINC_E_UNSUPPORTED);
	op.flags = 1;
	assert_int_equal(run_supports(r, ZINC_OP_RMSNORM, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.x.dtype = ZINC_F16;
	assert_int_equal(run_supports(r, ZINC_OP_RMSNORM, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.x.layout = 1;
	assert_int_equal(run_supports(r, ZINC_OP_RMSNORM, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.sum.buf = NULL;
	assert_int_equal(run_supports(r, ZINC_OP_RMSNORM, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.weight.ne[0] = 31;
	assert_int_equal(run_supports(r, ZINC_OP_RMSNORM, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.y.nb[1] = 33;
	assert_int_equal(run_supports(r, ZINC_OP_RMSNORM, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.n.imm = 5;
	assert_int_equal(run_supports(r, ZINC_OP_RMSNORM, &op, 0), ZINC_E_UNSUPPORTED);
	free_data(&t);
}

EVERYWHERE(shapes)
EVERYWHERE(per_head)
EVERYWHERE(fewer_rows_than_recorded)
EVERYWHERE(aliases)
EVERYWHERE(lanes_of_a_wider_row)
EVERYWHERE(same_bits_in_company)
EVERYWHERE(declines)


int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_per_head),
		cmocka_unit_test(test_fewer_rows_than_recorded),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_lanes_of_a_wider_row),
		cmocka_unit_test(test_same_bits_in_company),
		cmocka_unit_test(test_declines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
