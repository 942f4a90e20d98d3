/* attn.c - cases of flash_attn: sequences with a paged cache. */
#include <zinc/op.h>

#include "attn.h"
#include "conformance/ref.h"

struct attn_data {
	uint32_t n_tokens, max_blocks, n_pages;
	float *q, *gate;             /* [n_tokens][n_head][q_dim], [..][v_dim] */
	float *k[ATTN_SEQS], *v[ATTN_SEQS];    /* [positions][n_head_kv][dim], as rounded */
	int32_t *tok_seq, *tok_pos, *blocks;
	int32_t seq_first[ATTN_SEQS + 1], kv_len[ATTN_SEQS];
	uint8_t *k_image, *v_image;
};

static uint32_t positions(const struct attn_shape *s, uint32_t seq)
{
	return s->before[seq] + s->fresh[seq];
}

static uint32_t blocks_of(uint32_t n)
{
	return (n + ZINC_KV_PAGE - 1) / ZINC_KV_PAGE;
}

/* The first block that some fresh token of the sequence sees; those before it
 * have been freed. */
static uint32_t first_block(const struct attn_shape *s, uint32_t seq)
{
	uint32_t end = s->before[seq] + 1;

	return s->window && end > s->window ? (end - s->window) / ZINC_KV_PAGE : 0;
}

static void lay_out(struct kit_case *c, const struct attn_shape *s)
{
	struct attn_data *t = c->data;
	int32_t *pages, next = 0;

	for (uint32_t q = 0; q < s->n_seqs; q++) {
		uint32_t n = blocks_of(positions(s, q));

		t->n_tokens += s->fresh[q];
		t->n_pages += n;
		t->max_blocks = n > t->max_blocks ? n : t->max_blocks;
		t->kv_len[q] = (int32_t)positions(s, q);
		t->seq_first[q + 1] = (int32_t)t->n_tokens;
	}
	t->max_blocks += 2;
	t->n_pages += 3;
	t->blocks = kit_alloc(c, (size_t)s->n_seqs * t->max_blocks, sizeof(int32_t));
	memset(t->blocks, 0xff, (size_t)s->n_seqs * t->max_blocks * sizeof(int32_t));
	pages = rnd_permutation(&c->rnd, t->n_pages);
	for (uint32_t q = 0; q < s->n_seqs; q++)
		for (uint32_t b = first_block(s, q); b < blocks_of(positions(s, q)); b++)
			t->blocks[q * t->max_blocks + b] = pages[next++];
	free(pages);
	t->tok_seq = kit_alloc(c, t->n_tokens + 1, sizeof(int32_t));
	t->tok_pos = kit_alloc(c, t->n_tokens + 1, sizeof(int32_t));
	for (uint32_t q = 0, i = 0; q < s->n_seqs; q++)
		for (uint32_t k = 0; k < s->fresh[q]; k++, i++) {
			t->tok_seq[i] = (int32_t)q;
			t->tok_pos[i] = (int32_t)(s->before[q] + k);
		}
}

/* Random rows of one side, as floats and in the image of its cache: NaN where
 * no sequence has a position. */
static uint8_t *fill_side(struct kit_case *c, const struct attn_shape *s, uint32_t dim,
                          float **rows)
{
	const struct attn_data *t = c->data;
	uint64_t bytes = num_row_bytes(s->dtype, dim);
	uint64_t total = (uint64_t)t->n_pages * s->n_head_kv * ZINC_KV_PAGE * bytes;
	uint8_t *image = kit_alloc(c, total, 1), *encoded = kit_alloc(c, bytes, 1);
	double *value = kit_alloc(c, dim, sizeof(*value));

	memset(image, 0xff, total);
	for (uint32_t q = 0; q < s->n_seqs; q++) {
		uint32_t n = positions(s, q) * s->n_head_kv;

		rows[q] = kit_normal(c, (size_t)n * dim, 1);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t pos = i / s->n_head_kv, head = i % s->n_head_kv;
			int32_t page = t->blocks[q * t->max_blocks + pos / ZINC_KV_PAGE];
			float *x = rows[q] + (size_t)i * dim;

			num_encode(s->dtype, x, dim, encoded);
			num_decode(s->dtype, encoded, dim, value, NULL);
			for (uint32_t k = 0; k < dim; k++)
				x[k] = (float)value[k];
			if (page >= 0)
				memcpy(image + (((uint64_t)page * s->n_head_kv + head) *
				                ZINC_KV_PAGE + pos % ZINC_KV_PAGE) * bytes,
				       encoded, bytes);
		}
	}
	return image;
}

