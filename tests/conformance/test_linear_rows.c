/* test_linear_rows.c - embed and quant_act of the CPU backend. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "linear_case.h"

#define V 9u
#define N 7u

static const int32_t some_ids[N] = {0, 8, 2147483647, -1, 9, 3, 5};

/* What embed must give, bit for bit: row times scale, or zeros. */
static void expect_row(const struct zinc_op_embed *op, int32_t id, const float *y)
{
	float scale = op->scale != 0.0f ? op->scale : 1.0f;
	bool known = id >= 0 && (uint32_t)id < V;
	uint32_t d = op->table.ne[0];
	float *row = malloc(d * sizeof(float));

	quant_to_f32(op->table.dtype, cpu_ptr(&op->table) + (known ? (uint64_t)id : 0) *
	                                                            op->table.nb[1], row, d);
	for (uint32_t k = 0; k < d; k++)
		if (y[k] != (known ? row[k] * scale : 0.0f))
			fail_msg("dtype %u id %d lane %u: %g", op->table.dtype, id, k,
			         (double)y[k]);
	free(row);
}

/* Rows past n are left alone. */
static void expect_rows(const struct zinc_op_embed *op, uint32_t n, const float *y)
{
	uint32_t d = op->table.ne[0];

	for (uint32_t i = 0; i < n; i++)
		expect_row(op, some_ids[i], y + i * d);
	for (uint32_t k = n * d; k < N * d; k++)
		assert_true(y[k] == -7.0f);
}

static void check_embed(enum cpu_isa isa, uint32_t dtype, uint32_t d, float scale)
{
	struct zinc_buf table, ids, y;
	struct zinc_op_embed op = {.struct_size = sizeof(op), .scale = scale};
	uint32_t params[ZINC_SLOT_COUNT] = {[ZINC_SLOT_N_OUT] = N - 1}, seed = d + dtype;

	op.table = linear_view(&table, dtype, d, V, 1);
	op.ids = linear_view(&ids, ZINC_I32, N, 1, 1);
	op.y = linear_view(&y, ZINC_F32, d, N, 1);
	op.n = zinc_slot(ZINC_SLOT_N_OUT, N);
	linear_buf_create(&table, op.table.nb[2]);
	linear_random_weights(dtype, table.base, (uint64_t)d * V, 0, &seed);
	linear_buf_create(&ids, sizeof(some_ids));
	memcpy(ids.base, some_ids, sizeof(some_ids));
	linear_buf_create(&y, op.y.nb[2]);
	for (uint32_t i = 0; i < N * d; i++)
		((float *)(void *)y.base)[i] = -7.0f;
	assert_int_equal(linear_host_run(isa, 3, &cpu_op_embed, &op, 0, params), 0);
	expect_rows(&op, N - 1, (const float *)(void *)y.base);
	free(table.base);
	free(ids.base);
	free(y.base);
}

static void embeds_every_type(void **state)
{
	(void)state;
	for (enum cpu_isa isa = 0; isa < CPU_ISA_COUNT; isa++)
		for (uint32_t t = 0; t < ZINC_DTYPE_MAX; t++) {
			const struct quant_format *f = quant_format(t);

			if (!f || !linear_host_has(isa))
				continue;
			check_embed(isa, t, f->elems, 0.0f);
			check_embed(isa, t, 3 * (f->elems == 32 ? 224 : 256), 59.866518f);
			if (f->elems == 1)
				check_embed(isa, t, 269, -0.5f);
		}
}

