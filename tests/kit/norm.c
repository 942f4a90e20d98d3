/* norm.c - cases of rmsnorm: its forms, fusions, strides and aliases. */
#include <zinc/op.h>

#include "conformance/ref.h"
#include "list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum fusion { WEIGHT = 1, RESIDUAL = 2, GATE = 4, AFTER = 8, ALL_FUSIONS = 16 };
enum alias { APART, Y_IS_X, Y_IS_AFTER, SUM_IS_X, SUM_IS_RESIDUAL, N_ALIASES };

struct norm_shape {
	uint32_t d, h, n, n_max, pad;
	unsigned fusions;
	enum alias alias;
};

struct norm_data {
	float *x, *weight, *residual, *gate, *after;
};

static const float eps = 1e-6f;

static struct norm_data *make_data(struct kit_case *c, const struct norm_shape *s)
{
	struct norm_data *t = kit_alloc(c, 1, sizeof(*t));
	size_t n = (size_t)s->d * (s->h ? s->h : 1) * s->n;

	t->x = kit_normal(c, n, 2);
	t->weight = kit_normal(c, s->d, 1);
	t->residual = kit_normal(c, n, 1);
	t->gate = kit_normal(c, n, 3);
	t->after = kit_normal(c, n, 1);
	/* A row of zeros is divided by the root of eps. */
	for (uint32_t i = 0; i < s->d && s->n > 2; i++)
		t->x[i] = t->residual[i] = 0;
	return t;
}

static void describe(struct kit_case *c, const struct norm_shape *s)
{
	static const char *const aliases[] = {"", ", y is x", ", y is after", ", sum is x",
	                                      ", sum is residual"};

	kit_text(c, "D=%u H=%u N=%u of %u%s%s%s%s%s", s->d, s->h, s->n, s->n_max,
	         s->fusions & WEIGHT ? ", weight" : "", s->fusions & RESIDUAL ? ", residual" : "",
	         s->fusions & GATE ? ", gate" : "", s->fusions & AFTER ? ", after" : "",
	         aliases[s->alias]);
	if (s->pad)
		kit_text(c, ", rows %u elements apart", s->pad);
}

static void build(struct kit_case *c, const void *shape)
{
	const struct norm_shape *s = shape;
	struct zinc_op_rmsnorm *op = (struct zinc_op_rmsnorm *)(void *)c->desc;
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->n_max);
	const struct norm_data *t = c->data = make_data(c, s);
	uint32_t dim = s->h ? 2 : 1;

	describe(c, s);
	c->desc_size = sizeof(*op);
	c->fused = s->fusions & ~(unsigned)WEIGHT;
	*op = (struct zinc_op_rmsnorm){.struct_size = sizeof(*op), .n = r.slot, .eps = eps};
	op->x = kit_act_of(c, s->d, s->h, r, s->pad, t->x);
	if (s->fusions & WEIGHT)
		op->weight = kit_vector(c, KIT_WEIGHTS, ZINC_F32, s->d, t->weight);
	if (s->fusions & GATE)
		op->gate = kit_act_of(c, s->d, s->h, r, s->pad, t->gate);
	if (s->fusions & AFTER)
		op->after = kit_act_of(c, s->d, s->h, r, s->pad, t->after);
	op->y = s->alias == Y_IS_X ? op->x : s->alias == Y_IS_AFTER ? op->after :
	        kit_act(c, s->d, s->h, r.n_max, s->pad);
	kit_out(c, &op->y, dim, r);
	if (!(s->fusions & RESIDUAL))
		return;
	op->residual = kit_act_of(c, s->d, s->h, r, s->pad, t->residual);
	op->sum = s->alias == SUM_IS_X ? op->x : s->alias == SUM_IS_RESIDUAL ? op->residual :
	          kit_act(c, s->d, s->h, r.n_max, s->pad);
	kit_out(c, &op->sum, dim, r);
}

static void expect(struct kit_case *c, const void *shape)
{
	const struct norm_shape *s = shape;
	const struct norm_data *t = c->data;
	uint32_t h = s->h ? s->h : 1;
	struct kit_want *y = kit_want(c, 0, ZINC_F32, s->d * h, s->n), *sum = NULL;

	if (s->fusions & RESIDUAL)
		sum = kit_want(c, 1, ZINC_F32, s->d * h, s->n);
	for (uint32_t i = 0; i < s->n * h; i++) {
		size_t at = (size_t)i * s->d;
		struct ref_norm row = {
			.x = t->x + at,
			.residual = s->fusions & RESIDUAL ? t->residual + at : NULL,
			.weight = s->fusions & WEIGHT ? t->weight : NULL,
			.gate = s->fusions & GATE ? t->gate + at : NULL,
			.after = s->fusions & AFTER ? t->after + at : NULL,
			.n = s->d,
			.eps = (double)eps,
		};

		ref_rmsnorm(&row, y->want + at, sum ? sum->want + at : NULL);
	}
	kit_slack_rows(y, s->d, TOL_F32);
	if (sum)
		kit_slack_rows(sum, s->d, TOL_ROUNDING);
}

static const struct kit_recipe norm = {ZINC_OP_RMSNORM, build, expect, NULL};

static bool makes_sense(const struct norm_shape *s)
{
	if (s->alias == Y_IS_X && s->fusions & RESIDUAL)
		return false;
	if (s->alias == Y_IS_AFTER && !(s->fusions & AFTER))
		return false;
	return s->alias < SUM_IS_X || s->fusions & RESIDUAL;
}

void norm_cases(const struct kit_list *l, uint32_t op)
{
	/* D, H, N, N recorded, pad */
	static const uint32_t shapes[][5] = {
		{1, 0, 1, 1, 0},    {5, 0, 2, 2, 0},      {33, 0, 7, 8, 3},   {64, 0, 33, 33, 0},
		{256, 0, 1, 1, 0},  {1000, 0, 2, 4, 0},   {80, 5, 2, 2, 0},   {128, 4, 7, 8, 128},
		{48, 3, 1, 1, 48},  {256, 2, 0, 2, 0},    {4096, 0, 5, 5, 0}, {5120, 0, 1, 8, 0},
		{128, 32, 33, 64, 0}, {2048, 0, 257, 512, 4}, {512, 8, 130, 130, 512},
		{21504, 0, 3, 3, 0},
	};

	(void)op;
	for (size_t i = 0; i < COUNT(shapes); i++)
		for (unsigned f = 0; f < ALL_FUSIONS; f++)
			for (int a = APART; a < N_ALIASES; a++) {
				struct norm_shape s = {
					shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3],
					shapes[i][4], f, (enum alias)a};

				if (makes_sense(&s) && (!l->quick || i < 10) &&
				    (i < 12 || f < 4 || f % 5 == 0))
					l->add(l->ctx, &norm, &s);
			}
}
