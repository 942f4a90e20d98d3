/* element.c - cases of glu, add, mul, scale, softcap and sigmoid_gate. */
#include <zinc/op.h>

#include "conformance/ref.h"
#include "list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum alias { APART, INTO_FIRST, INTO_SECOND };

struct element_shape {
	uint32_t d, h, n, n_max;
	uint32_t pad;
	enum alias alias;
	uint32_t act;
	float value;      /* limit of glu, the factor, the cap         */
	unsigned repeats; /* bit i: dimension i of the second repeats  */
};

struct element_data {
	float *a, *b;
};

static const char *const aliases[] = {"", ", into the first input", ", into the second"};

static void start(struct kit_case *c, const struct element_shape *s, uint32_t desc_size)
{
	struct element_data *t = c->data = kit_alloc(c, 1, sizeof(*t));
	/* One row at least: a b that repeats has it where no row of a is live. */
	size_t n = (size_t)s->d * (s->h ? s->h : 1) * (s->n ? s->n : 1);

	t->a = kit_normal(c, n, 4);
	t->b = kit_normal(c, n, 4);
	t->a[0] = 0;
	t->a[n / 2] = 60; /* far tails */
	t->a[n - 1] = -60;
	c->desc_size = desc_size;
	kit_text(c, "D=%u H=%u N=%u of %u%s", s->d, s->h, s->n, s->n_max, aliases[s->alias]);
	if (s->pad)
		kit_text(c, ", rows %u elements apart", s->pad);
	if (s->repeats)
		kit_text(c, ", b repeats along %#x", s->repeats);
	if (s->act)
		kit_text(c, ", act %u", s->act);
	if (s->value != 0)
		kit_text(c, ", value %g", (double)s->value);
}

static struct zinc_view pick_output(struct kit_case *c, const struct element_shape *s,
                                    struct kit_rows r, const struct zinc_view *first,
                                    const struct zinc_view *second)
{
	struct zinc_view y = s->alias == INTO_FIRST ? *first :
	                     s->alias == INTO_SECOND ? *second :
	                     kit_act(c, s->d, s->h, r.n_max, s->pad);

	kit_out(c, &y, s->h ? 2 : 1, r);
	return y;
}

static void build_glu(struct kit_case *c, const void *shape)
{
	const struct element_shape *s = shape;
	struct zinc_op_glu *op = (struct zinc_op_glu *)(void *)c->desc;
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->n_max);
	const struct element_data *t;

	start(c, s, sizeof(*op));
	t = c->data;
	*op = (struct zinc_op_glu){.struct_size = sizeof(*op), .n = r.slot, .act = s->act,
	                           .limit = s->value};
	op->gate = kit_act_of(c, s->d, s->h, r, s->pad, t->a);
	op->up = kit_act_of(c, s->d, s->h, r, s->pad, t->b);
	op->y = pick_output(c, s, r, &op->gate, &op->up);
}

static void build_unary(struct kit_case *c, const void *shape)
{
	const struct element_shape *s = shape;
	struct zinc_op_unary *op = (struct zinc_op_unary *)(void *)c->desc;
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->n_max);
	const struct element_data *t;

	start(c, s, sizeof(*op));
	t = c->data;
	*op = (struct zinc_op_unary){.struct_size = sizeof(*op), .n = r.slot, .value = s->value};
	op->x = kit_act_of(c, s->d, s->h, r, s->pad, t->a);
	op->y = pick_output(c, s, r, &op->x, &op->x);
}

/* The second operand, with some dimensions of 1. */
static struct zinc_view second(struct kit_case *c, const struct element_shape *s,
                               struct kit_rows r)
{
	const struct element_data *t = c->data;
	uint32_t d = s->repeats & 1 ? 1 : s->d;

	if (s->repeats & (s->h ? 4 : 2))
		r = (struct kit_rows){.n = 1, .n_max = 1};
	return kit_act_of(c, d, s->h && s->repeats & 2 ? 1 : s->h, r, s->pad, t->b);
}

static void build_binary(struct kit_case *c, const void *shape)
{
	const struct element_shape *s = shape;
	struct zinc_op_binary *op = (struct zinc_op_binary *)(void *)c->desc;
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->n_max);
	const struct element_data *t;

	start(c, s, sizeof(*op));
	t = c->data;
	*op = (struct zinc_op_binary){.struct_size = sizeof(*op), .n = r.slot};
	op->a = kit_act_of(c, s->d, s->h, r, s->pad, t->a);
	op->b = second(c, s, r);
	op->y = pick_output(c, s, r, &op->a, &op->b);
}

static void build_sigmoid(struct kit_case *c, const void *shape)
{
	const struct element_shape *s = shape;
	struct zinc_op_sigmoid_gate *op = (struct zinc_op_sigmoid_gate *)(void *)c->desc;
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->n_max);
	const struct element_data *t;

	start(c, s, sizeof(*op));
	t = c->data;
	*op = (struct zinc_op_sigmoid_gate){.struct_size = sizeof(*op), .n = r.slot};
	op->x = kit_act_of(c, s->d, s->h, r, s->pad, t->a);
	op->gate = second(c, s, r);
	op->y = pick_output(c, s, r, &op->x, &op->x);
}

