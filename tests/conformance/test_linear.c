/* test_linear.c - dmmv and mmq of the CPU backend against double precision, and
 * the promise of their numerics classes: the same bits for a row and a column,
 * whatever op, threads or columns beside it, and whatever instruction set (for class
 * F32: of those that multiply and add in one). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "linear_case.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint32_t block_types[] = {
	ZINC_Q8_0, ZINC_Q4_0, ZINC_Q4_1, ZINC_Q5_0, ZINC_Q5_1, ZINC_IQ4_NL, ZINC_MXFP4,
	ZINC_Q2_K, ZINC_Q3_K, ZINC_Q4_K, ZINC_Q5_K, ZINC_Q6_K, ZINC_IQ4_XS,
};
static const uint32_t plain_types[] = {ZINC_F32, ZINC_F16, ZINC_BF16};

static float *run(struct linear_case *c, enum cpu_isa isa, uint32_t threads,
                  const struct zinc_op_impl *impl, uint32_t numerics)
{
	float *y = malloc(((uint64_t)c->cells * c->s.m + 1) * sizeof(float));

	linear_case_run(c, isa, threads, impl, numerics, y);
	return y;
}

static void expect_same(const struct linear_case *c, const float *a, const float *b,
                        const char *what)
{
	for (uint64_t i = 0; i < (uint64_t)c->cells * c->s.m; i++)
		if (memcmp(&a[i], &b[i], sizeof(float)))
			fail_msg("dtype %u k %u m %u n %u: %s gives other bits at row %u column %u "
			         "(%a, %a)", c->s.dtype, c->s.k, c->s.m, c->s.n, what,
			         (uint32_t)(i % c->s.m), (uint32_t)(i / c->s.m), (double)a[i],
			         (double)b[i]);
}

/* One class on one instruction set: right, and the same from every path. */
static float *check_class(struct linear_case *c, enum cpu_isa isa, uint32_t numerics)
{
	float *y = run(c, isa, 1, &cpu_op_mmq, numerics), *other;

	linear_case_check(c, numerics, y);
	other = run(c, isa, 3, &cpu_op_mmq, numerics);
	expect_same(c, y, other, "mmq on 3 threads");
	free(other);
	if (c->op.n.imm <= 8) {
		other = run(c, isa, 2, &cpu_op_dmmv, numerics);
		expect_same(c, y, other, "dmmv");
		free(other);
	}
	return y;
}

/* Takes y over. */
static void agree(const struct linear_case *c, float **first, float *y)
{
	if (!*first) {
		*first = y;
		return;
	}
	expect_same(c, *first, y, "this instruction set");
	free(y);
}

static void check_case(const struct linear_shape *shape)
{
	bool q8 = quant_format(shape->dtype)->sub && (!shape->act ||
	                                              quant_format(shape->gate_dtype)->sub);
	struct linear_case c;
	float *first_f32 = NULL, *first_q8 = NULL;

	linear_case_create(&c, shape, shape->dtype * 1000 + shape->k + shape->m);
	for (enum cpu_isa isa = 0; isa < CPU_ISA_COUNT; isa++) {
		if (!linear_host_has(isa))
			continue;
		if (isa == CPU_ISA_PLAIN)
			free(check_class(&c, isa, ZINC_NUM_F32));
		else
			agree(&c, &first_f32, check_class(&c, isa, ZINC_NUM_F32));
		if (q8)
			agree(&c, &first_q8, check_class(&c, isa, ZINC_NUM_Q8));
	}
	free(first_f32);
	free(first_q8);
	linear_case_destroy(&c);
}

static uint32_t k_of(uint32_t dtype, uint32_t blocks)
{
	uint32_t elems = quant_format(dtype)->elems;

	return blocks * (elems == 1 ? 1 : elems);
}

static void block_types_multiply(void **state)
{
	static const uint32_t columns[] = {1, 2, 3, 4, 5, 7, 8, 13};

	(void)state;
	for (size_t t = 0; t < COUNT(block_types); t++)
		for (size_t i = 0; i < COUNT(columns); i++)
			check_case(&(struct linear_shape){
				.dtype = block_types[t], .k = k_of(block_types[t], 1 + i % 3),
				.m = i % 2 ? 1 : 37, .n = columns[i], .n_max = columns[i] + i % 2});
}

static void plain_types_multiply(void **state)
{
	static const uint32_t k[] = {1, 7, 8, 31, 32, 257, 704}, n[] = {1, 3, 8, 11};

	(void)state;
	for (size_t t = 0; t < COUNT(plain_types); t++)
		for (size_t i = 0; i < COUNT(k); i++)
			check_case(&(struct linear_shape){.dtype = plain_types[t], .k = k[i],
			                                  .m = 1 + 6 * (uint32_t)i, .n = n[i % 4]});
}

