/* test_op_delta.c - the delta net: both forms, both head maps, state carried
 * from step to step, several sequences. */
#include "op_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zinc/op.h>

#include "op_check.h"
#include "ref.h"

enum { SLOTS = 3, MAX_SEQS = 2, STEP = 0, CHUNK = 1 };

struct delta_case {
	uint32_t n_k, n_v, d_k, d_v, head_map;
	float l2_eps;
	uint32_t n[MAX_SEQS]; /* tokens; 0: no such sequence */
};

struct data {
	const struct delta_case *c;
	uint32_t n; /* tokens of all sequences */
	float *q, *k, *v, *alpha, *beta, *a, *dt;
	double *want, *size;
};

static uint32_t k_head_of(const struct delta_case *c, uint32_t j)
{
	return c->head_map == ZINC_DELTA_TILED ? j % c->n_k : j / (c->n_v / c->n_k);
}

static void reference(struct data *t)
{
	const struct delta_case *c = t->c;
	double *state = must_calloc((size_t)c->d_k * c->d_v, sizeof(*state));

	for (uint32_t s = 0, first = 0; s < MAX_SEQS; first += c->n[s++]) {
		for (uint32_t j = 0; j < c->n_v; j++) {
			size_t qk = ((size_t)first * c->n_k + k_head_of(c, j)) * c->d_k;
			size_t v = ((size_t)first * c->n_v + j) * c->d_v;
			struct ref_delta head = {
				.q = t->q + qk, .k = t->k + qk, .v = t->v + v,
				.alpha = t->alpha + first * c->n_v + j,
				.beta = t->beta + first * c->n_v + j,
				.qk_step = (size_t)c->n_k * c->d_k,
				.v_step = (size_t)c->n_v * c->d_v, .gate_step = c->n_v,
				.a = t->a[j], .dt = t->dt[j],
				.q_scale = 1 / sqrt((double)c->d_k), .l2_eps = c->l2_eps,
				.n = c->n[s], .d_k = c->d_k, .d_v = c->d_v,
			};

			memset(state, 0, (size_t)c->d_k * c->d_v * sizeof(*state));
			ref_delta_head(&head, state, t->want + v, t->size + v, head.v_step);
		}
	}
	free(state);
}

static struct data make_data(const struct delta_case *c)
{
	struct rnd r = {c->n_v * 17 + c->d_k + c->n[0]};
	struct data t = {.c = c, .n = c->n[0] + c->n[1]};
	/* Without normalisation the keys must be short, or the state explodes. */
	float size = c->l2_eps != 0 ? 1 : 0.5f / sqrtf((float)c->d_k);

	t.q = rnd_normal(&r, (size_t)t.n * c->n_k * c->d_k, size);
	t.k = rnd_normal(&r, (size_t)t.n * c->n_k * c->d_k, size);
	t.v = rnd_normal(&r, (size_t)t.n * c->n_v * c->d_v, 1);
	t.alpha = rnd_normal(&r, (size_t)t.n * c->n_v, 2);
	t.beta = rnd_normal(&r, (size_t)t.n * c->n_v, 2);
	t.a = rnd_uniform(&r, c->n_v, -2, -0.01f);
	t.dt = rnd_normal(&r, c->n_v, 2);
	t.alpha[0] = 50; /* softplus far out: the state is forgotten */
	t.want = must_calloc((size_t)t.n * c->n_v * c->d_v, sizeof(*t.want));
	t.size = must_calloc((size_t)t.n * c->n_v * c->d_v, sizeof(*t.size));
	reference(&t);
	return t;
}

static void free_data(struct data *t)
{
	free(t->q);
	free(t->k);
	free(t->v);
	free(t->alpha);
	free(t->beta);
	free(t->a);
	free(t->dt);
	free(t->want);
	free(t->size);
}

static struct zinc_op_delta_net describe(struct op_run *r, const struct data *t)
{
	const struct delta_case *c = t->c;
	struct zinc_op_delta_net op = {.struct_size = sizeof(op), .head_map = c->head_map,
	                               .q_scale = 1 / sqrtf((float)c->d_k), .l2_eps = c->l2_eps};

	op.q = run_view(r, ZINC_F32, c->d_k, c->n_k, t->n, 1);
	op.k = run_view(r, ZINC_F32, c->d_k, c->n_k, t->n, 1);
	op.v = run_view(r, ZINC_F32, c->d_v, c->n_v, t->n, 1);
	op.y = run_view(r, ZINC_F32, c->d_v, c->n_v, t->n, 1);
	op.alpha = run_view(r, ZINC_F32, c->n_v, t->n, 1, 1);
	op.beta = run_view(r, ZINC_F32, c->n_v, t->n, 1, 1);
	op.a = run_view_f32(r, t->a, c->n_v, 1, 1);
	op.dt = run_view_f32(r, t->dt, c->n_v, 1, 1);
	op.state = run_view_f32(r, NULL, c->n_v * c->d_k * c->d_v, SLOTS, 1);
	op.seq_first = run_view(r, ZINC_I32, MAX_SEQS + 1, 1, 1, 1);
	op.state_slot = run_view(r, ZINC_I32, MAX_SEQS, 1, 1, 1);
	return op;
}

