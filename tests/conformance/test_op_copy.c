/* test_op_copy.c - copy, cast and state_copy. */
#include "op_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zinc/op.h>

#include "op_check.h"
#include "quant.h"

static void copy_between_strides(struct op_run *r)
{
	enum { D = 7, H = 3, N = 5 };
	struct rnd rnd = {3};
	float *x = rnd_normal(&rnd, D * H * N, 1), got[D * H * N], zero[D * H * N] = {0};
	struct zinc_view wide = run_view_f32(r, NULL, 2 * D, H, N);
	struct zinc_view other = zinc_view_lanes(wide, 0, D);
	struct zinc_op_copy op = {.struct_size = sizeof(op), .n = zinc_slot(1, N)};
	struct run_params p = run_step(N, 1);

	op.x = run_view_f32(r, x, D, H, N);
	op.y = zinc_view_lanes(wide, D, D);
	run_op(r, ZINC_OP_COPY, &op, 0, &p);
	run_get(r, &op.y, got);
	check_bits("copy", got, x, sizeof(got));
	run_get(r, &other, got);
	check_bits("lanes beside a copy", got, zero, sizeof(got));
	free(x);
}

/* n along the slowest dimension in use, whichever that is. */
static void copy_part(struct op_run *r)
{
	static const uint32_t ne[][4] = {{6, 1, 1, 1}, {3, 6, 1, 1}, {3, 2, 6, 1}, {2, 3, 2, 6}};
	float x[72], got[72];

	for (int i = 0; i < 72; i++)
		x[i] = (float)i;
	for (int c = 0; c < 4; c++) {
		struct zinc_op_copy op = {.struct_size = sizeof(op), .n = zinc_slot(1, 6)};
		uint32_t per = ne[c][0] * ne[c][1] * ne[c][2] * ne[c][3] / 6;
		struct run_params p = run_step(4, 1);

		op.x = run_view(r, ZINC_F32, ne[c][0], ne[c][1], ne[c][2], ne[c][3]);
		op.y = run_view(r, ZINC_F32, ne[c][0], ne[c][1], ne[c][2], ne[c][3]);
		run_put(r, &op.x, x);
		run_op(r, ZINC_OP_COPY, &op, 0, &p);
		run_get(r, &op.y, got);
		check_bits("copy of 4 of 6", got, x, 4 * per * sizeof(float));
		p = run_step(0, 1);
		op.y = run_view(r, ZINC_F32, ne[c][0], ne[c][1], ne[c][2], ne[c][3]);
		run_op(r, ZINC_OP_COPY, &op, 0, &p);
		run_get(r, &op.y, got);
		assert_true(isnan(got[0]));
		run_reset(r);
	}
}

/* One row recorded: the whole view is that row. */
static void copy_single_row(struct op_run *r)
{
	const float x[5] = {1, 2, 3, 4, 5};
	float got[5];
	struct zinc_op_copy op = {.struct_size = sizeof(op), .n = zinc_slot(1, 1)};
	struct run_params p = run_step(1, 1);

	op.x = run_view_f32(r, x, 5, 1, 1);
	op.y = run_view(r, ZINC_F32, 5, 1, 1, 1);
	run_op(r, ZINC_OP_COPY, &op, 0, &p);
	run_get(r, &op.y, got);
	check_bits("copy of one row", got, x, sizeof(x));
}

static void copy_other_types(struct op_run *r)
{
	enum { BYTES = 34 * 2 * 3 };
	uint8_t bytes[BYTES], got[BYTES];
	struct zinc_op_copy op = {.struct_size = sizeof(op), .n = zinc_imm(3)};
	struct run_params p = run_step(3, 1);

	for (int i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)(i * 7);
	op.x = run_view(r, ZINC_Q8_0, 64, 3, 1, 1);
	op.y = run_view(r, ZINC_Q8_0, 64, 3, 1, 1);
	run_put(r, &op.x, bytes);
	run_op(r, ZINC_OP_COPY, &op, 0, &p);
	run_get(r, &op.y, got);
	check_bits("copy of q8_0", got, bytes, BYTES);
	op.x = run_view(r, ZINC_U8, 51, 3, 1, 1);
	op.y = run_view(r, ZINC_U8, 51, 3, 1, 1);
	run_put(r, &op.x, bytes);
	run_op(r, ZINC_OP_COPY, &op, 0, &p);
	run_get(r, &op.y, got);
	check_bits("copy of u8", got, bytes, 153);
}

