/* test_op_rope.c - rotary embedding of Q and K. */
#include "op_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zinc/op.h>

#include "op_check.h"
#include "ref.h"

enum { MAX_ROWS = 3 };

struct rope_case {
	uint32_t n, n_head, n_head_kv, d, n_rot, mode;
	bool norm, factors, sections, in_place;
};

struct data {
	const struct rope_case *c;
	float *q, *k, *q_norm, *k_norm, *freqs, *factors;
	int32_t *pos, *pos_row; /* pos: MAX_ROWS rows */
};

static struct data make_data(const struct rope_case *c)
{
	struct rnd r = {c->n * 31 + c->d};
	struct data t = {.c = c};

	t.q = rnd_normal(&r, (size_t)c->n * c->n_head * c->d, 2);
	t.k = rnd_normal(&r, (size_t)c->n * c->n_head_kv * c->d, 2);
	t.q_norm = rnd_normal(&r, c->d, 1);
	t.k_norm = rnd_normal(&r, c->d, 1);
	t.freqs = must_calloc(c->n_rot / 2 + 1, sizeof(float));
	t.factors = rnd_uniform(&r, c->n_rot / 2 + 1, 1, 8);
	t.pos = must_calloc((size_t)c->n * MAX_ROWS, sizeof(int32_t));
	t.pos_row = must_calloc(c->n_rot / 2 + 1, sizeof(int32_t));
	for (uint32_t i = 0; i < c->n_rot / 2; i++) {
		t.freqs[i] = powf(1e6f, -2.0f * (float)i / (float)c->n_rot);
		t.pos_row[i] = (int32_t)(i % MAX_ROWS);
	}
	for (uint32_t i = 0; i < c->n * MAX_ROWS; i++)
		t.pos[i] = (int32_t)rnd_below(&r, 262144);
	t.pos[0] = 0;
	return t;
}

static void free_data(struct data *t)
{
	free(t->q);
	free(t->k);
	free(t->q_norm);
	free(t->k_norm);
	free(t->freqs);
	free(t->factors);
	free(t->pos);
	free(t->pos_row);
}

static void reference(const struct data *t, const float *x, const float *norm, uint32_t heads,
                      double *y)
{
	const struct rope_case *c = t->c;
	double pos[256];
	struct ref_rope rope = {.pos = pos, .freqs = t->freqs, .n_rot = c->n_rot, .mode = c->mode,
	                        .factors = c->factors ? t->factors : NULL};

	for (uint32_t i = 0; i < c->n * heads; i++) {
		struct ref_norm row = {.x = x + (size_t)i * c->d, .weight = norm, .n = c->d,
		                       .eps = 1e-6};
		double *out = y + (size_t)i * c->d;

		for (uint32_t f = 0; f < c->n_rot / 2; f++)
			pos[f] = t->pos[i / heads + (c->sections ? t->pos_row[f] * (int)c->n : 0)];
		for (uint32_t l = 0; l < c->d; l++)
			out[l] = row.x[l];
		if (c->norm)
			ref_rmsnorm(&row, out, NULL);
		ref_rope_head(&rope, out);
	}
}

static struct zinc_op_rope_dual describe(struct op_run *r, const struct data *t)
{
	const struct rope_case *c = t->c;
	struct zinc_op_rope_dual op = {.struct_size = sizeof(op), .n_rot = c->n_rot,
	                               .mode = c->mode, .norm_eps = 1e-6f};

	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, c->n);
	op.q = op.q_out = run_view_f32(r, t->q, c->d, c->n_head, c->n);
	if (!c->in_place)
		op.q_out = run_view(r, ZINC_F32, c->d, c->n_head, c->n, 1);
	if (c->n_head_kv) {
		op.k = op.k_out = run_view_f32(r, t->k, c->d, c->n_head_kv, c->n);
		if (!c->in_place)
			op.k_out = run_view(r, ZINC_F32, c->d, c->n_head_kv, c->n, 1);
	}
	op.pos = run_view_i32(r, t->pos, c->n, c->sections ? MAX_ROWS : 1);
	op.freqs = run_view_f32(r, t->freqs, c->n_rot / 2 ? c->n_rot / 2 : 1, 1, 1);
	if (c->sections)
		op.pos_row = run_view_i32(r, t->pos_row, c->n_rot / 2, 1);
	if (c->factors)
		op.factors = run_view_f32(r, t->factors, c->n_rot / 2, 1, 1);
	if (c->norm)
		op.q_norm = run_view_f32(r, t->q_norm, c->d, 1, 1);
	if (c->norm && c->n_head_kv)
		op.k_norm = run_view_f32(r, t->k_norm, c->d, 1, 1);
	return op;
}

