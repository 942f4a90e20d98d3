/* test_vulkan_joins.c - ops that become one dispatch when they are recorded together
 * give the same bits as each in a list of its own. All memory lies in one buffer, which
 * must be the same as a whole, but for quants that products read: a list may have them
 * elsewhere, and the products tell. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <zinc/plugin.h>
#include <zinc/view.h>

enum { ARENA = 8 << 20, SCRATCH = 8 << 20, MAX_OPS = 8, DEADLINE_S = 60 };

static const struct zinc_backend *backend;
static struct zinc_dev *dev;
static struct zinc_buf *arena, *scratch;
static uint64_t arena_used;
static uint8_t *start, *together, *apart; /* the arena: before, and after each way */

static void log_line(void *ctx, int level, const char *line)
{
	(void)ctx;
	if (level <= ZINC_LOG_WARN)
		fprintf(stderr, "%s\n", line);
}

static const char *option(void *ctx, const char *key)
{
	const char *options = getenv("ZINC_TEST_OPTIONS");

	(void)ctx;
	if (!strcmp(key, "chain") && options && !strcmp(options, "vulkan_rdna4.chain=on"))
		return "on";
	return strcmp(key, "cache") ? NULL : "off";
}

static void *allocate(void *ctx, size_t n, size_t align)
{
	(void)ctx;
	align = align < 16 ? 16 : align;
	return aligned_alloc(align, (n + align - 1) / align * align);
}

static void release(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

static const struct zinc_host host = {sizeof(host), ZINC_ABI_MINOR, NULL, log_line, option,
                                      allocate, release};

/* An op of the sequence under test. */
struct step {
	uint32_t op;
	const char *variant;
	const void *desc;
};

static const struct zinc_op_impl *find_op(uint32_t op)
{
	for (uint32_t i = 0; i < backend->n_ops; i++)
		if (backend->ops[i]->op == op)
			return backend->ops[i];
	fail_msg("the backend lacks op %u", op);
	return NULL;
}

static uint32_t find_variant(const struct zinc_op_impl *op, const char *name)
{
	for (uint32_t v = 0; v < op->n_variants; v++)
		if (!strcmp(op->variants[v].name, name))
			return v;
	fail_msg("%s lacks variant %s", op->name, name);
	return 0;
}

/* Memory for `bytes`, filled from a seed that its place gives. */
static uint64_t place(uint64_t bytes)
{
	uint64_t at = arena_used;
	uint32_t seed = (uint32_t)at + 12345;

	arena_used += (bytes + 255) / 256 * 256;
	assert_true(arena_used <= ARENA);
	for (uint64_t i = 0; i < bytes / 4; i++) {
		float x;

		seed = seed * 1664525u + 1013904223u;
		x = (float)(seed >> 8) / (float)(1 << 23) - 1.0f;
		memcpy(start + at + 4 * i, &x, sizeof(x));
	}
	return at;
}

static struct zinc_view view_at(uint64_t off, uint32_t dtype, const uint32_t ne[3])
{
	struct zinc_view v = {.buf = arena, .off = off, .dtype = dtype,
	                      .ne = {ne[0], ne[1], ne[2], 1}, .nb = {4}};

	for (int i = 1; i < ZINC_MAX_DIMS; i++)
		v.nb[i] = v.nb[i - 1] * v.ne[i - 1];
	return v;
}

static struct zinc_view floats(uint32_t lanes, uint32_t heads, uint32_t n)
{
	return view_at(place(4ull * lanes * heads * n), ZINC_F32, (uint32_t[]){lanes, heads, n});
}

static struct zinc_view ints(uint32_t n, const int32_t *values)
{
	struct zinc_view v = view_at(place(4ull * n), ZINC_I32, (uint32_t[]){n, 1, 1});

	memcpy(start + v.off, values, 4ull * n);
	return v;
}

static void submit(struct zinc_cmd *cmd)
{
	static const uint32_t params[ZINC_SLOT_COUNT];
	struct zinc_timeline *tl;
	struct zinc_err err;
	struct zinc_point done;
	struct zinc_submit s = {.struct_size = sizeof(s), .cmds = &cmd, .n_cmds = 1,
	                        .signal = &done, .n_signal = 1, .params = params};

	assert_int_equal(backend->tl_create(dev, 0, &tl), ZINC_OK);
	done = (struct zinc_point){tl, 1};
	assert_int_equal(backend->submit(dev, &s, &err), ZINC_OK);
	assert_int_equal(backend->tl_wait(tl, 1, DEADLINE_S * 1000000000ull), ZINC_OK);
	backend->tl_free(tl);
}

/* Runs the steps `per_list` to a list, twice: counters must be ready again. */
static void run(const struct step *steps, uint32_t n, uint32_t per_list, uint8_t *after)
{
	struct zinc_cmd *lists[MAX_OPS];
	struct zinc_err err = {0};
	uint32_t n_lists = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct zinc_op_impl *op = find_op(steps[i].op);
		uint32_t v = find_variant(op, steps[i].variant);

		if (i % per_list == 0)
			assert_int_equal(backend->cmd_begin(dev, 0, scratch, &lists[n_lists++], &err),
			                 ZINC_OK);
		if (op->supports(dev, steps[i].desc, v))
			fail_msg("%s %s declines", op->name, steps[i].variant);
		assert_true(!op->scratch || op->scratch(dev, steps[i].desc, v) <= SCRATCH);
		op->record(lists[n_lists - 1], steps[i].desc, v);
	}
	for (uint32_t i = 0; i < n_lists; i++)
		if (backend->cmd_end(lists[i], &err))
			fail_msg("%s", err.msg);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(backend->buf_write(arena, 0, start, ARENA), ZINC_OK);
		for (uint32_t i = 0; i < n_lists; i++)
			submit(lists[i]);
	}
	for (uint32_t i = 0; i < n_lists; i++)
		backend->cmd_free(lists[i]);
	assert_int_equal(backend->buf_read(arena, 0, after, ARENA), ZINC_OK);
}