static void rows_that_end_inside_a_chunk(void **state)
{
	static const uint32_t types[] = {ZINC_Q5_0, ZINC_Q8_0, ZINC_Q4_1, ZINC_MXFP4};

	(void)state;
	for (size_t t = 0; t < COUNT(types); t++)
		for (uint32_t n = 1; n <= 9; n += 4)
			check_case(&(struct linear_shape){.dtype = types[t], .k = 704, .m = 33,
			                                  .n = n});
}

static void many_columns_and_rows(void **state)
{
	(void)state;
	check_case(&(struct linear_shape){.dtype = ZINC_Q4_K, .k = 512, .m = 65, .n = 130});
	check_case(&(struct linear_shape){.dtype = ZINC_Q8_0, .k = 64, .m = 9, .n = 65});
	check_case(&(struct linear_shape){.dtype = ZINC_Q6_K, .k = 256, .m = 300, .n = 64});
	check_case(&(struct linear_shape){.dtype = ZINC_F32, .k = 40, .m = 20, .n = 67});
	check_case(&(struct linear_shape){.dtype = ZINC_Q4_0, .k = 32, .m = 262144, .n = 1});
}

/* The largest quants times the largest activations, all of one sign. */
static void extreme_quants(void **state)
{
	static const uint8_t fills[] = {0xff, 0x80, 0x7f, 0x88, 0x77, 0xf0};

	(void)state;
	for (size_t t = 0; t < COUNT(block_types); t++)
		for (size_t i = 0; i < COUNT(fills); i++)
			for (uint32_t n = 1; n <= 2; n++)
				check_case(&(struct linear_shape){
					.dtype = block_types[t], .k = k_of(block_types[t], 1),
					.m = 9, .n = n, .fill = fills[i]});
}

static void no_columns(void **state)
{
	(void)state;
	check_case(&(struct linear_shape){.dtype = ZINC_Q4_K, .k = 256, .m = 8, .n_max = 4});
	check_case(&(struct linear_shape){.dtype = ZINC_Q4_K, .k = 256, .m = 8, .n_max = 4,
	                                  .n_expert = 4, .slots = 2, .residual = true});
}

static void fusions(void **state)
{
	static const uint32_t gates[] = {ZINC_Q4_K, ZINC_Q8_0, ZINC_F16};

	(void)state;
	for (uint32_t i = 0; i < 16; i++)
		for (uint32_t act = 0; act <= ZINC_ACT_GELU_TANH; act++)
			check_case(&(struct linear_shape){
				.dtype = ZINC_Q6_K, .gate_dtype = gates[i % 3], .k = 256, .m = 21,
				.n = 1 + i % 5, .n_max = 6, .scale = i & 1 ? -0.37f : 0.0f,
				.act = act, .residual = i & 2, .alias = (i & 6) == 6,
				.half_rows = i & 8});
}

static void expert_forms(void **state)
{
	static const uint32_t types[] = {ZINC_Q4_K, ZINC_Q6_K, ZINC_Q8_0, ZINC_F32, ZINC_Q2_K};

	(void)state;
	for (size_t t = 0; t < COUNT(types); t++)
		for (uint32_t i = 0; i < 8; i++)
			check_case(&(struct linear_shape){
				.dtype = types[t], .gate_dtype = types[t], .k = 256, .m = 19,
				.n = 1 + i * 5 % 9, .n_max = 10 - i % 2, .n_expert = 7,
				.slots = 1 + i % 3, .x_per_slot = i & 2,
				.scale = i & 1 ? 2.5f : 0.0f, .half_rows = i & 1,
				.act = i % 3, .residual = i & 4, .alias = i == 7});
}

/* One expert of many takes more columns than a panel has. */
static void a_crowded_expert(void **state)
{
	(void)state;
	check_case(&(struct linear_shape){.dtype = ZINC_Q5_0, .k = 96, .m = 24, .n = 150,
	                                  .n_expert = 2, .slots = 1});
}

/* [1, k, K] is told from [N, K] by the shape of y. */
static void one_token_with_an_input_per_expert(void **state)
{
	(void)state;
	check_case(&(struct linear_shape){.dtype = ZINC_Q4_K, .k = 256, .m = 16, .n = 1,
	                                  .n_expert = 5, .slots = 4, .x_per_slot = true});
	check_case(&(struct linear_shape){.dtype = ZINC_Q4_K, .k = 256, .m = 16, .n = 4,
	                                  .n_expert = 5, .slots = 4, .x_per_slot = false});
}

