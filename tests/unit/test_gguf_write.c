/* test_gguf_write.c - what the writer writes the reader reads, and a file that
 * could not be completed leaves no trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <dirent.h>
#include <signal.h>

#include "gguf_bytes.h"
#include "model/gguf_write.h"

static const char *out_path(void)
{
	static char path[400];

	snprintf(path, sizeof(path), "%s/out.gguf", temp_dir());
	return path;
}

static int files_in_dir(void)
{
	DIR *d = opendir(temp_dir());
	struct dirent *e;
	int n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

#define KEY(s) {(s), sizeof(s) - 1}

static void add_scalar(struct gguf_writer *w, const char *key, uint32_t type, const void *raw)
{
	struct gguf_kv kv = {.key = {key, strlen(key)}, .type = type, .n = 1, .raw = raw};

	assert_int_equal(gguf_writer_kv(w, &kv, NULL), ZINC_OK);
}

static const struct {
	const char *key;
	uint32_t type, bytes;
} scalars[] = {
	{"a.u8", GGUF_U8, 1},   {"a.i8", GGUF_I8, 1},   {"a.u16", GGUF_U16, 2},
	{"a.i16", GGUF_I16, 2}, {"a.u32", GGUF_U32, 4}, {"a.i32", GGUF_I32, 4},
	{"a.f32", GGUF_F32, 4}, {"a.u64", GGUF_U64, 8}, {"a.i64", GGUF_I64, 8},
	{"a.f64", GGUF_F64, 8}, {"a.bool", GGUF_BOOL, 1},
};

enum { N_SCALARS = sizeof(scalars) / sizeof(scalars[0]) };

static const uint8_t some_bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static const struct gguf_str texts[] = {KEY("plain"), KEY(""), KEY("nul\0inside"), KEY("\xc3\xa9")};

static void add_values(struct gguf_writer *w)
{
	struct gguf_kv str = {.key = KEY("a.str"), .type = GGUF_STRING, .n = 1, .strs = &texts[2]};
	struct gguf_kv list = {.key = KEY("a.strs"), .type = GGUF_ARRAY,
	                       .elem_type = GGUF_STRING, .n = 4, .strs = texts};
	struct gguf_kv u16s = {.key = KEY("a.u16s"), .type = GGUF_ARRAY, .elem_type = GGUF_U16,
	                       .n = 4, .raw = some_bytes};
	struct gguf_kv none = {.key = KEY("a.none"), .type = GGUF_ARRAY, .elem_type = GGUF_F32,
	                       .raw = some_bytes};
	static const uint8_t one = 1;

	for (int i = 0; i < N_SCALARS; i++)
		add_scalar(w, scalars[i].key, scalars[i].type,
		           scalars[i].type == GGUF_BOOL ? &one : some_bytes);
	assert_int_equal(gguf_writer_kv(w, &str, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_kv(w, &list, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_kv(w, &u16s, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_kv(w, &none, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_kv_u32(w, "general.alignment", 64, NULL), ZINC_OK);
}

static const struct gguf_tensor tensors[] = {
	{.name = "one", .dtype = ZINC_F32, .n_dims = 1, .ne = {3, 1, 1, 1}, .bytes = 12},
	{.name = "two", .dtype = ZINC_Q8_0, .n_dims = 2, .ne = {64, 3, 1, 1}, .bytes = 204},
	{.name = "four", .dtype = ZINC_F16, .n_dims = 4, .ne = {2, 3, 4, 5}, .bytes = 240},
};

enum { N_TENSORS = sizeof(tensors) / sizeof(tensors[0]) };

static uint8_t data[256];

static struct gguf_writer *begin_file(void)
{
	struct gguf_writer *w;

	for (int i = 0; i < 256; i++)
		data[i] = (uint8_t)(i * 7);
	assert_int_equal(gguf_writer_create(out_path(), &w, NULL), ZINC_OK);
	add_values(w);
	for (int i = 0; i < N_TENSORS; i++)
		assert_int_equal(gguf_writer_tensor(w, &tensors[i], NULL), ZINC_OK);
	return w;
}

static void write_file(void)
{
	struct gguf_writer *w = begin_file();

	assert_int_equal(gguf_writer_begin(w, NULL), ZINC_OK);
	for (int i = 0; i < N_TENSORS; i++) {
		assert_int_equal(gguf_writer_data(w, data + i, 5, NULL), ZINC_OK);
		assert_int_equal(gguf_writer_data(w, data + i + 5, tensors[i].bytes - 5, NULL),
		                 ZINC_OK);
	}
	assert_int_equal(gguf_writer_commit(w, NULL), ZINC_OK);
	gguf_writer_destroy(w);
}

static void check_values(const struct gguf *g)
{
	const struct gguf_kv *kv;

	assert_int_equal(gguf_n_kv(g), N_SCALARS + 5);
	for (int i = 0; i < N_SCALARS; i++) {
		kv = gguf_find(g, scalars[i].key);
		assert_non_null(kv);
		assert_int_equal(kv->type, scalars[i].type);
		assert_memory_equal(kv->raw, some_bytes, scalars[i].bytes);
	}
	kv = gguf_find(g, "a.str");
	assert_int_equal(kv->strs[0].n, 10);
	assert_memory_equal(kv->strs[0].ptr, "nul\0inside", 10);
	kv = gguf_find(g, "a.strs");
	assert_int_equal(kv->n, 4);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(kv->strs[i].n, texts[i].n);
		assert_memory_equal(kv->strs[i].ptr, texts[i].ptr, texts[i].n);
	}
	kv = gguf_find(g, "a.u16s");
	assert_int_equal(kv->elem_type, GGUF_U16);
	assert_int_equal(kv->n, 4);
	assert_memory_equal(kv->raw, some_bytes, 8);
	assert_int_equal(gguf_find(g, "a.none")->n, 0);
}

static void reads_back_as_written(void **state)
{
	struct gguf *g;

	(void)state;
	write_file();
	assert_int_equal(gguf_open(out_path(), &g, NULL), ZINC_OK);
	assert_int_equal(gguf_version(g), 3);
	check_values(g);
	assert_int_equal(gguf_n_tensors(g), N_TENSORS);
	for (int i = 0; i < N_TENSORS; i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, (uint64_t)i);

		assert_string_equal(t->name, tensors[i].name);
		assert_int_equal(t->dtype, tensors[i].dtype);
		assert_int_equal(t->n_dims, tensors[i].n_dims);
		assert_memory_equal(t->ne, tensors[i].ne, sizeof(t->ne));
		assert_int_equal(t->bytes, tensors[i].bytes);
		assert_int_equal(t->file_off % 64, 0);
		assert_memory_equal(t->data, data + i, t->bytes);
	}
	gguf_close(g);
	assert_int_equal(files_in_dir(), 1);
}

static void keeps_an_older_file_until_the_end(void **state)
{
	struct gguf_writer *w;
	struct bytes b;

	(void)state;
	temp_file("out.gguf", "older", 5);
	w = begin_file();
	assert_int_equal(gguf_writer_begin(w, NULL), ZINC_OK);
	assert_int_equal(files_in_dir(), 2);
	gguf_writer_destroy(w);
	assert_int_equal(files_in_dir(), 1);
	b = read_whole(out_path());
	assert_int_equal(b.n, 5);
	assert_memory_equal(b.data, "older", 5);
	bytes_finish(&b);

	write_file();
	b = read_whole(out_path());
	assert_true(b.n > 5);
	bytes_finish(&b);
}

static void counts_the_data(void **state)
{
	struct gguf_writer *w = begin_file();
	struct zinc_err err = {0};

	(void)state;
	assert_int_equal(gguf_writer_begin(w, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_data(w, data, 13, &err), ZINC_E_INVALID);
	assert_int_equal(gguf_writer_data(w, data, 12, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_commit(w, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "two"));
	gguf_writer_destroy(w);
	assert_int_equal(files_in_dir(), 0);
}

static void refuses_what_no_reader_takes(void **state)
{
	struct gguf_tensor odd = {.name = "odd", .dtype = ZINC_Q4_K, .n_dims = 1,
	                          .ne = {255, 1, 1, 1}};
	struct gguf_kv bad = {.key = KEY("bad"), .type = 99, .n = 1, .raw = some_bytes};
	struct gguf_writer *w;
	struct zinc_err err = {0};

	(void)state;
	assert_int_equal(gguf_writer_create(out_path(), &w, NULL), ZINC_OK);
	assert_int_equal(gguf_writer_tensor(w, &odd, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "odd"));
	assert_int_equal(gguf_writer_kv(w, &bad, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "bad"));
	assert_int_equal(gguf_writer_kv_u32(w, "general.alignment", 48, &err), ZINC_E_INVALID);
	gguf_writer_destroy(w);
	gguf_writer_destroy(NULL);
}

/* A limit on file sizes stands for a disk that is full: at the header, in the
 * data, or when space is reserved. */