static void check(const char *what, const struct step *steps, uint32_t n)
{
	run(steps, n, n, together);
	run(steps, n, 1, apart);
	for (uint32_t i = 0; i + 1 < n; i++) {
		const struct zinc_op_quant_act *q = steps[i].desc;

		if (steps[i].op == ZINC_OP_QUANT_ACT && steps[i + 1].op == ZINC_OP_DMMV)
			memcpy(together + q->y.off, apart + q->y.off, q->row_bytes);
	}
	if (!memcmp(start, together, ARENA))
		fail_msg("%s: nothing was written", what);
	for (uint64_t i = 0; i < ARENA; i += 4)
		if (memcmp(together + i, apart + i, 4))
			fail_msg("%s: byte %llu of %llu differs", what, (unsigned long long)i,
			         (unsigned long long)arena_used);
	arena_used = 0;
	memset(start, 0, ARENA);
}

static struct zinc_op_quant_act quant(const struct zinc_view *x, uint32_t n, uint32_t layout,
                                      uint64_t at)
{
	struct zinc_op_quant_act q = {.struct_size = sizeof(q), .x = *x, .n = zinc_imm(n)};
	uint32_t k = x->ne[0];

	q.row_bytes = layout == 1 ? (k + 8ull * (k / 32) + 15) / 16 * 16 : 2ull * k;
	q.y = view_at(at, ZINC_U8, (uint32_t[]){k, x->ne[1], x->ne[2]});
	q.y.layout = layout;
	q.y.nb[0] = 1;
	q.y.nb[1] = q.row_bytes;
	q.y.nb[2] = q.y.nb[3] = q.row_bytes * q.y.ne[1];
	return q;
}

