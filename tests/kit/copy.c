/* copy.c - cases of copy, cast and state_copy. */
#include <zinc/op.h>

#include "list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct copy_shape {
	uint32_t from, to;
	uint32_t ne[4]; /* as recorded */
	uint32_t n;     /* live        */
	uint32_t pad_x, pad_y;
	bool odd; /* values at the edges of the formats */
};

struct copy_data {
	float *x;
	uint8_t *bytes; /* of x, dense */
	uint32_t dim;   /* along which n counts */
	uint64_t row;   /* elements of a row     */
};

static uint32_t slowest(const uint32_t ne[4])
{
	uint32_t i = 3;

	while (i > 0 && ne[i] == 1)
		i--;
	return i;
}

/* Subnormal and overflowing halves, ties, infinities. */
static void put_odd(float *x, uint64_t n)
{
	static const float odd[] = {3e-6f, 70000, 1.00048828125f, -INFINITY, 65519.9f,
	                            1.00390625f, -5.9e-8f, 0, -0.0f, 6.1e-5f, 2.9802322e-8f,
	                            65504, 1.0005f, 3.3e38f};

	for (uint64_t i = 0; i < n && i < COUNT(odd); i++)
		x[i] = odd[i];
}

static struct zinc_view strided(struct kit_case *c, uint32_t dtype, const uint32_t ne[4],
                                uint32_t pad)
{
	struct zinc_view v = kit_tensor(c, KIT_DATA, dtype, ne[0] + pad, ne[1], ne[2], ne[3]);

	/* Lanes of blocks, where the dtype has them. */
	v.off += pad / 2 / num_block(dtype) * v.nb[0];
	v.ne[0] = ne[0];
	return v;
}

static void make_data(struct kit_case *c, const struct copy_shape *s, const uint32_t all[4])
{
	struct copy_data *t = c->data;
	uint64_t n = (uint64_t)all[0] * all[1] * all[2] * all[3];

	t->x = kit_normal(c, n, 1);
	t->bytes = kit_alloc(c, num_row_bytes(s->from, n) + 1, 1);
	if (s->odd)
		put_odd(t->x, n);
	if (s->from == ZINC_U8 || s->from == ZINC_I32)
		for (uint64_t i = 0; i < num_row_bytes(s->from, n); i++)
			t->bytes[i] = (uint8_t)rnd_u64(&c->rnd);
	else
		num_encode(s->from, t->x, n, t->bytes);
}

static void build(struct kit_case *c, const void *shape)
{
	const struct copy_shape *s = shape;
	struct zinc_op_copy *op = (struct zinc_op_copy *)(void *)c->desc;
	struct copy_data *t = c->data = kit_alloc(c, 1, sizeof(*t));
	struct kit_rows r;
	uint32_t all[4], ne[4];
	struct zinc_view live;

	/* One row recorded: the whole view is that row. */
	t->dim = s->n == 1 && s->ne[slowest(s->ne)] == 1 ? 3 : slowest(s->ne);
	r = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->ne[t->dim]);
	if (t->dim == 0)
		c->n_variations = 0;
	memcpy(all, s->ne, sizeof(all));
	memcpy(ne, s->ne, sizeof(ne));
	all[t->dim] = s->n;
	ne[t->dim] = r.n_max;
	t->row = (uint64_t)s->ne[0] * s->ne[1] * s->ne[2] * s->ne[3] / s->ne[t->dim];
	make_data(c, s, all);
	kit_text(c, "%s to %s, [%u, %u, %u, %u], %u live, strides +%u and +%u%s", num_name(s->from),
	         num_name(s->to), s->ne[3], s->ne[2], s->ne[1], s->ne[0], s->n, s->pad_x, s->pad_y,
	         s->odd ? ", odd values" : "");
	c->desc_size = sizeof(*op);
	*op = (struct zinc_op_copy){.struct_size = sizeof(*op), .n = r.slot};
	op->x = strided(c, s->from, ne, s->pad_x);
	op->y = strided(c, s->to, ne, s->pad_y);
	live = kit_first_rows(op->x, t->dim, r.n);
	kit_put(&live, t->bytes + num_row_bytes(s->from, t->row) * r.first);
	kit_out(c, &op->y, t->dim, r);
}

/* Exact but for Q8_0: half a step of the largest of 32, and what rounding the
 * scale to 16 bits moves the 127 steps below it. */
static void expect(struct kit_case *c, const void *shape)
{
	const struct copy_shape *s = shape;
	const struct copy_data *t = c->data;
	struct kit_want *w = kit_want(c, 0, s->to, (uint32_t)t->row, s->n);
	uint64_t n = t->row * s->n;
	uint8_t bytes[4] = {0};

	num_decode(s->from, t->bytes, n, w->want, NULL);
	if (s->from == s->to)
		return;
	for (uint64_t i = 0; i < n && s->to != ZINC_Q8_0; i++) {
		float x = (float)w->want[i];

		num_encode(s->to, &x, 1, bytes);
		num_decode(s->to, bytes, 1, &w->want[i], NULL);
	}
	for (uint64_t i = 0; i < n && s->to == ZINC_Q8_0; i++) {
		double top = 0;

		for (uint64_t k = i / 32 * 32; k < i / 32 * 32 + 32; k++)
			top = fmax(top, fabs(w->want[k]));
		w->slack[i] = top / 127 * 0.57;
	}
}

static const struct kit_recipe copy = {ZINC_OP_COPY, build, expect, NULL};
static const struct kit_recipe cast = {ZINC_OP_CAST, build, expect, NULL};

