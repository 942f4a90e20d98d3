/* attn_world.c - builds a cache of shuffled pages and the exact answers. */
#include "attn_world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op_check.h"
#include "quant.h"
#include "ref.h"

static uint32_t positions(const struct attn_case *c, uint32_t seq)
{
	return c->before[seq] + c->fresh[seq];
}

static uint32_t blocks_of(uint32_t n)
{
	return (n + ZINC_KV_PAGE - 1) / ZINC_KV_PAGE;
}

/* The first block that some fresh token of the sequence sees. */
static uint32_t first_block(const struct attn_case *c, uint32_t seq)
{
	uint32_t seen_from = c->before[seq] + 1;

	return c->window && seen_from > c->window ? (seen_from - c->window) / ZINC_KV_PAGE : 0;
}

static void lay_out(struct attn_world *w, struct rnd *r)
{
	const struct attn_case *c = w->c;
	int32_t *pages, next = 0;

	for (uint32_t s = 0; s < c->n_seqs; s++) {
		uint32_t n = blocks_of(positions(c, s));

		w->n_tokens += c->fresh[s];
		w->n_pages += n;
		w->max_blocks = n > w->max_blocks ? n : w->max_blocks;
		w->kv_len[s] = (int32_t)positions(c, s);
		w->seq_first[s + 1] = (int32_t)w->n_tokens;
	}
	w->max_blocks += 2;
	w->n_pages += 3;
	w->blocks = must_calloc((size_t)c->n_seqs * w->max_blocks, sizeof(int32_t));
	memset(w->blocks, 0xff, (size_t)c->n_seqs * w->max_blocks * sizeof(int32_t));
	pages = rnd_permutation(r, w->n_pages);
	for (uint32_t s = 0; s < c->n_seqs; s++)
		for (uint32_t b = first_block(c, s); b < blocks_of(positions(c, s)); b++)
			w->blocks[s * w->max_blocks + b] = pages[next++];
	free(pages);
	w->tok_seq = must_calloc(w->n_tokens, sizeof(int32_t));
	w->tok_pos = must_calloc(w->n_tokens, sizeof(int32_t));
	for (uint32_t s = 0, t = 0; s < c->n_seqs; s++) {
		for (uint32_t i = 0; i < c->fresh[s]; i++, t++) {
			w->tok_seq[t] = (int32_t)s;
			w->tok_pos[t] = (int32_t)(c->before[s] + i);
		}
	}
}

/* Random rows of one side, as floats and in the image of its cache. */
static uint8_t *fill_side(const struct attn_world *w, struct rnd *r, uint32_t dim, float **rows)
{
	const struct attn_case *c = w->c;
	uint64_t bytes = quant_row_bytes(c->dtype, dim);
	uint64_t total = w->n_pages * c->n_head_kv * ZINC_KV_PAGE * bytes;
	uint8_t *image = must_calloc(total, 1);

	memset(image, 0xff, total);
	for (uint32_t s = 0; s < c->n_seqs; s++) {
		uint32_t n = positions(c, s) * c->n_head_kv;

		rows[s] = rnd_normal(r, (size_t)n * dim, 1);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t pos = i / c->n_head_kv, head = i % c->n_head_kv;
			int32_t page = w->blocks[s * w->max_blocks + pos / ZINC_KV_PAGE];
			uint64_t row = ((uint64_t)(page < 0 ? 0 : page) * c->n_head_kv + head) *
			               ZINC_KV_PAGE + pos % ZINC_KV_PAGE;
			uint8_t scratch[4096];
			uint8_t *at = page < 0 ? scratch : image + row * bytes;
			float *x = rows[s] + (size_t)i * dim;

			quant_from_f32(c->dtype, x, at, dim);
			quant_to_f32(c->dtype, at, x, dim);
		}
	}
	return image;
}

static float scale_of(const struct attn_case *c)
{
	return 1 / sqrtf((float)(c->q_dim < c->k_dim ? c->q_dim : c->k_dim));
}

static void answer(struct attn_world *w)
{
	const struct attn_case *c = w->c;
	uint32_t group = c->n_head / c->n_head_kv;

	for (uint32_t i = 0; i < w->n_tokens * c->n_head; i++) {
		uint32_t t = i / c->n_head, kv = i % c->n_head / group;
		const float *k = w->k[w->tok_seq[t]], *v = w->v[w->tok_seq[t]];
		struct ref_attn q = {
			.q = w->q + (size_t)i * c->q_dim,
			.k = k + (size_t)kv * c->k_dim,
			.v = v + (size_t)kv * c->v_dim,
			.k_step = (size_t)c->n_head_kv * c->k_dim,
			.v_step = (size_t)c->n_head_kv * c->v_dim,
			.n_lanes = c->q_dim < c->k_dim ? c->q_dim : c->k_dim,
			.v_lanes = c->v_dim,
			.pos = (uint32_t)w->tok_pos[t],
			.window = c->window,
			.scale = scale_of(c),
			.softcap = c->softcap,
			.gate = c->gate ? w->gate + (size_t)i * c->v_dim : NULL,
		};

		ref_attn_query(&q, w->want + (size_t)i * c->v_dim);
	}
}