static void a_full_disk_leaves_nothing(void **state)
{
	struct rlimit old, small;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	for (rlim_t limit = 0; limit <= 1024; limit += 512) {
		struct gguf_writer *w = begin_file();
		struct zinc_err err = {0};
		int rc;

		small = old;
		small.rlim_cur = limit;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		rc = gguf_writer_begin(w, &err);
		if (!rc)
			rc = gguf_writer_data(w, data, 12, &err);
		if (!rc)
			rc = gguf_writer_data(w, data, 204, &err);
		setrlimit(RLIMIT_FSIZE, &old);
		assert_int_equal(rc, ZINC_E_IO);
		assert_non_null(strstr(err.msg, "out.gguf"));
		gguf_writer_destroy(w);
		assert_int_equal(files_in_dir(), 0);
	}
}

static void names_a_folder_that_is_not_there(void **state)
{
	struct gguf_writer *w;
	struct zinc_err err = {0};
	char path[500];

	(void)state;
	snprintf(path, sizeof(path), "%s/missing/out.gguf", temp_dir());
	assert_int_equal(gguf_writer_create(path, &w, &err), ZINC_E_IO);
	assert_null(w);
	assert_non_null(strstr(err.msg, "missing/out.gguf"));
}

static int clean(void **state)
{
	(void)state;
	temp_clear();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(reads_back_as_written, clean),
		cmocka_unit_test_teardown(keeps_an_older_file_until_the_end, clean),
		cmocka_unit_test_teardown(counts_the_data, clean),
		cmocka_unit_test_teardown(refuses_what_no_reader_takes, clean),
		cmocka_unit_test_teardown(a_full_disk_leaves_nothing, clean),
		cmocka_unit_test_teardown(names_a_folder_that_is_not_there, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