/* Rows [from, from + n) of a host array become rows [to, to + n) of the
 * slowest dimension (dim) of a view, or the other way round. */
static void move(struct op_run *r, const struct zinc_view *v, int dim, uint32_t to, float *host,
                 uint32_t from, uint32_t n, bool put)
{
	struct zinc_view part = *v;

	part.off += to * v->nb[dim];
	part.ne[dim] = n;
	host += from * (v->nb[dim] / sizeof(float));
	if (n && put)
		run_put(r, &part, host);
	else if (n)
		run_get(r, &part, host);
}

static void put_tokens(struct op_run *r, const struct data *t, const struct zinc_op_delta_net *op,
                       uint32_t to, uint32_t from, uint32_t n)
{
	move(r, &op->q, 2, to, t->q, from, n, true);
	move(r, &op->k, 2, to, t->k, from, n, true);
	move(r, &op->v, 2, to, t->v, from, n, true);
	move(r, &op->alpha, 1, to, t->alpha, from, n, true);
	move(r, &op->beta, 1, to, t->beta, from, n, true);
}

/* Tokens [from, from + n) of every sequence that has them, in one submit. */
static void run_one_step(struct op_run *r, const struct data *t, struct zinc_op_delta_net *op,
                         uint32_t variant, uint32_t from, uint32_t n, float *y)
{
	int32_t first[MAX_SEQS + 1] = {0}, slot[MAX_SEQS] = {2, 0};
	uint32_t live = 0, start = 0, at[MAX_SEQS];
	struct run_params p;

	for (uint32_t s = 0; s < MAX_SEQS; start += t->c->n[s++]) {
		uint32_t left = t->c->n[s] > from ? t->c->n[s] - from : 0;
		uint32_t take = left < n ? left : n;

		at[s] = start + from;
		put_tokens(r, t, op, live, at[s], take);
		live += take;
		first[s + 1] = (int32_t)live;
	}
	op->n = zinc_slot(ZINC_SLOT_N_TOKENS, live);
	op->n_seqs = zinc_slot(ZINC_SLOT_N_SEQS, MAX_SEQS);
	run_put(r, &op->seq_first, first);
	run_put(r, &op->state_slot, slot);
	p = run_step(live, MAX_SEQS);
	run_op(r, ZINC_OP_DELTA_NET, op, variant, &p);
	for (uint32_t s = 0; s < MAX_SEQS; s++)
		move(r, &op->y, 2, (uint32_t)first[s], y, at[s],
		     (uint32_t)(first[s + 1] - first[s]), false);
}

static void run_steps(struct op_run *r, const struct data *t, uint32_t variant, uint32_t step,
                      float *y)
{
	struct zinc_op_delta_net op = describe(r, t);
	uint32_t longest = t->c->n[0] > t->c->n[1] ? t->c->n[0] : t->c->n[1];

	for (uint32_t from = 0; from < longest; from += step)
		run_one_step(r, t, &op, variant, from, step, y);
	run_reset(r);
}

static void run_case(struct op_run *r, const struct delta_case *c)
{
	struct data t = make_data(c);
	size_t rows = (size_t)t.n * c->n_v, n = rows * c->d_v;
	float *all = must_calloc(n, sizeof(*all)), *parts = must_calloc(n, sizeof(*parts));

	run_steps(r, &t, STEP, t.n, all);
	check_rows_sized("delta net, step", all, t.want, t.size, rows, c->d_v, TOL_F32);
	run_steps(r, &t, STEP, 1, parts);
	check_bits("delta net, token by token", parts, all, n * sizeof(*all));
	run_steps(r, &t, STEP, 5, parts);
	check_bits("delta net, 5 tokens a step", parts, all, n * sizeof(*all));
	run_steps(r, &t, CHUNK, t.n, parts);
	check_rows_sized("delta net, chunk", parts, t.want, t.size, rows, c->d_v, TOL_CHUNKED);
	run_steps(r, &t, CHUNK, 50, parts);
	check_rows_sized("delta net, chunk in steps", parts, t.want, t.size, rows, c->d_v,
	                 TOL_CHUNKED);
	free(parts);
	free(all);
	free_data(&t);
}