/* x = (x + norm(o)) s; h = norm(x); quantised. A single row's h lies where o was, too. */
static void norms_of(uint32_t m, uint32_t n, uint32_t layout)
{
	struct zinc_view x = floats(m, n, 1), o = floats(m, n, 1);
	struct zinc_op_rmsnorm post = {.struct_size = sizeof(post), .x = o, .weight = floats(m, 1, 1),
	                               .y = x, .after = x, .n = zinc_imm(n), .eps = 1e-6f};
	struct zinc_op_binary mul = {.struct_size = sizeof(mul), .a = x, .b = floats(1, 1, 1), .y = x,
	                             .n = zinc_imm(n)};
	struct zinc_op_rmsnorm norm = {.struct_size = sizeof(norm), .x = x, .weight = floats(m, 1, 1),
	                               .y = n == 1 ? o : floats(m, n, 1), .n = zinc_imm(n),
	                               .eps = 1e-5f};
	struct zinc_op_quant_act q = quant(&norm.y, n, layout, place(2ull * m * n));
	const struct step steps[] = {
		{ZINC_OP_RMSNORM, "row", &post}, {ZINC_OP_MUL, "element", &mul},
		{ZINC_OP_RMSNORM, "row", &norm},
		{ZINC_OP_QUANT_ACT, layout == 1 ? "q8" : "f16", &q}};
	char what[64];

	snprintf(what, sizeof(what), "two norms of %u rows of %u", n, m);
	check(what, steps, m % 32 ? 3 : 4);
}

static void test_norms(void **state)
{
	(void)state;
	norms_of(64, 1, 1);
	norms_of(260, 3, 1);
	norms_of(1056, 1, 1);
	norms_of(4096, 3, 2);
	norms_of(5376, 1, 2);
	norms_of(21504, 1, 1); /* many elements to an invocation */
}

/* The gated norm of heads, which make one row that is quantised. */
static void test_heads(void **state)
{
	enum { LANES = 64, HEADS = 6, N = 2 };
	struct zinc_view x = floats(LANES, HEADS, N), row = x;
	struct zinc_op_rmsnorm norm = {
		.struct_size = sizeof(norm), .x = x, .weight = floats(LANES, 1, 1), .y = x,
		.gate = floats(LANES, HEADS, N), .n = zinc_imm(N), .eps = 1e-6f};
	struct zinc_op_quant_act q;
	const struct step steps[] = {{ZINC_OP_RMSNORM, "row", &norm}, {ZINC_OP_QUANT_ACT, "q8", &q}};

	(void)state;
	row.ne[0] = LANES * HEADS;
	row.ne[1] = N;
	row.ne[2] = 1;
	row.nb[1] = 4 * LANES * HEADS;
	row.nb[2] = row.nb[3] = row.nb[1] * N;
	q = quant(&row, N, 1, place(2 * LANES * HEADS * N));
	check("heads quantised as a row", steps, 2);
}

static void glu_of(uint32_t n, const char *variant, uint32_t act)
{
	enum { M = 96 };
	struct zinc_view y = floats(M, n, 1);
	struct zinc_op_linear product = {
		.struct_size = sizeof(product), .w = floats(64, M, 1), .x = floats(64, n, 1), .y = y,
		.n = zinc_imm(n)};
	struct zinc_op_glu glu = {.struct_size = sizeof(glu), .gate = y, .up = floats(M, n, 1), .y = y,
	                          .n = zinc_imm(n), .act = act};
	const struct step steps[] = {{ZINC_OP_DMMV, variant, &product}, {ZINC_OP_GLU, "element", &glu}};

	check("a gate", steps, 2);
}

static void test_glu(void **state)
{
	(void)state;
	glu_of(1, "f32_cols1", ZINC_ACT_SILU);
	glu_of(3, "f32_cols4", ZINC_ACT_GELU_TANH);
}

enum { PAGES = 8 };

