/* test_cuda_sparse.c - attention over some of the pages leaves out those that nobody looks
 * at: their values are no numbers, which a product with the smallest weight would show. */
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

/* Two query heads of one KV head; the tokens are the last of the last sequence's context,
 * and sequences before it have none. */
enum { D = 64, HEADS = 2, PAGES = 64, POSITIONS = PAGES * ZINC_KV_PAGE, N = 64, SEQS = 2,
       FILLER = -8 };

/* Pages by what their keys answer: asked for; ignored (the first and the last ones are read
 * whatever they answer, so they answer nothing); and the others, which answer the opposite.
 * In pairs, since a tile of such heads reads two pages at once. */
static int answer_of(uint32_t page)
{
	uint32_t pair = page / 2;

	if (pair == 2 || pair == 8 || pair == 20)
		return 8;
	return !pair || page >= PAGES - 14 ? 0 : FILLER;
}

/* Values say where they are from. */
static int value_at(uint32_t position, uint32_t d)
{
	return (int)(position * 7 + d * 3) % 16;
}

struct world {
	struct plugin_rig r;
	struct zinc_buf *cache, *data, *tables, *scratch;
	struct zinc_op_flash_attn op;
};

static void fill_cache(struct world *w)
{
	static uint16_t k[POSITIONS * D], v[POSITIONS * D];

	for (uint32_t i = 0; i < POSITIONS; i++)
		for (uint32_t d = 0; d < D; d++) {
			int answer = answer_of(i / ZINC_KV_PAGE);

			k[i * D + d] = d % 4 ? 0 : half_f32_to_f16(answer);
			v[i * D + d] = answer == FILLER ? 0x7e00 : half_f32_to_f16(value_at(i, d));
		}
	assert_int_equal(w->r.b->buf_write(w->cache, 0, k, sizeof(k)), 0);
	assert_int_equal(w->r.b->buf_write(w->cache, sizeof(k), v, sizeof(v)), 0);
}

static void fill_tables(struct world *w, const struct zinc_op_flash_attn *op)
{
	const uint32_t last = op->n_seqs.imm - 1;
	int32_t seq[N], pos[N], blocks[SEQS][PAGES], first[SEQS + 1] = {0};
	int32_t len[SEQS] = {POSITIONS, POSITIONS};

	for (int i = 0; i < N; i++) {
		seq[i] = (int32_t)last;
		pos[i] = POSITIONS - N + i;
	}
	for (int i = 0; i < SEQS * PAGES; i++)
		blocks[i / PAGES][i % PAGES] = i % PAGES;
	first[last + 1] = N;
	w->r.b->buf_write(w->tables, op->tok_seq.off, seq, sizeof(seq));
	w->r.b->buf_write(w->tables, op->tok_pos.off, pos, sizeof(pos));
	w->r.b->buf_write(w->tables, op->seq_first.off, first, sizeof(first));
	w->r.b->buf_write(w->tables, op->seq_kv_len.off, len, sizeof(len));
	w->r.b->buf_write(w->tables, op->block_table.off, blocks, sizeof(blocks));
}

static struct zinc_view table_view(struct world *w, uint32_t ne0, uint32_t ne1, uint64_t off)
{
	struct zinc_view v = rig_view(w->tables, ZINC_I32, ne0, ne1, 4ull * ne0);

	v.off = off;
	return v;
}

static struct zinc_view cache_view(struct world *w, uint64_t off)
{
	struct zinc_view v = rig_view(w->cache, ZINC_F16, D, ZINC_KV_PAGE, 2 * D);

	v.off = off;
	v.ne[3] = PAGES;
	v.nb[2] = v.nb[3] = v.nb[1] * ZINC_KV_PAGE;
	return v;
}

static struct zinc_view heads_view(struct world *w, uint64_t off)
{
	struct zinc_view v = rig_view(w->data, ZINC_F32, D, HEADS, 4 * D);

	v.off = off;
	v.ne[2] = N;
	v.nb[3] = v.nb[2] * N;
	return v;
}

static void open_world(struct world *w, const char *const *options, uint32_t n_seqs)
{
	const uint64_t side = 2ull * POSITIONS * D;
	float q[N * HEADS * D];
	const struct zinc_backend *b;

	rig_open(&w->r, options);
	b = w->r.b;
	assert_int_equal(b->buf_alloc(w->r.dev, 2 * side, ZINC_MEM_DEVICE, &w->cache, NULL), 0);
	assert_int_equal(b->buf_alloc(w->r.dev, 1 << 20, ZINC_MEM_DEVICE, &w->data, NULL), 0);
	assert_int_equal(b->buf_alloc(w->r.dev, 1 << 16, ZINC_MEM_UPLOAD, &w->tables, NULL), 0);
	assert_int_equal(b->buf_alloc(w->r.dev, 1 << 22, ZINC_MEM_DEVICE, &w->scratch, NULL), 0);
	w->op = (struct zinc_op_flash_attn){
		.struct_size = sizeof(w->op), .q = heads_view(w, 0), .out = heads_view(w, 1 << 19),
		.k_cache = cache_view(w, 0), .v_cache = cache_view(w, side),
		.tok_seq = table_view(w, N, 1, 0), .tok_pos = table_view(w, N, 1, 1024),
		.seq_first = table_view(w, n_seqs + 1, 1, 2048),
		.seq_kv_len = table_view(w, n_seqs, 1, 3072),
		.block_table = table_view(w, PAGES, n_seqs, 4096), .n = zinc_imm(N),
		.n_seqs = zinc_imm(n_seqs), .q_head_dim = D, .kv_head_dim = D, .n_head = HEADS,
		.n_head_kv = 1, .scale = 0.125f};
	fill_cache(w);
	fill_tables(w, &w->op);
	for (int i = 0; i < N * HEADS * D; i++)
		q[i] = i % D % 4 ? (float)(i % 5) : 1.0f;
	assert_int_equal(b->buf_write(w->data, 0, q, sizeof(q)), 0);
}