static void run_case(struct op_run *r, const struct rope_case *c)
{
	struct data t = make_data(c);
	struct zinc_op_rope_dual op = describe(r, &t);
	struct run_params p = run_step(c->n, 1);
	size_t n_q = (size_t)c->n * c->n_head, n_k = (size_t)c->n * c->n_head_kv;
	double *want = must_calloc((n_q + n_k) * c->d, sizeof(*want));
	float *got = must_calloc((n_q + n_k) * c->d, sizeof(*got));

	run_op(r, ZINC_OP_ROPE_DUAL, &op, 0, &p);
	reference(&t, t.q, c->norm ? t.q_norm : NULL, c->n_head, want);
	run_get(r, &op.q_out, got);
	check_rows("rope q", got, want, n_q, c->d, TOL_F32);
	if (c->n_head_kv) {
		reference(&t, t.k, c->norm ? t.k_norm : NULL, c->n_head_kv, want);
		run_get(r, &op.k_out, got);
		check_rows("rope k", got, want, n_k, c->d, TOL_F32);
	}
	run_reset(r);
	free(got);
	free(want);
	free_data(&t);
}

static void cases(struct op_run *r)
{
	static const struct rope_case list[] = {
		{1, 4, 2, 64, 64, ZINC_ROPE_NEOX, .norm = false},
		{7, 4, 1, 64, 64, ZINC_ROPE_INTERLEAVED, .in_place = true},
		{33, 3, 3, 256, 64, ZINC_ROPE_NEOX, .norm = true, .in_place = true},
		{5, 2, 1, 512, 512, ZINC_ROPE_NEOX, .norm = true, .factors = true},
		{2, 8, 0, 80, 80, ZINC_ROPE_NEOX, .norm = true},
		{3, 2, 2, 20, 6, ZINC_ROPE_INTERLEAVED, .factors = true},
		{4, 2, 1, 128, 64, ZINC_ROPE_NEOX, .sections = true, .norm = true},
		{2, 1, 1, 2, 2, ZINC_ROPE_NEOX, .norm = false},
		{2, 2, 1, 16, 0, ZINC_ROPE_NEOX, .norm = true},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		run_case(r, &list[i]);
}

/* The fused norm gives what rmsnorm and a plain rope give. */
static void fused_norm_is_the_norm(struct op_run *r)
{
	const struct rope_case c = {6, 4, 2, 96, 96, ZINC_ROPE_NEOX, .norm = true};
	struct data t = make_data(&c);
	struct run_params p = run_step(c.n, 1);
	struct zinc_op_rope_dual fused = describe(r, &t), plain = fused;
	struct zinc_op_rmsnorm norm = {.struct_size = sizeof(norm), .eps = 1e-6f, .n = fused.n};
	float a[6 * 4 * 96], b[6 * 4 * 96];

	run_op(r, ZINC_OP_ROPE_DUAL, &fused, 0, &p);
	run_get(r, &fused.q_out, a);
	norm.x = plain.q;
	norm.weight = plain.q_norm;
	norm.y = plain.q = run_view(r, ZINC_F32, c.d, c.n_head, c.n, 1);
	run_op(r, ZINC_OP_RMSNORM, &norm, 0, &p);
	plain.q_norm.buf = plain.k_norm.buf = NULL;
	run_op(r, ZINC_OP_ROPE_DUAL, &plain, 0, &p);
	run_get(r, &plain.q_out, b);
	check_bits("fused and peeled", a, b, sizeof(a));
	free_data(&t);
}

static void declines(struct op_run *r)
{
	const struct rope_case c = {2, 4, 2, 64, 64, ZINC_ROPE_NEOX, .norm = true};
	struct data t = make_data(&c);
	const struct zinc_op_rope_dual good = describe(r, &t);
	struct zinc_op_rope_dual op = good;

	op.n_rot = 63;
	assert_int_equal(run_supports(r, ZINC_OP_ROPE_DUAL, &op, 0), ZINC_E_UNSUPPORTED);
	op.n_rot = 66;
	assert_int_equal(run_supports(r, ZINC_OP_ROPE_DUAL, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.mode = 2;
	assert_int_equal(run_supports(r, ZINC_OP_ROPE_DUAL, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.k_out.buf = NULL;
	assert_int_equal(run_supports(r, ZINC_OP_ROPE_DUAL, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.flags = 4;
	assert_int_equal(run_supports(r, ZINC_OP_ROPE_DUAL, &op, 0), ZINC_E_UNSUPPORTED);
	free_data(&t);
}

EVERYWHERE(cases)
EVERYWHERE(fused_norm_is_the_norm)
EVERYWHERE(declines)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_fused_norm_is_the_norm),
		cmocka_unit_test(test_declines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
