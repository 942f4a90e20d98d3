/* test_abi.c - plugins built with an earlier and a later interface work with
 * this one: they load, and descriptors reach them in their own size. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "graph/desc.h"
#include "unit/plug_util.h"

#define MANIFEST(id)                                                                               \
	"[plugin]\nid = " id "\nkind = backend\nabi = 0\nlibrary = " id ".so\npriority = 1\n"      \
	"version = 1\nsummary = built with other headers\n"

static char dir[64];
static struct plug_registry *reg;

static int setup(void **state)
{
	(void)state;
	pu_mkdir(dir);
	pu_copy(dir, "old.so", ZINC_ABI_DIR, "old.so", 100);
	pu_copy(dir, "new.so", ZINC_ABI_DIR, "new.so", 100);
	pu_write(dir, "old.ini", MANIFEST("old"), sizeof(MANIFEST("old")) - 1);
	pu_write(dir, "new.ini", MANIFEST("new"), sizeof(MANIFEST("new")) - 1);
	reg = pu_open((const char *const[]){ dir }, 1, NULL, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	plug_registry_destroy(reg);
	pu_rmdir(dir);
	return 0;
}

static const struct zinc_backend *load(const char *id)
{
	const struct plug *p;
	struct zinc_err err;
	const char *why;

	if (plug_backend(reg, id, &p, &why, &err) != ZINC_OK)
		fail_msg("%s", err.msg);
	assert_int_equal(p->table->struct_size, sizeof(struct zinc_plugin));
	assert_null(p->table->arch);
	return p->table->backend;
}

static const struct zinc_op_impl *find(const struct zinc_backend *b, uint32_t op)
{
	for (uint32_t i = 0; i < b->n_ops; i++)
		if (b->ops[i]->op == op)
			return b->ops[i];
	fail_msg("op %u is not there", op);
	return NULL;
}

/* What the core does with every descriptor: the reader's answer to a fit copy,
 * or the refusal to hand it over. */
static int ask(const struct zinc_op_impl *op, const void *desc, uint32_t size)
{
	uint64_t fit[256];
	int rc = desc_fit(desc, size, op->desc_size, fit, sizeof(fit));

	return rc == ZINC_OK ? op->supports(NULL, fit, 0) : rc;
}

static struct zinc_view view(void)
{
	static char bytes;

	return (struct zinc_view){ .buf = (struct zinc_buf *)(void *)&bytes,
		                   .ne = { 4, 1, 1, 1 } };
}

static void test_old(void **state)
{
	struct zinc_op_rmsnorm norm = { .struct_size = sizeof(norm), .eps = 1e-6f };
	struct zinc_op_linear dmmv = { .struct_size = sizeof(dmmv) };
	const struct zinc_backend *b = load("old");
	const struct zinc_op_impl *op = find(b, ZINC_OP_RMSNORM);

	(void)state;
	assert_true(op->desc_size < sizeof(norm));
	norm.x = norm.y = view();
	assert_int_equal(ask(op, &norm, sizeof(norm)), ZINC_OK);
	/* a fusion that it has never heard of is not silently dropped */
	norm.after = view();
	assert_int_equal(ask(op, &norm, sizeof(norm)), ZINC_E_UNSUPPORTED);
	op = find(b, ZINC_OP_DMMV);
	dmmv.w = dmmv.x = dmmv.y = dmmv.ids = view();
	assert_int_equal(ask(op, &dmmv, sizeof(dmmv)), ZINC_OK);
	dmmv.residual = view();
	assert_int_equal(ask(op, &dmmv, sizeof(dmmv)), ZINC_E_UNSUPPORTED);
	/* its whole table was copied: what it does not have is NULL */
	assert_null(b->cmd_times);
}

static void test_new(void **state)
{
	struct zinc_op_rmsnorm norm = { .struct_size = sizeof(norm), .eps = 1e-6f };
	const struct zinc_backend *b = load("new");
	const struct zinc_op_impl *op = find(b, ZINC_OP_RMSNORM);

	(void)state;
	assert_int_equal(b->struct_size, sizeof(*b));
	assert_int_equal(b->n_ops, 1);
	assert_true(op->desc_size > sizeof(norm));
	norm.x = norm.y = norm.residual = norm.sum = norm.after = view();
	assert_int_equal(ask(op, &norm, sizeof(norm)), ZINC_OK);
}

static void test_fit(void **state)
{
	const uint32_t desc[6] = { 24, 1, 2, 3, 4, 0 };
	uint32_t out[8];

	(void)state;
	/* the same size: a copy */
	assert_int_equal(desc_fit(desc, 24, 24, out, sizeof(out)), ZINC_OK);
	assert_memory_equal(out, desc, 24);
	/* longer: zeros, and the reader's size */
	memset(out, 0xff, sizeof(out));
	assert_int_equal(desc_fit(desc, 24, 32, out, sizeof(out)), ZINC_OK);
	assert_int_equal(out[0], 32);
	assert_memory_equal(out + 1, desc + 1, 20);
	assert_int_equal(out[6] | out[7], 0);
	/* shorter: only if nothing is lost; not a byte past the reader's size */
	memset(out, 0xff, sizeof(out));
	assert_int_equal(desc_fit(desc, 24, 20, out, sizeof(out)), ZINC_OK);
	assert_int_equal(out[0], 20);
	assert_int_equal(out[4], 4);
	assert_int_equal(out[5], 0xffffffff);
	assert_int_equal(desc_fit(desc, 24, 16, out, sizeof(out)), ZINC_E_UNSUPPORTED);
	assert_int_equal(out[0] | out[1] | out[2] | out[3], 0);
	/* nonsense */
	assert_int_equal(desc_fit(desc, 4, 24, out, sizeof(out)), ZINC_E_INVALID);
	assert_int_equal(desc_fit(desc, 24, 4, out, sizeof(out)), ZINC_E_INVALID);
	assert_int_equal(desc_fit(desc, 24, 36, out, sizeof(out)), ZINC_E_INVALID);
}

/* Any nonzero byte past the reader's end counts, wherever it is. */
static void test_every_byte(void **state)
{
	unsigned char desc[40] = { 40 }, out[40];

	(void)state;
	for (int at = 16; at < 40; at++) {
		desc[at] = 1;
		assert_int_equal(desc_fit(desc, 40, 16, out, sizeof(out)), ZINC_E_UNSUPPORTED);
		desc[at] = 0;
	}
	assert_int_equal(desc_fit(desc, 40, 16, out, sizeof(out)), ZINC_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_old, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new, setup, teardown),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
