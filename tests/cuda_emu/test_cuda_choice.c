/* test_cuda_choice.c - the table of measured products: what is written is read, damage is
 * noticed wherever it is, and the CUDA backend goes the way that was fastest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "choice.h"
#include "plugin_rig.h"

static char folder[] = "/tmp/test_cuda_choice.XXXXXX", option[64];

/* Up to 16 columns dmmv, then tiles, from 256 the library; of Q6_K always tiles. */
static struct ada_choices table = {
	.n = 5,
	.list = {
		{ADA_Q4_K, 4096, 4096, 16, {10, 20, 0}},
		{ADA_Q4_K, 4096, 4096, 64, {40, 20, 30}},
		{ADA_Q4_K, 4096, 4096, 256, {0, 40, 30}},
		{ADA_Q6_K, 4096, 4096, 16, {20, 10, 0}},
		{ADA_Q6_K, 4096, 4096, 2048, {0, 20, 30}},
	},
};

/* As the backend makes it. */
static struct ada_choice_key key_of_device(void)
{
	static const char *const none[] = {"cache=off", NULL};
	struct zinc_dev_info info = {.struct_size = sizeof(info)};
	struct ada_choice_key key = {.path = ""};
	struct plugin_rig r;

	rig_open(&r, none);
	assert_int_equal(r.b->dev_info(r.self, 0, &info), 0);
	rig_close(&r);
	snprintf(key.device, sizeof(key.device), "%s", info.name);
	snprintf(key.driver, sizeof(key.driver), "%s", info.driver);
	snprintf(key.plugin, sizeof(key.plugin), "%s sm_89", ADA_VERSION);
	return key;
}

static const char *cache_option(void *ctx, const char *key)
{
	(void)ctx;
	return strcmp(key, "cache") ? NULL : folder;
}

static void find_path(struct ada_choice_key *key)
{
	const struct zinc_host host = {.struct_size = sizeof(host), .option = cache_option};

	ada_choice_find_path(&host, key);
	assert_int_equal(strncmp(key->path, folder, strlen(folder)), 0);
}

static size_t read_bytes(const char *path, char *bytes, size_t room)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(bytes, 1, room, f);
	fclose(f);
	return n;
}

static void write_bytes(const char *path, const char *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void what_is_written_is_read(void **state)
{
	struct ada_choice_key key = {.device = "A GPU", .driver = "a driver", .plugin = "1 sm_89"};
	struct ada_choice_key other = key;
	static struct ada_choices got;

	(void)state;
	find_path(&key);
	assert_int_equal(ada_choices_read(&key, &got), ZINC_E_IO);
	assert_int_equal(ada_choices_write(&key, &table), 0);
	assert_int_equal(ada_choices_read(&key, &got), 0);
	assert_int_equal(got.n, table.n);
	assert_memory_equal(got.list, table.list, table.n * sizeof(table.list[0]));
	/* Of another driver: another file, and were it the same, not taken. */
	other.driver[0] = 'A';
	find_path(&other);
	assert_string_not_equal(other.path, key.path);
	memcpy(other.path, key.path, sizeof(key.path));
	assert_int_equal(ada_choices_read(&other, &got), ZINC_E_INVALID);
	assert_int_equal(got.n, 0);
}

static void damage_is_noticed(void **state)
{
	struct ada_choice_key key = {.device = "B GPU", .driver = "a driver", .plugin = "1 sm_89"};
	static struct ada_choices got;
	char bytes[4096];
	size_t n;

	(void)state;
	find_path(&key);
	assert_int_equal(ada_choices_write(&key, &table), 0);
	n = read_bytes(key.path, bytes, sizeof(bytes));
	for (size_t i = 0; i + 1 < n; i++) { /* but for the newline at the end */
		bytes[i] ^= 1;
		write_bytes(key.path, bytes, n);
		assert_int_equal(ada_choices_read(&key, &got), ZINC_E_INVALID);
		bytes[i] ^= 1;
		write_bytes(key.path, bytes, i);
		assert_int_equal(ada_choices_read(&key, &got), ZINC_E_INVALID);
	}
	write_bytes(key.path, bytes, n);
	assert_int_equal(ada_choices_read(&key, &got), 0);
}

static struct zinc_op_linear product(uint32_t type, uint32_t rows, uint32_t cols)
{
	struct zinc_buf *any = (struct zinc_buf *)(void *)&table; /* never looked into */
	struct zinc_op_linear op = {.struct_size = sizeof(op), .n = zinc_imm(cols)};
	const uint32_t k = 4096;

	op.w = rig_view(any, type, k, rows, ada_row_layout(type, k).bytes);
	op.w.layout = ADA_WEIGHT_ROWS;
	op.x = rig_view(any, ZINC_F32, k, cols, 4 * k);
	op.y = rig_view(any, ZINC_F32, rows, cols, 4ull * rows);
	return op;
}

static void the_nearest_counts(void **state)
{
	struct zinc_op_linear op = product(ZINC_Q4_K, 6000, 40);

	(void)state;
	assert_ptr_equal(ada_choice_near(&table, &op, op.w.dtype), &table.list[1]);
	op.n.imm = 20;
	assert_ptr_equal(ada_choice_near(&table, &op, op.w.dtype), &table.list[0]);
	op.n.imm = 4096;
	assert_ptr_equal(ada_choice_near(&table, &op, op.w.dtype), &table.list[2]);
	op.w.dtype = ZINC_Q8_0;
	assert_null(ada_choice_near(&table, &op, op.w.dtype));
	assert_null(ada_choice_near(NULL, &op, op.w.dtype));
	assert_int_equal(ada_choice_fastest(&table.list[0]), ADA_WAY_DMMV);
	assert_int_equal(ada_choice_fastest(&table.list[1]), ADA_WAY_TILES);
	assert_int_equal(ada_choice_fastest(&table.list[2]), ADA_WAY_LIBRARY);
}

/* The mmq variant that the core would take; NULL: mmq leaves it to dmmv. */
static const char *taken(const struct plugin_rig *r, struct zinc_op_linear op)
{
	const struct zinc_op_impl *mmq = rig_op(ZINC_OP_MMQ);

	for (uint32_t i = 0; i < mmq->n_variants; i++)
		if (!mmq->supports(r->dev, &op, i))
			return mmq->variants[i].name;
	return NULL;
}

static void the_backend_goes_the_fastest_way(void **state)
{
	const char *const use[] = {option, "products=f16", NULL};
	const char *const off[] = {option, "products=f16", "tune=off", "dense_mib=0", NULL};
	const char *const own[] = {option, "products=f16", "library_cols=64", NULL};
	struct ada_choice_key key = key_of_device();
	struct plugin_rig r;

	(void)state;
	find_path(&key);
	assert_int_equal(ada_choices_write(&key, &table), 0);
	rig_open(&r, use);
	assert_non_null(strstr(rig_log(), key.path));
	assert_null(taken(&r, product(ZINC_Q4_K, 4096, 16)));
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 64)), "f16");
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 256)), "library");
	assert_string_equal(taken(&r, product(ZINC_Q6_K, 4096, 2048)), "f16");
	rig_close(&r);
	rig_open(&r, off);
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 16)), "f16");
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 256)), "f16");
	assert_string_equal(taken(&r, product(ZINC_Q6_K, 4096, 2048)), "library");
	rig_close(&r);
	rig_open(&r, own);
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 16)), "f16");
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 64)), "library");
	rig_close(&r);
}

