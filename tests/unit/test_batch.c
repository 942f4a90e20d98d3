/* test_batch.c - the tables of a step, as they arrive on the device: which tokens, of
 * which sequences, and which of their logits are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "run/batch.h"

enum { TOKENS = 12, SEQS = 4, OUT = 5, UNTOUCHED = 0x55 };

struct zinc_buf {
	uint64_t bytes;
	uint8_t data[];
};

static int buf_alloc(struct zinc_dev *dev, uint64_t bytes, uint32_t kind, struct zinc_buf **out,
                     struct zinc_err *err)
{
	struct zinc_buf *b = malloc(sizeof(*b) + bytes);

	(void)dev;
	(void)err;
	assert_non_null(b);
	assert_int_equal(kind, ZINC_MEM_UPLOAD);
	b->bytes = bytes;
	memset(b->data, UNTOUCHED, bytes);
	*out = b;
	return ZINC_OK;
}

static void buf_free(struct zinc_buf *b)
{
	free(b);
}

static int buf_write(struct zinc_buf *b, uint64_t off, const void *from, uint64_t n)
{
	assert_true(off <= b->bytes && n <= b->bytes - off);
	memcpy(b->data + off, from, n);
	return ZINC_OK;
}

static const struct zinc_backend backend = {.struct_size = sizeof(backend),
                                            .buf_alloc = buf_alloc,
                                            .buf_free = buf_free,
                                            .buf_write = buf_write};

static struct ledger ledger;
static const struct memory memory = {.backend = &backend, .ledger = &ledger};
/* Nothing is cached: block tables are the caches'. */
static const struct kv kv = {.cfg = {.max_seqs = SEQS}};
static struct batch batch;

static int setup(void **state)
{
	struct zinc_err err;

	(void)state;
	memset(&ledger, 0, sizeof(ledger));
	assert_int_equal(batch_plan(&batch, &kv, &memory, TOKENS, OUT, &err), ZINC_OK);
	assert_int_equal(batch_load(&batch, &kv, &memory, &err), ZINC_OK);
	batch_reset(&batch);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	batch_finish(&batch, &memory);
	return 0;
}

/* n tokens whose ids tell their sequence and position. */
static void add(uint32_t seq, uint32_t pos, uint32_t n, uint32_t n_out)
{
	int32_t ids[TOKENS];

	for (uint32_t i = 0; i < n; i++)
		ids[i] = (int32_t)(1000 * seq + pos + i);
	batch_add(&batch, seq, pos, ids, n, n_out);
}

static void upload(void)
{
	struct zinc_err err;

	assert_int_equal(batch_upload(&batch, &kv, &memory, &err), ZINC_OK);
}

/* Those n entries, and behind them nothing that was written. */
static void check(enum zinc_table t, const int32_t *want, uint32_t n)
{
	const struct graph_mem *m = (const void *)batch.tables[t].buf;
	const uint8_t *got = m->buf->data + m->off;

	assert_true(n <= batch.tables[t].ne[0]);
	if (n)
		assert_memory_equal(got, want, n * sizeof(*want));
	for (uint64_t i = n; i < batch.tables[t].ne[0]; i++)
		assert_int_equal(got[i * sizeof(*want)], UNTOUCHED);
}

#define CHECK(table, ...)                                                                          \
	check(ZINC_TABLE_##table, (const int32_t[]){__VA_ARGS__},                                  \
	      sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

/* One that decodes, the middle of a prompt, a prompt's end, one with two rows read. */
static void test_some_rows_are_read(void **state)
{
	(void)state;
	add(3, 40, 1, 1);
	add(0, 6, 4, 0);
	add(2, 0, 3, 1);
	add(1, 9, 3, 2);
	upload();
	CHECK(TOK_ID, 3040, 6, 7, 8, 9, 2000, 2001, 2002, 1009, 1010, 1011);
	CHECK(TOK_SEQ, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3);
	CHECK(TOK_POS, 40, 6, 7, 8, 9, 0, 1, 2, 9, 10, 11);
	CHECK(SEQ_FIRST, 0, 1, 5, 8, 11);
	CHECK(SEQ_KV_LEN, 41, 10, 3, 12);
	CHECK(STATE_SLOT, 3, 0, 2, 1);
	CHECK(OUT_ROW, 0, 7, 9, 10);
	CHECK(OUT_SEQ, 0, 2, 3, 3);
	CHECK(OUT_POS, 40, 2, 10, 11);
	CHECK(OUT_FIRST, 0, 1, 1, 2, 4);
	assert_int_equal(batch.n_out, 4);
}

static void test_no_row_is_read(void **state)
{
	(void)state;
	add(1, 5, 3, 0);
	add(0, 0, 2, 0);
	upload();
	assert_int_equal(batch.n_out, 0);
	CHECK(OUT_FIRST, 0, 0, 0);
	check(ZINC_TABLE_OUT_ROW, NULL, 0);
	check(ZINC_TABLE_OUT_SEQ, NULL, 0);
	check(ZINC_TABLE_OUT_POS, NULL, 0);
}

/* Each step begins anew. */
static void test_all_rows_are_read(void **state)
{
	(void)state;
	add(0, 0, 6, 3);
	add(1, 0, 6, 2);
	batch_reset(&batch);
	add(2, 7, 1, 1);
	add(1, 3, 3, 1);
	batch_read_all(&batch);
	upload();
	assert_int_equal(batch.n_out, 4);
	CHECK(OUT_ROW, 0, 1, 2, 3);
	CHECK(OUT_SEQ, 0, 1, 1, 1);
	CHECK(OUT_POS, 7, 3, 4, 5);
	CHECK(OUT_FIRST, 0, 1, 4);
	CHECK(SEQ_FIRST, 0, 1, 4);
}

/* As many as there is room for; no table reaches into another. */
static void test_full(void **state)
{
	(void)state;
	add(0, 0, 1, 1);
	add(1, 0, 1, 1);
	add(2, 0, 1, 1);
	add(3, 0, 9, 2);
	upload();
	for (int t = 0; t < ZINC_TABLE_COUNT; t++)
		if (t != ZINC_TABLE_BLOCKS)
			check((enum zinc_table)t, batch.host[t], batch.tables[t].ne[0]);
	assert_int_equal(batch.tables[ZINC_TABLE_TOK_POS].ne[0], TOKENS);
	assert_int_equal(batch.tables[ZINC_TABLE_OUT_SEQ].ne[0], OUT);
	assert_int_equal(batch.tables[ZINC_TABLE_OUT_POS].ne[0], OUT);
	assert_int_equal(batch.tables[ZINC_TABLE_OUT_FIRST].ne[0], SEQS + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_some_rows_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_row_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_rows_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};

	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