static double value_of(uint32_t dtype, const void *row, uint32_t i, uint32_t ne0)
{
	float *x = must_calloc(ne0, sizeof(*x)), v;

	quant_to_f32(dtype, row, x, ne0);
	v = x[i];
	free(x);
	return v;
}

/* A cast equals rounding each element by quant.h, whose own tests compare it
 * with the formats' definitions. */
static void cast_case(struct op_run *r, uint32_t from, uint32_t to, uint32_t ne0, const float *x)
{
	enum { N = 3 };
	struct zinc_op_copy op = {.struct_size = sizeof(op), .n = zinc_slot(1, N)};
	struct run_params p = run_step(N, 1);
	uint64_t in_bytes = quant_row_bytes(from, ne0), out_bytes = quant_row_bytes(to, ne0);
	uint8_t *in = must_calloc(N, in_bytes), *want = must_calloc(N, out_bytes);
	uint8_t *got = must_calloc(N, out_bytes);
	float *row = must_calloc(ne0, sizeof(*row));

	for (uint32_t i = 0; i < N; i++) {
		quant_from_f32(from, x + (size_t)i * ne0, in + i * in_bytes, ne0);
		quant_to_f32(from, in + i * in_bytes, row, ne0);
		quant_from_f32(to, row, want + i * out_bytes, ne0);
	}
	op.x = run_view(r, from, ne0, N, 1, 1);
	op.y = run_view(r, to, ne0, N, 1, 1);
	run_put(r, &op.x, in);
	run_op(r, ZINC_OP_CAST, &op, 0, &p);
	run_get(r, &op.y, got);
	check_bits("cast", got, want, N * out_bytes);
	run_reset(r);
	free(row);
	free(got);
	free(want);
	free(in);
}

static void casts(struct op_run *r)
{
	static const uint32_t types[] = {ZINC_F32, ZINC_F16, ZINC_BF16, ZINC_Q8_0};
	static const uint32_t lanes[] = {32, 544, 7, 1};
	struct rnd rnd = {9};
	float *x = rnd_normal(&rnd, 3 * 544, 1);

	/* Subnormal and overflowing halves, ties, infinities. */
	x[0] = 3e-6f;
	x[1] = 70000;
	x[2] = 1.00048828125f;
	x[3] = -INFINITY;
	x[4] = 65519.9f;
	x[5] = 1.00390625f;
	x[6] = -5.9e-8f;
	for (int f = 0; f < 3; f++)
		for (int t = 0; t < 3; t++)
			for (int l = 0; l < 4; l++)
				cast_case(r, types[f], types[t], lanes[l], x);
	for (int i = 0; i < 7; i++)
		x[i] = (float)i;
	cast_case(r, ZINC_F32, ZINC_Q8_0, 32, x);
	cast_case(r, ZINC_F32, ZINC_Q8_0, 544, x);
	free(x);
}

/* Q8_0's steps are at most an 127th of the largest of 32 apart. */
static void cast_q8_0_is_close(struct op_run *r)
{
	struct rnd rnd = {10};
	float *x = rnd_normal(&rnd, 64, 1);
	uint8_t got[68];
	struct zinc_op_copy op = {.struct_size = sizeof(op), .n = zinc_imm(1)};
	struct run_params p = run_step(1, 1);

	op.x = run_view_f32(r, x, 64, 1, 1);
	op.y = run_view(r, ZINC_Q8_0, 64, 1, 1, 1);
	run_op(r, ZINC_OP_CAST, &op, 0, &p);
	run_get(r, &op.y, got);
	for (uint32_t i = 0; i < 64; i++) {
		float top = 0;

		for (uint32_t k = i / 32 * 32; k < i / 32 * 32 + 32; k++)
			top = fmaxf(top, fabsf(x[k]));
		assert_true(fabs(value_of(ZINC_Q8_0, got, i, 64) - x[i]) <= top / 127 * 0.51);
	}
	free(x);
}

