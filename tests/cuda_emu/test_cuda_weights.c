/* test_cuda_weights.c - weights that lie elsewhere than the core put them, through the
 * CUDA backend on the emulated driver: F16 copies of quantised weights in spare GPU memory,
 * and tables in pinned host memory. Wherever they lie, results have the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "plugin_rig.h"

enum { K = 256, M = 512, N = 4, ROWS = 96, IDS = 64, LISTS = 3, MIB = 1 << 20 };

struct rig {
	struct plugin_rig p;
	struct zinc_buf *w, *x, *y, *ids, *scratch;
	struct zinc_cmd *cmd[LISTS];
	struct zinc_timeline *tl;
	uint64_t turn;
};

static void open_rig(struct rig *r, const char *const *options)
{
	const struct zinc_backend *b;
	struct zinc_dev *dev;

	memset(r, 0, sizeof(*r));
	rig_open(&r->p, options);
	b = r->p.b;
	dev = r->p.dev;
	assert_int_equal(b->tl_create(dev, 0, &r->tl), 0);
	assert_int_equal(b->buf_alloc(dev, MIB, ZINC_MEM_DEVICE, &r->w, NULL), 0);
	assert_int_equal(b->buf_alloc(dev, MIB, ZINC_MEM_DEVICE, &r->x, NULL), 0);
	assert_int_equal(b->buf_alloc(dev, MIB, ZINC_MEM_DEVICE, &r->y, NULL), 0);
	assert_int_equal(b->buf_alloc(dev, MIB, ZINC_MEM_UPLOAD, &r->ids, NULL), 0);
	assert_int_equal(b->buf_alloc(dev, MIB, ZINC_MEM_DEVICE, &r->scratch, NULL), 0);
}

static void close_rig(struct rig *r)
{
	struct zinc_buf *bufs[] = {r->w, r->x, r->y, r->ids, r->scratch};

	for (int i = 0; i < LISTS; i++)
		r->p.b->cmd_free(r->cmd[i]);
	for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
		r->p.b->buf_free(bufs[i]);
	r->p.b->tl_free(r->tl);
	rig_close(&r->p);
}

static void submit(struct rig *r, struct zinc_cmd *cmd)
{
	const uint32_t params[ZINC_SLOT_COUNT] = {0};
	struct zinc_point done = {r->tl, ++r->turn};
	struct zinc_submit s = {.struct_size = sizeof(s), .cmds = &cmd, .n_cmds = 1,
	                        .signal = &done, .n_signal = 1, .params = params};

	assert_int_equal(r->p.b->submit(r->p.dev, &s, NULL), 0);
}

static void wait_for_all(struct rig *r)
{
	assert_int_equal(r->p.b->tl_wait(r->tl, r->turn, UINT64_MAX), 0);
}

/* Blocks of Q4_K with scales that are numbers. */
static uint8_t *random_weights(uint32_t seed, uint32_t rows)
{
	uint8_t *p = malloc((size_t)rows * 144);

	srand(seed);
	for (size_t i = 0; i < (size_t)rows * 144; i++)
		p[i] = (uint8_t)(rand() >> 7);
	for (size_t i = 0; i < rows; i++)
		p[i * 144 + 1] = p[i * 144 + 3] = 0x24;
	return p;
}

/* A weight in the layout that the backend wants, at the beginning of r->w. */
static struct zinc_view pack(struct rig *r, uint32_t seed, uint32_t rows, uint32_t roles)
{
	struct zinc_weight_use use = {.struct_size = sizeof(use), .roles = roles};
	struct zinc_weight_layout lay = {.struct_size = sizeof(lay)};
	uint8_t *src = random_weights(seed, rows);
	struct zinc_view v;
	int rc;

	use.view = rig_view(NULL, ZINC_Q4_K, K, rows, 144);
	assert_int_equal(r->p.b->weight_layout(r->p.dev, &use, &lay), 0);
	v = use.view;
	v.buf = r->w;
	v.layout = lay.layout;
	v.nb[1] = lay.row_bytes;
	v.nb[2] = v.nb[3] = v.nb[1] * rows;
	if (lay.layout)
		rc = r->p.b->weight_pack(r->p.dev, &use, lay.layout, src, r->w, 0, NULL);
	else
		rc = r->p.b->buf_write(r->w, 0, src, lay.bytes);
	assert_int_equal(rc, 0);
	free(src);
	return v;
}

