/* test_bad_models.c - files that parse as GGUF but are no runnable model: each
 * is refused with a line that names what is wrong, and flipped bits never end
 * the process. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/model.h"
#include "plugin/plug.h"
#include "run/engine.h"
#include "unit/gguf_bytes.h"

enum { FLIPS = 300 };

static struct plug_registry *reg;
static const struct plug *backend;

static int open_registry(void **state)
{
	static const char *const dirs[] = {ZINC_BUILD_PLUGIN_DIR};
	struct plug_config pc = {.dirs = dirs, .n_dirs = 1, .only_dirs = true};
	struct zinc_err err;
	const char *why;

	(void)state;
	return plug_registry_create(&pc, &reg, &err) ||
	       plug_backend(reg, "cpu", &backend, &why, &err);
}

static int close_registry(void **state)
{
	(void)state;
	plug_registry_destroy(reg);
	temp_clear();
	return 0;
}

/* Where the tensor's directory entry has its name. */
static uint8_t *find_name(const struct bytes *b, const char *name)
{
	uint8_t *p = memmem(b->data, b->n, name, strlen(name));

	assert_non_null(p);
	return p;
}

static void refused(const struct bytes *b, const char *what)
{
	const char *path = temp_file("bad.gguf", b->data, b->n);
	struct model *m = NULL;
	struct zinc_err err;

	if (!model_open(reg, path, &m, &err))
		fail_msg("a model with a bad %s was opened", what);
	assert_null(m);
	if (!strstr(err.msg, what) || !strstr(err.msg, "bad.gguf"))
		fail_msg("\"%s\" does not name %s and the file", err.msg, what);
}

static void test_missing_tensor(void **state)
{
	struct bytes b = read_whole(ZINC_FIXTURE_DIR "/q8_0/qwen35moe.Q8_0.gguf");

	(void)state;
	memcpy(find_name(&b, "blk.1.ffn_down_exps.weight"), "blk.1.ffn_dawn", 14);
	refused(&b, "blk.1.ffn_down_exps.weight");
	bytes_finish(&b);
}

static void test_wrong_shape(void **state)
{
	struct bytes b = read_whole(ZINC_FIXTURE_DIR "/q8_0/llama.Q8_0.gguf");
	const char *name = "blk.0.attn_q.weight";
	uint64_t ne1 = 32;

	(void)state;
	/* name, u32 n_dims, u64 ne0, u64 ne1: fewer rows than declared */
	memcpy(find_name(&b, name) + strlen(name) + 4 + 8, &ne1, sizeof(ne1));
	refused(&b, name);
	bytes_finish(&b);
}

static void test_wrong_dtype(void **state)
{
	struct bytes b = read_whole(ZINC_FIXTURE_DIR "/q8_0/gemma3.Q8_0.gguf");
	const char *name = "blk.0.attn_norm.weight";
	uint32_t f16 = 1;

	(void)state;
	/* name, u32 n_dims, u64 ne0, u32 type: F32 becomes F16 */
	memcpy(find_name(&b, name) + strlen(name) + 4 + 8, &f16, sizeof(f16));
	refused(&b, name);
	bytes_finish(&b);
}

static void test_unknown_architecture(void **state)
{
	struct bytes b = read_whole(ZINC_FIXTURE_DIR "/q8_0/llama.Q8_0.gguf");
	uint8_t *value = find_name(&b, "general.architecture") + 20 + 4 + 8;

	(void)state;
	assert_memory_equal(value, "llama", 5);
	memcpy(value, "lhama", 5);
	refused(&b, "lhama");
	bytes_finish(&b);
}

/* Whatever still opens must also plan or refuse, not crash. */
static void try_flipped(const struct bytes *b)
{
	const char *path = temp_file("flip.gguf", b->data, b->n);
	struct engine_config c = {.kv_type = ZINC_F16, .n_ctx = 64, .chunk = 16};
	struct engine *e = NULL;
	struct model *m = NULL;
	struct zinc_err err = {.code = 0};

	if (model_open(reg, path, &m, &err)) {
		assert_true(err.code < 0 && err.msg[0]);
		return;
	}
	if (engine_plan(&c, m, backend, &e, &err))
		assert_true(err.code < 0 && err.msg[0]);
	engine_destroy(e);
	model_close(m);
}

static void test_flipped_bits(void **state)
{
	struct bytes b = read_whole(ZINC_FIXTURE_DIR "/q8_0/gemma4-e2b.Q8_0.gguf");
	/* The metadata and the tensor directory lie before the data. */
	size_t header = (size_t)(find_name(&b, "blk.5.") - b.data);
	uint32_t x = 1;

	(void)state;
	for (int i = 0; i < FLIPS; i++) {
		size_t at;

		x = x * 1664525u + 1013904223u;
		at = x % header;
		b.data[at] ^= (uint8_t)(1u << (x >> 29));
		try_flipped(&b);
		b.data[at] ^= (uint8_t)(1u << (x >> 29));
	}
	bytes_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_tensor),
		cmocka_unit_test(test_wrong_shape),
		cmocka_unit_test(test_wrong_dtype),
		cmocka_unit_test(test_unknown_architecture),
		cmocka_unit_test(test_flipped_bits),
	};

	return cmocka_run_group_tests_name("bad models", tests, open_registry, close_registry);
}