/* Runs column `cell` of c alone, as a plain product with its expert's matrix. */
static void run_alone(struct linear_case *c, enum cpu_isa isa, uint32_t numerics, uint32_t cell,
                      float *y)
{
	struct zinc_op_linear op = linear_case_op(c, numerics);
	struct zinc_buf out = {.base = (uint8_t *)y, .bytes = c->s.m * sizeof(float)};
	uint32_t slots = c->s.slots ? c->s.slots : 1;
	uint64_t row = c->s.slots && !c->s.x_per_slot ? cell / slots : cell;
	uint64_t row_bytes = numerics == ZINC_NUM_Q8 ? lin_act_row_bytes(c->s.k)
	                                             : c->s.k * sizeof(float);

	if (c->s.slots) {
		int32_t expert = ((const int32_t *)(void *)c->ids.base)[cell];

		op.w.off += (uint64_t)expert * op.w.nb[2];
		op.w.ne[2] = 1;
		memset(&op.ids, 0, sizeof(op.ids));
		memset(&op.expert_first, 0, sizeof(op.expert_first));
		memset(&op.perm, 0, sizeof(op.perm));
	}
	op.x.off += row * row_bytes;
	op.x.ne[1] = op.x.ne[2] = 1;
	op.y = linear_view(&out, ZINC_F32, c->s.m, 1, 1);
	op.n = zinc_imm(1);
	assert_int_equal(linear_host_run(isa, 1, &cpu_op_dmmv, &op,
	                                 linear_variant(&cpu_op_dmmv, numerics), NULL), 0);
}

static void check_columns_alone(const struct linear_shape *shape, enum cpu_isa isa,
                                uint32_t numerics)
{
	struct linear_case c;
	float *all, *alone;

	linear_case_create(&c, shape, 77);
	all = run(&c, isa, 2, &cpu_op_mmq, numerics);
	alone = malloc((uint64_t)c.cells * c.s.m * sizeof(float));
	for (uint32_t cell = 0; cell < c.cells; cell++)
		run_alone(&c, isa, numerics, cell, alone + (uint64_t)cell * c.s.m);
	expect_same(&c, all, alone, "a column by itself");
	free(all);
	free(alone);
	linear_case_destroy(&c);
}

static void a_column_does_not_see_the_others(void **state)
{
	static const uint32_t types[] = {ZINC_Q4_K, ZINC_Q6_K, ZINC_Q8_0, ZINC_Q4_0, ZINC_Q2_K};

	(void)state;
	for (enum cpu_isa isa = 0; isa < CPU_ISA_COUNT; isa++)
		for (size_t t = 0; linear_host_has(isa) && t < COUNT(types); t++)
			for (uint32_t i = 0; i < 4; i++)
				check_columns_alone(
					&(struct linear_shape){.dtype = types[t], .k = 512, .m = 23,
				                               .n = 11, .n_expert = 5,
				                               .slots = i & 2 ? 3 : 0,
				                               .x_per_slot = i == 3},
					isa, i & 1 ? ZINC_NUM_Q8 : ZINC_NUM_F32);
}

static void check_packed(const struct linear_shape *shape)
{
	static const uint32_t classes[] = {ZINC_NUM_F32, ZINC_NUM_Q8};
	uint32_t n_classes = quant_format(shape->dtype)->sub ? 2 : 1;
	float *plain[CPU_ISA_COUNT][2] = {{NULL}};
	struct linear_case c;

	linear_case_create(&c, shape, 5);
	for (uint32_t i = 0; i < 2 * CPU_ISA_COUNT; i++)
		if (linear_host_has(i / 2) && i % 2 < n_classes)
			plain[i / 2][i % 2] = run(&c, i / 2, 2, &cpu_op_mmq, classes[i % 2]);
	linear_case_pack(&c);
	for (uint32_t i = 0; i < 2 * CPU_ISA_COUNT; i++) {
		float *y;

		if (!plain[i / 2][i % 2])
			continue;
		y = run(&c, i / 2, 2, &cpu_op_mmq, classes[i % 2]);
		expect_same(&c, plain[i / 2][i % 2], y, "packed weights");
		free(y);
		free(plain[i / 2][i % 2]);
	}
	linear_case_destroy(&c);
}