struct attn_world *world_create(const struct attn_case *c)
{
	struct attn_world *w = must_calloc(1, sizeof(*w));
	struct rnd r = {c->n_head * 7 + c->q_dim + c->window * 3 + c->dtype};
	size_t heads;

	w->c = c;
	lay_out(w, &r);
	heads = (size_t)w->n_tokens * c->n_head;
	/* Queries of a size that makes some keys stand out. */
	w->q = rnd_normal(&r, heads * c->q_dim, 2);
	w->gate = rnd_normal(&r, heads * c->v_dim, 2);
	w->k_image = fill_side(w, &r, c->k_dim, w->k);
	w->v_image = fill_side(w, &r, c->v_dim, w->v);
	w->want = must_calloc(heads * c->v_dim, sizeof(*w->want));
	answer(w);
	return w;
}

void world_destroy(struct attn_world *w)
{
	for (uint32_t s = 0; s < w->c->n_seqs; s++) {
		free(w->k[s]);
		free(w->v[s]);
	}
	free(w->want);
	free(w->v_image);
	free(w->k_image);
	free(w->blocks);
	free(w->tok_pos);
	free(w->tok_seq);
	free(w->gate);
	free(w->q);
	free(w);
}

static void put_queries(struct op_run *r, const struct attn_world *w, uint32_t first, uint32_t n,
                        struct zinc_op_flash_attn *op)
{
	const struct attn_case *c = w->c;
	size_t row = (size_t)first * c->n_head;

	if (c->interleaved) {
		struct zinc_view wide = run_view(r, ZINC_F32, c->q_dim + c->v_dim, c->n_head, n, 1);

		op->q = zinc_view_lanes(wide, 0, c->q_dim);
		op->gate = zinc_view_lanes(wide, c->q_dim, c->v_dim);
	} else {
		op->q = run_view(r, ZINC_F32, c->q_dim, c->n_head, n, 1);
		op->gate = run_view(r, ZINC_F32, c->v_dim, c->n_head, n, 1);
	}
	run_put(r, &op->q, w->q + row * c->q_dim);
	run_put(r, &op->gate, w->gate + row * c->v_dim);
	if (!c->gate)
		op->gate.buf = NULL;
}

struct zinc_op_flash_attn world_op(struct op_run *r, const struct attn_world *w, uint32_t first,
                                   uint32_t n)
{
	const struct attn_case *c = w->c;
	bool all = n == w->n_tokens;
	int32_t one_seq[2] = {0, (int32_t)n}, seqs = all ? (int32_t)c->n_seqs : 1;
	int32_t seq = all ? 0 : w->tok_seq[first], zero[64] = {0};
	struct zinc_op_flash_attn op = {.struct_size = sizeof(op), .q_head_dim = c->q_dim,
	                                .kv_head_dim = c->k_dim, .n_head = c->n_head,
	                                .n_head_kv = c->n_head_kv, .scale = scale_of(c),
	                                .softcap = c->softcap, .window = c->window};

	op.n = zinc_slot(ZINC_SLOT_N_TOKENS, n);
	op.n_seqs = zinc_slot(ZINC_SLOT_N_SEQS, (uint32_t)seqs);
	put_queries(r, w, first, n, &op);
	op.out = run_view(r, ZINC_F32, c->v_dim, c->n_head, n, 1);
	op.k_cache = run_view(r, c->dtype, c->k_dim, ZINC_KV_PAGE, c->n_head_kv, w->n_pages);
	op.v_cache = run_view(r, c->dtype, c->v_dim, ZINC_KV_PAGE, c->n_head_kv, w->n_pages);
	run_put(r, &op.k_cache, w->k_image);
	run_put(r, &op.v_cache, w->v_image);
	op.tok_seq = run_view_i32(r, all ? w->tok_seq : zero, n, 1);
	op.tok_pos = run_view_i32(r, w->tok_pos + first, n, 1);
	op.seq_first = run_view_i32(r, all ? w->seq_first : one_seq, (uint32_t)seqs + 1, 1);
	op.seq_kv_len = run_view_i32(r, w->kv_len + seq, (uint32_t)seqs, 1);
	op.block_table = run_view_i32(r, w->blocks + (size_t)seq * w->max_blocks, w->max_blocks,
	                              (uint32_t)seqs);
	return op;
}

struct run_params world_params(const struct attn_world *w, uint32_t n)
{
	return run_step(n, n == w->n_tokens ? w->c->n_seqs : 1);
}