/* The same rows from a table in packed order. */
static void check_packed_embed(enum cpu_isa isa, uint32_t dtype)
{
	enum { ROWS = 2 * LIN_ROWS, D = 512 };
	struct zinc_op_embed op = {.struct_size = sizeof(op), .n = zinc_imm(4)};
	struct zinc_buf table, packed, ids, y, want;
	const int32_t rows[] = {31, 0, 16, 5};
	uint32_t seed = dtype;
	uint64_t group;

	op.table = linear_view(&table, dtype, D, ROWS, 1);
	op.ids = linear_view(&ids, ZINC_I32, 4, 1, 1);
	op.y = linear_view(&want, ZINC_F32, D, 4, 1);
	group = LIN_ROWS * op.table.nb[1];
	linear_buf_create(&table, 2 * group);
	linear_buf_create(&packed, 2 * group);
	linear_buf_create(&ids, sizeof(rows));
	linear_buf_create(&y, op.y.nb[2]);
	linear_buf_create(&want, op.y.nb[2]);
	linear_random_weights(dtype, table.base, (uint64_t)D * ROWS, 0, &seed);
	for (uint64_t at = 0; at < 2 * group; at += group)
		lin_pack(&lin_plain, dtype, table.base + at, op.table.nb[1], LIN_ROWS, D, packed.base + at);
	memcpy(ids.base, rows, sizeof(rows));
	assert_int_equal(linear_host_run(isa, 2, &cpu_op_embed, &op, 0, NULL), 0);
	op.table.buf = &packed;
	op.table.layout = LIN_PACKED;
	op.y.buf = &y;
	assert_int_equal(linear_host_run(isa, 2, &cpu_op_embed, &op, 0, NULL), 0);
	assert_memory_equal(y.base, want.base, op.y.nb[2]);
	free(table.base);
	free(packed.base);
	free(ids.base);
	free(y.base);
	free(want.base);
}

static void embeds_packed_rows(void **state)
{
	(void)state;
	for (enum cpu_isa isa = 0; isa < CPU_ISA_COUNT; isa++)
		for (uint32_t t = 0; t < ZINC_DTYPE_MAX; t++)
			if (quant_format(t) && quant_format(t)->sub && linear_host_has(isa))
				check_packed_embed(isa, t);
}

static void embed_declines_other_tables(void **state)
{
	struct zinc_buf b = {0};
	struct zinc_op_embed op = {.struct_size = sizeof(op)};

	(void)state;
	op.table = linear_view(&b, ZINC_F32, 64, V, 1);
	op.ids = linear_view(&b, ZINC_I32, N, 1, 1);
	op.y = linear_view(&b, ZINC_F32, 64, N, 1);
	assert_int_equal(cpu_op_embed.supports(NULL, &op, 0), ZINC_OK);
	op.table.dtype = ZINC_I32;
	assert_int_equal(cpu_op_embed.supports(NULL, &op, 0), ZINC_E_UNSUPPORTED);
	op.table = linear_view(&b, ZINC_Q8_0, 64, V, 1);
	op.table.layout = LIN_PACKED; /* no whole groups of rows */
	assert_int_equal(cpu_op_embed.supports(NULL, &op, 0), ZINC_E_UNSUPPORTED);
	op.table = linear_view(&b, ZINC_F32, 32, V, 1);
	assert_int_equal(cpu_op_embed.supports(NULL, &op, 0), ZINC_E_UNSUPPORTED);
}

/* Quantises [rows] of k floats; the caller frees. */
static struct lin_act *quantise(enum cpu_isa isa, uint32_t k, const struct zinc_view *x, uint32_t n,
                                uint32_t rows)
{
	struct zinc_op_quant_act op = {.struct_size = sizeof(op), .x = *x, .n = zinc_imm(n)};
	struct zinc_buf y;

	op.row_bytes = lin_act_row_bytes(k);
	linear_buf_create(&y, rows * op.row_bytes);
	op.y = *x;
	op.y.buf = &y;
	op.y.off = 0;
	op.y.dtype = ZINC_U8;
	op.y.layout = LIN_ACT_LAYOUT;
	assert_int_equal(linear_host_run(isa, 2, &cpu_op_quant_act, &op, 0, NULL), 0);
	return (struct lin_act *)(void *)y.base;
}