static void run(struct world *w, float *out)
{
	const struct zinc_op_impl *impl = rig_op(ZINC_OP_FLASH_ATTN);
	uint32_t sparse = rig_variant(impl, "sparse");
	const struct zinc_backend *b = w->r.b;
	struct zinc_timeline *tl;
	struct zinc_cmd *cmd;
	struct zinc_point done;
	const uint32_t params[ZINC_SLOT_COUNT] = {0};
	struct zinc_submit s = {.struct_size = sizeof(s), .cmds = &cmd, .n_cmds = 1,
	                        .signal = &done, .n_signal = 1, .params = params};

	assert_int_equal(impl->supports(w->r.dev, &w->op, sparse), 0);
	assert_true(impl->scratch(w->r.dev, &w->op, sparse) <= 1 << 22);
	assert_int_equal(b->cmd_begin(w->r.dev, 0, w->scratch, &cmd, NULL), 0);
	impl->record(cmd, &w->op, sparse);
	assert_int_equal(b->cmd_end(cmd, NULL), 0);
	assert_int_equal(b->tl_create(w->r.dev, 0, &tl), 0);
	done = (struct zinc_point){tl, 1};
	assert_int_equal(b->submit(w->r.dev, &s, NULL), 0);
	assert_int_equal(b->tl_wait(tl, 1, UINT64_MAX), 0);
	assert_int_equal(b->buf_read(w->data, 1 << 19, out, sizeof(float) * N * HEADS * D), 0);
	b->tl_free(tl);
	b->cmd_free(cmd);
}

static void close_world(struct world *w)
{
	const struct zinc_backend *b = w->r.b;

	b->buf_free(w->cache);
	b->buf_free(w->data);
	b->buf_free(w->tables);
	b->buf_free(w->scratch);
	rig_close(&w->r);
}

/* Softmax over the pages that are read, by token and lane. */
static double expected(uint32_t token, uint32_t d)
{
	double sum = 0, all = 0;

	for (uint32_t i = 0; i <= POSITIONS - N + token; i++) {
		int answer = answer_of(i / ZINC_KV_PAGE);
		double weight = answer == FILLER ? 0 : exp(answer * (D / 4) * 0.125);

		all += weight;
		sum += weight * value_at(i, d);
	}
	return sum / all;
}

static void check_some(uint32_t n_seqs)
{
	static const char *const some[] = {"sparse_percent=10", "sparse_from=1000", NULL};
	static float out[N * HEADS * D];
	struct world w = {.cache = NULL};

	open_world(&w, some, n_seqs);
	run(&w, out);
	for (uint32_t i = 0; i < N * HEADS * D; i++) {
		double want = expected(i / D / HEADS, i % D);

		assert_true(fabs((double)out[i] - want) < 0.01 * (1 + fabs(want)));
	}
	close_world(&w);
}

static void pages_nobody_asks_for_are_not_read(void **state)
{
	(void)state;
	check_some(1);
}

static void a_sequence_may_have_no_tokens(void **state)
{
	(void)state;
	check_some(2);
}

static int has_nan(const float *x, int n)
{
	for (int i = 0; i < n; i++)
		if (isnan(x[i]))
			return 1;
	return 0;
}

static void all_pages_are_read_where_nothing_is_left_out(void **state)
{
	static const char *const all[] = {"sparse_percent=100", "sparse_from=1000", NULL};
	static const char *const almost[] = {"sparse_percent=90", "sparse_from=1000", NULL};
	static float out[N * HEADS * D];
	struct world w = {.cache = NULL};

	(void)state;
	open_world(&w, all, 1);
	run(&w, out);
	assert_true(has_nan(out, N * HEADS * D));
	close_world(&w);
	open_world(&w, almost, 1);
	run(&w, out);
	assert_true(has_nan(out, N * HEADS * D));
	close_world(&w);
}

static void it_is_off_unless_asked_for(void **state)
{
	static const char *const none[] = {NULL};
	static const char *const later[] = {"sparse_percent=10", NULL};
	const struct zinc_op_impl *impl = rig_op(ZINC_OP_FLASH_ATTN);
	uint32_t sparse = rig_variant(impl, "sparse");
	struct world w = {.cache = NULL};

	(void)state;
	open_world(&w, none, 1);
	assert_int_equal(impl->supports(w.r.dev, &w.op, sparse), ZINC_E_UNSUPPORTED);
	close_world(&w);
	open_world(&w, later, 1); /* the context is shorter than 16384 */
	assert_int_equal(impl->supports(w.r.dev, &w.op, sparse), ZINC_E_UNSUPPORTED);
	close_world(&w);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_nobody_asks_for_are_not_read),
		cmocka_unit_test(a_sequence_may_have_no_tokens),
		cmocka_unit_test(all_pages_are_read_where_nothing_is_left_out),
		cmocka_unit_test(it_is_off_unless_asked_for),
	};

	if (!rig_load(argc, argv))
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
