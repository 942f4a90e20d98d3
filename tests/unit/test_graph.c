/* test_graph.c - recording, lowering, activation sharing and placement, against
 * a made-up backend whose abilities each test sets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "graph/graph.h"
#include "graph/schema.h"
#include "model/dtype.h"

enum { E = 64, FF = 128, TOKENS = 16, VOCAB = 96 };

/* What the backend declines. */
static struct {
	bool residual, gate_w, rms_residual, rope_norm, dmmv_many, quant, no_glu;
} declines;

static int supports(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_linear *d = desc;

	(void)dev;
	(void)variant;
	if (declines.residual && d->residual.buf)
		return ZINC_E_UNSUPPORTED;
	return declines.gate_w && d->gate_w.buf ? ZINC_E_UNSUPPORTED : ZINC_OK;
}

static int supports_rms(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	const struct zinc_op_rmsnorm *d = desc;

	(void)dev;
	(void)variant;
	return declines.rms_residual && d->residual.buf ? ZINC_E_UNSUPPORTED : ZINC_OK;
}

static int supports_any(struct zinc_dev *dev, const void *desc, uint32_t variant)
{
	(void)dev;
	(void)desc;
	(void)variant;
	return declines.no_glu ? ZINC_E_UNSUPPORTED : ZINC_OK;
}

static const struct zinc_variant few[] = {{"cols1", 1, ZINC_NUM_Q8}, {"cols4", 4, ZINC_NUM_Q8}};
static const struct zinc_variant many[] = {{"tile", 0, ZINC_NUM_Q8}};
static const struct zinc_variant plain[] = {{"plain", 0, ZINC_NUM_F32}};

#define IMPL(id, T, v, s)                                                                          \
	{.struct_size = sizeof(struct zinc_op_impl), .op = id, .name = #id,                        \
	 .desc_size = sizeof(struct T), .n_variants = sizeof(v) / sizeof(v[0]), .variants = v,     \
	 .supports = s}

static const struct zinc_op_impl impl_dmmv = IMPL(ZINC_OP_DMMV, zinc_op_linear, few, supports);
static const struct zinc_op_impl impl_mmq = IMPL(ZINC_OP_MMQ, zinc_op_linear, many, supports);
static const struct zinc_op_impl impl_quant =
	IMPL(ZINC_OP_QUANT_ACT, zinc_op_quant_act, plain, supports_any);
static const struct zinc_op_impl impl_rms =
	IMPL(ZINC_OP_RMSNORM, zinc_op_rmsnorm, plain, supports_rms);
static const struct zinc_op_impl impl_glu = IMPL(ZINC_OP_GLU, zinc_op_glu, plain, supports_any);
static const struct zinc_op_impl impl_add = IMPL(ZINC_OP_ADD, zinc_op_binary, plain, supports_any);
static const struct zinc_op_impl impl_embed =
	IMPL(ZINC_OP_EMBED, zinc_op_embed, plain, supports_any);
static const struct zinc_op_impl *const ops[] = {&impl_dmmv, &impl_mmq,  &impl_quant, &impl_rms,
                                                 &impl_glu,  &impl_add, &impl_embed};

static int act_layout(struct zinc_dev *dev, uint32_t op, const struct zinc_op_linear *d,
                      uint32_t variant, struct zinc_act_layout *out)
{
	(void)dev;
	(void)op;
	(void)variant;
	out->layout = declines.quant ? 0 : 7;
	out->row_bytes = d->x.ne[0] + 16;
	return ZINC_OK;
}

static const struct zinc_backend backend = {.struct_size = sizeof(backend),
                                            .n_ops = sizeof(ops) / sizeof(ops[0]),
                                            .ops = ops,
                                            .act_layout = act_layout};

enum { W_EMBED, W_NORM, W_UP, W_GATE, W_DOWN, W_HEAD, N_WEIGHTS };