static const uint32_t shapes[][5] = {
	/* ne, live */
	{6, 1, 1, 1, 4},  {1, 1, 1, 1, 1},   {5, 1, 1, 1, 5},    {3, 6, 1, 1, 4},
	{3, 2, 6, 1, 6},  {2, 3, 2, 6, 5},   {64, 33, 1, 1, 33}, {128, 4, 64, 1, 33},
	{100, 7, 1, 1, 0}, {4096, 65, 1, 1, 65}, {256, 16, 130, 1, 130},
};

static void copies(const struct kit_list *l)
{
	static const uint32_t types[] = {ZINC_F32, ZINC_F16, ZINC_BF16, ZINC_I32, ZINC_U8};

	for (size_t i = 0; i < COUNT(shapes); i++)
		for (size_t t = 0; t < COUNT(types); t++)
			for (uint32_t pad = 0; pad < 3; pad++) {
				struct copy_shape s = {types[t], types[t], .n = shapes[i][4],
				                       .pad_x = pad == 1 ? 3 : 0,
				                       .pad_y = pad == 2 ? 128 : 0};

				memcpy(s.ne, shapes[i], sizeof(s.ne));
				l->add(l->ctx, &copy, &s);
			}
	l->add(l->ctx, &copy, &(struct copy_shape){ZINC_Q8_0, ZINC_Q8_0, {64, 3, 5, 1}, 4, 0, 64,
	                                           false});
}

static void casts(const struct kit_list *l)
{
	static const uint32_t types[] = {ZINC_F32, ZINC_F16, ZINC_BF16, ZINC_Q8_0};

	for (size_t i = 0; i < COUNT(shapes); i++)
		for (int from = 0; from < 3; from++)
			for (int to = 0; to < 4; to++) {
				struct copy_shape s = {types[from], types[to], .n = shapes[i][4],
				                       .odd = i % 2 == 0};

				memcpy(s.ne, shapes[i], sizeof(s.ne));
				s.pad_x = i % 3 == 1 ? 32 : 0;
				s.pad_y = i % 3 == 2 ? 32 : 0;
				if (to == 3 && (from || s.ne[0] % 32))
					continue;
				s.odd = s.odd && to < 3;
				l->add(l->ctx, &cast, &s);
			}
}

void copy_cases(const struct kit_list *l, uint32_t op)
{
	if (op == ZINC_OP_COPY)
		copies(l);
	else
		casts(l);
}

/* Entries of a pool copied and cleared, one submit after the other. */
struct state_shape {
	uint32_t bytes, n;
};

enum { STATE_STEPS = 4 };

static void moves(uint32_t step, uint32_t n, uint32_t *src, uint32_t *dst)
{
	const uint32_t all[STATE_STEPS][2] = {{n - 1, 0}, {ZINC_STATE_ZERO, n / 2}, {0, 0},
	                                      {0, n - 1}};

	*src = all[step][0];
	*dst = all[step][1];
}

static void build_state(struct kit_case *c, const void *shape)
{
	const struct state_shape *s = shape;
	struct zinc_op_state_copy *op = (struct zinc_op_state_copy *)(void *)c->desc;

	kit_text(c, "%u entries of %u bytes", s->n, s->bytes);
	c->desc_size = sizeof(*op);
	c->data = kit_alloc(c, s->n, s->bytes);
	for (uint64_t i = 0; i < (uint64_t)s->n * s->bytes; i++)
		((uint8_t *)c->data)[i] = (uint8_t)rnd_u64(&c->rnd);
	*op = (struct zinc_op_state_copy){.struct_size = sizeof(*op),
	                                  .src = zinc_slot(ZINC_SLOT_USER0, s->n - 1),
	                                  .dst = zinc_slot(ZINC_SLOT_USER1, s->n - 1)};
	op->pool = kit_tensor(c, KIT_DATA, ZINC_U8, s->bytes, s->n, 1, 1);
	kit_put(&op->pool, c->data);
	kit_out(c, &op->pool, 1, (struct kit_rows){.n = s->n, .n_max = s->n});
}

static bool step_state(struct kit_case *c, const void *shape, uint32_t i)
{
	const struct state_shape *s = shape;

	if (i == STATE_STEPS)
		return false;
	moves(i, s->n, &c->params[ZINC_SLOT_USER0], &c->params[ZINC_SLOT_USER1]);
	c->outs[0].first = i * s->n;
	return true;
}

static void expect_state(struct kit_case *c, const void *shape)
{
	const struct state_shape *s = shape;
	struct kit_want *w = kit_want(c, 0, ZINC_U8, s->bytes, STATE_STEPS * s->n);
	size_t pool = (size_t)s->n * s->bytes;
	uint8_t *now = kit_alloc(c, pool, 1);

	memcpy(now, c->data, pool);
	for (uint32_t i = 0; i < STATE_STEPS; i++) {
		uint32_t src, dst;

		moves(i, s->n, &src, &dst);
		if (src == ZINC_STATE_ZERO)
			memset(now + (size_t)dst * s->bytes, 0, s->bytes);
		else
			memmove(now + (size_t)dst * s->bytes, now + (size_t)src * s->bytes,
			        s->bytes);
		num_decode(ZINC_U8, now, pool, w->want + i * pool, NULL);
	}
}

static const struct kit_recipe state = {ZINC_OP_STATE_COPY, build_state, expect_state, step_state};

void state_copy_cases(const struct kit_list *l, uint32_t op)
{
	static const struct state_shape list[] = {{1001, 4}, {1, 3}, {4096, 1}, {262144, 5},
	                                          {65540, 2}};

	(void)op;
	for (size_t i = 0; i < COUNT(list); i++)
		l->add(l->ctx, &state, &list[i]);
}
