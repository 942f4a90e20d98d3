/* test_op_attn.c - attention over the paged cache: every dtype, shape, window
 * and batch against the reference; both variants, alone and in company, with
 * the same bits. */
#include "attn_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op_check.h"

enum { CHUNKS = 0, BLOCKS = 1, CHUNKS_MAX = 4 };

static size_t out_floats(const struct attn_world *w, uint32_t n)
{
	return (size_t)n * w->c->n_head * w->c->v_dim;
}

static void run_part(struct op_run *r, const struct attn_world *w, uint32_t first, uint32_t n,
                     uint32_t variant, float *out)
{
	struct zinc_op_flash_attn op = world_op(r, w, first, n);
	struct run_params p = world_params(w, n);

	run_op(r, ZINC_OP_FLASH_ATTN, &op, variant, &p);
	run_get(r, &op.out, out);
	run_reset(r);
}

/* Some tokens alone, by either variant: the bits they have in the whole step. */
static void check_company(struct op_run *r, const struct attn_world *w, const float *all)
{
	size_t floats = out_floats(w, 1);
	float *one = must_calloc(floats, sizeof(*one));

	for (uint32_t t = 0; t < w->n_tokens; t += 1 + w->n_tokens / 3) {
		for (uint32_t variant = CHUNKS; variant <= BLOCKS; variant++) {
			run_part(r, w, t, 1, variant, one);
			check_bits(variant ? "a token alone, blocks" : "a token alone, chunks",
			           one, all + t * floats, floats * sizeof(*one));
		}
	}
	free(one);
}

static void run_case(struct op_run *r, const struct attn_case *c)
{
	struct attn_world *w = world_create(c);
	size_t n = out_floats(w, w->n_tokens);
	float *out = must_calloc(n, sizeof(*out)), *again = must_calloc(n, sizeof(*again));
	char what[96];

	snprintf(what, sizeof(what), "attention %u/%u heads of %u/%u/%u, type %u, window %u, %s",
	         c->n_head, c->n_head_kv, c->q_dim, c->k_dim, c->v_dim, c->dtype, c->window,
	         r->isa_name);
	run_part(r, w, 0, w->n_tokens, BLOCKS, out);
	check_rows(what, out, w->want, (size_t)w->n_tokens * c->n_head, c->v_dim, TOL_F32);
	if (w->n_tokens <= CHUNKS_MAX) {
		run_part(r, w, 0, w->n_tokens, CHUNKS, again);
		check_bits("both variants", out, again, n * sizeof(*out));
	}
	check_company(r, w, out);
	free(again);
	free(out);
	world_destroy(w);
}

#define PLAIN_CASE .n_head = 4, .n_head_kv = 2, .q_dim = 64, .k_dim = 64, .v_dim = 64

static void dtypes(struct op_run *r)
{
	static const uint32_t types[] = {ZINC_F32, ZINC_F16, ZINC_BF16, ZINC_Q8_0};

	for (int i = 0; i < 4; i++) {
		const struct attn_case prefill = {PLAIN_CASE, .dtype = types[i], .n_seqs = 1,
		                                  .fresh = {70}};
		const struct attn_case decode = {PLAIN_CASE, .dtype = types[i], .n_seqs = 1,
		                                 .before = {101}, .fresh = {1}};

		run_case(r, &prefill);
		run_case(r, &decode);
	}
}

static void head_dims(struct op_run *r)
{
	static const uint32_t dims[][3] = {
		{512, 128, 128}, {128, 512, 512}, {256, 64, 64}, {64, 256, 256}, {96, 96, 32},
		{64, 64, 192}, {512, 512, 512}, {256, 256, 256}, {40, 64, 64}, {1, 1, 1},
		{33, 33, 17},
	};

	for (size_t i = 0; i < sizeof(dims) / sizeof(*dims); i++) {
		for (int half = 0; half < 3; half++) {
			struct attn_case c = {.n_head = 4, .n_head_kv = 2, .q_dim = dims[i][0],
			                      .k_dim = dims[i][1], .v_dim = dims[i][2],
			                      .dtype = half == 1 ? ZINC_F16 : ZINC_F32, .n_seqs = 1,
			                      .before = {30}, .fresh = {5}};

			if (half == 2 && c.k_dim % 32 + c.v_dim % 32)
				continue;
			if (half == 2)
				c.dtype = ZINC_Q8_0;
			run_case(r, &c);
		}
	}
}