static struct graph_mem mems[N_WEIGHTS], table_mem[ZINC_TABLE_COUNT];
static struct zinc_view weights[N_WEIGHTS], tables[ZINC_TABLE_COUNT];
static struct graph_env env;

static struct zinc_view handle(struct graph_mem *m, struct zinc_view v)
{
	m->temp = -1;
	v.buf = (struct zinc_buf *)(void *)m;
	return v;
}

static int setup(void **state)
{
	static const uint32_t dims[N_WEIGHTS][2] = {{E, VOCAB}, {E, 1},  {E, FF},
	                                            {E, FF},    {FF, E}, {E, VOCAB}};

	(void)state;
	memset(&declines, 0, sizeof(declines));
	for (int i = 0; i < N_WEIGHTS; i++)
		weights[i] = handle(&mems[i], dtype_view(i == W_NORM ? ZINC_F32 : ZINC_Q8_0,
		                                         dims[i][0], dims[i][1], 1, 1));
	for (int i = 0; i < ZINC_TABLE_COUNT; i++)
		tables[i] = handle(&table_mem[i], dtype_view(ZINC_I32, TOKENS, 1, 1, 1));
	env = (struct graph_env){.weights = weights, .tables = tables, .n_weights = N_WEIGHTS};
	return 0;
}

static struct zinc_view row(struct zinc_graph *g, uint32_t n)
{
	return graph_temp(g, ZINC_F32, n, g->shape.max_tokens, 1, 1);
}

static void linear(struct zinc_graph *g, int w, const struct zinc_view *x,
                   const struct zinc_view *y, const struct zinc_view *residual, int gate)
{
	struct zinc_op_linear d = {.struct_size = sizeof(d), .w = weights[w], .x = *x, .y = *y,
	                           .n = zinc_slot(ZINC_SLOT_N_TOKENS, g->shape.max_tokens)};

	if (residual)
		d.residual = *residual;
	if (gate >= 0) {
		d.gate_w = weights[gate];
		d.act = ZINC_ACT_SILU;
	}
	graph_op(g, ZINC_OP_LINEAR, &d);
}

/* One feed-forward block with everything fused. */
static void build(void *model, struct zinc_graph *g, const struct zinc_shape *shape)
{
	struct zinc_u32 n = zinc_slot(ZINC_SLOT_N_TOKENS, shape->max_tokens);
	struct zinc_view x = row(g, E), h = row(g, E), sum = row(g, E), f = row(g, FF);
	struct zinc_view logits = row(g, VOCAB);
	struct zinc_op_embed e = {.struct_size = sizeof(e), .table = weights[W_EMBED],
	                          .ids = graph_table(g, ZINC_TABLE_TOK_ID, 0), .y = x, .n = n};
	struct zinc_op_rmsnorm r = {.struct_size = sizeof(r), .x = x, .weight = weights[W_NORM],
	                            .y = h, .n = n, .residual = x, .sum = sum, .eps = 1e-6f};

	(void)model;
	graph_op(g, ZINC_OP_EMBED, &e);
	graph_op(g, ZINC_OP_RMSNORM, &r);
	linear(g, W_UP, &h, &f, NULL, W_GATE);
	linear(g, W_DOWN, &f, &sum, &sum, -1);
	linear(g, W_HEAD, &sum, &logits, NULL, -1);
	graph_logits(g, &logits);
}

static const struct zinc_arch arch = {.struct_size = sizeof(arch), .build = build};

static struct zinc_graph *make(uint32_t tokens)
{
	struct zinc_shape shape = {.struct_size = sizeof(shape), .max_tokens = tokens,
	                           .max_seqs = 1, .max_out = 1};
	struct graph_target t = {.backend = &backend, .name = "made-up", .numerics_mask = 0xf};
	struct zinc_graph *g;
	struct zinc_err err;