/* Pages of two heads; the table has them backwards. */
static struct zinc_view cache(uint32_t lanes)
{
	struct zinc_view v = view_at(place(4ull * lanes * ZINC_KV_PAGE * 2 * PAGES), ZINC_F32,
	                             (uint32_t[]){lanes, ZINC_KV_PAGE, 2});

	v.ne[3] = PAGES;
	return v;
}

static struct zinc_view table(void)
{
	return ints(PAGES, (const int32_t[]){7, 6, 5, 4, 3, 2, 1, 0});
}

/* v = norm(v), rotated keys, both into the cache. */
static void write_of(uint32_t lanes, uint32_t n)
{
	struct zinc_view q = floats(lanes, 4, n), k = floats(lanes, 2, n), v = floats(lanes, 2, n);
	struct zinc_op_rmsnorm norm = {.struct_size = sizeof(norm), .x = v, .y = v, .n = zinc_imm(n),
	                               .eps = 1e-6f};
	struct zinc_op_rope_dual rope = {
		.struct_size = sizeof(rope), .q = q, .q_out = q, .k = k, .k_out = k,
		.pos = ints(n, (const int32_t[]){40, 41, 42}), .freqs = floats(lanes / 2, 1, 1),
		.n = zinc_imm(n), .n_rot = lanes, .q_norm = floats(lanes, 1, 1),
		.k_norm = floats(lanes, 1, 1), .norm_eps = 1e-6f};
	struct zinc_op_kv_write write = {
		.struct_size = sizeof(write), .k = k, .v = v, .k_cache = cache(lanes),
		.v_cache = cache(lanes), .tok_seq = ints(n, (const int32_t[]){0, 0, 0}),
		.tok_pos = rope.pos, .block_table = table(), .n = zinc_imm(n)};
	const struct step steps[] = {{ZINC_OP_RMSNORM, "row", &norm},
	                             {ZINC_OP_ROPE_DUAL, "head", &rope},
	                             {ZINC_OP_KV_WRITE, "row", &write}};

	check("norm, rotation and cache", steps, 3);
}

static void test_write(void **state)
{
	(void)state;
	write_of(64, 1);
	write_of(96, 3);
}

/* Q8_0 as the backend packs it: quants, then a half for each block of 32. */
static struct zinc_view packed(uint32_t k, uint32_t m)
{
	uint64_t scales = (k + 15) / 16 * 16, row = scales + (k / 32 * 2 + 15) / 16 * 16;
	struct zinc_view v = {.buf = arena, .off = place(row * m), .dtype = ZINC_Q8_0, .layout = 1,
	                      .ne = {k, m, 1, 1}, .nb = {1, row, row * m, row * m}};

	for (uint32_t r = 0; r < m; r++)
		for (uint32_t b = 0; b < k / 32; b++)
			memcpy(start + v.off + r * row + scales + 2ull * b,
			       &(uint16_t){(uint16_t)(0x1800 + r)}, 2);
	return v;
}

static struct zinc_op_linear product(uint32_t m, const struct zinc_op_quant_act *q,
                                     struct zinc_view y)
{
	return (struct zinc_op_linear){.struct_size = sizeof(struct zinc_op_linear),
	                               .w = packed(q->x.ne[0], m), .x = q->y, .y = y,
	                               .n = zinc_imm(1)};
}

/* A gated product, its row quantised where its input was, and a product of that. */
static void products_of(uint32_t k, uint32_t m)
{
	struct zinc_view x = floats(k, 1, 1), u = floats(m, 1, 1);
	struct zinc_op_quant_act a = quant(&x, 1, 1, place(2ull * (k + m)));
	struct zinc_op_quant_act b = quant(&u, 1, 1, a.y.off);
	struct zinc_op_linear gated = product(m, &a, u), down = product(k, &b, x);
	const struct step steps[] = {
		{ZINC_OP_QUANT_ACT, "q8", &a}, {ZINC_OP_DMMV, "q8_cols1", &gated},
		{ZINC_OP_QUANT_ACT, "q8", &b}, {ZINC_OP_DMMV, "q8_cols1", &down}};

	gated.gate_w = packed(k, m);
	gated.act = ZINC_ACT_SILU;
	down.residual = x;
	check("a gated product's row quantised", steps, 4);
}