static void groups(struct op_run *r)
{
	static const uint32_t heads[][2] = {{1, 1}, {6, 6}, {8, 1}, {15, 3}, {48, 1}, {80, 2}};

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		const struct attn_case c = {.n_head = heads[i][0], .n_head_kv = heads[i][1],
		                            .q_dim = 32, .k_dim = 32, .v_dim = 32,
		                            .dtype = ZINC_F16, .n_seqs = 1, .before = {40},
		                            .fresh = {9}};

		run_case(r, &c);
	}
}

static void windows(struct op_run *r)
{
	static const uint32_t window[] = {1, 16, 32, 33, 64, 512, 600};

	for (size_t i = 0; i < sizeof(window) / sizeof(*window); i++) {
		const struct attn_case prefill = {PLAIN_CASE, .dtype = ZINC_F16,
		                                  .window = window[i], .n_seqs = 2,
		                                  .before = {90, 0}, .fresh = {40, 50}};
		const struct attn_case decode = {PLAIN_CASE, .dtype = ZINC_F16,
		                                 .window = window[i], .n_seqs = 3,
		                                 .before = {1100, 63, 0}, .fresh = {1, 1, 1}};

		run_case(r, &prefill);
		run_case(r, &decode);
	}
}

static void several_sequences(struct op_run *r)
{
	const struct attn_case mixed = {PLAIN_CASE, .dtype = ZINC_F16, .n_seqs = 4,
	                                .before = {31, 0, 200, 64}, .fresh = {1, 33, 7, 2}};
	const struct attn_case decode = {PLAIN_CASE, .dtype = ZINC_F32, .n_seqs = 4,
	                                 .before = {31, 0, 200, 64}, .fresh = {1, 1, 1, 1}};

	run_case(r, &mixed);
	run_case(r, &decode);
}

/* The rows whose logits are read: some sequences of the step have none. */
static void few_rows(struct op_run *r)
{
	const struct attn_case few = {PLAIN_CASE, .dtype = ZINC_F16, .n_seqs = 4,
	                              .before = {31, 40, 200, 64}, .fresh = {0, 1, 0, 2}};
	const struct attn_case more = {PLAIN_CASE, .dtype = ZINC_F32, .n_seqs = 4,
	                               .before = {1, 300, 20, 65}, .fresh = {1, 0, 33, 0}};

	run_case(r, &few);
	run_case(r, &more);
}

/* More than one chunk of keys, so that parts are merged. */
static void long_context(struct op_run *r)
{
	const struct attn_case prefill = {PLAIN_CASE, .dtype = ZINC_F16, .n_seqs = 1,
	                                  .before = {1000}, .fresh = {60}};
	const struct attn_case decode = {PLAIN_CASE, .dtype = ZINC_F16, .n_seqs = 2,
	                                 .before = {1535, 2047}, .fresh = {2, 1}};

	run_case(r, &prefill);
	run_case(r, &decode);
}

/* KV heads of one token that are read page by page together, as many as leave units for
 * the threads. */
static void heads_together(struct op_run *r)
{
	static const uint32_t heads[][2] = {{16, 8}, {16, 2}, {32, 8}, {12, 12}, {9, 3}};
	static const uint32_t types[] = {ZINC_F16, ZINC_F32, ZINC_Q8_0};

	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		for (int type = 0; type < 3; type++) {
			const struct attn_case c = {.n_head = heads[i][0], .n_head_kv = heads[i][1],
			                            .q_dim = 32, .k_dim = 32, .v_dim = 32,
			                            .dtype = types[type], .n_seqs = 2,
			                            .window = i % 2 ? 600 : 0,
			                            .before = {1535, 700}, .fresh = {1, 2}};

			run_case(r, &c);
		}
	}
}

static void extras(struct op_run *r)
{
	const struct attn_case softcap = {PLAIN_CASE, .dtype = ZINC_F16, .softcap = 5,
	                                  .n_seqs = 1, .before = {20}, .fresh = {30}};
	const struct attn_case gate = {PLAIN_CASE, .dtype = ZINC_F16, .gate = true, .n_seqs = 1,
	                               .before = {20}, .fresh = {30}};
	const struct attn_case lanes = {PLAIN_CASE, .dtype = ZINC_F16, .gate = true,
	                                .interleaved = true, .n_seqs = 2, .before = {3, 0},
	                                .fresh = {2, 1}};

	run_case(r, &softcap);
	run_case(r, &gate);
	run_case(r, &lanes);
}

