/* test_op_kv.c - kv_write: every cache type, shuffled pages, missing pages. */
#include "op_run.h"

#include <stdlib.h>
#include <string.h>
#include <zinc/op.h>

#include "op_check.h"
#include "quant.h"

enum { HEADS = 3, PAGES = 6, SEQS = 2, BLOCKS = 4, N = 33 };

struct kv_case {
	uint32_t k_dim, v_dim, dtype, n;
};

/* Two sequences of 17 and 16 tokens around page borders; a block in the middle
 * of the second one is missing. */
static const int32_t table[SEQS][BLOCKS] = {{4, 2, -1, -1}, {0, -1, 5, 1}};

static void place(uint32_t i, int32_t *seq, int32_t *pos)
{
	*seq = i < 17;
	*pos = *seq ? 56 + (int32_t)i : 25 + (int32_t)i - 17;
}

/* The image after writing n rows of one side into untouched pages. */
static void expect(uint32_t dtype, uint32_t dim, uint32_t n, const float *x, uint8_t *image)
{
	uint64_t bytes = quant_row_bytes(dtype, dim);

	for (uint32_t i = 0; i < n * HEADS; i++) {
		int32_t seq, pos, page;
		uint64_t row;

		place(i / HEADS, &seq, &pos);
		page = table[seq][pos / ZINC_KV_PAGE];
		row = ((uint64_t)page * HEADS + i % HEADS) * ZINC_KV_PAGE +
		      (uint64_t)pos % ZINC_KV_PAGE;
		if (page >= 0)
			quant_from_f32(dtype, x + (size_t)i * dim, image + row * bytes, dim);
	}
}

static void check_side(struct op_run *r, const struct zinc_view *cache, uint32_t n, const float *x)
{
	uint64_t total = quant_row_bytes(cache->dtype, cache->ne[0]) * ZINC_KV_PAGE * HEADS * PAGES;
	uint8_t *want = must_calloc(total, 1), *got = must_calloc(total, 1);

	memset(want, 0xff, total);
	expect(cache->dtype, cache->ne[0], n, x, want);
	run_get(r, cache, got);
	check_bits("cache", got, want, total);
	free(got);
	free(want);
}

static void run_case(struct op_run *r, const struct kv_case *c)
{
	struct rnd rnd = {c->k_dim + c->dtype};
	float *k = rnd_normal(&rnd, (size_t)N * HEADS * c->k_dim, 1);
	float *v = rnd_normal(&rnd, (size_t)N * HEADS * c->v_dim, 1);
	int32_t seq[N], pos[N];
	struct zinc_op_kv_write op = {.struct_size = sizeof(op)};
	struct run_params p = run_step(c->n, SEQS);

	for (uint32_t i = 0; i < N; i++)
		place(i, &seq[i], &pos[i]);
	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, N);
	op.k = run_view_f32(r, k, c->k_dim, HEADS, N);
	op.v = run_view_f32(r, v, c->v_dim, HEADS, N);
	op.k_cache = run_view(r, c->dtype, c->k_dim, ZINC_KV_PAGE, HEADS, PAGES);
	op.v_cache = run_view(r, c->dtype, c->v_dim, ZINC_KV_PAGE, HEADS, PAGES);
	op.tok_seq = run_view_i32(r, seq, N, 1);
	op.tok_pos = run_view_i32(r, pos, N, 1);
	op.block_table = run_view_i32(r, table[0], BLOCKS, SEQS);
	run_op(r, ZINC_OP_KV_WRITE, &op, 0, &p);
	check_side(r, &op.k_cache, c->n, k);
	check_side(r, &op.v_cache, c->n, v);
	run_reset(r);
	free(v);
	free(k);
}

static void cases(struct op_run *r)
{
	static const struct kv_case list[] = {
		{64, 64, ZINC_F32, N},  {64, 64, ZINC_F16, N},  {128, 64, ZINC_BF16, N},
		{64, 32, ZINC_Q8_0, N}, {33, 1, ZINC_F16, N},   {64, 64, ZINC_F16, 0},
		{64, 64, ZINC_Q8_0, 5}, {512, 512, ZINC_F16, 20},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		run_case(r, &list[i]);
}

static void declines(struct op_run *r)
{
	struct zinc_op_kv_write good = {.struct_size = sizeof(good), .n = zinc_imm(2)}, op;

	good.k = good.v = run_view(r, ZINC_F32, 48, HEADS, 2, 1);
	good.k_cache = good.v_cache = run_view(r, ZINC_F16, 48, ZINC_KV_PAGE, HEADS, PAGES);
	good.tok_seq = good.tok_pos = run_view(r, ZINC_I32, 2, 1, 1, 1);
	good.block_table = run_view(r, ZINC_I32, BLOCKS, SEQS, 1, 1);
	op = good;
	assert_int_equal(run_supports(r, ZINC_OP_KV_WRITE, &op, 0), ZINC_OK);
	op.k_cache.dtype = ZINC_Q8_0; /* 48 lanes are no whole blocks */
	assert_int_equal(run_supports(r, ZINC_OP_KV_WRITE, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.v_cache.ne[0] = 64;
	assert_int_equal(run_supports(r, ZINC_OP_KV_WRITE, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.n = zinc_imm(3);
	assert_int_equal(run_supports(r, ZINC_OP_KV_WRITE, &op, 0), ZINC_E_UNSUPPORTED);
}

EVERYWHERE(cases)
EVERYWHERE(declines)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_declines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
