/* attn_bench.c - how fast attention goes alone, by the processor time of one thread:
 * prompts of 512 tokens at some depths and single tokens, for heads of some models.
 *
 * attn_bench [plain|avx2|avx512 [f32|f16|bf16|q8_0 [NAME]]], NAME of the heads */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zinc/op.h>
#include <zinc/plugin.h>
#include <zinc/view.h>

#include "quant.h"

enum { MAX_POS = 4096, PAGES = MAX_POS / ZINC_KV_PAGE, MAX_TOKENS = 512 };

struct shape {
	const char *name;
	uint32_t n_head, n_head_kv, dim, window;
};

struct bench {
	const struct zinc_backend *backend;
	struct zinc_dev *dev;
	const char *isa;
	uint32_t dtype; /* of the cache */
	struct zinc_buf *cache, *rows, *numbers, *scratch;
};

static const char *option(void *ctx, const char *key)
{
	const struct bench *b = ctx;

	if (!strcmp(key, "isa"))
		return b->isa;
	return strcmp(key, "threads") ? NULL : "1";
}

static void *host_alloc(void *ctx, size_t n, size_t align)
{
	void *p = NULL;

	(void)ctx;
	return posix_memalign(&p, align < 64 ? 64 : align, n ? n : 1) ? NULL : p;
}

static void host_free(void *ctx, void *p)
{
	(void)ctx;
	free(p);
}

