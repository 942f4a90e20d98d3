/* pack_model.c - a model of a few tensors on the backend that packs. */
#include "unit/pack_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "plugin/plug.h"
#include "unit/gguf_bytes.h"

/* As GGUF numbers them. */
enum { TYPE_F32 = 0, TYPE_F16 = 1, TYPE_Q8_0 = 8 };

const struct zinc_weight_decl pack_decls[N_WEIGHTS] = {
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
struct zinc_backend pack_table;
static const struct zinc_plugin table = {.backend = &pack_table};
static const struct plug_entry entry = {.id = "packing"};
static const struct plug plug = {.entry = &entry, .table = &table};
const struct gguf_tensor *pack_tensors[N_WEIGHTS];
static struct model model = {
	.arch = &arch,
	.weights = pack_decls,
	.tensors = pack_tensors,
	.n_weights = N_WEIGHTS,
	.info = {.n_layer = 1, .n_embd = K, .n_vocab = VOCAB, .n_ctx_train = 64},
};

uint64_t pack_data_bytes(int i)
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
		bytes_str(b, pack_decls[i].name);
		bytes_u32(b, 3);
		for (int d = 0; d < 3; d++)
			bytes_u64(b, shapes[i].ne[d]);
		bytes_u32(b, shapes[i].gguf_type);
		bytes_u64(b, off);
		off += (pack_data_bytes(i) + 31) / 32 * 32;
	}
	bytes_align(b, 32);
}

int pack_setup_file(void **state)
{
	struct bytes b = {0};
	struct zinc_err err;
	uint32_t x = 1;

	(void)state;
	write_directory(&b);
	for (int i = 0; i < N_WEIGHTS; i++) {
		for (uint64_t k = 0; shapes[i].ne[0] && k < pack_data_bytes(i); k++) {
			x = x * 1664525u + 1013904223u;
			bytes_put(&b, &(uint8_t){(uint8_t)(x >> 24)}, 1);
		}
		bytes_align(&b, 32);
	}
	if (gguf_open(temp_file("packed.gguf", b.data, b.n), &model.gguf, &err))
		fail_msg("%s", err.msg);
	bytes_finish(&b);
	for (int i = 0; i < N_WEIGHTS; i++)
		pack_tensors[i] = gguf_tensor_find(model.gguf, pack_decls[i].name);
	return 0;
}

int pack_teardown_file(void **state)
{
	(void)state;
	gguf_close(model.gguf);
	temp_clear();
	return 0;
}

int pack_setup(void **state)
{
	(void)state;
	memset(&pack_fake, 0, sizeof(pack_fake));
	pack_free();
	pack_table = pack_backend;
	return 0;
}

int pack_make(struct engine **e, uint32_t pack, struct zinc_err *err)
{
	struct engine_config c = {.kv_type = ZINC_F32, .chunk = 1, .pack = pack,
	                         .pack_threads = 1}; /* in the order of the weights */

	return engine_create(&c, &model, &plug, e, err);
}

void pack_step(struct engine *e, struct seq *s)
{
	int32_t token = 3;
	struct zinc_err err;

	pack_fake.n_linear = 0;
	assert_int_equal(engine_seq_push(e, s, &token, 1, &err), ZINC_OK);
	if (engine_step(e, NULL, &err))
		fail_msg("%s", err.msg);
}

struct engine *pack_start(uint32_t pack)
{
	struct engine *e = NULL;
	struct zinc_err err;
	struct seq *s;

	if (pack_make(&e, pack, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(engine_seq_create(e, &s, &err), ZINC_OK);
	pack_step(e, s);
	assert_int_equal(pack_fake.n_linear, 5);
	return e;
}

static const unsigned char *file_row(int w, uint32_t row)
{
	return (const unsigned char *)pack_tensors[w]->data + (size_t)row * FILE_ROW;
}

void pack_check_row(const struct zinc_view *v, uint32_t slice, uint32_t row, int w,
                      uint32_t at)
{
	const unsigned char *got =
		pack_bytes(v->buf, v->off + slice * v->nb[2] + row * v->nb[1], FILE_ROW);

	assert_memory_equal(got, file_row(w, at), FILE_ROW);
}

void pack_check_ledger(const struct engine *e, uint64_t packed, uint64_t copied, uint64_t mapped)
{
	const struct ledger *l = engine_ledger(e);

	assert_int_equal(l->planned[LEDGER_WEIGHTS_PACKED], packed);
	assert_int_equal(l->planned[LEDGER_WEIGHTS], copied);
	assert_int_equal(l->planned[LEDGER_WEIGHTS_MAPPED], mapped);
	for (int k = 0; k < LEDGER_COUNT; k++)
		assert_int_equal(l->used[k], l->planned[k]);
}

uint64_t pack_aligned(uint64_t n)
{
	return (n + 255) / 256 * 256;
}

static const uint64_t packed_rows[] = {A_ROWS, E_ROWS * EXPERTS, VOCAB};

uint64_t pack_packed_bytes(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < 3; i++)
		sum += pack_aligned(PACK_ROW * packed_rows[i]);
	return sum;
}