	if (graph_create(&env, &arch, NULL, &shape, &g, &err) || graph_lower(g, &t, &err) ||
	    graph_place(g, &t, &err))
		fail_msg("%s", err.msg);
	return g;
}

static void assert_ops(const struct zinc_graph *g, const char *want)
{
	char got[512] = "";

	for (uint32_t i = 0; i < g->n_ops; i++) {
		strcat(got, i ? " " : "");
		strcat(got, schema_name(g->ops[i].op));
	}
	assert_string_equal(got, want);
}

static void test_all_fused(void **state)
{
	struct zinc_graph *g = make(1);

	(void)state;
	assert_ops(g, "embed rmsnorm quant_act dmmv quant_act dmmv quant_act dmmv");
	assert_string_equal(g->ops[3].impl->variants[g->ops[3].variant].name, "cols1");
	graph_destroy(g);
	g = make(4);
	assert_string_equal(g->ops[3].impl->variants[g->ops[3].variant].name, "cols4");
	graph_destroy(g);
	g = make(8);
	assert_ops(g, "embed rmsnorm quant_act mmq quant_act mmq quant_act mmq");
	graph_destroy(g);
}

static void test_peeling(void **state)
{
	struct zinc_graph *g;

	(void)state;
	declines.quant = true;
	declines.residual = true;
	g = make(1);
	assert_ops(g, "embed rmsnorm dmmv dmmv add dmmv");
	graph_destroy(g);
	declines.gate_w = true;
	g = make(1);
	assert_ops(g, "embed rmsnorm dmmv dmmv glu dmmv add dmmv");
	graph_destroy(g);
	declines.rms_residual = true;
	g = make(1);
	assert_ops(g, "embed add rmsnorm dmmv dmmv glu dmmv add dmmv");
	graph_destroy(g);
}

static void test_one_quant_act_per_input(void **state)
{
	struct zinc_graph *g;

	(void)state;
	declines.gate_w = true;
	g = make(8);
	assert_ops(g, "embed rmsnorm quant_act mmq mmq glu quant_act mmq quant_act mmq");
	graph_destroy(g);
}

static void test_missing_primitive(void **state)
{
	struct zinc_shape shape = {.struct_size = sizeof(shape), .max_tokens = 1, .max_seqs = 1,
	                           .max_out = 1};
	struct graph_target t = {.backend = &backend, .name = "made-up", .numerics_mask = 0xf};
	struct zinc_graph *g;
	struct zinc_err err;

	(void)state;
	declines.gate_w = declines.no_glu = true;
	assert_int_equal(graph_create(&env, &arch, NULL, &shape, &g, &err), 0);
	assert_int_equal(graph_lower(g, &t, &err), ZINC_E_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "made-up"));
	assert_non_null(strstr(err.msg, "glu"));
	graph_destroy(g);
}

/* Temporaries alive at the same time never overlap, and memory is shared: the
 * arena is smaller than the sum. */
static void test_placement(void **state)
{
	struct zinc_graph *g;
	uint64_t sum = 0;

	(void)state;
	declines.gate_w = declines.residual = true;
	g = make(TOKENS);
	for (uint32_t i = 0; i < g->n_temps; i++) {
		const struct graph_temp *a = g->temps[i];

		if (a->first < 0)
			continue;
		sum += a->bytes;
		assert_true(a->mem.off + a->bytes <= g->temp_bytes);
		for (uint32_t k = 0; k < i; k++) {
			const struct graph_temp *b = g->temps[k];

			if (b->first < 0 || a->first > b->last || b->first > a->last)
				continue;
			assert_true(a->mem.off + a->bytes <= b->mem.off ||
			            b->mem.off + b->bytes <= a->mem.off);
		}
	}
	assert_true(g->temp_bytes < sum);
	graph_destroy(g);
}