static void cases(struct op_run *r)
{
	static const struct delta_case list[] = {
		{2, 2, 128, 128, ZINC_DELTA_TILED, 1e-6f, {70, 0}},
		{2, 4, 64, 64, ZINC_DELTA_TILED, 1e-6f, {130, 33}},
		{2, 8, 32, 32, ZINC_DELTA_GROUPED, 1e-6f, {7, 200}},
		{3, 6, 16, 48, ZINC_DELTA_TILED, 0, {65, 1}},
		{1, 4, 24, 40, ZINC_DELTA_GROUPED, 1e-6f, {64, 63}},
		{1, 1, 5, 7, ZINC_DELTA_TILED, 0, {20, 3}},
		{1, 2, 1, 1, ZINC_DELTA_TILED, 1e-6f, {9, 2}},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		run_case(r, &list[i]);
}

/* A chunked prompt, then single tokens: the forms share the state. */
static void forms_share_the_state(struct op_run *r)
{
	const struct delta_case c = {2, 4, 64, 40, ZINC_DELTA_TILED, 1e-6f, {100, 0}};
	struct data t = make_data(&c);
	size_t n = (size_t)t.n * c.n_v * c.d_v;
	float *y = must_calloc(n, sizeof(*y));
	struct zinc_op_delta_net op = describe(r, &t);

	run_one_step(r, &t, &op, CHUNK, 0, 90, y);
	for (uint32_t i = 90; i < 100; i++)
		run_one_step(r, &t, &op, STEP, i, 1, y);
	check_rows_sized("chunk, then step", y, t.want, t.size, (size_t)t.n * c.n_v, c.d_v,
	                 TOL_CHUNKED);
	free(y);
	free_data(&t);
}

static const struct delta_case threads_case = {2, 4, 64, 72, ZINC_DELTA_TILED, 1e-6f, {40, 9}};

static void threads_body(struct op_run *r, float *out)
{
	struct data t = make_data(&threads_case);

	run_steps(r, &t, STEP, 49, out);
	free_data(&t);
}

static void test_threads_agree(void **state)
{
	(void)state;
	run_threads_agree(threads_body, 49 * 4 * 72);
}

/* A slot that no sequence of the step names keeps its state. */
static void other_slots_are_left_alone(struct op_run *r)
{
	const struct delta_case c = {1, 1, 8, 8, ZINC_DELTA_TILED, 1e-6f, {3, 2}};
	struct data t = make_data(&c);
	struct zinc_op_delta_net op = describe(r, &t);
	float y[5 * 8], state[SLOTS][64], zero[64] = {0};

	for (uint32_t variant = STEP; variant <= CHUNK; variant++) {
		run_one_step(r, &t, &op, variant, 0, 3, y);
		run_get(r, &op.state, state);
		check_bits("slot 1", state[1], zero, sizeof(zero));
		assert_memory_not_equal(state[0], zero, sizeof(zero));
		assert_memory_not_equal(state[2], zero, sizeof(zero));
	}
	free_data(&t);
}

static void declines(struct op_run *r)
{
	const struct delta_case c = {2, 4, 8, 8, ZINC_DELTA_TILED, 1e-6f, {20, 0}};
	struct data t = make_data(&c);
	struct zinc_op_delta_net good = describe(r, &t), op;

	good.n = zinc_imm(20);
	good.n_seqs = zinc_imm(MAX_SEQS);
	op = good;
	assert_int_equal(run_supports(r, ZINC_OP_DELTA_NET, &op, STEP), ZINC_OK);
	assert_int_equal(run_supports(r, ZINC_OP_DELTA_NET, &op, CHUNK), ZINC_OK);
	assert_int_equal(run_supports(r, ZINC_OP_DELTA_NET, &op, 2), ZINC_E_UNSUPPORTED);
	op.head_map = 2;
	assert_int_equal(run_supports(r, ZINC_OP_DELTA_NET, &op, CHUNK), ZINC_E_UNSUPPORTED);
	op = good;
	op.state.ne[0]--;
	assert_int_equal(run_supports(r, ZINC_OP_DELTA_NET, &op, CHUNK), ZINC_E_UNSUPPORTED);
	op = good;
	op.flags = 1;
	assert_int_equal(run_supports(r, ZINC_OP_DELTA_NET, &op, CHUNK), ZINC_E_UNSUPPORTED);
	free_data(&t);
}

EVERYWHERE(cases)
EVERYWHERE(forms_share_the_state)
EVERYWHERE(other_slots_are_left_alone)
EVERYWHERE(declines)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_forms_share_the_state),
		cmocka_unit_test(test_threads_agree),
		cmocka_unit_test(test_other_slots_are_left_alone),
		cmocka_unit_test(test_declines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