static void packed_weights_give_the_same_bits(void **state)
{
	static const uint32_t columns[] = {1, 2, 3, 4, 5, 6, 7, 8, 70};

	(void)state;
	for (size_t t = 0; t < COUNT(block_types); t++)
		for (size_t i = 0; i < COUNT(columns); i++)
			check_packed(&(struct linear_shape){
				.dtype = block_types[t], .k = k_of(block_types[t], 1 + (t + i) % 3),
				.m = 48, .n = columns[i]});
	for (size_t t = 0; t < COUNT(plain_types); t++)
		for (size_t i = 0; i < COUNT(columns); i++)
			check_packed(&(struct linear_shape){
				.dtype = plain_types[t], .k = 100 * (uint32_t)(t + i) + 1, .m = 32,
				.n = columns[i]});
	/* more rows than stay in the second level */
	for (uint32_t n = 1; n <= 7; n += 3)
		check_packed(&(struct linear_shape){.dtype = ZINC_Q8_0, .k = 4096, .m = 7680, .n = n});
	for (uint32_t i = 0; i < 4; i++)
		check_packed(&(struct linear_shape){
			.dtype = ZINC_Q6_K, .gate_dtype = ZINC_Q4_K, .k = 512, .m = 32, .n = 6,
			.n_expert = 5, .slots = i & 2 ? 3 : 0, .half_rows = i & 1,
			.act = ZINC_ACT_SILU});
}

/* All bits set: the largest sums. */
static void packed_extremes(void **state)
{
	(void)state;
	for (size_t t = 0; t < COUNT(block_types); t++)
		for (uint32_t n = 1; n <= 8; n++)
			check_packed(&(struct linear_shape){
				.dtype = block_types[t], .k = k_of(block_types[t], 2), .m = 32,
				.n = n, .fill = 0xff});
}

static void packed_exponents_of_mxfp4(void **state)
{
	uint8_t rows[LIN_ROWS * 17] = {0}, packed[LIN_ROWS * 17];
	struct lin_tile tile;

	(void)state;
	for (uint32_t i = 0; i < CPU_ISA_COUNT * 256u; i++) {
		enum cpu_isa isa = i / 256;
		uint32_t e = i % 256, r = e % LIN_ROWS;
		float want = quant_e8m0_half((uint8_t)e);

		if (!linear_host_has(isa))
			continue;
		rows[17 * r] = (uint8_t)e;
		lin_pack(&lin_plain, ZINC_MXFP4, rows, 17, LIN_ROWS, 32, packed);
		lin_isa_of(isa)->fill(ZINC_MXFP4, packed, 1, &tile);
		assert_memory_equal(&tile.d[r], &want, sizeof(want));
	}
}

/* Each row comes back from packed order as it was, bit for bit. */
static void check_unpacking(uint32_t dtype, const uint8_t *packed, const uint8_t *w,
                            uint64_t stride, uint32_t n_rows, uint32_t k)
{
	uint64_t bytes = quant_row_bytes(dtype, k);
	uint8_t *row = malloc(bytes);

	assert_non_null(row);
	for (uint32_t r = 0; r < n_rows; r++) {
		lin_unpack_row(dtype, packed, r, k, row);
		assert_memory_equal(row, w + r * stride, bytes);
	}
	free(row);
}

/* Every instruction set packs to the same bytes, rows that are missing included. */
static void check_packing(uint32_t dtype, uint32_t n_rows)
{
	enum { MOST = LIN_ROWS * 3 * LIN_CHUNK * sizeof(float) };
	uint32_t k = k_of(dtype, quant_format(dtype)->elems == 1 ? 75 : 3), seed = dtype + n_rows;
	uint64_t bytes = quant_row_bytes(dtype, k), stride = bytes + 6;
	uint8_t *w = calloc(1, MOST), *want = calloc(1, MOST), *got = calloc(1, MOST);

	assert_true(w && want && got && stride * LIN_ROWS <= MOST);
	for (uint64_t i = 0; i < stride * LIN_ROWS; i++)
		w[i] = (uint8_t)(int)(linear_random(&seed) * 1000.0f);
	lin_pack(&lin_plain, dtype, w, stride, n_rows, k, want);
	check_unpacking(dtype, want, w, stride, n_rows, k);
	for (enum cpu_isa isa = 0; isa < CPU_ISA_COUNT; isa++) {
		if (!linear_host_has(isa))
			continue;
		memset(got, 0xaa, MOST);
		lin_pack(lin_isa_of(isa), dtype, w, stride, n_rows, k, got);
		assert_memory_equal(got, want, bytes * LIN_ROWS);
		assert_int_equal(got[bytes * LIN_ROWS], 0xaa);
	}
	free(w);
	free(want);
	free(got);
}

static void packing_gives_the_same_bytes(void **state)
{
	static const uint32_t rows[] = {LIN_ROWS, 11, 1};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t t = 0; t < COUNT(block_types); t++)
			check_packing(block_types[t], rows[i]);
		for (size_t t = 0; t < COUNT(plain_types); t++)
			check_packing(plain_types[t], rows[i]);
	}
}