static void test_products(void **state)
{
	(void)state;
	products_of(512, 96);
	products_of(1056, 64);
	products_of(2560, 160);
	products_of(256, 8192); /* of small teams */
}

/* Attention of a token, then its row quantised, where its queries were if `over`, and a
 * product of that. */
static void attend_of(uint32_t lanes, uint32_t window, bool over)
{
	struct zinc_view q = floats(lanes, 8, 1), out = floats(lanes, 8, 1), row = out;
	struct zinc_op_flash_attn attn = {
		.struct_size = sizeof(attn), .q = q, .k_cache = cache(lanes), .v_cache = cache(lanes),
		.out = out, .tok_seq = ints(1, (const int32_t[]){0}),
		.tok_pos = ints(1, (const int32_t[]){170}), .seq_first = ints(2, (const int32_t[]){0, 1}),
		.seq_kv_len = ints(1, (const int32_t[]){171}), .block_table = table(), .n = zinc_imm(1),
		.n_seqs = zinc_imm(1), .q_head_dim = lanes, .kv_head_dim = lanes, .n_head = 8,
		.n_head_kv = 2, .scale = 0.1f, .window = window};
	struct zinc_op_quant_act quants;
	struct zinc_op_linear out_w;
	const struct step steps[] = {{ZINC_OP_FLASH_ATTN, "tile", &attn},
	                             {ZINC_OP_QUANT_ACT, "q8", &quants},
	                             {ZINC_OP_DMMV, "q8_cols1", &out_w}};

	row.ne[0] = lanes * 8;
	row.ne[1] = 1;
	row.nb[1] = row.nb[2] = row.nb[3] = 4ull * lanes * 8;
	quants = quant(&row, 1, 1, over ? q.off : place(16ull * lanes));
	out_w = product(64, &quants, floats(64, 1, 1));
	check("attention and its row quantised", steps, over ? 3 : 2);
}

static void test_attention(void **state)
{
	(void)state;
	attend_of(64, 0, false);
	attend_of(128, 40, true);
	attend_of(256, 0, true);
}

static const struct zinc_plugin *open_plugin(const char *path, void **self)
{
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct zinc_plugin *p = so ? dlsym(so, ZINC_PLUGIN_SYMBOL) : NULL;
	struct zinc_err err = {0};

	if (!p) {
		fprintf(stderr, "%s\n", dlerror());
		return NULL;
	}
	if (p->init(&host, self, &err) || p->backend->dev_open(*self, 0, &dev, &err) ||
	    p->backend->buf_alloc(dev, ARENA, ZINC_MEM_DEVICE, &arena, &err) ||
	    p->backend->buf_alloc(dev, SCRATCH, ZINC_MEM_DEVICE, &scratch, &err)) {
		fprintf(stderr, "skipped: %s\n", err.msg);
		return NULL;
	}
	return p;
}

/* usage: test_vulkan_joins BACKEND.so */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_norms), cmocka_unit_test(test_heads), cmocka_unit_test(test_glu),
		cmocka_unit_test(test_write), cmocka_unit_test(test_attention),
		cmocka_unit_test(test_products),
	};
	const struct zinc_plugin *p;
	void *self;
	int failed;

	p = open_plugin(argc > 1 ? argv[1] : ZINC_BACKEND_FILE, &self);
	if (!p)
		return 77;
	backend = p->backend;
	start = calloc(3, ARENA);
	if (!start)
		return 1;
	together = start + ARENA;
	apart = together + ARENA;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(start);
	backend->buf_free(scratch);
	backend->buf_free(arena);
	backend->dev_close(dev);
	p->fini(self);
	return failed;
}
