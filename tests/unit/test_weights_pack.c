/* test_weights_pack.c - weights in a backend's own layout: what the backend is
 * asked, where the bytes land, what the recorded ops say about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/gguf.h"
#include "model/model.h"
#include "plugin/plug.h"
#include "run/engine.h"
#include "run/ledger.h"
#include "unit/gguf_bytes.h"
#include "unit/pack_fake.h"

/* One Q8_0 block is a row. */
enum { K = 32, FILE_ROW = 34, VOCAB = 8, A_ROWS = 12, E_ROWS = 6, EXPERTS = 4, USED = 2 };
enum { W_EMBD, W_A, W_EXPERTS, W_ROUTER, W_ABSENT, W_HEAD, N_WEIGHTS };
/* As GGUF numbers them. */
enum { TYPE_F32 = 0, TYPE_F16 = 1, TYPE_Q8_0 = 8 };

static const struct zinc_weight_decl decls[N_WEIGHTS] = {
	[W_EMBD] = {.name = "token_embd.weight", .roles = ZINC_ROLE_TABLE, .layer = -1},
	[W_A] = {.name = "blk.0.a.weight", .roles = ZINC_ROLE_LINEAR},
	[W_EXPERTS] = {.name = "blk.0.experts.weight", .roles = ZINC_ROLE_EXPERTS},
	[W_ROUTER] = {.name = "blk.0.router.weight", .roles = ZINC_ROLE_LINEAR},
	[W_ABSENT] = {.name = "blk.0.absent.weight", .roles = ZINC_ROLE_LINEAR, .optional = 1},
	[W_HEAD] = {.name = "output.weight", .roles = ZINC_ROLE_LINEAR | ZINC_ROLE_TABLE,
	            .layer = -1},
};

static const struct {
	uint32_t gguf_type, ne[3];
} shapes[N_WEIGHTS] = {
	[W_EMBD] = {TYPE_F32, {K, VOCAB, 1}},
	[W_A] = {TYPE_Q8_0, {K, A_ROWS, 1}},
	[W_EXPERTS] = {TYPE_Q8_0, {K, E_ROWS, EXPERTS}},
	[W_ROUTER] = {TYPE_F16, {K, EXPERTS, 1}},
	[W_HEAD] = {TYPE_Q8_0, {K, VOCAB, 1}},
};

static struct zinc_view temp(struct zinc_graph *g, uint32_t ne0, uint32_t ne1)
{
	return model_arch_host.temp(g, ZINC_F32, ne0, ne1, 1, 1);
}

static struct zinc_view linear(struct zinc_graph *g, struct zinc_view w, struct zinc_view x)
{
	struct zinc_op_linear d = {.struct_size = sizeof(d), .w = w, .x = x};

	d.n = zinc_slot(ZINC_SLOT_N_TOKENS, x.ne[1]);
	d.y = temp(g, w.ne[1], x.ne[1]);
	model_arch_host.op(g, ZINC_OP_LINEAR, &d);
	return d.y;
}

static void experts(struct zinc_graph *g, struct zinc_view w, struct zinc_view x)
{
	const struct zinc_arch_host *h = &model_arch_host;
	struct zinc_op_moe_route r = {.struct_size = sizeof(r), .k = USED};
	struct zinc_op_linear d = {.struct_size = sizeof(d), .w = w, .x = x};
	uint32_t n = x.ne[1];

	r.n = d.n = zinc_slot(ZINC_SLOT_N_TOKENS, n);
	r.logits = linear(g, h->weight(g, W_ROUTER), x);
	r.weights = temp(g, USED, n);
	d.ids = r.ids = h->temp(g, ZINC_I32, USED, n, 1, 1);
	d.expert_first = r.expert_first = h->temp(g, ZINC_I32, EXPERTS + 1, 1, 1, 1);
	d.perm = r.perm = h->temp(g, ZINC_I32, USED * n, 1, 1, 1);
	d.y = h->temp(g, ZINC_F32, w.ne[1], USED, n, 1);
	h->op(g, ZINC_OP_MOE_ROUTE, &r);
	h->op(g, ZINC_OP_LINEAR, &d);
}

/* linear[]: rows 4..11 of a, all of a, the router, rows 2..5 of each expert,
 * the head. */