/* quant_act and a product by the library, as the core would record them. */
static void record_product(struct rig *r, struct zinc_view w)
{
	const struct zinc_op_impl *mmq = rig_op(ZINC_OP_MMQ), *quant = rig_op(ZINC_OP_QUANT_ACT);
	uint32_t library = rig_variant(mmq, "library"), act = 0;
	struct zinc_op_linear op = {.struct_size = sizeof(op), .w = w, .n = zinc_imm(N),
	                            .x = rig_view(r->x, ZINC_F32, K, N, 4 * K),
	                            .y = rig_view(r->y, ZINC_F32, M, N, 4 * M)};
	struct zinc_act_layout a = {.struct_size = sizeof(a)};
	struct zinc_op_quant_act q = {.struct_size = sizeof(q), .x = op.x, .n = op.n};

	assert_int_equal(mmq->supports(r->p.dev, &op, library), 0);
	assert_true(mmq->scratch(r->p.dev, &op, library) <= MIB);
	assert_int_equal(r->p.b->act_layout(r->p.dev, ZINC_OP_MMQ, &op, library, &a), 0);
	q.row_bytes = a.row_bytes;
	q.y = rig_view(r->x, ZINC_U8, K, N, a.row_bytes);
	q.y.off = MIB / 2;
	q.y.layout = a.layout;
	op.x = q.y;
	assert_int_equal(r->p.b->cmd_begin(r->p.dev, 0, r->scratch, &r->cmd[0], NULL), 0);
	while (quant->supports(r->p.dev, &q, act))
		assert_true(++act < quant->n_variants);
	quant->record(r->cmd[0], &q, act);
	mmq->record(r->cmd[0], &op, library);
	assert_int_equal(r->p.b->cmd_end(r->cmd[0], NULL), 0);
}

static void run_product(struct rig *r, float *y)
{
	memset(y, 0, sizeof(float) * M * N);
	assert_int_equal(r->p.b->buf_write(r->y, 0, y, sizeof(float) * M * N), 0);
	submit(r, r->cmd[0]);
	wait_for_all(r);
	assert_int_equal(r->p.b->buf_read(r->y, 0, y, sizeof(float) * M * N), 0);
}

static void put_inputs(struct rig *r)
{
	float x[K * N];

	for (int i = 0; i < K * N; i++)
		x[i] = (float)(i * 37 % 101 - 50) / 50;
	assert_int_equal(r->p.b->buf_write(r->x, 0, x, sizeof(x)), 0);
}

/* The products of two weights without any copy. */
static void expect_products(float want[2][M * N])
{
	static const char *const opts[] = {"library_cols=1", "dense_mib=0", NULL};
	struct rig r;

	open_rig(&r, opts);
	put_inputs(&r);
	record_product(&r, pack(&r, 1, M, ZINC_ROLE_LINEAR));
	run_product(&r, want[0]);
	pack(&r, 2, M, ZINC_ROLE_LINEAR);
	run_product(&r, want[1]);
	assert_null(strstr(rig_log(), "kept as F16"));
	assert_memory_not_equal(want[0], want[1], sizeof(want[0]));
	close_rig(&r);
}

static void copies_give_the_same_bits(void **state)
{
	static const char *const opts[] = {"library_cols=1", "dense_mib=8", NULL};
	static float want[2][M * N], got[M * N];
	struct rig r;

	(void)state;
	expect_products(want);
	open_rig(&r, opts);
	put_inputs(&r);
	record_product(&r, pack(&r, 1, M, ZINC_ROLE_LINEAR));
	for (int i = 0; i < 2; i++) {
		run_product(&r, got);
		assert_memory_equal(got, want[0], sizeof(got));
	}
	assert_non_null(strstr(rig_log(), "weights of long prompts are kept as F16 in 0 MiB"));
	/* Other weights in their place: the old copy is of no use. */
	pack(&r, 2, M, ZINC_ROLE_LINEAR);
	run_product(&r, got);
	assert_memory_equal(got, want[1], sizeof(got));
	close_rig(&r);
}

static void copies_go_first_when_memory_is_short(void **state)
{
	static const char *const opts[] = {"library_cols=1", NULL};
	static float want[2][M * N], got[M * N];
	struct zinc_buf *most = NULL;
	struct zinc_dev_info info = {.struct_size = sizeof(info)};
	struct rig r;

	(void)state;
	expect_products(want);
	open_rig(&r, opts);
	put_inputs(&r);
	record_product(&r, pack(&r, 1, M, ZINC_ROLE_LINEAR));
	run_product(&r, got);
	assert_int_equal(r.p.b->dev_info(r.p.self, 0, &info), 0);
	/* More than is free by as much as the copy has. */
	assert_int_equal(r.p.b->buf_alloc(r.p.dev, info.mem_budget + 2 * K * M / 2, ZINC_MEM_DEVICE,
	                                &most, NULL), 0);
	assert_non_null(strstr(rig_log(), "GPU memory is short"));
	run_product(&r, got);
	assert_memory_equal(got, want[0], sizeof(got));
	r.p.b->buf_free(most);
	close_rig(&r);
}

