/* delta.c - cases of delta_net: both head maps, state carried from submit to
 * submit, several sequences. */
#include <zinc/op.h>

#include "conformance/ref.h"
#include "list.h"
#include "steps.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct delta_shape {
	uint32_t n_k, n_v, d_k, d_v, head_map;
	float l2_eps;
	uint32_t n[STEPS_SEQS];
	uint32_t more;
	bool one_row; /* q, k and v are lanes of one row, as a convolution leaves them */
};

struct delta_data {
	struct steps steps;
	float *q, *k, *v, *alpha, *beta, *a, *dt;
};

static void make_data(struct kit_case *c, const struct delta_shape *s)
{
	struct delta_data *t = c->data;
	/* Without normalisation the keys must be short, or the state explodes. */
	float size = s->l2_eps != 0 ? 1 : 0.5f / sqrtf((float)s->d_k);
	size_t n = t->steps.total;

	t->q = kit_normal(c, n * s->n_k * s->d_k, size);
	t->k = kit_normal(c, n * s->n_k * s->d_k, size);
	t->v = kit_normal(c, n * s->n_v * s->d_v, 1);
	t->alpha = kit_normal(c, n * s->n_v, 2);
	t->beta = kit_normal(c, n * s->n_v, 2);
	t->a = kit_uniform(c, s->n_v, -2, -0.01f);
	t->dt = kit_normal(c, s->n_v, 2);
	t->alpha[0] = 50; /* softplus far out: the state is forgotten */
}

static void put_rows(struct kit_case *c, const struct delta_shape *s, uint32_t n_max,
                     struct zinc_op_delta_net *op)
{
	uint32_t k = s->n_k * s->d_k, v = s->n_v * s->d_v;
	struct zinc_view row;

	if (!s->one_row) {
		op->q = kit_act(c, s->d_k, s->n_k, n_max, 0);
		op->k = kit_act(c, s->d_k, s->n_k, n_max, 0);
		op->v = kit_act(c, s->d_v, s->n_v, n_max, 0);
		return;
	}
	row = kit_act(c, 2 * k + v, 0, n_max, 0);
	op->q = zinc_view_heads(zinc_view_lanes(row, 0, k), s->d_k);
	op->k = zinc_view_heads(zinc_view_lanes(row, k, k), s->d_k);
	op->v = zinc_view_heads(zinc_view_lanes(row, 2 * k, v), s->d_v);
}

static void build(struct kit_case *c, const void *shape)
{
	static const uint32_t chunks[] = {1, 5, 50, 64, 100, 0};
	const struct delta_shape *s = shape;
	struct zinc_op_delta_net *op = (struct zinc_op_delta_net *)(void *)c->desc;
	struct delta_data *t = c->data = kit_alloc(c, 1, sizeof(*t));
	uint32_t n_max;

	steps_init(c, &t->steps, s->n, chunks);
	n_max = c->cols = c->cols + s->more;
	kit_text(c, "%u K heads of %u, %u V heads of %u, %s, l2_eps %g, sequences of %u, %u, %u, "
	         "%u recorded, %u at a time%s", s->n_k, s->d_k, s->n_v, s->d_v,
	         s->head_map == ZINC_DELTA_TILED ? "tiled" : "grouped", (double)s->l2_eps, s->n[0],
	         s->n[1], s->n[2], n_max, t->steps.chunk, s->one_row ? ", one row" : "");
	make_data(c, s);
	c->desc_size = sizeof(*op);
	*op = (struct zinc_op_delta_net){
		.struct_size = sizeof(*op), .head_map = s->head_map,
		.q_scale = 1 / sqrtf((float)s->d_k), .l2_eps = s->l2_eps,
		.n = zinc_slot(ZINC_SLOT_N_TOKENS, n_max),
		.n_seqs = zinc_slot(ZINC_SLOT_N_SEQS, STEPS_SEQS)};
	put_rows(c, s, n_max, op);
	op->y = kit_act(c, s->d_v, s->n_v, n_max, 0);
	op->alpha = kit_act(c, s->n_v, 0, n_max, 0);
	op->beta = kit_act(c, s->n_v, 0, n_max, 0);
	op->a = kit_vector(c, KIT_WEIGHTS, ZINC_F32, s->n_v, t->a);
	op->dt = kit_vector(c, KIT_WEIGHTS, ZINC_F32, s->n_v, t->dt);
	op->state = steps_state(c, &t->steps, s->n_v * s->d_k * s->d_v);
	op->seq_first = t->steps.seq_first;
	op->state_slot = t->steps.state_slot;
	kit_out(c, &op->y, 2, (struct kit_rows){.n = n_max});
}