static void build(void *model, struct zinc_graph *g, const struct zinc_shape *s)
{
	const struct zinc_arch_host *h = &model_arch_host;
	struct zinc_op_embed e = {.struct_size = sizeof(e)};
	struct zinc_view a = h->weight(g, W_A), logits;

	(void)model;
	assert_null(h->weight(g, W_ABSENT).buf);
	e.table = h->weight(g, W_EMBD);
	e.ids = h->table(g, ZINC_TABLE_TOK_ID, 0);
	e.y = temp(g, K, s->max_tokens);
	e.n = zinc_slot(ZINC_SLOT_N_TOKENS, s->max_tokens);
	h->op(g, ZINC_OP_EMBED, &e);
	linear(g, zinc_view_rows(a, 4, 8), e.y);
	linear(g, a, e.y);
	experts(g, zinc_view_rows(h->weight(g, W_EXPERTS), 2, 4), e.y);
	logits = linear(g, h->weight(g, W_HEAD), e.y);
	h->logits(g, &logits);
}

static const struct zinc_arch arch = {.struct_size = sizeof(arch), .build = build};
static struct zinc_backend backend;
static const struct zinc_plugin table = {.backend = &backend};
static const struct plug_entry entry = {.id = "packing"};
static const struct plug plug = {.entry = &entry, .table = &table};
static const struct gguf_tensor *tensors[N_WEIGHTS];
static struct model model = {
	.arch = &arch,
	.weights = decls,
	.tensors = tensors,
	.n_weights = N_WEIGHTS,
	.info = {.n_layer = 1, .n_embd = K, .n_vocab = VOCAB, .n_ctx_train = 64},
};

static uint64_t data_bytes(int i)
{
	uint64_t rows = (uint64_t)shapes[i].ne[1] * shapes[i].ne[2];

	return rows * (shapes[i].gguf_type == TYPE_Q8_0 ? FILE_ROW
	                                                : K * (shapes[i].gguf_type ? 2 : 4));
}

static void write_directory(struct bytes *b)
{
	uint64_t off = 0;

	bytes_header(b, N_WEIGHTS - 1, 1);
	bytes_kv_str(b, "general.architecture", "packed");
	for (int i = 0; i < N_WEIGHTS; i++) {
		if (!shapes[i].ne[0])
			continue;
		bytes_str(b, decls[i].name);
		bytes_u32(b, 3);
		for (int d = 0; d < 3; d++)
			bytes_u64(b, shapes[i].ne[d]);
		bytes_u32(b, shapes[i].gguf_type);
		bytes_u64(b, off);
		off += (data_bytes(i) + 31) / 32 * 32;
	}
	bytes_align(b, 32);
}

static int setup_file(void **state)
{
	struct bytes b = {0};
	struct zinc_err err;
	uint32_t x = 1;

	(void)state;
	write_directory(&b);
	for (int i = 0; i < N_WEIGHTS; i++) {
		for (uint64_t k = 0; shapes[i].ne[0] && k < data_bytes(i); k++) {
			x = x * 1664525u + 1013904223u;
			bytes_put(&b, &(uint8_t){(uint8_t)(x >> 24)}, 1);
		}
		bytes_align(&b, 32);
	}
	if (gguf_open(temp_file("packed.gguf", b.data, b.n), &model.gguf, &err))
		fail_msg("%s", err.msg);
	bytes_finish(&b);
	for (int i = 0; i < N_WEIGHTS; i++)
		tensors[i] = gguf_tensor_find(model.gguf, decls[i].name);
	return 0;
}

static int teardown_file(void **state)
{
	(void)state;
	gguf_close(model.gguf);
	temp_clear();
	return 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&pack_fake, 0, sizeof(pack_fake));
	backend = pack_backend;
	return 0;
}

static int make(struct engine **e, bool no_pack, struct zinc_err *err)
{
	struct engine_config c = {.kv_type = ZINC_F32, .chunk = 1, .no_pack = no_pack};

	return engine_create(&c, &model, &plug, e, err);
}

/* An engine that has run one token, so that its ops are recorded. */
static struct engine *start(bool no_pack)
{
	struct engine *e = NULL;
	struct zinc_err err;
	int32_t token = 3;
	struct seq *s;

