/* test_cuda_shared.c - sequences that share the pages of a prefix: read once for all, with
 * the result of a plain softmax over each one's keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "model/half.h"
#include "plugin_rig.h"

enum { D = 64, HEADS = 4, SEQS = 3, PAGES = 48, BLOCKS = 16, MOST = 48, PAGE = ZINC_KV_PAGE,
       CACHE = 2 * 2 * PAGES * PAGE * D };

/* What the sequences of a step have: positions in common, in all, and how many tokens of
 * this step. */
struct step {
	uint32_t common[SEQS], all[SEQS], fresh[SEQS]; /* common: pages shared with sequence 0 */
	uint32_t shared; /* positions that are read once */
};

static const struct step steps[] = {
	/* Up to the first page that differs, to whole pairs of pages. */
	{{0, 8, 8}, {300, 270, 300}, {1, 1, 1}, 256},
	{{0, 8, 5}, {300, 270, 300}, {1, 1, 1}, 128},
	/* As far as the first new token of each sees them. */
	{{0, 8, 8}, {300, 200, 300}, {1, 1, 1}, 192},
	{{0, 8, 8}, {300, 270, 300}, {2, 9, 3}, 256},
	{{0, 8, 8}, {300, 264, 300}, {2, 9, 3}, 256},
	{{0, 8, 8}, {300, 290, 300}, {20, 9, 14}, 256}, /* more than a tile has */
	{{0, 8, 8}, {300, 263, 300}, {2, 9, 3}, 192},
	/* A token that is the end of what all share; nothing shared. */
	{{0, 8, 8}, {256, 256, 256}, {1, 1, 1}, 256},
	{{0, 1, 1}, {300, 270, 300}, {1, 1, 1}, 0},
	{{0, 0, 0}, {40, 33, 1}, {1, 1, 1}, 0},
	/* Sequences without tokens do not count, but sequence 0's are the pages that are read. */
	{{0, 8, 8}, {300, 270, 300}, {1, 1, 0}, 256},
	{{0, 8, 1}, {300, 270, 300}, {1, 3, 0}, 256},
	{{0, 3, 3}, {70, 270, 300}, {0, 2, 1}, 64},
	{{0, 0, 0}, {300, 270, 300}, {0, 0, 3}, 0},
};

struct world {
	struct plugin_rig r;
	struct zinc_buf *cache, *data, *tables, *scratch;
	struct zinc_op_flash_attn op;
	const struct step *step;
	int32_t blocks[SEQS][BLOCKS], seq[MOST], pos[MOST], first[SEQS + 1], len[SEQS];
	uint32_t n;
};

static int key_at(uint32_t slot, uint32_t d)
{
	return (int)((slot * 13 + d * 7 + slot * d) % 9) - 4;
}

static int value_at(uint32_t slot, uint32_t d)
{
	return (int)((slot * 5 + d * 11 + slot / 7) % 17) - 8;
}

static float query_at(uint32_t token, uint32_t head, uint32_t d)
{
	return (float)((int)((token * 3 + head * 5 + d * 2) % 7) - 3) / 4;
}

static void fill_cache(struct world *w)
{
	static uint16_t k[PAGES * PAGE * D], v[PAGES * PAGE * D];

	for (uint32_t i = 0; i < PAGES * PAGE * D; i++) {
		k[i] = half_f32_to_f16(key_at(i / D, i % D));
		v[i] = half_f32_to_f16(value_at(i / D, i % D));
	}
	assert_int_equal(w->r.b->buf_write(w->cache, 0, k, sizeof(k)), 0);
	assert_int_equal(w->r.b->buf_write(w->cache, sizeof(k), v, sizeof(v)), 0);
}

static void lay_out(struct world *w)
{
	const struct step *s = w->step;

	w->n = 0;
	memset(w->blocks, 0xff, sizeof(w->blocks));
	for (uint32_t q = 0; q < SEQS; q++) {
		for (uint32_t b = 0; b * PAGE < s->all[q]; b++)
			w->blocks[q][b] = b < s->common[q] ? w->blocks[0][b]
			                                   : (int32_t)(q * BLOCKS + b * 5 % BLOCKS);
		w->first[q] = (int32_t)w->n;
		w->len[q] = (int32_t)s->all[q];
		for (uint32_t i = 0; i < s->fresh[q]; i++, w->n++) {
			w->seq[w->n] = (int32_t)q;
			w->pos[w->n] = (int32_t)(s->all[q] - s->fresh[q] + i);
		}
	}
	w->first[SEQS] = (int32_t)w->n;
}

static struct zinc_view table(struct world *w, const void *data, uint32_t ne0, uint32_t ne1,
                              uint64_t off)
{
	struct zinc_view v = rig_view(w->tables, ZINC_I32, ne0, ne1, 4ull * ne0);

	v.off = off;
	assert_int_equal(w->r.b->buf_write(w->tables, off, data, 4ull * ne0 * ne1), 0);
	return v;
}

static struct zinc_view three_d(struct zinc_buf *buf, uint32_t dtype, uint64_t off, uint32_t ne1,
                                uint32_t ne2, uint32_t ne3)
{
	struct zinc_view v = rig_view(buf, dtype, D, ne1, D * (dtype == ZINC_F32 ? 4ull : 2));

	v.off = off;
	v.ne[2] = ne2;
	v.ne[3] = ne3;
	v.nb[3] = v.nb[2] * ne2;
	return v;
}