/* Lists that look up different ids of one table. */
static void record_lookups(struct rig *r, struct zinc_view table)
{
	const struct zinc_op_impl *embed = rig_op(ZINC_OP_EMBED);
	struct zinc_op_embed op = {.struct_size = sizeof(op), .table = table, .n = zinc_imm(IDS)};

	for (uint32_t i = 0; i < LISTS; i++) {
		int32_t ids[IDS];

		for (int k = 0; k < IDS; k++) /* some outside, many again */
			ids[k] = (k * k + 31 * k * (int)i + 7 * (int)i) % (ROWS + 3) - 1;
		op.ids = rig_view(r->ids, ZINC_I32, IDS, 1, 4 * IDS);
		op.ids.off = i * 4096;
		op.y = rig_view(r->y, ZINC_F32, K, IDS, 4 * K);
		op.y.off = i * (MIB / 4);
		assert_int_equal(r->p.b->buf_write(r->ids, op.ids.off, ids, sizeof(ids)), 0);
		assert_int_equal(embed->supports(r->p.dev, &op, 0), 0);
		assert_int_equal(r->p.b->cmd_begin(r->p.dev, 0, NULL, &r->cmd[i], NULL), 0);
		embed->record(r->cmd[i], &op, 0);
		assert_int_equal(r->p.b->cmd_end(r->cmd[i], NULL), 0);
	}
}

/* Everything in flight at once, several times over. */
static void look_up(const char *const *opts, float *y, char *log, size_t room)
{
	struct rig r;

	open_rig(&r, opts);
	record_lookups(&r, pack(&r, 3, ROWS, ZINC_ROLE_TABLE));
	for (int i = 0; i < 5 * LISTS; i++)
		submit(&r, r.cmd[i * 7 % LISTS]);
	wait_for_all(&r);
	for (size_t i = 0; i < LISTS; i++)
		assert_int_equal(r.p.b->buf_read(r.y, i * (MIB / 4), y + i * K * IDS,
		                               sizeof(float) * K * IDS), 0);
	snprintf(log, room, "%s", rig_log());
	close_rig(&r);
}

static void tables_in_host_memory_give_the_same_bits(void **state)
{
	static const char *const on_device[] = {"tables=device", NULL};
	static const char *const rows[] = {"table_rows=1", "table_rows=7", "table_rows=40",
	                                   "table_rows=1000"};
	static float want[LISTS * K * IDS], got[LISTS * K * IDS];
	char log[4096];

	(void)state;
	look_up(on_device, want, log, sizeof(log));
	assert_null(strstr(log, "host memory"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const in_host[] = {"tables=host", rows[i], NULL};

		look_up(in_host, got, log, sizeof(log));
		assert_non_null(strstr(log, "a table of 96 rows, 0 MiB, lies in host memory"));
		assert_memory_equal(got, want, sizeof(got));
	}
}

/* By itself only what is large beside the GPU's memory. */
static void large_tables_go_to_host_memory(void **state)
{
	static const char *const none[] = {NULL};
	struct zinc_weight_use use = {.struct_size = sizeof(use), .roles = ZINC_ROLE_TABLE};
	struct zinc_weight_layout lay = {.struct_size = sizeof(lay)};
	struct rig r;

	(void)state;
	open_rig(&r, none);
	use.view = rig_view(NULL, ZINC_Q4_K, K, 32 * MIB / 144, 144);
	assert_int_equal(r.p.b->weight_layout(r.p.dev, &use, &lay), 0);
	assert_int_not_equal(lay.layout, 0);
	assert_true(lay.bytes < 4096);
	use.roles |= ZINC_ROLE_VECTOR;
	lay.layout = 0;
	assert_int_equal(r.p.b->weight_layout(r.p.dev, &use, &lay), 0);
	assert_int_equal(lay.layout, 0);
	use.roles = ZINC_ROLE_TABLE;
	use.view = rig_view(NULL, ZINC_Q4_K, K, 4 * MIB / 144, 144);
	assert_int_equal(r.p.b->weight_layout(r.p.dev, &use, &lay), 0);
	assert_int_equal(lay.layout, 0);
	close_rig(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_give_the_same_bits),
		cmocka_unit_test(copies_go_first_when_memory_is_short),
		cmocka_unit_test(tables_in_host_memory_give_the_same_bits),
		cmocka_unit_test(large_tables_go_to_host_memory),
	};

	if (!rig_load(argc, argv))
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