/* A window of packed rows starts and ends between groups. */
static void packed_windows(void **state)
{
	struct linear_shape shape = {.dtype = ZINC_Q4_K, .k = 256, .m = 48, .n = 2,
	                             .half_rows = true};
	uint32_t q8 = linear_variant(&cpu_op_mmq, ZINC_NUM_Q8);
	struct linear_case c;
	struct zinc_op_linear op;

	(void)state;
	linear_case_create(&c, &shape, 3);
	linear_case_pack(&c);
	assert_int_equal(cpu_op_mmq.supports(NULL, &c.op, q8), ZINC_OK);
	op = c.op, op.w.ne[1] = op.y.ne[0] = 40;
	assert_int_equal(cpu_op_mmq.supports(NULL, &op, q8), ZINC_E_UNSUPPORTED);
	op = c.op, op.w.off += 8 * op.w.nb[1];
	assert_int_equal(cpu_op_mmq.supports(NULL, &op, q8), ZINC_E_UNSUPPORTED);
	op = c.op, op.w.nb[1] += 2;
	assert_int_equal(cpu_op_mmq.supports(NULL, &op, q8), ZINC_E_UNSUPPORTED);
	op = c.op, op.w.dtype = ZINC_F16;
	assert_int_equal(cpu_op_mmq.supports(NULL, &op, q8), ZINC_E_UNSUPPORTED);
	linear_case_destroy(&c);
}

static void declines_what_it_cannot_do(void **state)
{
	struct linear_shape shape = {.dtype = ZINC_F16, .k = 256, .m = 4, .n = 9};
	uint32_t q8 = linear_variant(&cpu_op_mmq, ZINC_NUM_Q8);
	uint32_t f32 = linear_variant(&cpu_op_mmq, ZINC_NUM_F32);
	struct zinc_op_linear op;
	struct linear_case c;

	(void)state;
	linear_case_create(&c, &shape, 1);
	assert_int_equal(cpu_op_mmq.supports(NULL, &c.op, f32), ZINC_OK);
	assert_int_equal(cpu_op_mmq.supports(NULL, &c.op, q8), ZINC_E_UNSUPPORTED);
	assert_int_equal(cpu_op_dmmv.supports(NULL, &c.op, f32), ZINC_E_UNSUPPORTED);
	op = c.op, op.flags = 1;
	assert_int_equal(cpu_op_mmq.supports(NULL, &op, f32), ZINC_E_UNSUPPORTED);
	op = c.op, op.w.layout = 3;
	assert_int_equal(cpu_op_mmq.supports(NULL, &op, f32), ZINC_E_UNSUPPORTED);
	op = c.op, op.w.dtype = 29;
	assert_int_equal(cpu_op_mmq.supports(NULL, &op, f32), ZINC_E_UNSUPPORTED);
	op = c.op, op.w.dtype = ZINC_I32;
	assert_int_equal(cpu_op_mmq.supports(NULL, &op, f32), ZINC_E_UNSUPPORTED);
	op = c.op, op.x.ne[0] = 128;
	assert_int_equal(cpu_op_mmq.supports(NULL, &op, f32), ZINC_E_UNSUPPORTED);
	op = c.op, op.gate_w = op.w, op.act = ZINC_ACT_NONE;
	assert_int_equal(cpu_op_mmq.supports(NULL, &op, f32), ZINC_E_UNSUPPORTED);
	op = c.op, op.w.dtype = ZINC_Q8_0; /* class Q8 reads what quant_act wrote, not F32 */
	assert_int_equal(cpu_op_mmq.record(NULL, &op, q8), ZINC_E_INVALID);
	linear_case_destroy(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_types_multiply),
		cmocka_unit_test(plain_types_multiply),
		cmocka_unit_test(rows_that_end_inside_a_chunk),
		cmocka_unit_test(many_columns_and_rows),
		cmocka_unit_test(extreme_quants),
		cmocka_unit_test(no_columns),
		cmocka_unit_test(fusions),
		cmocka_unit_test(expert_forms),
		cmocka_unit_test(a_crowded_expert),
		cmocka_unit_test(one_token_with_an_input_per_expert),
		cmocka_unit_test(a_column_does_not_see_the_others),
		cmocka_unit_test(packed_weights_give_the_same_bits),
		cmocka_unit_test(packed_extremes),
		cmocka_unit_test(packed_exponents_of_mxfp4),
		cmocka_unit_test(packing_gives_the_same_bytes),
		cmocka_unit_test(packed_windows),
		cmocka_unit_test(declines_what_it_cannot_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
