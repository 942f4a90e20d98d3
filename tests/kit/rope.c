/* rope.c - cases of rope_dual. */
#include <zinc/op.h>

#include "conformance/ref.h"
#include "list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { POS_ROWS = 3 };

struct rope_shape {
	uint32_t n, n_max, n_head, n_head_kv, d, n_rot, mode;
	uint32_t pad; /* elements between heads */
	bool norm, factors, sections, in_place;
};

struct rope_data {
	float *q, *k, *q_norm, *k_norm, *freqs, *factors;
	int32_t *pos, *pos_row; /* pos [POS_ROWS][n] */
};

static const float eps = 1e-6f;

static struct rope_data *make_data(struct kit_case *c, const struct rope_shape *s)
{
	struct rope_data *t = kit_alloc(c, 1, sizeof(*t));
	uint32_t pairs = s->n_rot / 2;

	t->q = kit_normal(c, (size_t)s->n * s->n_head * s->d, 2);
	t->k = kit_normal(c, (size_t)s->n * s->n_head_kv * s->d, 2);
	t->q_norm = kit_normal(c, s->d, 1);
	t->k_norm = kit_normal(c, s->d, 1);
	t->freqs = kit_alloc(c, pairs + 1, sizeof(float));
	t->factors = kit_uniform(c, pairs + 1, 1, 8);
	t->pos = kit_alloc(c, (size_t)s->n * POS_ROWS, sizeof(int32_t));
	t->pos_row = kit_alloc(c, pairs + 1, sizeof(int32_t));
	for (uint32_t i = 0; i < pairs; i++) {
		t->freqs[i] = powf(1e6f, -2.0f * (float)i / (float)s->n_rot);
		t->pos_row[i] = (int32_t)(i % POS_ROWS);
	}
	for (uint32_t i = 0; i < s->n * POS_ROWS; i++)
		t->pos[i] = i ? (int32_t)rnd_below(&c->rnd, i % 2 ? 262144 : 4096) : 0;
	return t;
}

static struct zinc_view positions(struct kit_case *c, const struct rope_shape *s,
                                  struct kit_rows r)
{
	const struct rope_data *t = c->data;
	struct zinc_view v = kit_tensor(c, KIT_TABLES, ZINC_I32, r.n_max,
	                                s->sections ? POS_ROWS : 1, 1, 1);

	for (uint32_t i = 0; i < v.ne[1]; i++) {
		struct zinc_view row = zinc_view_lanes(zinc_view_rows(v, i, 1), 0, r.n);

		kit_put(&row, t->pos + (size_t)i * s->n + r.first);
	}
	return v;
}

static void side(struct kit_case *c, const struct rope_shape *s, struct kit_rows r,
                 const float *data, struct zinc_view *in, struct zinc_view *out)
{
	uint32_t heads = data == ((struct rope_data *)c->data)->q ? s->n_head : s->n_head_kv;

	*in = kit_act_of(c, s->d, heads, r, s->pad, data);
	*out = s->in_place ? *in : kit_act(c, s->d, heads, r.n_max, s->pad);
	kit_out(c, out, 2, r);
}

static void describe(struct kit_case *c, const struct rope_shape *s)
{
	kit_text(c, "N=%u of %u, %u and %u heads of %u, %u rotated, %s%s%s%s%s", s->n, s->n_max,
	         s->n_head, s->n_head_kv, s->d, s->n_rot,
	         s->mode == ZINC_ROPE_NEOX ? "neox" : "interleaved", s->norm ? ", norm" : "",
	         s->factors ? ", factors" : "", s->sections ? ", sections" : "",
	         s->in_place ? ", in place" : "");
	if (s->pad)
		kit_text(c, ", heads %u elements apart", s->pad);
}