static bool step(struct kit_case *c, const void *shape, uint32_t i)
{
	const struct zinc_op_delta_net *op = (const struct zinc_op_delta_net *)(void *)c->desc;
	struct delta_data *t = c->data;
	uint32_t live = steps_take(c, &t->steps, i);

	(void)shape;
	steps_put(&t->steps, &op->q, 2, live, t->q);
	steps_put(&t->steps, &op->k, 2, live, t->k);
	steps_put(&t->steps, &op->v, 2, live, t->v);
	steps_put(&t->steps, &op->alpha, 1, live, t->alpha);
	steps_put(&t->steps, &op->beta, 1, live, t->beta);
	kit_poison(&op->y);
	c->outs[0].view.ne[2] = live;
	c->outs[0].rows = t->steps.rows;
	return live > 0;
}

static uint32_t k_head_of(const struct delta_shape *s, uint32_t j)
{
	return s->head_map == ZINC_DELTA_TILED ? j % s->n_k : j / (s->n_v / s->n_k);
}

static void one_head(struct kit_case *c, const struct delta_shape *s, uint32_t first, uint32_t n,
                     uint32_t j, double *sizes)
{
	const struct delta_data *t = c->data;
	size_t qk = ((size_t)first * s->n_k + k_head_of(s, j)) * s->d_k;
	size_t v = ((size_t)first * s->n_v + j) * s->d_v;
	double *state = must_calloc((size_t)s->d_k * s->d_v, sizeof(*state));
	struct ref_delta head = {
		.q = t->q + qk, .k = t->k + qk, .v = t->v + v,
		.alpha = t->alpha + (size_t)first * s->n_v + j,
		.beta = t->beta + (size_t)first * s->n_v + j,
		.qk_step = (size_t)s->n_k * s->d_k, .v_step = (size_t)s->n_v * s->d_v,
		.gate_step = s->n_v, .a = (double)t->a[j], .dt = (double)t->dt[j],
		.q_scale = (double)(1 / sqrtf((float)s->d_k)), .l2_eps = (double)s->l2_eps,
		.n = n, .d_k = s->d_k, .d_v = s->d_v,
	};

	ref_delta_head(&head, state, c->wants[0].want + v, sizes + v, head.v_step);
	free(state);
}

/* Relative to the size of the terms of a row, in F32 and in chunks alike. */
static void expect(struct kit_case *c, const void *shape)
{
	const struct delta_shape *s = shape;
	const struct delta_data *t = c->data;
	struct kit_want *w = kit_want(c, 0, ZINC_F32, s->n_v * s->d_v, t->steps.total);
	size_t n = (size_t)t->steps.total * s->n_v * s->d_v;
	double *sizes = kit_alloc(c, n, sizeof(*sizes));
	uint32_t first = 0;

	for (int q = 0; q < STEPS_SEQS; first += s->n[q++])
		for (uint32_t j = 0; j < s->n_v; j++)
			one_head(c, s, first, s->n[q], j, sizes);
	for (size_t at = 0; at < n; at += s->d_v) {
		double squares = 0;

		for (size_t i = at; i < at + s->d_v; i++)
			squares += sizes[i] * sizes[i];
		for (size_t i = at; i < at + s->d_v; i++)
			w->slack[i] = TOL_CHUNKED * sqrt(squares / s->d_v);
	}
}

static const struct kit_recipe delta = {ZINC_OP_DELTA_NET, build, expect, step};

void delta_cases(const struct kit_list *l, uint32_t op)
{
	static const struct delta_shape list[] = {
		{2, 4, 8, 8, ZINC_DELTA_TILED, 1e-6f, {20}, 0, false},
		{2, 4, 8, 8, ZINC_DELTA_GROUPED, 1e-6f, {20, 3}, 2, false},
		{1, 1, 128, 128, ZINC_DELTA_TILED, 1e-6f, {150}, 0, false},
		{4, 8, 128, 128, ZINC_DELTA_TILED, 1e-6f, {65, 1, 130}, 0, true},
		{4, 8, 128, 128, ZINC_DELTA_TILED, 1e-6f, {1}, 0, true},
		{4, 8, 128, 128, ZINC_DELTA_TILED, 1e-6f, {1, 1, 1}, 1, true},
		{2, 2, 64, 32, ZINC_DELTA_TILED, 0, {70, 64}, 0, false},
		{3, 6, 32, 64, ZINC_DELTA_GROUPED, 0, {9, 0, 8}, 47, false},
		{1, 3, 16, 16, ZINC_DELTA_TILED, 1e-6f, {129, 63}, 0, false},
		{16, 32, 128, 128, ZINC_DELTA_TILED, 1e-6f, {200}, 0, true},
	};

	(void)op;
	for (size_t i = 0; i < COUNT(list) - l->quick; i++)
		l->add(l->ctx, &delta, &list[i]);
}
