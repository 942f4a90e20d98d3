/* kv.c - cases of kv_write: every cache type, shuffled pages, missing pages. */
#include <zinc/op.h>

#include "list.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { PAGES = 6, SEQS = 2, BLOCKS = 4, MAX_N = 33 };

struct kv_shape {
	uint32_t k_dim, v_dim, heads, dtype, n, n_max, pad;
};

struct kv_data {
	float *k, *v;
};

/* Two sequences of 17 and 16 tokens around page borders; a block in the middle
 * of the first is missing. A step of fewer tokens begins near its end. */
static const int32_t table[SEQS][BLOCKS] = {{0, -1, 5, 1}, {4, 2, -1, -1}};

static void locate(const struct kv_shape *s, uint32_t i, int32_t *seq, int32_t *pos)
{
	i += s->n == MAX_N ? 0 : s->n > 1 ? 6 : 9;
	*seq = i >= 17;
	*pos = *seq ? 25 + (int32_t)i - 17 : 56 + (int32_t)i;
}

/* The row in a cache of row i of k or v (token, then head); -1: dropped. */
static int64_t cache_row(const struct kv_shape *s, uint32_t i)
{
	uint32_t head = i % s->heads;
	int32_t seq, pos, page;

	locate(s, i / s->heads, &seq, &pos);
	page = table[seq][pos / ZINC_KV_PAGE];
	if (page < 0)
		return -1;
	return ((int64_t)page * s->heads + head) * ZINC_KV_PAGE + pos % ZINC_KV_PAGE;
}

static struct zinc_view cache(struct kit_case *c, const struct kv_shape *s, uint32_t dim)
{
	struct zinc_view v = kit_tensor(c, KIT_DATA, s->dtype, dim, ZINC_KV_PAGE, s->heads, PAGES);
	struct kit_out *o = &c->outs[c->n_outs++];

	for (uint32_t i = 0; i < s->n * s->heads; i++) {
		int64_t row = cache_row(s, i);
		struct zinc_view one = v;

		one.ne[1] = one.ne[2] = one.ne[3] = 1;
		one.off += (uint64_t)row * v.nb[1];
		if (row >= 0)
			kit_may(c, &one);
	}
	/* All rows of all pages are one result; untouched ones stay NaN. */
	*o = (struct kit_out){.view = v, .row_dim = 1};
	o->view.ne[1] = PAGES * s->heads * ZINC_KV_PAGE;
	o->view.ne[2] = o->view.ne[3] = 1;
	return v;
}

static void build(struct kit_case *c, const void *shape)
{
	const struct kv_shape *s = shape;
	struct zinc_op_kv_write *op = (struct zinc_op_kv_write *)(void *)c->desc;
	struct kit_rows r = kit_rows(c, ZINC_SLOT_N_TOKENS, s->n, s->n_max);
	struct kv_data *t = c->data = kit_alloc(c, 1, sizeof(*t));
	int32_t seq[MAX_N], pos[MAX_N];
	struct zinc_view live;

	c->n_variations = 0;
	c->params[ZINC_SLOT_N_SEQS] = SEQS;
	kit_text(c, "%s, %u heads of %u and %u, N=%u of %u", num_name(s->dtype), s->heads, s->k_dim,
	         s->v_dim, s->n, s->n_max);
	if (s->pad)
		kit_text(c, ", heads %u elements apart", s->pad);
	c->desc_size = sizeof(*op);
	t->k = kit_normal(c, (size_t)s->n * s->heads * s->k_dim, 1);
	t->v = kit_normal(c, (size_t)s->n * s->heads * s->v_dim, 1);
	for (uint32_t i = 0; i < s->n; i++)
		locate(s, i, &seq[i], &pos[i]);
	*op = (struct zinc_op_kv_write){.struct_size = sizeof(*op), .n = r.slot};
	op->k = kit_act_of(c, s->k_dim, s->heads, r, s->pad, t->k);
	op->v = kit_act_of(c, s->v_dim, s->heads, r, s->pad, t->v);
	op->k_cache = cache(c, s, s->k_dim);
	op->v_cache = cache(c, s, s->v_dim);
	op->tok_seq = kit_tensor(c, KIT_TABLES, ZINC_I32, s->n_max, 1, 1, 1);
	op->tok_pos = kit_tensor(c, KIT_TABLES, ZINC_I32, s->n_max, 1, 1, 1);
	live = kit_first_rows(op->tok_seq, 0, s->n);
	kit_put(&live, seq);
	live = kit_first_rows(op->tok_pos, 0, s->n);
	kit_put(&live, pos);
	op->block_table = kit_tensor(c, KIT_TABLES, ZINC_I32, BLOCKS, SEQS, 1, 1);
	kit_put(&op->block_table, table);
}

/* Written rows are the nearest values of the cache's dtype: exact but for Q8_0
 * (see copy.c). */
static void one_side(const struct kv_shape *s, uint32_t dim, const float *x, struct kit_want *w)
{
	for (size_t i = 0; i < (size_t)w->row_elems * w->n_rows; i++)
		w->slack[i] = NAN;
	for (uint32_t i = 0; i < s->n * s->heads; i++) {
		int64_t row = cache_row(s, i);

		for (uint32_t k = 0; k < dim && row >= 0; k++) {
			size_t at = (size_t)row * dim + k, first = (size_t)i * dim + k / 32 * 32;
			float top = 0;

			w->want[at] = x[(size_t)i * dim + k];
			w->slack[at] = 0;
			if (s->dtype != ZINC_Q8_0) {
				w->want[at] = num_round(s->dtype, (float)w->want[at]);
				continue;
			}
			for (uint32_t j = 0; j < 32; j++)
				top = fmaxf(top, fabsf(x[first + j]));
			w->slack[at] = (double)top / 127 * 0.57;
		}
	}
}

static void expect(struct kit_case *c, const void *shape)
{
	const struct kv_shape *s = shape;
	const struct kv_data *t = c->data;
	uint32_t rows = PAGES * s->heads * ZINC_KV_PAGE;

	one_side(s, s->k_dim, t->k, kit_want(c, 0, s->dtype, s->k_dim, rows));
	one_side(s, s->v_dim, t->v, kit_want(c, 1, s->dtype, s->v_dim, rows));
}

static const struct kit_recipe kv_write = {ZINC_OP_KV_WRITE, build, expect, NULL};

void kv_cases(const struct kit_list *l, uint32_t op)
{
	static const uint32_t dims[][3] = {{64, 64, 3}, {128, 64, 2}, {64, 32, 3},   {33, 1, 3},
	                                   {512, 512, 1}, {256, 256, 2}, {80, 80, 4}, {96, 128, 8}};
	static const uint32_t types[] = {ZINC_F32, ZINC_F16, ZINC_BF16, ZINC_Q8_0};
	static const uint32_t ns[][2] = {{1, 1}, {33, 33}, {5, 33}, {0, 8}};

	(void)op;
	for (size_t d = 0; d < COUNT(dims); d++)
		for (size_t t = 0; t < COUNT(types); t++)
			for (size_t n = 0; n < COUNT(ns); n++)
				if (types[t] != ZINC_Q8_0 || (dims[d][0] | dims[d][1]) % 32 == 0)
					l->add(l->ctx, &kv_write, &(struct kv_shape){
						dims[d][0], dims[d][1], dims[d][2], types[t],
						ns[n][0], ns[n][1], n == 2 ? 32 : 0});
}