static void build(struct kit_case *c, const void *shape)
{
	const struct rope_shape *s = shape;
	struct zinc_op_rope_dual *op = (struct zinc_op_rope_dual *)(void *)c->desc;
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->n_max);
	const struct rope_data *t = c->data = make_data(c, s);
	uint32_t pairs = s->n_rot / 2;

	describe(c, s);
	c->desc_size = sizeof(*op);
	c->fused = s->norm;
	*op = (struct zinc_op_rope_dual){.struct_size = sizeof(*op), .n = r.slot,
	                                 .n_rot = s->n_rot, .mode = s->mode, .norm_eps = eps};
	side(c, s, r, t->q, &op->q, &op->q_out);
	if (s->n_head_kv)
		side(c, s, r, t->k, &op->k, &op->k_out);
	op->pos = positions(c, s, r);
	op->freqs = kit_vector(c, KIT_WEIGHTS, ZINC_F32, pairs ? pairs : 1, t->freqs);
	if (s->sections)
		op->pos_row = kit_vector(c, KIT_WEIGHTS, ZINC_I32, pairs, t->pos_row);
	if (s->factors)
		op->factors = kit_vector(c, KIT_WEIGHTS, ZINC_F32, pairs + 1, t->factors);
	if (s->norm)
		op->q_norm = kit_vector(c, KIT_WEIGHTS, ZINC_F32, s->d, t->q_norm);
	if (s->norm && s->n_head_kv)
		op->k_norm = kit_vector(c, KIT_WEIGHTS, ZINC_F32, s->d, t->k_norm);
}

static void answer(struct kit_case *c, const struct rope_shape *s, uint32_t heads, const float *x,
                   const float *norm, struct kit_want *w)
{
	const struct rope_data *t = c->data;
	double *pos = kit_alloc(c, s->n_rot / 2 + 1, sizeof(*pos));
	struct ref_rope rope = {.pos = pos, .freqs = t->freqs, .n_rot = s->n_rot, .mode = s->mode,
	                        .factors = s->factors ? t->factors : NULL};

	for (uint32_t i = 0; i < s->n * heads; i++) {
		struct ref_norm row = {.x = x + (size_t)i * s->d, .weight = norm, .n = s->d,
		                       .eps = (double)eps};
		double *out = w->want + (size_t)i * s->d;

		for (uint32_t f = 0; f < s->n_rot / 2; f++)
			pos[f] = t->pos[i / heads + (s->sections ? t->pos_row[f] * (int)s->n : 0)];
		for (uint32_t l = 0; l < s->d; l++)
			out[l] = row.x[l];
		if (s->norm)
			ref_rmsnorm(&row, out, NULL);
		ref_rope_head(&rope, out);
	}
	kit_slack_rows(w, s->d, TOL_F32);
}

static void expect(struct kit_case *c, const void *shape)
{
	const struct rope_shape *s = shape;
	const struct rope_data *t = c->data;

	answer(c, s, s->n_head, t->q, t->q_norm,
	       kit_want(c, 0, ZINC_F32, s->n_head * s->d, s->n));
	if (s->n_head_kv)
		answer(c, s, s->n_head_kv, t->k, t->k_norm,
		       kit_want(c, 1, ZINC_F32, s->n_head_kv * s->d, s->n));
}

static const struct kit_recipe rope = {ZINC_OP_ROPE_DUAL, build, expect, NULL};

void rope_cases(const struct kit_list *l, uint32_t op)
{
	static const struct rope_shape base[] = {
		{1, 1, 4, 2, 64, 64, ZINC_ROPE_NEOX, .norm = false},
		{7, 8, 4, 1, 64, 64, ZINC_ROPE_INTERLEAVED, .norm = false},
		{33, 64, 3, 3, 256, 64, ZINC_ROPE_NEOX, .norm = false},
		{5, 5, 2, 1, 512, 512, ZINC_ROPE_NEOX, .factors = true},
		{2, 2, 8, 0, 80, 80, ZINC_ROPE_NEOX, .norm = false},
		{3, 4, 2, 2, 20, 6, ZINC_ROPE_INTERLEAVED, .pad = 4, .factors = true},
		{4, 4, 2, 1, 128, 64, ZINC_ROPE_NEOX, .sections = true},
		{2, 2, 1, 1, 2, 2, ZINC_ROPE_NEOX, .norm = false},
		{2, 2, 2, 1, 16, 0, ZINC_ROPE_NEOX, .norm = false},
		{9, 16, 16, 2, 256, 64, ZINC_ROPE_NEOX, .pad = 256},
		{0, 4, 2, 1, 64, 64, ZINC_ROPE_NEOX, .norm = false},
		{130, 256, 32, 8, 128, 128, ZINC_ROPE_NEOX, .norm = false},
		{257, 257, 16, 4, 96, 96, ZINC_ROPE_INTERLEAVED, .norm = false},
		{1, 1, 64, 8, 128, 128, ZINC_ROPE_NEOX, .sections = true},
	};

	(void)op;
	for (size_t i = 0; i < COUNT(base); i++)
		for (int k = 0; k < 4; k++) {
			struct rope_shape s = base[i];

			s.in_place = k & 1;
			s.norm = k & 2;
			l->add(l->ctx, &rope, &s);
		}
}