	if (make(&e, no_pack, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(engine_seq_create(e, &s, &err), ZINC_OK);
	assert_int_equal(engine_seq_push(e, s, &token, 1, &err), ZINC_OK);
	if (engine_step(e, NULL, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(pack_fake.n_linear, 5);
	return e;
}

static const unsigned char *file_row(int w, uint32_t row)
{
	return (const unsigned char *)tensors[w]->data + (size_t)row * FILE_ROW;
}

/* Row `row` of slice `slice` of a recorded view is that row of the file. */
static void check_row(const struct zinc_view *v, uint32_t slice, uint32_t row, int w,
                      uint32_t at)
{
	const unsigned char *got =
		pack_bytes(v->buf, v->off + slice * v->nb[2] + row * v->nb[1], FILE_ROW);

	assert_memory_equal(got, file_row(w, at), FILE_ROW);
}

static void check_ledger(const struct engine *e, uint64_t packed, uint64_t copied, uint64_t mapped)
{
	const struct ledger *l = engine_ledger(e);

	assert_int_equal(l->planned[LEDGER_WEIGHTS_PACKED], packed);
	assert_int_equal(l->planned[LEDGER_WEIGHTS], copied);
	assert_int_equal(l->planned[LEDGER_WEIGHTS_MAPPED], mapped);
	for (int k = 0; k < LEDGER_COUNT; k++)
		assert_int_equal(l->used[k], l->planned[k]);
}

static uint64_t aligned(uint64_t n)
{
	return (n + 255) / 256 * 256;
}

static const uint64_t packed_rows[] = {A_ROWS, E_ROWS * EXPERTS, VOCAB};

static uint64_t packed_bytes(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < 3; i++)
		sum += aligned(PACK_ROW * packed_rows[i]);
	return sum;
}

static void test_asked(void **state)
{
	static const int order[] = {W_EMBD, W_A, W_EXPERTS, W_ROUTER, W_HEAD};
	static const int packed[] = {W_A, W_EXPERTS, W_HEAD};
	struct engine *e = start(false);

	(void)state;
	assert_int_equal(pack_fake.n_layout, 5);
	for (int i = 0; i < 5; i++) {
		const struct zinc_weight_use *use = &pack_fake.layout[i].use;

		assert_int_equal(use->struct_size, sizeof(*use));
		assert_int_equal(use->roles, decls[order[i]].roles);
		assert_null(use->view.buf);
		assert_int_equal(use->view.off, 0);
		assert_int_equal(use->view.layout, 0);
		assert_int_equal(use->view.dtype, tensors[order[i]]->dtype);
		assert_memory_equal(use->view.ne, tensors[order[i]]->ne, sizeof(use->view.ne));
		assert_int_equal(use->view.nb[1] * use->view.ne[1] * use->view.ne[2],
		                 tensors[order[i]]->bytes);
	}
	assert_int_equal(pack_fake.n_pack, 3);
	for (int i = 0; i < 3; i++) {
		const struct pack_asked *p = &pack_fake.pack[i];

		assert_int_equal(p->layout, PACK_LAYOUT);
		assert_ptr_equal(p->src, tensors[packed[i]]->data);
		assert_int_equal(p->use.roles, decls[packed[i]].roles);
		assert_null(p->use.view.buf);
		assert_int_equal(p->use.view.nb[1], FILE_ROW);
		assert_memory_equal(p->use.view.ne, tensors[packed[i]]->ne,
		                    sizeof(p->use.view.ne));
	}
	engine_destroy(e);
	assert_int_equal(pack_fake.n_bufs, 0);
}

static void test_views(void **state)
{
	struct engine *e = start(false);
	const struct zinc_view *part = &pack_fake.linear[0].w, *a = &pack_fake.linear[1].w;
	const struct zinc_view *head = &pack_fake.linear[4].w;

	(void)state;
	assert_int_equal(a->layout, PACK_LAYOUT);
	assert_int_equal(a->dtype, ZINC_Q8_0);
	assert_int_equal(a->nb[1], PACK_ROW);
	assert_int_equal(a->nb[2], PACK_ROW * A_ROWS);
	assert_int_equal(a->nb[3], PACK_ROW * A_ROWS);
	for (uint32_t r = 0; r < A_ROWS; r++) {
		check_row(a, 0, r, W_A, r);
		assert_int_equal(*pack_bytes(a->buf, a->off + r * PACK_ROW + FILE_ROW, 1),
		                 PACK_FILL);
	}
	assert_int_equal(part->layout, PACK_LAYOUT);
	assert_int_equal(part->off, a->off + 4 * PACK_ROW);
	assert_int_equal(part->ne[1], 8);
	for (uint32_t r = 0; r < 8; r++)
		check_row(part, 0, r, W_A, 4 + r);
	for (uint32_t r = 0; r < VOCAB; r++)
		check_row(head, 0, r, W_HEAD, r);
	engine_destroy(e);
}

static void test_expert_windows(void **state)
{
	struct engine *e = start(false);
	const struct zinc_view *w = &pack_fake.linear[3].w;

	(void)state;
	assert_int_equal(w->ne[1], 4);
	assert_int_equal(w->nb[1], PACK_ROW);
	assert_int_equal(w->nb[2], PACK_ROW * E_ROWS);
	assert_int_equal(w->nb[3], PACK_ROW * E_ROWS * EXPERTS);
	for (uint32_t x = 0; x < EXPERTS; x++)
		for (uint32_t r = 0; r < 4; r++)
			check_row(w, x, r, W_EXPERTS, x * E_ROWS + 2 + r);
	engine_destroy(e);
}

/* What the backend leaves in GGUF order is copied, or read from the mapped
 * file where that can be. */
static void test_ledger(void **state)
{
	uint64_t plain = data_bytes(W_EMBD), router = data_bytes(W_ROUTER);
	const struct zinc_view *w = &pack_fake.linear[2].w;
	struct engine *e = start(false);

	(void)state;
	check_ledger(e, packed_bytes(), aligned(plain) + aligned(router), 0);
	assert_int_equal(w->layout, 0);
	assert_memory_equal(pack_bytes(w->buf, w->off, router), tensors[W_ROUTER]->data, router);
	engine_destroy(e);
	setup(NULL);
	pack_fake.imports = true;
	e = start(false);
	check_ledger(e, packed_bytes(), 0, plain + router);
	assert_ptr_equal(pack_bytes(w->buf, w->off, router), tensors[W_ROUTER]->data);
	engine_destroy(e);
	assert_int_equal(pack_fake.n_bufs, 0);
}

static void check_gguf_order(struct engine *e)
{
	const struct zinc_view *w = &pack_fake.linear[3].w;
	uint64_t sum = 0;

	for (int i = 0; i < N_WEIGHTS; i++)
		sum += shapes[i].ne[0] ? aligned(data_bytes(i)) : 0;
	check_ledger(e, 0, sum, 0);
	assert_int_equal(pack_fake.n_pack, 0);
	assert_int_equal(w->layout, 0);
	assert_int_equal(w->nb[1], FILE_ROW);
	assert_int_equal(w->nb[2], FILE_ROW * E_ROWS);
	for (uint32_t x = 0; x < EXPERTS; x++)
		check_row(w, x, 3, W_EXPERTS, x * E_ROWS + 2 + 3);
	engine_destroy(e);
}

static void test_no_pack(void **state)
{
	struct engine *e = start(true);

	(void)state;
	assert_int_equal(pack_fake.n_layout, 0);
	check_gguf_order(e);
}

static void test_backend_that_packs_not(void **state)
{
	(void)state;
	backend.weight_layout = NULL;
	backend.weight_pack = NULL;
	check_gguf_order(start(false));
}

static void test_no_layout(void **state)
{
	struct engine *e = NULL;
	struct zinc_err err = {0};

	(void)state;
	pack_fake.fail_layout_of = E_ROWS;
	assert_int_equal(make(&e, false, &err), ZINC_E_UNSUPPORTED);
	assert_null(e);
	assert_non_null(strstr(err.msg, "blk.0.experts.weight"));
	assert_int_equal(pack_fake.n_bufs, 0);
}

static void test_no_packing(void **state)
{
	struct engine *e = NULL;
	struct zinc_err err = {0};

	(void)state;
	pack_fake.fail_pack_of = A_ROWS;
	pack_fake.imports = true;
	assert_int_equal(make(&e, false, &err), ZINC_E_INTERNAL);
	assert_null(e);
	assert_non_null(strstr(err.msg, "blk.0.a.weight"));
	assert_non_null(strstr(err.msg, "the packer is out of order"));
	assert_int_equal(pack_fake.n_bufs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_asked, setup),
		cmocka_unit_test_setup(test_views, setup),
		cmocka_unit_test_setup(test_expert_windows, setup),
		cmocka_unit_test_setup(test_ledger, setup),
		cmocka_unit_test_setup(test_no_pack, setup),
		cmocka_unit_test_setup(test_backend_that_packs_not, setup),
		cmocka_unit_test_setup(test_no_layout, setup),
		cmocka_unit_test_setup(test_no_packing, setup),
	};

	return cmocka_run_group_tests_name("weights_pack", tests, setup_file, teardown_file);
}