/* As long as the recording's tokens, as its rows whose logits are read, or whole. */
static void test_tables(void **state)
{
	static const uint32_t per_token[] = {ZINC_TABLE_TOK_ID, ZINC_TABLE_TOK_SEQ,
	                                     ZINC_TABLE_TOK_POS};
	static const uint32_t per_out[] = {ZINC_TABLE_OUT_ROW, ZINC_TABLE_OUT_SEQ,
	                                   ZINC_TABLE_OUT_POS};
	static const uint32_t per_seq[] = {ZINC_TABLE_SEQ_FIRST, ZINC_TABLE_SEQ_KV_LEN,
	                                   ZINC_TABLE_STATE_SLOT, ZINC_TABLE_OUT_FIRST};
	struct zinc_graph *g = make(4);

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(graph_table(g, per_token[i], 0).ne[0], 4);
		assert_int_equal(graph_table(g, per_out[i], 0).ne[0], 1);
	}
	for (int i = 0; i < 4; i++) {
		struct zinc_view v = graph_table(g, per_seq[i], 0);

		assert_int_equal(v.ne[0], TOKENS);
		assert_ptr_equal(v.buf, tables[per_seq[i]].buf);
	}
	assert_int_equal(g->err.code, 0);
	assert_null(graph_table(g, ZINC_TABLE_BLOCKS, 0).buf); /* there are no states */
	assert_int_equal(g->err.code, ZINC_E_INVALID);
	g->err.code = 0;
	assert_null(graph_table(g, ZINC_TABLE_COUNT, 0).buf);
	assert_int_equal(g->err.code, ZINC_E_INVALID);
	graph_destroy(g);
}

static void build_bad_shape(void *model, struct zinc_graph *g, const struct zinc_shape *shape)
{
	struct zinc_view x = row(g, E), y = row(g, E);

	(void)model;
	(void)shape;
	graph_label(g, 3, "ffn");
	linear(g, W_UP, &x, &y, NULL, -1);
}

static void build_unwritten(void *model, struct zinc_graph *g, const struct zinc_shape *shape)
{
	struct zinc_view x = row(g, E), y = row(g, VOCAB);

	(void)model;
	(void)shape;
	linear(g, W_HEAD, &x, &y, NULL, -1);
	graph_logits(g, &y);
}

static void build_no_logits(void *model, struct zinc_graph *g, const struct zinc_shape *shape)
{
	(void)model;
	(void)shape;
	(void)row(g, E);
}

static void test_architecture_mistakes(void **state)
{
	struct zinc_shape shape = {.struct_size = sizeof(shape), .max_tokens = 2, .max_seqs = 1,
	                           .max_out = 1};
	struct graph_target t = {.backend = &backend, .name = "made-up", .numerics_mask = 0xf};
	struct zinc_arch bad = {.struct_size = sizeof(bad), .build = build_bad_shape};
	struct zinc_graph *g;
	struct zinc_err err;

	(void)state;
	assert_int_equal(graph_create(&env, &bad, NULL, &shape, &g, &err), ZINC_E_INVALID);
	assert_string_equal(err.msg, "layer 3 ffn: op linear: w's rows are not y's lanes");
	bad.build = build_no_logits;
	assert_int_equal(graph_create(&env, &bad, NULL, &shape, &g, &err), ZINC_E_INVALID);
	bad.build = build_unwritten;
	assert_int_equal(graph_create(&env, &bad, NULL, &shape, &g, &err), 0);
	assert_int_equal(graph_lower(g, &t, &err), 0);
	assert_int_equal(graph_place(g, &t, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "before anything was written"));
	graph_destroy(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all_fused, setup),
		cmocka_unit_test_setup(test_peeling, setup),
		cmocka_unit_test_setup(test_one_quant_act_per_input, setup),
		cmocka_unit_test_setup(test_missing_primitive, setup),
		cmocka_unit_test_setup(test_placement, setup),
		cmocka_unit_test_setup(test_tables, setup),
		cmocka_unit_test_setup(test_architecture_mistakes, setup),
	};

	return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