static void expect_block(const struct lin_act *a, uint32_t b, const float *x, uint32_t n)
{
	double amax = 0.0;
	int32_t sum[2] = {0, 0}, mid[4] = {0};

	for (uint32_t i = 0; i < n; i++)
		amax = fabs((double)x[i]) > amax ? fabs((double)x[i]) : amax;
	assert_true(fabs((double)a->d[b] - amax / 127.0) <= amax / 127.0 * 0x1p-23);
	for (uint32_t i = 0; i < 32; i++) {
		double got = (double)a->d[b] * a->q[32 * b + i], want = i < n ? (double)x[i] : 0.0;

		assert_true(fabs(got - want) <= (double)a->d[b] * 0.5001);
		sum[i / 16] += a->q[32 * b + i];
		mid[i / 16 * 2 + i % 4 / 2] += 32 * a->q[32 * b + i];
	}
	assert_int_equal(a->sum[2 * b], sum[0]);
	assert_int_equal(a->sum[2 * b + 1], sum[1]);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(a->mid[4 * b + i], mid[i]);
	assert_true(a->ds[b] == a->d[b] * (float)(sum[0] + sum[1]));
}

static void check_quant_act(enum cpu_isa isa, uint32_t k, uint32_t slots, uint32_t n)
{
	struct zinc_buf x;
	struct zinc_view v = slots ? linear_view(&x, ZINC_F32, k, slots, n)
	                           : linear_view(&x, ZINC_F32, k, n, 1);
	uint32_t rows = n * (slots ? slots : 1), seed = k, chunks = (k + 255) / 256;
	struct lin_act *got, *plain;
	float *values;

	linear_buf_create(&x, (uint64_t)rows * k * sizeof(float));
	values = (float *)(void *)x.base;
	for (uint32_t i = 0; i < rows * k; i++)
		values[i] = linear_random(&seed) * (float)(1 + i / 32 % 7);
	got = quantise(isa, k, &v, n, rows);
	plain = quantise(CPU_ISA_PLAIN, k, &v, n, rows);
	assert_memory_equal(got, plain, rows * lin_act_row_bytes(k));
	for (uint32_t r = 0; r < rows; r++)
		for (uint32_t at = 0; at < chunks * LIN_CHUNK; at += 32) {
			uint32_t live = at >= k ? 0 : k - at < 32 ? k - at : 32;

			expect_block(got + r * chunks + at / LIN_CHUNK, at % LIN_CHUNK / 32,
			             values + (uint64_t)r * k + (live ? at : 0), live);
		}
	free(got);
	free(plain);
	free(x.base);
}

static void quantises_activations(void **state)
{
	static const uint32_t k[] = {32, 256, 704, 1024, 33};

	(void)state;
	for (enum cpu_isa isa = 0; isa < CPU_ISA_COUNT; isa++)
		for (int i = 0; linear_host_has(isa) && i < 5; i++) {
			check_quant_act(isa, k[i], 0, 1);
			check_quant_act(isa, k[i], 0, 5);
			check_quant_act(isa, k[i], 3, 4);
			check_quant_act(isa, k[i], 3, 1);
		}
}

/* Zeros, values too small for a scale, infinities and NaN. */
static void odd_activations(void **state)
{
	(void)state;
	for (enum cpu_isa isa = 0; isa < CPU_ISA_COUNT; isa++) {
		struct zinc_buf x;
		struct zinc_view v = linear_view(&x, ZINC_F32, 256, 1, 1);
		struct lin_act *a;
		float *values;

		if (!linear_host_has(isa))
			continue;
		linear_buf_create(&x, 256 * sizeof(float));
		values = (float *)(void *)x.base;
		for (int i = 0; i < 256; i++)
			values[i] = i < 32 ? 0.0f : i < 64 ? 1e-38f : i < 96 ? -3e38f : 1.0f;
		values[100] = INFINITY;
		values[140] = NAN;
		values[200] = -INFINITY;
		a = quantise(isa, 256, &v, 1, 1);
		assert_true(a->d[0] == 0.0f && a->d[1] == 0.0f);
		assert_true(a->d[2] == 3e38f / 127.0f && a->q[64] == -127);
		assert_true(isnan(a->d[3]) && isnan(a->d[4]) && isnan(a->d[6]));
		assert_true(a->d[5] == 1.0f / 127.0f && a->q[160] == 127);
		free(a);
		free(x.base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(embeds_every_type),
		cmocka_unit_test(embeds_packed_rows),
		cmocka_unit_test(embed_declines_other_tables),
		cmocka_unit_test(quantises_activations),
		cmocka_unit_test(odd_activations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