/* n below what was recorded, and none at all: rows past n stay as they were. */
static void fewer_tokens_than_recorded(struct op_run *r)
{
	const struct attn_case c = {PLAIN_CASE, .dtype = ZINC_F16, .n_seqs = 1, .fresh = {4}};
	struct attn_world *w = world_create(&c);
	float out[4 * 4 * 64], all[4 * 4 * 64];

	run_part(r, w, 0, 4, BLOCKS, all);
	for (uint32_t n = 0; n < 4; n += 2) {
		for (uint32_t variant = CHUNKS; variant <= BLOCKS; variant++) {
			struct zinc_op_flash_attn op = world_op(r, w, 0, 4);
			struct run_params p = run_step(n, n ? 1 : 0);

			run_op(r, ZINC_OP_FLASH_ATTN, &op, variant, &p);
			run_get(r, &op.out, out);
			check_bits("live tokens", out, all, n * 4 * 64 * sizeof(*out));
			assert_true(out[n * 4 * 64] != out[n * 4 * 64]);
			run_reset(r);
		}
	}
	world_destroy(w);
}

static const struct attn_case threads_case = {PLAIN_CASE, .dtype = ZINC_F16, .n_seqs = 2,
                                              .window = 700, .before = {900, 5},
                                              .fresh = {37, 2}};

static void threads_body(struct op_run *r, float *out)
{
	struct attn_world *w = world_create(&threads_case);

	run_part(r, w, 0, w->n_tokens, BLOCKS, out);
	run_part(r, w, 36, 1, CHUNKS, out + out_floats(w, w->n_tokens));
	world_destroy(w);
}

static void test_threads_agree(void **state)
{
	(void)state;
	run_threads_agree(threads_body, (39 + 1) * 4 * 64);
}

static void declines(struct op_run *r)
{
	const struct attn_case c = {PLAIN_CASE, .dtype = ZINC_F16, .n_seqs = 1, .fresh = {5}};
	struct attn_world *w = world_create(&c);
	const struct zinc_op_flash_attn good = world_op(r, w, 0, 5);
	struct zinc_op_flash_attn op = good;

	assert_int_equal(run_supports(r, ZINC_OP_FLASH_ATTN, &op, BLOCKS), ZINC_OK);
	assert_int_equal(run_supports(r, ZINC_OP_FLASH_ATTN, &op, CHUNKS), ZINC_E_UNSUPPORTED);
	assert_int_equal(run_supports(r, ZINC_OP_FLASH_ATTN, &op, 2), ZINC_E_UNSUPPORTED);
	op.flags = 1;
	assert_int_equal(run_supports(r, ZINC_OP_FLASH_ATTN, &op, BLOCKS), ZINC_E_UNSUPPORTED);
	op = good;
	op.n_head_kv = 3;
	assert_int_equal(run_supports(r, ZINC_OP_FLASH_ATTN, &op, BLOCKS), ZINC_E_UNSUPPORTED);
	op = good;
	op.k_cache.dtype = ZINC_Q4_0;
	assert_int_equal(run_supports(r, ZINC_OP_FLASH_ATTN, &op, BLOCKS), ZINC_E_UNSUPPORTED);
	op = good;
	op.v_cache.ne[1] = 16;
	assert_int_equal(run_supports(r, ZINC_OP_FLASH_ATTN, &op, BLOCKS), ZINC_E_UNSUPPORTED);
	op = good;
	op.q_head_dim = 32;
	assert_int_equal(run_supports(r, ZINC_OP_FLASH_ATTN, &op, BLOCKS), ZINC_E_UNSUPPORTED);
	world_destroy(w);
}

EVERYWHERE(dtypes)
EVERYWHERE(head_dims)
EVERYWHERE(groups)
EVERYWHERE(windows)
EVERYWHERE(several_sequences)
EVERYWHERE(few_rows)
EVERYWHERE(long_context)
EVERYWHERE(heads_together)
EVERYWHERE(extras)
EVERYWHERE(fewer_tokens_than_recorded)
EVERYWHERE(declines)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dtypes),
		cmocka_unit_test(test_head_dims),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_several_sequences),
		cmocka_unit_test(test_few_rows),
		cmocka_unit_test(test_long_context),
		cmocka_unit_test(test_heads_together),
		cmocka_unit_test(test_extras),
		cmocka_unit_test(test_fewer_tokens_than_recorded),
		cmocka_unit_test(test_threads_agree),
		cmocka_unit_test(test_declines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
