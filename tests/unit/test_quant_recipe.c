/* test_quant_recipe.c - the recipes choose the types that the quantised
 * fixtures have, which another program made from F16 files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <glob.h>

#include "gguf_bytes.h"
#include "model/dtype.h"
#include "model/gguf.h"
#include "model/gguf_write.h"
#include "model/quant_recipe.h"

static int is_plain(uint32_t dtype)
{
	return dtype == ZINC_F32 || dtype == ZINC_F16;
}

/* The fixture as it was before: the same names and shapes, F16 where it is
 * quantised now. */
static const char *write_source(const struct gguf *g)
{
	static char path[400];
	struct gguf_writer *w;
	uint8_t *zeros;
	uint64_t largest = 0;

	snprintf(path, sizeof(path), "%s/source.gguf", temp_dir());
	assert_int_equal(gguf_writer_create(path, &w, NULL), ZINC_OK);
	for (uint64_t i = 0; i < gguf_n_kv(g); i++)
		assert_int_equal(gguf_writer_kv(w, gguf_kv_at(g, i), NULL), ZINC_OK);
	for (uint64_t i = 0; i < gguf_n_tensors(g); i++) {
		struct gguf_tensor t = *gguf_tensor_at(g, i);
		uint64_t bytes = (uint64_t)t.ne[0] * t.ne[1] * t.ne[2] * t.ne[3] * 4;

		t.dtype = is_plain(t.dtype) ? t.dtype : ZINC_F16;
		assert_int_equal(gguf_writer_tensor(w, &t, NULL), ZINC_OK);
		largest = bytes > largest ? bytes : largest;
	}
	assert_int_equal(gguf_writer_begin(w, NULL), ZINC_OK);
	zeros = calloc(1, largest);
	for (uint64_t i = 0; i < gguf_n_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);
		uint64_t n = (uint64_t)t->ne[0] * t->ne[1] * t->ne[2] * t->ne[3];
		uint64_t bytes = n * (t->dtype == ZINC_F32 ? 4 : 2);

		assert_int_equal(gguf_writer_data(w, zeros, bytes, NULL), ZINC_OK);
	}
	free(zeros);
	assert_int_equal(gguf_writer_commit(w, NULL), ZINC_OK);
	gguf_writer_destroy(w);
	return path;
}

static const struct quant_recipe *recipe_of(const struct gguf *g)
{
	static const char *const names[] = {"q8_0", "q4_0", "q4_k_m", "q5_k_m", "q6_k"};
	uint32_t file_type;

	assert_int_equal(gguf_get_u32(g, "general.file_type", 0, &file_type), ZINC_OK);
	for (int i = 0; i < 5; i++)
		if (quant_recipe_find(names[i])->file_type == file_type)
			return quant_recipe_find(names[i]);
	fail_msg("no recipe has file type %u", file_type);
	return NULL;
}

static void check_fixture(const char *path)
{
	struct gguf *made, *source;
	struct quant_choice *choices;

	assert_int_equal(gguf_open(path, &made, NULL), ZINC_OK);
	assert_int_equal(gguf_open(write_source(made), &source, NULL), ZINC_OK);
	choices = calloc(gguf_n_tensors(made), sizeof(*choices));
	assert_int_equal(quant_recipe_plan(recipe_of(made), source, choices, NULL), ZINC_OK);
	for (uint64_t i = 0; i < gguf_n_tensors(made); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(made, i);

		if (choices[i].dtype != t->dtype)
			fail_msg("%s: %s is %s, the recipe says %s", path, t->name,
			         dtype_name(t->dtype), dtype_name(choices[i].dtype));
	}
	free(choices);
	gguf_close(source);
	gguf_close(made);
	temp_clear();
}

static void check_folder(const char *pattern, size_t at_least)
{
	glob_t files;

	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= at_least);
	for (size_t i = 0; i < files.gl_pathc; i++)
		check_fixture(files.gl_pathv[i]);
	globfree(&files);
}

static void types_are_those_of_the_fixtures(void **state)
{
	(void)state;
	check_folder(ZINC_FIXTURE_DIR "/k_quants/*.gguf", 10);
	check_folder(ZINC_FIXTURE_DIR "/q8_0/*.gguf", 8);
}

static void recipes_are_found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(quant_recipe_find("Q4_K_M"), quant_recipe_find("q4_k_m"));
	assert_null(quant_recipe_find("q4_k"));
	assert_null(quant_recipe_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_those_of_the_fixtures),
		cmocka_unit_test(recipes_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
