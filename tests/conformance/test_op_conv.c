/* test_op_conv.c - conv1d: taps, channels, sequences, state carried over. */
#include "op_run.h"

#include <stdlib.h>
#include <string.h>
#include <zinc/op.h>

#include "op_check.h"
#include "ref.h"

enum { SLOTS = 4, MAX_SEQS = 3 };

struct conv_case {
	uint32_t channels, taps, act, n_seqs;
	uint32_t n[MAX_SEQS];
};

/* y of one whole sequence of n tokens, from the very start. */
static void reference(const struct conv_case *c, const float *x, const float *w, uint32_t n,
                      double *y)
{
	for (uint32_t t = 0; t < n; t++) {
		for (uint32_t ch = 0; ch < c->channels; ch++) {
			double s = 0;

			for (uint32_t i = 0; i < c->taps; i++)
				if (t + i + 1 >= c->taps)
					s += (double)w[ch * c->taps + i] *
					     x[(size_t)(t + i + 1 - c->taps) * c->channels + ch];
			y[(size_t)t * c->channels + ch] = c->act == ZINC_ACT_SILU ? ref_silu(s) : s;
		}
	}
}

static uint32_t total(const struct conv_case *c)
{
	return c->n[0] + c->n[1] + c->n[2];
}

static struct zinc_op_conv1d describe(struct op_run *r, const struct conv_case *c, const float *w,
                                      uint32_t max_tokens)
{
	struct zinc_op_conv1d op = {.struct_size = sizeof(op), .act = c->act};

	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, max_tokens);
	op.n_seqs = zinc_slot(ZINC_SLOT_N_SEQS, MAX_SEQS);
	op.w = run_view_f32(r, w, c->taps, c->channels, 1);
	op.x = run_view(r, ZINC_F32, c->channels, max_tokens, 1, 1);
	op.y = run_view(r, ZINC_F32, c->channels, max_tokens, 1, 1);
	op.state = run_view_f32(r, NULL, (c->taps - 1) * c->channels, SLOTS, 1);
	op.seq_first = run_view(r, ZINC_I32, MAX_SEQS + 1, 1, 1, 1);
	op.state_slot = run_view(r, ZINC_I32, MAX_SEQS, 1, 1, 1);
	return op;
}

/* One step: the rows of x from token `from` of each sequence on, n of each (as
 * many as it still has); y gathers them at the same places. */
static void run_one_step(struct op_run *r, const struct conv_case *c, struct zinc_op_conv1d *op,
                         const float *x, float *y, uint32_t from, uint32_t n)
{
	int32_t first[MAX_SEQS + 1] = {0}, slot[MAX_SEQS] = {2, 0, 3};
	uint32_t at[MAX_SEQS], live = 0, start = 0;
	struct zinc_view row;
	struct run_params p;

	for (uint32_t s = 0; s < c->n_seqs; start += c->n[s++]) {
		uint32_t left = c->n[s] > from ? c->n[s] - from : 0, take = left < n ? left : n;

		at[s] = start + from;
		for (uint32_t i = 0; i < take; i++) {
			row = zinc_view_rows(op->x, live + i, 1);
			run_put(r, &row, x + (size_t)(at[s] + i) * c->channels);
		}
		live += take;
		first[s + 1] = (int32_t)live;
	}
	run_put(r, &op->seq_first, first);
	run_put(r, &op->state_slot, slot);
	p = run_step(live, c->n_seqs);
	run_op(r, ZINC_OP_CONV1D, op, 0, &p);
	for (uint32_t s = 0; s < c->n_seqs; s++) {
		for (int32_t t = first[s]; t < first[s + 1]; t++) {
			size_t to = at[s] + (uint32_t)(t - first[s]);

			row = zinc_view_rows(op->y, (uint32_t)t, 1);
			run_get(r, &row, y + to * c->channels);
		}
	}
}

/* The whole sequences, in steps of `step` tokens each. */
static void run_steps(struct op_run *r, const struct conv_case *c, const float *x, const float *w,
                      uint32_t step, float *y)
{
	struct zinc_op_conv1d op = describe(r, c, w, total(c));
	uint32_t longest = 0;

	for (uint32_t s = 0; s < c->n_seqs; s++)
		longest = c->n[s] > longest ? c->n[s] : longest;
	for (uint32_t from = 0; from < longest; from += step)
		run_one_step(r, c, &op, x, y, from, step);
	run_reset(r);
}

static void run_case(struct op_run *r, const struct conv_case *c)
{
	struct rnd rnd = {c->channels + c->taps};
	size_t n = (size_t)total(c) * c->channels, at = 0;
	float *x = rnd_normal(&rnd, n, 1), *w = rnd_normal(&rnd, (size_t)c->channels * c->taps, 1);
	float *all = must_calloc(n, sizeof(*all)), *parts = must_calloc(n, sizeof(*parts));
	double *want = must_calloc(n, sizeof(*want));

	for (uint32_t s = 0; s < c->n_seqs; s++) {
		reference(c, x + at, w, c->n[s], want + at);
		at += (size_t)c->n[s] * c->channels;
	}
	run_steps(r, c, x, w, total(c), all);
	check_rows("conv1d", all, want, total(c), c->channels, TOL_F32);
	for (uint32_t step = 1; step < 8; step += 3) {
		run_steps(r, c, x, w, step, parts);
		check_bits("conv1d in steps", parts, all, n * sizeof(*all));
	}
	free(want);
	free(parts);
	free(all);
	free(w);
	free(x);
}

static void cases(struct op_run *r)
{
	static const struct conv_case list[] = {
		{256, 4, ZINC_ACT_SILU, 1, {7}},       {100, 4, ZINC_ACT_NONE, 2, {2, 33}},
		{1, 2, ZINC_ACT_NONE, 1, {5}},         {65, 3, ZINC_ACT_SILU, 3, {1, 9, 2}},
		{130, 16, ZINC_ACT_SILU, 2, {3, 20}},  {8192, 4, ZINC_ACT_SILU, 1, {1}},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		run_case(r, &list[i]);
}

static void declines(struct op_run *r)
{
	const struct conv_case c = {8, 4, ZINC_ACT_SILU, 1, {2}};
	float w[32] = {0};
	const struct zinc_op_conv1d good = describe(r, &c, w, 2);
	struct zinc_op_conv1d op = good;

	assert_int_equal(run_supports(r, ZINC_OP_CONV1D, &op, 0), ZINC_OK);
	op.act = ZINC_ACT_GELU_TANH;
	assert_int_equal(run_supports(r, ZINC_OP_CONV1D, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.w.ne[0] = 17;
	assert_int_equal(run_supports(r, ZINC_OP_CONV1D, &op, 0), ZINC_E_UNSUPPORTED);
	op = good;
	op.state.ne[0] = 25;
	assert_int_equal(run_supports(r, ZINC_OP_CONV1D, &op, 0), ZINC_E_UNSUPPORTED);
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