static float scale_of(const struct attn_shape *s)
{
	return 1 / sqrtf((float)(s->q_dim < s->k_dim ? s->q_dim : s->k_dim));
}

static void describe(struct kit_case *c, const struct attn_shape *s)
{
	kit_text(c, "%s, %u/%u heads of q %u k %u v %u, window %u, softcap %g%s%s",
	         num_name(s->dtype), s->n_head, s->n_head_kv, s->q_dim, s->k_dim, s->v_dim,
	         s->window,
	         (double)s->softcap, s->gate ? ", gate" : "",
	         s->interleaved ? ", interleaved" : "");
	for (uint32_t q = 0; q < s->n_seqs; q++)
		kit_text(c, ", %u+%u", s->before[q], s->fresh[q]);
	if (s->more_tokens || s->more_seqs)
		kit_text(c, ", recorded for %u tokens and %u sequences more", s->more_tokens,
		         s->more_seqs);
}

static void put_queries(struct kit_case *c, const struct attn_shape *s, struct kit_rows r,
                        struct zinc_op_flash_attn *op)
{
	const struct attn_data *t = c->data;
	struct zinc_view wide, live;

	if (!s->interleaved) {
		op->q = kit_act_of(c, s->q_dim, s->n_head, r, 0, t->q);
		if (s->gate)
			op->gate = kit_act_of(c, s->v_dim, s->n_head, r, 0, t->gate);
		return;
	}
	wide = kit_tensor(c, KIT_DATA, ZINC_F32, s->q_dim + s->v_dim, s->n_head, r.n_max, 1);
	op->q = zinc_view_lanes(wide, 0, s->q_dim);
	live = kit_first_rows(op->q, 2, r.n);
	kit_put(&live, t->q + (size_t)r.first * s->n_head * s->q_dim);
	if (s->gate) {
		op->gate = zinc_view_lanes(wide, s->q_dim, s->v_dim);
		live = kit_first_rows(op->gate, 2, r.n);
		kit_put(&live, t->gate + (size_t)r.first * s->n_head * s->v_dim);
	}
}

/* A token alone is a step of its own with one sequence. */
static void put_tables(struct kit_case *c, const struct attn_shape *s, struct kit_rows r,
                       struct zinc_op_flash_attn *op)
{
	const struct attn_data *t = c->data;
	static const int32_t zero[1] = {0}, one[2] = {0, 1};
	int32_t seq = c->variation ? t->tok_seq[r.first] : 0;
	uint32_t n_seqs = c->variation ? 1 : s->n_seqs;
	uint32_t seqs_max = c->variation ? 1 : s->n_seqs + s->more_seqs;
	struct zinc_view live;

	op->n_seqs = zinc_slot(ZINC_SLOT_N_SEQS, seqs_max);
	c->params[ZINC_SLOT_N_SEQS] = n_seqs;
	op->tok_seq = kit_tensor(c, KIT_TABLES, ZINC_I32, r.n_max, 1, 1, 1);
	live = kit_first_rows(op->tok_seq, 0, r.n);
	kit_put(&live, c->variation ? zero : t->tok_seq);
	op->tok_pos = kit_tensor(c, KIT_TABLES, ZINC_I32, r.n_max, 1, 1, 1);
	live = kit_first_rows(op->tok_pos, 0, r.n);
	kit_put(&live, t->tok_pos + r.first);
	op->seq_first = kit_tensor(c, KIT_TABLES, ZINC_I32, seqs_max + 1, 1, 1, 1);
	live = kit_first_rows(op->seq_first, 0, n_seqs + 1);
	kit_put(&live, c->variation ? one : t->seq_first);
	op->seq_kv_len = kit_tensor(c, KIT_TABLES, ZINC_I32, seqs_max, 1, 1, 1);
	live = kit_first_rows(op->seq_kv_len, 0, n_seqs);
	kit_put(&live, t->kv_len + seq);
	op->block_table = kit_tensor(c, KIT_TABLES, ZINC_I32, t->max_blocks, seqs_max, 1, 1);
	live = kit_first_rows(op->block_table, 1, n_seqs);
	kit_put(&live, t->blocks + (size_t)seq * t->max_blocks);
}