static void state_copy(struct op_run *r)
{
	enum { BYTES = 1001, N = 4 };
	uint8_t pool[N][BYTES], got[N][BYTES];
	struct zinc_op_state_copy op = {.struct_size = sizeof(op),
	                                .src = zinc_slot(ZINC_SLOT_USER0, N - 1),
	                                .dst = zinc_slot(ZINC_SLOT_USER1, N - 1)};
	struct run_params p = run_step(0, 0);

	for (int i = 0; i < N * BYTES; i++)
		pool[i / BYTES][i % BYTES] = (uint8_t)(i * 31 + i / BYTES);
	op.pool = run_view(r, ZINC_U8, BYTES, N, 1, 1);
	run_put(r, &op.pool, pool);
	p.slot[ZINC_SLOT_USER0] = 3;
	p.slot[ZINC_SLOT_USER1] = 1;
	run_op(r, ZINC_OP_STATE_COPY, &op, 0, &p);
	memcpy(pool[1], pool[3], BYTES);
	run_get(r, &op.pool, got);
	check_bits("copied entry", got, pool, sizeof(pool));
	p.slot[ZINC_SLOT_USER0] = ZINC_STATE_ZERO;
	p.slot[ZINC_SLOT_USER1] = 2;
	run_op(r, ZINC_OP_STATE_COPY, &op, 0, &p);
	memset(pool[2], 0, BYTES);
	run_get(r, &op.pool, got);
	check_bits("cleared entry", got, pool, sizeof(pool));
	/* Entries that do not exist change nothing. */
	p.slot[ZINC_SLOT_USER1] = N;
	run_op(r, ZINC_OP_STATE_COPY, &op, 0, &p);
	p.slot[ZINC_SLOT_USER0] = N;
	p.slot[ZINC_SLOT_USER1] = 0;
	run_op(r, ZINC_OP_STATE_COPY, &op, 0, &p);
	run_get(r, &op.pool, got);
	check_bits("entries out of range", got, pool, sizeof(pool));
}

static void declines(struct op_run *r)
{
	struct zinc_op_copy op = {.struct_size = sizeof(op), .n = zinc_imm(2)};
	struct zinc_op_state_copy sc = {.struct_size = sizeof(sc)};

	op.x = run_view(r, ZINC_F32, 8, 2, 1, 1);
	op.y = run_view(r, ZINC_F16, 8, 2, 1, 1);
	assert_int_equal(run_supports(r, ZINC_OP_COPY, &op, 0), ZINC_E_UNSUPPORTED);
	assert_int_equal(run_supports(r, ZINC_OP_CAST, &op, 0), ZINC_OK);
	op.y = run_view(r, ZINC_Q4_0, 8, 2, 1, 1);
	assert_int_equal(run_supports(r, ZINC_OP_CAST, &op, 0), ZINC_E_UNSUPPORTED);
	op.y = run_view(r, ZINC_I32, 8, 2, 1, 1);
	assert_int_equal(run_supports(r, ZINC_OP_CAST, &op, 0), ZINC_E_UNSUPPORTED);
	sc.pool = run_view(r, ZINC_U8, 8, 2, 1, 1);
	assert_int_equal(run_supports(r, ZINC_OP_STATE_COPY, &sc, 0), ZINC_OK);
	sc.pool.nb[1] = 16;
	assert_int_equal(run_supports(r, ZINC_OP_STATE_COPY, &sc, 0), ZINC_E_UNSUPPORTED);
}

EVERYWHERE(copy_between_strides)
EVERYWHERE(copy_part)
EVERYWHERE(copy_single_row)
EVERYWHERE(copy_other_types)
EVERYWHERE(casts)
EVERYWHERE(cast_q8_0_is_close)
EVERYWHERE(state_copy)
EVERYWHERE(declines)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy_between_strides),
		cmocka_unit_test(test_copy_part),
		cmocka_unit_test(test_copy_single_row),
		cmocka_unit_test(test_copy_other_types),
		cmocka_unit_test(test_casts),
		cmocka_unit_test(test_cast_q8_0_is_close),
		cmocka_unit_test(test_state_copy),
		cmocka_unit_test(test_declines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
