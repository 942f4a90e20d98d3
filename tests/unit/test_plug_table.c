/* test_plug_table.c - what a plugin exports: each fault is named, and tables of
 * other sizes are understood. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "plugin/table.h"

/* No function of these is called: any address will do. */
static char address;
#define ANY ((void *)&address)

static struct zinc_variant variants[4];
static struct zinc_op_impl impls[2];
static const struct zinc_op_impl *ops[2];
static struct zinc_backend backend;
static struct zinc_arch arch;
static struct zinc_chat chat;
static const char *names[3];
static struct zinc_plugin plugin;
static struct manifest manifest;
static struct plug_tables tables;
static char why[MANIFEST_WHY];

/* Fills every pointer of a struct from its first one on. */
static void fill(void *p, size_t first, size_t size)
{
	for (size_t at = first; at < size; at += sizeof(void *))
		memcpy((char *)p + at, &(void *){ ANY }, sizeof(void *));
}

static int setup(void **state)
{
	(void)state;
	variants[0] = (struct zinc_variant){ "cols1", 1, ZINC_NUM_F32 };
	variants[1] = (struct zinc_variant){ "cols8", 8, ZINC_NUM_F32 };
	variants[2] = (struct zinc_variant){ "int8", 8, ZINC_NUM_Q8 };
	variants[3] = (struct zinc_variant){ "any", 0, ZINC_NUM_F32 };
	for (int i = 0; i < 2; i++) {
		fill(&impls[i], offsetof(struct zinc_op_impl, supports), sizeof(impls[i]));
		impls[i].struct_size = sizeof(impls[i]);
		impls[i].op = i ? ZINC_OP_MUL : ZINC_OP_ADD;
		impls[i].name = i ? "mul" : "add";
		impls[i].desc_size = sizeof(struct zinc_op_binary);
		impls[i].n_variants = 4;
		impls[i].variants = variants;
		ops[i] = &impls[i];
	}
	fill(&backend, offsetof(struct zinc_backend, dev_count), sizeof(backend));
	backend.struct_size = sizeof(backend);
	backend.n_ops = 2;
	backend.ops = ops;
	fill(&chat, offsetof(struct zinc_chat, render), sizeof(chat));
	chat.struct_size = sizeof(chat);
	fill(&arch, offsetof(struct zinc_arch, open), sizeof(arch));
	arch.struct_size = sizeof(arch);
	arch.gguf_names = names;
	arch.chat = &chat;
	names[0] = "one";
	names[1] = "two";
	fill(&plugin, offsetof(struct zinc_plugin, init), sizeof(plugin));
	plugin.magic = ZINC_PLUGIN_MAGIC;
	plugin.struct_size = sizeof(plugin);
	plugin.abi_minor = ZINC_ABI_MINOR;
	plugin.kind = ZINC_KIND_BACKEND;
	plugin.id = "x";
	plugin.version = "1";
	plugin.backend = &backend;
	plugin.arch = &arch;
	memset(&manifest, 0, sizeof(manifest));
	strcpy(manifest.id, "x");
	manifest.kind = ZINC_KIND_BACKEND;
	return 0;
}

static void be_arch(void)
{
	plugin.kind = ZINC_KIND_ARCH;
	manifest.kind = ZINC_KIND_ARCH;
	strcpy(manifest.gguf[0], "two");
	manifest.n_gguf = 1;
}

static int init(void)
{
	why[0] = '\0';
	return plug_tables_init(&tables, &plugin, &manifest, why, sizeof(why));
}

static void expect_ok(void)
{
	if (init() != ZINC_OK)
		fail_msg("%s", why);
}

static void expect_bad(const char *said)
{
	assert_int_equal(init(), ZINC_E_INVALID);
	if (!strstr(why, said))
		fail_msg("said '%s', not '%s'", why, said);
	assert_null(tables.impls);
}

static void test_backend(void **state)
{
	(void)state;
	expect_ok();
	assert_ptr_equal(tables.plugin.backend, &tables.backend);
	assert_null(tables.plugin.arch);
	assert_int_equal(tables.backend.n_ops, 2);
	assert_int_equal(tables.backend.ops[1]->op, ZINC_OP_MUL);
	assert_ptr_equal(tables.backend.cmd_times, backend.cmd_times);
	plug_tables_finish(&tables);
}

static void test_arch(void **state)
{
	(void)state;
	be_arch();
	expect_ok();
	assert_ptr_equal(tables.plugin.arch, &tables.arch);
	assert_null(tables.plugin.backend);
	assert_ptr_equal(tables.arch.chat, &tables.chat);
	plug_tables_finish(&tables);
	arch.chat = NULL;
	expect_ok();
	assert_null(tables.arch.chat);
	plug_tables_finish(&tables);
	plugin.arch = NULL;
	expect_bad("zinc_plugin: arch is missing");
}