/* Weights that may have an F16 copy go to the library as soon as that reads the copy
 * faster than tiles unpack the weights. */
static void copies_count(void **state)
{
	const char *const off[] = {option, "products=f16", "tune=off", NULL};
	const char *const use[] = {option, "products=f16", NULL};
	struct ada_choice_key key = key_of_device();
	struct ada_choices with = table;
	struct plugin_rig r;

	(void)state;
	rig_open(&r, off);
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 32)), "f16");
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 64)), "library");
	rig_close(&r);
	with.list[with.n++] = (struct ada_choice){.type = ZINC_F16, .rows = 4096, .k = 4096,
		.cols = 64, .ns = {0, 5000, table.list[1].ns[ADA_WAY_TILES] - 1}};
	find_path(&key);
	assert_int_equal(ada_choices_write(&key, &with), 0);
	rig_open(&r, use);
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 64)), "library");
	rig_close(&r);
	with.list[with.n - 1].ns[ADA_WAY_LIBRARY] += 2;
	assert_int_equal(ada_choices_write(&key, &with), 0);
	rig_open(&r, use);
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 64)), "f16");
	rig_close(&r);
}

/* What a run may promise does not depend on a measurement: dmmv's strict classes stay,
 * and are what mmq's products fall back to. */
static void strict_classes_are_not_touched(void **state)
{
	const char *const use[] = {option, NULL};
	const struct zinc_op_impl *dmmv = rig_op(ZINC_OP_DMMV), *mmq = rig_op(ZINC_OP_MMQ);
	uint32_t any = rig_variant(dmmv, "q8_any"), four = rig_variant(dmmv, "q8_4");
	struct zinc_op_linear op = product(ZINC_Q6_K, 4096, 16);
	struct plugin_rig r;

	(void)state;
	for (uint32_t i = 0; i < mmq->n_variants; i++)
		assert_true(mmq->variants[i].numerics >= ZINC_NUM_FREE);
	rig_open(&r, use);
	assert_int_equal(dmmv->supports(r.dev, &op, any), 0);
	op = product(ZINC_Q6_K, 4096, 4);
	assert_int_equal(dmmv->supports(r.dev, &op, four), 0);
	rig_close(&r);
}

static void a_damaged_table_is_told_of(void **state)
{
	const char *const use[] = {option, "products=f16", NULL};
	struct ada_choice_key key = key_of_device();
	struct plugin_rig r;

	(void)state;
	find_path(&key);
	write_bytes(key.path, "zinc", 4);
	rig_open(&r, use);
	assert_non_null(strstr(rig_log(), "is damaged and is not used"));
	assert_string_equal(taken(&r, product(ZINC_Q4_K, 4096, 16)), "f16");
	rig_close(&r);
}

static int remove_folder(void **state)
{
	char command[80];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(damage_is_noticed),
		cmocka_unit_test(the_nearest_counts),
		cmocka_unit_test(the_backend_goes_the_fastest_way),
		cmocka_unit_test(copies_count),
		cmocka_unit_test(strict_classes_are_not_touched),
		cmocka_unit_test(a_damaged_table_is_told_of),
	};

	if (!rig_load(argc, argv) || !mkdtemp(folder))
		return 2;
	snprintf(option, sizeof(option), "cache=%s", folder);
	return cmocka_run_group_tests(tests, NULL, remove_folder);
}
