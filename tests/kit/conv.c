/* conv.c - cases of conv1d: taps, channels, sequences, state carried over. */
#include <zinc/op.h>

#include "conformance/ref.h"
#include "list.h"
#include "steps.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct conv_shape {
	uint32_t channels, taps, act;
	uint32_t n[STEPS_SEQS];
	uint32_t more, pad;
};

struct conv_data {
	struct steps steps;
	float *x, *w;
	struct zinc_view xv, yv;
};

static void build(struct kit_case *c, const void *shape)
{
	static const uint32_t chunks[] = {1, 2, 5, 64, 0};
	const struct conv_shape *s = shape;
	struct zinc_op_conv1d *op = (struct zinc_op_conv1d *)(void *)c->desc;
	struct conv_data *t = c->data = kit_alloc(c, 1, sizeof(*t));
	uint32_t n_max;

	steps_init(c, &t->steps, s->n, chunks);
	n_max = c->cols = c->cols + s->more;
	kit_text(c, "C=%u, %u taps, act %u, sequences of %u, %u, %u, %u recorded, %u at a time",
	         s->channels, s->taps, s->act, s->n[0], s->n[1], s->n[2], n_max, t->steps.chunk);
	t->x = kit_normal(c, (size_t)t->steps.total * s->channels, 1);
	t->w = kit_normal(c, (size_t)s->channels * s->taps, 1);
	c->desc_size = sizeof(*op);
	*op = (struct zinc_op_conv1d){.struct_size = sizeof(*op), .act = s->act,
	                              .n = zinc_slot(ZINC_SLOT_N_TOKENS, n_max),
	                              .n_seqs = zinc_slot(ZINC_SLOT_N_SEQS, STEPS_SEQS)};
	op->x = t->xv = kit_act(c, s->channels, 0, n_max, s->pad);
	op->y = t->yv = kit_act(c, s->channels, 0, n_max, s->pad);
	op->w = kit_tensor(c, KIT_WEIGHTS, ZINC_F32, s->taps, s->channels, 1, 1);
	kit_put(&op->w, t->w);
	op->state = steps_state(c, &t->steps, (s->taps - 1) * s->channels);
	op->seq_first = t->steps.seq_first;
	op->state_slot = t->steps.state_slot;
	kit_out(c, &op->y, 1, (struct kit_rows){.n = n_max});
}

static bool step(struct kit_case *c, const void *shape, uint32_t i)
{
	struct conv_data *t = c->data;
	uint32_t live = steps_take(c, &t->steps, i);

	(void)shape;
	steps_put(&t->steps, &t->xv, 1, live, t->x);
	kit_poison(&t->yv);
	c->outs[0].view.ne[1] = live;
	c->outs[0].rows = t->steps.rows;
	return live > 0;
}

static double tap_sum(const struct conv_shape *s, const struct conv_data *t, uint32_t token,
                      uint32_t in_seq, uint32_t ch, double *size)
{
	double sum = 0;

	*size = 0;
	for (uint32_t k = 0; k < s->taps; k++) {
		uint32_t back = s->taps - 1 - k;
		double term;

		if (back > in_seq)
			continue;
		term = (double)t->w[ch * s->taps + k] *
		       t->x[(size_t)(token - back) * s->channels + ch];
		sum += term;
		*size += fabs(term);
	}
	return sum;
}

static void expect(struct kit_case *c, const void *shape)
{
	const struct conv_shape *s = shape;
	const struct conv_data *t = c->data;
	struct kit_want *w = kit_want(c, 0, ZINC_F32, s->channels, t->steps.total);
	uint32_t token = 0;

	for (int q = 0; q < STEPS_SEQS; q++)
		for (uint32_t i = 0; i < s->n[q]; i++, token++)
			for (uint32_t ch = 0; ch < s->channels; ch++) {
				size_t at = (size_t)token * s->channels + ch;
				double size, v = tap_sum(s, t, token, i, ch, &size);

				w->want[at] = s->act == ZINC_ACT_SILU ? ref_silu(v) : v;
				/* silu rises by 1.1 at most */
				w->slack[at] = TOL_ROUNDING * (4 * size + fabs(v) + 1e-3);
			}
}

static const struct kit_recipe conv = {ZINC_OP_CONV1D, build, expect, step};

void conv_cases(const struct kit_list *l, uint32_t op)
{
	static const struct conv_shape list[] = {
		{256, 4, ZINC_ACT_SILU, {7}, 0, 0},
		{100, 4, ZINC_ACT_NONE, {2, 33}, 3, 4},
		{1, 2, ZINC_ACT_NONE, {5}, 0, 0},
		{65, 3, ZINC_ACT_SILU, {1, 9, 2}, 1, 0},
		{130, 8, ZINC_ACT_SILU, {3, 20}, 0, 2},
		{8192, 4, ZINC_ACT_SILU, {1}, 0, 0},
		{8192, 4, ZINC_ACT_SILU, {1, 1, 1}, 1, 0},
		{2048, 4, ZINC_ACT_SILU, {130, 1, 70}, 0, 0},
		{64, 4, ZINC_ACT_NONE, {3, 2, 1}, 58, 0},
	};

	(void)op;
	for (size_t i = 0; i < COUNT(list); i++)
		l->add(l->ctx, &conv, &list[i]);
}