static void make_op(struct world *w)
{
	const uint64_t side = CACHE / 2;
	float q[MOST * HEADS * D];

	w->op = (struct zinc_op_flash_attn){
		.struct_size = sizeof(w->op), .q = three_d(w->data, ZINC_F32, 0, HEADS, w->n, 1),
		.out = three_d(w->data, ZINC_F32, 1 << 19, HEADS, w->n, 1),
		.k_cache = three_d(w->cache, ZINC_F16, 0, PAGE, 1, PAGES),
		.v_cache = three_d(w->cache, ZINC_F16, side, PAGE, 1, PAGES),
		.tok_seq = table(w, w->seq, w->n, 1, 0), .tok_pos = table(w, w->pos, w->n, 1, 1024),
		.seq_first = table(w, w->first, SEQS + 1, 1, 2048),
		.seq_kv_len = table(w, w->len, SEQS, 1, 3072),
		.block_table = table(w, w->blocks, BLOCKS, SEQS, 4096), .n = zinc_imm(w->n),
		.n_seqs = zinc_imm(SEQS), .q_head_dim = D, .kv_head_dim = D, .n_head = HEADS,
		.n_head_kv = 1, .scale = 0.125f};
	for (uint32_t i = 0; i < w->n * HEADS * D; i++)
		q[i] = query_at(i / D / HEADS, i / D % HEADS, i % D);
	assert_int_equal(w->r.b->buf_write(w->data, 0, q, 4ull * w->n * HEADS * D), 0);
}

static void run(struct world *w, float *out)
{
	const struct zinc_op_impl *impl = rig_op(ZINC_OP_FLASH_ATTN);
	uint32_t shared = rig_variant(impl, "shared"), params[ZINC_SLOT_COUNT] = {0};
	const struct zinc_backend *b = w->r.b;
	struct zinc_timeline *tl;
	struct zinc_cmd *cmd;
	struct zinc_point done;
	struct zinc_submit s = {.struct_size = sizeof(s), .cmds = &cmd, .n_cmds = 1,
	                        .signal = &done, .n_signal = 1, .params = params};

	assert_int_equal(impl->supports(w->r.dev, &w->op, shared), 0);
	assert_true(impl->scratch(w->r.dev, &w->op, shared) <= 1 << 22);
	assert_int_equal(b->cmd_begin(w->r.dev, 0, w->scratch, &cmd, NULL), 0);
	impl->record(cmd, &w->op, shared);
	assert_int_equal(b->cmd_end(cmd, NULL), 0);
	assert_int_equal(b->tl_create(w->r.dev, 0, &tl), 0);
	done = (struct zinc_point){tl, 1};
	assert_int_equal(b->submit(w->r.dev, &s, NULL), 0);
	assert_int_equal(b->tl_wait(tl, 1, UINT64_MAX), 0);
	assert_int_equal(b->buf_read(w->data, 1 << 19, out, 4ull * w->n * HEADS * D), 0);
	b->tl_free(tl);
	b->cmd_free(cmd);
}

/* Row `out` of D lanes. */
static void expected(const struct world *w, uint32_t token, uint32_t head, double *out)
{
	double all = 0;

	memset(out, 0, D * sizeof(*out));
	for (int32_t i = 0; i <= w->pos[token]; i++) {
		uint32_t slot = (uint32_t)(w->blocks[w->seq[token]][i / PAGE] * PAGE + i % PAGE);
		double score = 0, weight;

		for (uint32_t d = 0; d < D; d++)
			score += (double)query_at(token, head, d) * key_at(slot, d);
		weight = exp(score * 0.125);
		all += weight;
		for (uint32_t d = 0; d < D; d++)
			out[d] += weight * value_at(slot, d);
	}
	for (uint32_t d = 0; d < D; d++)
		out[d] /= all;
}

static void check(struct world *w)
{
	static float out[MOST * HEADS * D];
	double want[D];
	uint32_t length;

	lay_out(w);
	make_op(w);
	run(w, out);
	/* It stands first in scratch memory. */
	assert_int_equal(w->r.b->buf_read(w->scratch, 0, &length, sizeof(length)), 0);
	assert_int_equal(length, w->step->shared);
	for (uint32_t i = 0; i < w->n * HEADS; i++) {
		expected(w, i / HEADS, i % HEADS, want);
		for (uint32_t d = 0; d < D; d++)
			assert_true(fabs((double)out[i * D + d] - want[d]) < 0.01);
	}
}

static void a_shared_prefix_changes_no_result(void **state)
{
	static const char *const on[] = {"shared_prefix=on", NULL};
	struct world w = {.cache = NULL};
	const struct zinc_backend *b;

	(void)state;
	rig_open(&w.r, on);
	b = w.r.b;
	assert_int_equal(b->buf_alloc(w.r.dev, CACHE, ZINC_MEM_DEVICE, &w.cache, NULL), 0);
	assert_int_equal(b->buf_alloc(w.r.dev, 1 << 20, ZINC_MEM_DEVICE, &w.data, NULL), 0);
	assert_int_equal(b->buf_alloc(w.r.dev, 1 << 16, ZINC_MEM_UPLOAD, &w.tables, NULL), 0);
	assert_int_equal(b->buf_alloc(w.r.dev, 1 << 22, ZINC_MEM_DEVICE, &w.scratch, NULL), 0);
	fill_cache(&w);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		w.step = &steps[i];
		check(&w);
	}
	b->buf_free(w.cache);
	b->buf_free(w.data);
	b->buf_free(w.tables);
	b->buf_free(w.scratch);
	rig_close(&w.r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shared_prefix_changes_no_result),
	};

	if (!rig_load(argc, argv))
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