/* The element of b for element i of a. */
static double other(const struct element_shape *s, const float *b, size_t i)
{
	uint32_t h = s->h ? s->h : 1, d = s->repeats & 1 ? 1 : s->d;
	uint32_t row_bit = s->h ? 4 : 2, b1 = s->h && s->repeats & 2 ? 1 : h;
	size_t i0 = i % s->d, i1 = i / s->d % h, i2 = i / s->d / h;

	return b[i0 % d + d * (i1 % b1 + b1 * (s->repeats & row_bit ? 0 : i2))];
}

static double value_of(uint32_t op, const struct element_shape *s, double a, double b)
{
	switch (op) {
	case ZINC_OP_GLU: return ref_glu(s->act, a, b, s->value);
	case ZINC_OP_ADD: return a + b;
	case ZINC_OP_MUL: return a * b;
	case ZINC_OP_SCALE: return a * s->value;
	case ZINC_OP_SOFTCAP: return s->value * tanh(a / s->value);
	default: return a * ref_sigmoid(b);
	}
}

/* The arguments of exp and tanh reach 60 and more and carry the rounding of
 * that size; add and mul are one rounding away from exact. */
static void expect(struct kit_case *c, const void *shape)
{
	const struct element_shape *s = shape;
	const struct element_data *t = c->data;
	uint32_t op = c->recipe->op, h = s->h ? s->h : 1;
	struct kit_want *w = kit_want(c, 0, ZINC_F32, s->d * h, s->n);
	bool exact = op == ZINC_OP_ADD || op == ZINC_OP_MUL || op == ZINC_OP_SCALE;

	for (size_t i = 0; i < (size_t)s->d * h * s->n; i++)
		w->want[i] = value_of(op, s, t->a[i], other(s, t->b, i));
	kit_slack_elems(w, exact ? TOL_ROUNDING : op == ZINC_OP_GLU ? TOL_F32 : 4 * TOL_ROUNDING,
	                1e-12);
}

static const struct kit_recipe glu = {ZINC_OP_GLU, build_glu, expect, NULL};
static const struct kit_recipe add = {ZINC_OP_ADD, build_binary, expect, NULL};
static const struct kit_recipe mul = {ZINC_OP_MUL, build_binary, expect, NULL};
static const struct kit_recipe scale = {ZINC_OP_SCALE, build_unary, expect, NULL};
static const struct kit_recipe softcap = {ZINC_OP_SOFTCAP, build_unary, expect, NULL};
static const struct kit_recipe sigmoid = {ZINC_OP_SIGMOID_GATE, build_sigmoid, expect, NULL};

static void of_shape(const struct kit_list *l, uint32_t op, struct element_shape s)
{
	switch (op) {
	case ZINC_OP_GLU:
		s.act = 1 + (s.d + s.alias) % 2;
		s.value = s.n % 2 ? 0 : 2.5f;
		l->add(l->ctx, &glu, &s);
		return;
	case ZINC_OP_SCALE:
	case ZINC_OP_SOFTCAP:
		s.value = 15;
		if (s.alias != INTO_SECOND)
			l->add(l->ctx, op == ZINC_OP_SCALE ? &scale : &softcap, &s);
		return;
	case ZINC_OP_SIGMOID_GATE:
		for (s.repeats = 0; s.repeats < 2 && s.alias != INTO_SECOND; s.repeats++)
			l->add(l->ctx, &sigmoid, &s);
		return;
	default:
		for (s.repeats = 0; s.repeats < (s.h ? 8 : 4); s.repeats++)
			if (s.alias != INTO_SECOND || !s.repeats)
				l->add(l->ctx, op == ZINC_OP_ADD ? &add : &mul, &s);
	}
}

void element_cases(const struct kit_list *l, uint32_t op)
{
	/* D, H, N, N recorded, pad */
	static const uint32_t shapes[][5] = {
		{1, 0, 1, 1, 0},     {1, 0, 7, 8, 0},     {5, 0, 2, 2, 0},   {33, 0, 33, 64, 3},
		{256, 0, 7, 7, 0},   {1023, 0, 2, 4, 0},  {4097, 0, 3, 3, 1}, {8, 3, 1, 1, 0},
		{31, 5, 2, 4, 2},    {128, 4, 33, 33, 128}, {2, 1, 7, 7, 0},  {2048, 0, 0, 8, 0},
		{17408, 0, 1, 1, 0}, {4096, 0, 100, 128, 0}, {256, 16, 70, 70, 256},
		{2048, 0, 513, 1024, 0},
	};

	for (size_t i = 0; i < COUNT(shapes); i++)
		for (int alias = APART; alias <= INTO_SECOND; alias++)
			if (!l->quick || i < 12)
				of_shape(l, op, (struct element_shape){
					.d = shapes[i][0], .h = shapes[i][1], .n = shapes[i][2],
					.n_max = shapes[i][3], .pad = shapes[i][4],
					.alias = (enum alias)alias});
}