static void host_log(void *ctx, int level, const char *msg)
{
	(void)ctx;
	(void)level;
	fprintf(stderr, "%s\n", msg);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct zinc_buf *make_buf(const struct bench *b, uint64_t bytes)
{
	struct zinc_buf *buf = NULL;

	if (b->backend->buf_alloc(b->dev, bytes, ZINC_MEM_DEVICE, &buf, NULL) != ZINC_OK) {
		fprintf(stderr, "out of memory for %llu bytes\n", (unsigned long long)bytes);
		exit(1);
	}
	return buf;
}

static struct zinc_view view(struct zinc_buf *buf, uint64_t off, uint32_t dtype, const uint32_t *ne)
{
	struct zinc_view v = {.buf = buf, .off = off, .dtype = dtype};

	for (int i = 0; i < ZINC_MAX_DIMS; i++)
		v.ne[i] = ne[i];
	v.nb[0] = dtype == ZINC_I32 ? 4 : quant_block_bytes(dtype);
	v.nb[1] = dtype == ZINC_I32 ? 4 * (uint64_t)ne[0] : quant_row_bytes(dtype, ne[0]);
	v.nb[2] = v.nb[1] * ne[1];
	v.nb[3] = v.nb[2] * ne[2];
	return v;
}

static uint64_t cache_bytes(const struct bench *b, const struct shape *s)
{
	return quant_row_bytes(b->dtype, s->dim) * ZINC_KV_PAGE * s->n_head_kv * PAGES;
}

/* What a query that ends n positions sees. */
static uint32_t keys(const struct shape *s, uint32_t n)
{
	return s->window && n > s->window ? s->window : n;
}

/* Random rows, and pages in order. */
static void fill(struct bench *b, const struct shape *s)
{
	uint64_t n = (uint64_t)MAX_TOKENS * s->n_head * s->dim, bytes = cache_bytes(b, s);
	float row[512];
	int32_t numbers[PAGES];
	uint32_t seed = 1;

	b->rows = make_buf(b, 2 * n * sizeof(float));
	b->cache = make_buf(b, 2 * bytes);
	b->numbers = make_buf(b, (PAGES + 3 * MAX_TOKENS) * sizeof(int32_t));
	for (uint64_t at = 0; at < n + 2 * (uint64_t)PAGES * ZINC_KV_PAGE * s->n_head_kv * s->dim;
	     at += s->dim) {
		uint8_t packed[sizeof(row)];

		for (uint32_t i = 0; i < s->dim; i++) {
			seed = seed * 1664525 + 1013904223;
			row[i] = (float)(seed >> 8) * 0x1p-23f - 1;
		}
		if (at < n) {
			b->backend->buf_write(b->rows, at * sizeof(float), row,
			                      s->dim * sizeof(float));
			continue;
		}
		quant_from_f32(b->dtype, row, packed, s->dim);
		b->backend->buf_write(b->cache,
		                      (at - n) / s->dim * quant_row_bytes(b->dtype, s->dim),
		                      packed, quant_row_bytes(b->dtype, s->dim));
	}
	for (int32_t i = 0; i < PAGES; i++)
		numbers[i] = i;
	b->backend->buf_write(b->numbers, 0, numbers, sizeof(numbers));
}

/* The last n of n_pos positions, of one sequence. */
static struct zinc_op_flash_attn make_op(const struct bench *b, const struct shape *s, uint32_t n,
                                         uint32_t n_pos)
{
	const uint32_t rows[] = {s->dim, s->n_head, n, 1}, one[] = {1, 1, 1, 1}, two[] = {2, 1, 1, 1};
	const uint32_t cache[] = {s->dim, ZINC_KV_PAGE, s->n_head_kv, PAGES};
	const uint32_t tokens[] = {n, 1, 1, 1}, table[] = {PAGES, 1, 1, 1};
	const uint64_t at = PAGES * sizeof(int32_t), each = MAX_TOKENS * sizeof(int32_t);
	const int32_t seq_first[] = {0, (int32_t)n}, len = (int32_t)n_pos;
	int32_t pos[MAX_TOKENS], seq[MAX_TOKENS] = {0};

	for (uint32_t i = 0; i < n; i++)
		pos[i] = (int32_t)(n_pos - n + i);
	b->backend->buf_write(b->numbers, at, pos, n * sizeof(*pos));
	b->backend->buf_write(b->numbers, at + each, seq, n * sizeof(*seq));
	b->backend->buf_write(b->numbers, at + 2 * each, seq_first, sizeof(seq_first));
	b->backend->buf_write(b->numbers, at + 2 * each + 8, &len, sizeof(len));
	return (struct zinc_op_flash_attn){
		.struct_size = sizeof(struct zinc_op_flash_attn),
		.q = view(b->rows, 0, ZINC_F32, rows),
		.out = view(b->rows, (uint64_t)MAX_TOKENS * s->n_head * s->dim * sizeof(float),
		            ZINC_F32, rows),
		.k_cache = view(b->cache, 0, b->dtype, cache),
		.v_cache = view(b->cache, cache_bytes(b, s), b->dtype, cache),
		.tok_pos = view(b->numbers, at, ZINC_I32, tokens),
		.tok_seq = view(b->numbers, at + each, ZINC_I32, tokens),
		.seq_first = view(b->numbers, at + 2 * each, ZINC_I32, two),
		.seq_kv_len = view(b->numbers, at + 2 * each + 8, ZINC_I32, one),
		.block_table = view(b->numbers, 0, ZINC_I32, table),
		.n = zinc_imm(n), .n_seqs = zinc_imm(1),
		.q_head_dim = s->dim, .kv_head_dim = s->dim,
		.n_head = s->n_head, .n_head_kv = s->n_head_kv, .scale = 0.1f,
		.window = s->window,
	};
}

static const struct zinc_op_impl *find_op(const struct bench *b)
{
	for (uint32_t i = 0; i < b->backend->n_ops; i++)
		if (b->backend->ops[i]->op == ZINC_OP_FLASH_ATTN)
			return b->backend->ops[i];
	exit(1);
}

/* Seconds of the fastest of several runs. */
static double best(const struct bench *b, const struct zinc_op_flash_attn *op, uint32_t variant,
                   int runs)
{
	const struct zinc_op_impl *impl = find_op(b);
	struct zinc_cmd *cmd = NULL;
	struct zinc_submit s = {.struct_size = sizeof(s), .cmds = &cmd, .n_cmds = 1};
	struct zinc_buf *scratch = make_buf(b, impl->scratch(b->dev, op, variant));
	double least = 1e9;

	if (b->backend->cmd_begin(b->dev, 0, scratch, &cmd, NULL) != ZINC_OK ||
	    impl->record(cmd, op, variant) != ZINC_OK ||
	    b->backend->cmd_end(cmd, NULL) != ZINC_OK) {
		fprintf(stderr, "the case cannot be recorded\n");
		exit(1);
	}
	for (int i = 0; i < runs; i++) {
		double t = cpu_seconds();

		if (b->backend->submit(b->dev, &s, NULL) != ZINC_OK) {
			fprintf(stderr, "the case cannot be run\n");
			exit(1);
		}
		t = cpu_seconds() - t;
		least = t < least ? t : least;
	}
	b->backend->cmd_free(cmd);
	b->backend->buf_free(scratch);
	return least;
}

static void bench_shape(struct bench *b, const struct shape *s)
{
	static const uint32_t ends[] = {512, 2048, 4096};

	fill(b, s);
	printf("%-12s prompt", s->name);
	for (int i = 0; i < 3; i++) {
		struct zinc_op_flash_attn op = make_op(b, s, MAX_TOKENS, ends[i]);
		double pairs = 0;

		for (uint32_t n = ends[i] - MAX_TOKENS + 1; n <= ends[i]; n++)
			pairs += (double)s->n_head * keys(s, n);
		printf("  to %4u %6.1f GFLOP/s", ends[i],
		       4e-9 * pairs * s->dim / best(b, &op, 1, 5));
	}
	printf("  token");
	for (int i = 0; i < 3; i++) {
		struct zinc_op_flash_attn op = make_op(b, s, 1, ends[i]);
		double bytes = 2.0 * (double)quant_row_bytes(b->dtype, s->dim) * s->n_head_kv *
		               keys(s, ends[i]);

		printf("  at %4u %5.1f GB/s", ends[i], 1e-9 * bytes / best(b, &op, 0, 50));
	}
	printf("\n");
	b->backend->buf_free(b->rows);
	b->backend->buf_free(b->cache);
	b->backend->buf_free(b->numbers);
}

/* The cache's type; exits where it is none of those. */
static uint32_t type_of(const char *name)
{
	static const struct {
		const char *name;
		uint32_t dtype;
	} types[] = {{"f32", ZINC_F32}, {"f16", ZINC_F16}, {"bf16", ZINC_BF16}, {"q8_0", ZINC_Q8_0}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(name, types[i].name))
			return types[i].dtype;
	fprintf(stderr, "attn_bench: a cache is f32, f16, bf16 or q8_0, not \"%s\"\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct shape shapes[] = {
		{"qwen3-8b", 32, 8, 128, 0},       {"qwen35-0.8b", 8, 2, 256, 0},
		{"qwen35-35b", 16, 2, 256, 0},     {"gemma4-26b", 16, 8, 256, 1024},
		{"its full one", 16, 2, 512, 0},   {"heads of 512", 8, 1, 512, 0},
		{"heads of 64", 16, 16, 64, 0}};
	struct bench b = {.isa = argc > 1 ? argv[1] : NULL,
	                  .dtype = argc > 2 ? type_of(argv[2]) : ZINC_F16};
	struct zinc_host host = {.struct_size = sizeof(host), .abi_minor = ZINC_ABI_MINOR, .ctx = &b,
	                         .log = host_log, .option = option, .alloc = host_alloc,
	                         .free = host_free};
	struct zinc_err err = {0};
	void *self = NULL;
	int n = 0;

	b.backend = zinc_plugin_v0.backend;
	if (zinc_plugin_v0.init(&host, &self, &err) != ZINC_OK ||
	    b.backend->dev_open(self, 0, &b.dev, &err) != ZINC_OK) {
		fprintf(stderr, "attn_bench: %s\n", err.msg);
		return 1;
	}
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (argc < 4 || !strcmp(argv[3], shapes[i].name)) {
			bench_shape(&b, &shapes[i]);
			n++;
		}
	b.backend->dev_close(b.dev);
	zinc_plugin_v0.fini(self);
	if (!n)
		fprintf(stderr, "attn_bench: there are no heads of \"%s\"\n", argv[3]);
	return n ? 0 : 2;
}
