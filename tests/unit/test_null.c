/* test_null.c - the null backend, as a backend author would use it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "plugin/registry.h"
#include "unit/plug_util.h"

static const char manifest[] =
	"[plugin]\nid = null\nkind = backend\nabi = 0\nlibrary = backend_null.so\npriority = 0\n"
	"version = 0.1.0\nsummary = computes nothing\n";

static char dir[64];
static struct plug_registry *reg;
static const struct plug *p;
static const struct zinc_backend *b;
static struct zinc_dev *dev;

static int setup(void **state)
{
	const char *why;

	(void)state;
	pu_mkdir(dir);
	pu_write(dir, "null.ini", manifest, sizeof(manifest) - 1);
	pu_copy(dir, "backend_null.so", ZINC_NULL_DIR, "backend_null.so", 100);
	reg = pu_open((const char *const[]){ dir }, 1, NULL, 0);
	assert_int_equal(plug_backend(reg, "null", &p, &why, NULL), ZINC_OK);
	b = p->table->backend;
	assert_int_equal(b->dev_open(p->self, 0, &dev, NULL), ZINC_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	b->dev_close(dev);
	b->dev_close(NULL);
	/* everything that the tests took was given back */
	assert_int_equal(plug_unload(reg->slots[0]), 0);
	plug_registry_destroy(reg);
	pu_rmdir(dir);
	return 0;
}

static void test_auto(void **state)
{
	const struct plug *q;
	const char *why;

	(void)state;
	assert_int_equal(plug_backend(reg, "auto", &q, &why, NULL), ZINC_E_UNSUPPORTED);
}

static void test_device(void **state)
{
	struct zinc_dev_info info = { .struct_size = sizeof(info) };
	struct zinc_dev *none = NULL;
	struct zinc_err err;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(b->dev_count(p->self, &n, NULL), ZINC_OK);
	assert_int_equal(n, 1);
	assert_int_equal(b->dev_info(p->self, 0, &info), ZINC_OK);
	assert_int_equal(info.dev_class, ZINC_DEV_CPU);
	assert_true(info.buf_align > 0 && info.n_queues > 0 && info.mem_total > 0);
	assert_int_equal(b->dev_info(p->self, 1, &info), ZINC_E_INVALID);
	assert_int_equal(b->dev_open(p->self, 1, &none, &err), ZINC_E_INVALID);
	assert_true(err.msg[0] != '\0');
}

static void test_buffers(void **state)
{
	static const unsigned char file[4] = { 9, 8, 7, 6 };
	unsigned char bytes[100];
	struct zinc_buf *buf, *map;

	(void)state;
	assert_int_equal(b->buf_alloc(dev, 100, ZINC_MEM_DEVICE, &buf, NULL), ZINC_OK);
	memset(bytes, 1, sizeof(bytes));
	assert_int_equal(b->buf_read(buf, 0, bytes, 100), ZINC_OK);
	for (int i = 0; i < 100; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(b->buf_write(buf, 96, file, 4), ZINC_OK);
	assert_int_equal(b->buf_read(buf, 97, bytes, 3), ZINC_OK);
	assert_memory_equal(bytes, file + 1, 3);
	assert_int_equal(b->buf_write(buf, 97, file, 4), ZINC_E_INVALID);
	assert_int_equal(b->buf_read(buf, UINT64_MAX, bytes, 2), ZINC_E_INVALID);
	assert_int_equal(b->buf_read(buf, 1, bytes, UINT64_MAX), ZINC_E_INVALID);
	assert_int_equal(b->buf_read(buf, 100, bytes, 0), ZINC_OK);
	assert_int_equal(b->buf_import(dev, file, 4, &map, NULL), ZINC_OK);
	assert_int_equal(b->buf_read(map, 2, bytes, 2), ZINC_OK);
	assert_memory_equal(bytes, file + 2, 2);
	assert_int_equal(b->buf_write(map, 0, bytes, 1), ZINC_E_INVALID);
	b->buf_free(map);
	b->buf_free(buf);
	b->buf_free(NULL);
}

/* Every op a backend can see is there, takes its plain form and no flags. */
static void test_ops(void **state)
{
	static uint64_t desc[256];
	struct zinc_op_head *head = (struct zinc_op_head *)(void *)desc;
	uint32_t seen = 0;

	(void)state;
	for (uint32_t i = 0; i < b->n_ops; i++) {
		const struct zinc_op_impl *op = b->ops[i];

		memset(desc, 0, sizeof(desc));
		head->struct_size = op->desc_size;
		seen |= 1u << op->op;
		assert_true(op->desc_size <= sizeof(desc));
		assert_int_equal(op->supports(dev, desc, 0), ZINC_OK);
		assert_int_equal(op->supports(dev, desc, 1), ZINC_E_UNSUPPORTED);
		head->flags = 1u << 31;
		assert_int_equal(op->supports(dev, desc, 0), ZINC_E_UNSUPPORTED);
	}
	assert_int_equal(seen, (1u << ZINC_OP_COUNT) - 1 - (1u << ZINC_OP_NONE) -
	                               (1u << ZINC_OP_LINEAR) - (1u << ZINC_OP_ALL_REDUCE));
}

/* 200 ops recorded, submitted twice; the timeline tells. */
static void test_submit(void **state)
{
	struct zinc_op_binary desc = { .struct_size = sizeof(desc) };
	struct zinc_point wait, signal;
	struct zinc_submit s = { .struct_size = sizeof(s), .wait = &wait, .signal = &signal,
		                 .n_cmds = 1, .n_signal = 1 };
	uint32_t params[ZINC_SLOT_COUNT] = { 0 };
	struct zinc_timeline *tl;
	struct zinc_cmd *cmd;
	struct zinc_err err;
	uint64_t value;

	(void)state;
	assert_int_equal(b->tl_create(dev, 5, &tl), ZINC_OK);
	assert_int_equal(b->cmd_begin(dev, 0, NULL, &cmd, NULL), ZINC_OK);
	for (int i = 0; i < 200; i++)
		assert_int_equal(b->ops[9]->record(cmd, &desc, 0), ZINC_OK);
	assert_int_equal(b->cmd_end(cmd, &err), ZINC_OK);
	s.cmds = &cmd;
	s.params = params;
	signal = (struct zinc_point){ tl, 6 };
	assert_int_equal(b->submit(dev, &s, &err), ZINC_OK);
	wait = (struct zinc_point){ tl, 6 };
	signal.value = 9;
	s.n_wait = 1;
	assert_int_equal(b->submit(dev, &s, &err), ZINC_OK);
	assert_int_equal(b->tl_value(tl, &value), ZINC_OK);
	assert_int_equal(value, 9);
	assert_int_equal(b->tl_wait(tl, 9, UINT64_MAX), ZINC_OK);
	assert_int_equal(b->tl_wait(tl, 10, 1000000), ZINC_E_TIMEOUT);
	wait.value = 10;
	assert_int_equal(b->submit(dev, &s, &err), ZINC_E_INVALID);
	b->cmd_free(cmd);
	b->cmd_free(NULL);
	b->tl_free(tl);
	b->tl_free(NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_auto), T(test_device), T(test_buffers), T(test_ops), T(test_submit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