static void test_head(void **state)
{
	(void)state;
	plugin.magic++;
	expect_bad("magic is 434e495b");
	plugin.magic--;
	plugin.kind = ZINC_KIND_ARCH;
	expect_bad("kind is 2, the manifest says backend");
	plugin.kind = ZINC_KIND_BACKEND;
	plugin.id = "y";
	expect_bad("id is 'y', the manifest says x");
	plugin.id = NULL;
	expect_bad("id is missing");
	plugin.id = "x";
	plugin.init = NULL;
	expect_bad("init is missing");
	setup(NULL);
	plugin.backend = NULL;
	expect_bad("zinc_plugin: backend is missing");
	plugin.struct_size = 4;
	expect_bad("zinc_plugin: struct_size is 4");
	plugin.struct_size = 1u << 30;
	expect_bad("zinc_plugin: struct_size is");
}

static void test_missing(void **state)
{
	(void)state;
	backend.dev_open = NULL;
	expect_bad("backend: dev_open is missing");
	setup(NULL);
	backend.tl_free = NULL;
	expect_bad("backend: tl_free is missing");
	setup(NULL);
	backend.struct_size = offsetof(struct zinc_backend, tl_value);
	expect_bad("backend: tl_value is missing");
	setup(NULL);
	backend.weight_pack = NULL;
	expect_bad("weight_layout needs weight_pack");
	setup(NULL);
	impls[1].record = NULL;
	expect_bad("op 1 of the table: record is missing");
	setup(NULL);
	be_arch();
	arch.tokenizer = NULL;
	expect_bad("arch: tokenizer is missing");
	setup(NULL);
	be_arch();
	chat.parser_end = NULL;
	expect_bad("chat: parser_end is missing");
	setup(NULL);
	be_arch();
	names[1] = "three";
	expect_bad("gguf_names lacks two");
}

static void test_optional(void **state)
{
	(void)state;
	backend.buf_import = NULL;
	backend.weight_layout = NULL;
	backend.weight_pack = NULL;
	backend.act_layout = NULL;
	backend.cmd_times = NULL;
	impls[0].scratch = NULL;
	expect_ok();
	plug_tables_finish(&tables);
}

static void test_ops(void **state)
{
	(void)state;
	backend.n_ops = 0;
	expect_bad("n_ops is 0");
	backend.n_ops = 1000000;
	expect_bad("n_ops is 1000000");
	setup(NULL);
	ops[1] = NULL;
	expect_bad("ops[1] is missing");
	setup(NULL);
	impls[1].op = ZINC_OP_ADD;
	expect_bad("op mul appears twice");
	impls[1].op = ZINC_OP_LINEAR;
	expect_bad("op mul has the id 2");
	impls[1].op = ZINC_OP_NONE;
	expect_bad("op mul has the id 0");
	impls[1].op = ZINC_OP_COUNT;
	expect_bad("op mul has the id 26");
	impls[1].op = ZINC_OP_VENDOR + 3;
	expect_ok();
	plug_tables_finish(&tables);
	impls[1].name = "";
	expect_bad("op 1 of the table has no name");
	setup(NULL);
	impls[0].desc_size = 4;
	expect_bad("op add: desc_size is 4");
	setup(NULL);
	impls[0].struct_size = 0;
	expect_bad("struct_size is 0");
}

static void test_variants(void **state)
{
	(void)state;
	impls[0].n_variants = 0;
	expect_bad("op add has 0 variants");
	setup(NULL);
	variants[1].max_cols = 1;
	expect_bad("variant cols8 must stand before cols1");
	variants[1].max_cols = 0;
	expect_bad("variant any must stand before cols8");
	setup(NULL);
	variants[2].numerics = ZINC_NUM_COUNT;
	expect_bad("variant int8 has the unknown numerics class 6");
	setup(NULL);
	variants[3].name = NULL;
	expect_bad("variant 3 has no name");
}

/* Shorter structs: what they lack is NULL, whatever lies behind them. */
static void test_older(void **state)
{
	(void)state;
	plugin.struct_size = offsetof(struct zinc_plugin, arch);
	expect_ok();
	assert_null(tables.plugin.arch);
	assert_int_equal(tables.plugin.struct_size, sizeof(struct zinc_plugin));
	plug_tables_finish(&tables);
	setup(NULL);
	be_arch();
	arch.struct_size = offsetof(struct zinc_arch, chat);
	expect_ok();
	assert_null(tables.arch.chat);
	plug_tables_finish(&tables);
}

/* Longer structs, and ops and classes that come after ours. */
static void test_newer(void **state)
{
	(void)state;
	plugin.abi_minor = ZINC_ABI_MINOR + 1;
	plugin.struct_size += 16;
	backend.struct_size += 64;
	impls[0].op = ZINC_OP_COUNT + 1;
	impls[0].desc_size = 1024;
	variants[3].numerics = ZINC_NUM_COUNT;
	/* one past the end of each is readable: the copy stops at our size */
	expect_ok();
	assert_int_equal(tables.backend.n_ops, 1);
	assert_int_equal(tables.backend.ops[0]->op, ZINC_OP_MUL);
	assert_int_equal(tables.backend.struct_size, sizeof(struct zinc_backend));
	plug_tables_finish(&tables);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(test_backend), T(test_arch),     T(test_head),  T(test_missing), T(test_optional),
		T(test_ops),     T(test_variants), T(test_older), T(test_newer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