static void build(struct kit_case *c, const void *shape)
{
	const struct attn_shape *s = shape;
	struct zinc_op_flash_attn *op = (struct zinc_op_flash_attn *)(void *)c->desc;
	struct attn_data *t = c->data = kit_alloc(c, 1, sizeof(*t));
	struct kit_rows r;

	describe(c, s);
	lay_out(c, s);
	r = kit_rows(c, ZINC_SLOT_N_TOKENS, t->n_tokens, t->n_tokens + s->more_tokens);
	c->fused = s->gate;
	/* No model has heads of such a size. */
	c->optional = (s->q_dim | s->k_dim | s->v_dim) % 16;
	c->desc_size = sizeof(*op);
	/* Queries of a size that makes some keys stand out. */
	t->q = kit_normal(c, (size_t)t->n_tokens * s->n_head * s->q_dim, 2);
	t->gate = kit_normal(c, (size_t)t->n_tokens * s->n_head * s->v_dim, 2);
	t->k_image = fill_side(c, s, s->k_dim, t->k);
	t->v_image = fill_side(c, s, s->v_dim, t->v);
	*op = (struct zinc_op_flash_attn){
		.struct_size = sizeof(*op), .q_head_dim = s->q_dim, .kv_head_dim = s->k_dim,
		.n_head = s->n_head, .n_head_kv = s->n_head_kv, .scale = scale_of(s),
		.softcap = s->softcap, .window = s->window, .n = r.slot};
	put_queries(c, s, r, op);
	op->out = kit_act(c, s->v_dim, s->n_head, r.n_max, s->interleaved ? 16 : 0);
	op->k_cache = kit_tensor(c, KIT_DATA, s->dtype, s->k_dim, ZINC_KV_PAGE, s->n_head_kv,
	                         t->n_pages);
	op->v_cache = kit_tensor(c, KIT_DATA, s->dtype, s->v_dim, ZINC_KV_PAGE, s->n_head_kv,
	                         t->n_pages);
	kit_put(&op->k_cache, t->k_image);
	kit_put(&op->v_cache, t->v_image);
	put_tables(c, s, r, op);
	kit_out(c, &op->out, 2, r);
}

/* F32: TOL_F32 of the row's root mean square, and a few roundings of the terms,
 * where they cancel. 16 bits: the terms of a score and of the sum over keys are
 * each off by 2^-8 of themselves, independently; 4 times the root of the sum of
 * the squares of what that changes. */
static void expect(struct kit_case *c, const void *shape)
{
	const struct attn_shape *s = shape;
	const struct attn_data *t = c->data;
	uint32_t group = s->n_head / s->n_head_kv;
	struct kit_want *w = kit_want(c, 0, ZINC_F32, s->n_head * s->v_dim, t->n_tokens);
	double *terms = kit_alloc(c, s->v_dim, sizeof(*terms)), score_size;

	w->slack16 = kit_alloc(c, (size_t)t->n_tokens * s->n_head * s->v_dim, sizeof(double));
	for (uint32_t i = 0; i < t->n_tokens * s->n_head; i++) {
		uint32_t token = i / s->n_head, kv = i % s->n_head / group;
		size_t at = (size_t)i * s->v_dim;
		struct ref_attn q = {
			.q = t->q + (size_t)i * s->q_dim,
			.k = t->k[t->tok_seq[token]] + (size_t)kv * s->k_dim,
			.v = t->v[t->tok_seq[token]] + (size_t)kv * s->v_dim,
			.k_step = (size_t)s->n_head_kv * s->k_dim,
			.v_step = (size_t)s->n_head_kv * s->v_dim,
			.n_lanes = s->q_dim < s->k_dim ? s->q_dim : s->k_dim,
			.v_lanes = s->v_dim,
			.pos = (uint32_t)t->tok_pos[token],
			.window = s->window,
			.scale = (double)scale_of(s),
			.softcap = (double)s->softcap,
			.gate = s->gate ? t->gate + at : NULL,
			.score_size = &score_size,
			.terms = terms,
		};

		ref_attn_query(&q, w->want + at);
		for (uint32_t l = 0; l < s->v_dim; l++) {
			w->slack[at + l] = 4 * TOL_ROUNDING * (score_size + 4) * terms[l];
			w->slack16[at + l] = 4 * 0x1p-8 * (score_size + 1) * terms[l];
		}
	}
	kit_slack_rows(w, s->v_dim, TOL_F32);
}

const struct kit_recipe attn = {ZINC_OP_FLASH_ATTN, build, expect, NULL};
