/* test_gguf.c - reading GGUF files: good ones, and what is refused and how. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "model/dtype.h"
#include "model/gguf.h"
#include "unit/gguf_bytes.h"

#define FIXTURE ZINC_FIXTURE_DIR "/q8_0/gemma4-31b.Q8_0.gguf"

/* Two tensors behind some metadata; what a test then breaks. */
static struct bytes small_file(void)
{
	struct bytes b = {0};

	bytes_header(&b, 2, 3);
	bytes_kv_str(&b, "general.architecture", "none");
	bytes_kv_u32(&b, "none.block_count", 7);
	bytes_kv_strs(&b, "words", (const char *const[]){"a", "", "ccc", NULL});
	bytes_tensor(&b, "first", 4, 2, 0, 0);
	bytes_tensor(&b, "second", 32, 3, 8, 32);
	bytes_align(&b, 32);
	for (int i = 0; i < 32 + 3 * 34; i++)
		bytes_put(&b, &(uint8_t){(uint8_t)i}, 1);
	return b;
}

static struct gguf *open_bytes(const struct bytes *b, struct zinc_err *err)
{
	struct gguf *g = NULL;

	gguf_open(temp_file("t.gguf", b->data, b->n), &g, err);
	return g;
}

/* The file is refused with a message that has this in it. b is freed. */
static void refused(struct bytes *b, const char *why)
{
	struct zinc_err err = {0};

	if (open_bytes(b, &err))
		fail_msg("opened, but expected: %s", why);
	assert_int_not_equal(err.code, ZINC_OK);
	assert_non_null(strstr(err.msg, "t.gguf"));
	if (!strstr(err.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
	bytes_finish(b);
}

static void test_small(void **state)
{
	struct bytes b = small_file();
	struct zinc_err err = {0};
	struct gguf *g = open_bytes(&b, &err);
	const struct gguf_tensor *t;
	struct gguf_str s;
	uint64_t n;
	uint32_t v;

	(void)state;
	assert_non_null(g);
	assert_int_equal(gguf_version(g), 3);
	assert_int_equal(gguf_n_kv(g), 3);
	assert_string_equal(gguf_kv_at(g, 1)->key_z, "none.block_count");
	assert_int_equal(gguf_get_u32(g, "none.block_count", 0, &v), ZINC_OK);
	assert_int_equal(v, 7);
	assert_int_equal(gguf_get_u32(g, "none.block_count", 1, &v), ZINC_E_INVALID);
	assert_int_equal(gguf_get_u32(g, "none", 0, &v), ZINC_E_UNSUPPORTED);
	assert_int_equal(gguf_get_len(g, "words", &n), ZINC_OK);
	assert_int_equal(n, 3);
	assert_int_equal(gguf_get_str(g, "words", 2, &s), ZINC_OK);
	assert_memory_equal(s.ptr, "ccc", 3);
	assert_int_equal(s.n, 3);
	assert_int_equal(gguf_n_tensors(g), 2);
	t = gguf_tensor_find(g, "second");
	assert_ptr_equal(t, gguf_tensor_at(g, 1));
	assert_int_equal(t->dtype, ZINC_Q8_0);
	assert_int_equal(t->bytes, 3 * 34);
	assert_int_equal(t->ne[0], 32);
	assert_int_equal(t->ne[1], 3);
	assert_int_equal(t->ne[3], 1);
	assert_int_equal(*(const uint8_t *)t->data, 32);
	assert_int_equal(t->file_off % 32, 0);
	assert_null(gguf_tensor_find(g, "third"));
	assert_null(gguf_tensor_at(g, 2));
	gguf_close(g);
	bytes_finish(&b);
}

static void put_scalar(struct bytes *b, const char *key, uint32_t type, uint64_t v, size_t n)
{
	bytes_str(b, key);
	bytes_u32(b, type);
	bytes_put(b, &v, n);
}

static uint64_t bits_of(double d)
{
	uint64_t v;

	memcpy(&v, &d, sizeof(v));
	return v;
}

static struct bytes all_types(void)
{
	struct bytes b = {0};
	float f = 1.5f;

	bytes_header(&b, 0, 13);
	put_scalar(&b, "u8", GGUF_U8, 200, 1);
	put_scalar(&b, "i8", GGUF_I8, 0xff, 1);
	put_scalar(&b, "u16", GGUF_U16, 60000, 2);
	put_scalar(&b, "i16", GGUF_I16, 0xfffe, 2);
	put_scalar(&b, "u32", GGUF_U32, UINT32_MAX, 4);
	put_scalar(&b, "i32", GGUF_I32, (uint32_t)INT32_MIN, 4);
	bytes_str(&b, "f32");
	bytes_u32(&b, GGUF_F32);
	bytes_put(&b, &f, 4);
	put_scalar(&b, "bool", GGUF_BOOL, 1, 1);
	put_scalar(&b, "notbool", GGUF_BOOL, 2, 1);
	put_scalar(&b, "u64", GGUF_U64, UINT64_C(1) << 32, 8);
	put_scalar(&b, "i64", GGUF_I64, 5, 8);
	put_scalar(&b, "f64", GGUF_F64, bits_of(2.5), 8);
	put_scalar(&b, "huge", GGUF_F64, bits_of(1e300), 8);
	return b;
}

static void test_conversions(void **state)
{
	static const struct {
		const char *key;
		int u32_rc;
		uint32_t u32;
		int i32_rc;
		int32_t i32;
	} want[] = {
		{"u8", 0, 200, 0, 200},
		{"i8", ZINC_E_INVALID, 0, 0, -1},
		{"u16", 0, 60000, 0, 60000},
		{"i16", ZINC_E_INVALID, 0, 0, -2},
		{"u32", 0, UINT32_MAX, ZINC_E_INVALID, 0},
		{"i32", ZINC_E_INVALID, 0, 0, INT32_MIN},
		{"u64", ZINC_E_INVALID, 0, ZINC_E_INVALID, 0},
		{"i64", 0, 5, 0, 5},
		{"bool", ZINC_E_INVALID, 0, ZINC_E_INVALID, 0},
		{"f32", ZINC_E_INVALID, 0, ZINC_E_INVALID, 0},
		{"absent", ZINC_E_UNSUPPORTED, 0, ZINC_E_UNSUPPORTED, 0},
	};
	struct bytes b = all_types();
	struct zinc_err err = {0};
	struct gguf *g = open_bytes(&b, &err);
	uint32_t flag = 9;
	float f = 0;

	(void)state;
	assert_non_null(g);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		uint32_t u = 0;
		int32_t s = 0;

		assert_int_equal(gguf_get_u32(g, want[i].key, 0, &u), want[i].u32_rc);
		assert_int_equal(u, want[i].u32);
		assert_int_equal(gguf_get_i32(g, want[i].key, 0, &s), want[i].i32_rc);
		assert_int_equal(s, want[i].i32);
	}
	assert_int_equal(gguf_get_bool(g, "bool", 0, &flag), ZINC_OK);
	assert_int_equal(flag, 1);
	assert_int_equal(gguf_get_bool(g, "notbool", 0, &flag), ZINC_E_INVALID);
	assert_int_equal(gguf_get_bool(g, "u8", 0, &flag), ZINC_E_INVALID);
	assert_int_equal(gguf_get_f32(g, "f32", 0, &f), ZINC_OK);
	assert_true(f == 1.5f);
	assert_int_equal(gguf_get_f32(g, "f64", 0, &f), ZINC_OK);
	assert_true(f == 2.5f);
	assert_int_equal(gguf_get_f32(g, "huge", 0, &f), ZINC_E_INVALID);
	assert_int_equal(gguf_get_f32(g, "u8", 0, &f), ZINC_E_INVALID);
	gguf_close(g);
	bytes_finish(&b);
}

static void test_fixture(void **state)
{
	struct zinc_err err = {0};
	const struct gguf_map *map;
	struct gguf *g;
	struct gguf_str s;

	(void)state;
	assert_int_equal(gguf_open(FIXTURE, &g, &err), ZINC_OK);
	assert_int_equal(gguf_get_str(g, "general.architecture", 0, &s), ZINC_OK);
	assert_int_equal(s.n, 6);
	assert_memory_equal(s.ptr, "gemma4", 6);
	assert_int_equal(gguf_n_maps(g), 1);
	assert_string_equal(gguf_path(g), FIXTURE);
	map = gguf_map_at(g, 0);
	for (uint64_t i = 0; i < gguf_n_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);
		uint64_t rows = (uint64_t)t->ne[1] * t->ne[2] * t->ne[3];

		assert_ptr_equal(gguf_tensor_find(g, t->name), t);
		assert_int_equal(t->bytes, dtype_row_bytes(t->dtype, t->ne[0]) * rows);
		assert_ptr_equal((const uint8_t *)map->base + t->file_off, t->data);
		assert_true(t->file_off + t->bytes <= map->bytes);
	}
	for (uint64_t i = 0; i < gguf_n_kv(g); i++)
		assert_ptr_equal(gguf_find(g, gguf_kv_at(g, i)->key_z), gguf_kv_at(g, i));
	gguf_close(g);
}

/* Offsets of fields in small_file(), counted by hand. */
enum { AT_VERSION = 4, AT_N_TENSORS = 8, AT_N_KV = 16, AT_KEY_LEN = 24 };

static struct bytes patched(size_t at, const void *v, size_t n)
{
	struct bytes b = small_file();

	memcpy(b.data + at, v, n);
	return b;
}

static void test_header(void **state)
{
	uint32_t v1 = 1, be = 0x03000000, v9 = 9;
	uint64_t absurd = UINT64_C(1) << 60;
	struct bytes b;

	(void)state;
	b = patched(AT_VERSION, &v1, 4);
	refused(&b, "version 1");
	b = patched(AT_VERSION, &be, 4);
	refused(&b, "big-endian");
	b = patched(AT_VERSION, &v9, 4);
	refused(&b, "version 9 is unknown");
	b = patched(0, "FUGG", 4);
	refused(&b, "big-endian");
	b = patched(0, "tjgg", 4);
	refused(&b, "GGJT");
	b = patched(0, "<htm", 4);
	refused(&b, "web page");
	b = patched(0, "????", 4);
	refused(&b, "not a GGUF file");
	b = patched(AT_N_TENSORS, &absurd, 8);
	refused(&b, "tensors, more than");
	b = patched(AT_N_KV, &absurd, 8);
	refused(&b, "metadata keys, more than");
	b = patched(AT_KEY_LEN, &absurd, 8);
	refused(&b, "cut off");
	b = (struct bytes){0};
	bytes_put(&b, "version https://git-lfs.github.com/spec/v1\n", 43);
	refused(&b, "git-lfs");
	b = (struct bytes){0};
	refused(&b, "is empty");
}

static void test_metadata(void **state)
{
	struct bytes b = {0};

	(void)state;
	bytes_header(&b, 0, 2);
	bytes_kv_u32(&b, "twice", 1);
	bytes_kv_u32(&b, "twice", 1);
	refused(&b, "the key twice occurs twice");

	bytes_header(&b, 0, 1);
	bytes_kv_u32(&b, "general.alignment", 24);
	refused(&b, "general.alignment");

	bytes_header(&b, 0, 1);
	bytes_str(&b, "nested");
	bytes_u32(&b, GGUF_ARRAY);
	bytes_u32(&b, GGUF_ARRAY);
	bytes_u64(&b, 1);
	bytes_u64(&b, 0);
	refused(&b, "nested is an array of arrays");

	bytes_header(&b, 0, 1);
	bytes_str(&b, "long");
	bytes_u32(&b, GGUF_ARRAY);
	bytes_u32(&b, GGUF_STRING);
	bytes_u64(&b, UINT64_C(1) << 61);
	refused(&b, "long claims");

	bytes_header(&b, 0, 1);
	bytes_str(&b, "odd");
	bytes_u32(&b, 13);
	bytes_u64(&b, 0);
	refused(&b, "odd has the unknown value type 13");

	bytes_header(&b, 0, 1);
	bytes_u64(&b, 3);
	bytes_put(&b, "a\0b", 3);
	bytes_u32(&b, GGUF_U32);
	bytes_u32(&b, 0);
	refused(&b, "NUL");
}

struct shape {
	uint64_t ne0, ne1;
	uint32_t type;
	uint64_t off;
	const char *why;
};

static void test_tensors(void **state)
{
	static const struct shape bad[] = {
		{4, 0, 0, 0, "dimension 1 of tensor t is 0"},
		{UINT64_C(1) << 40, 1, 0, 0, "out of range"},
		{INT32_MAX, INT32_MAX, 0, 0, "more bytes than can be counted"},
		{33, 1, 8, 0, "no multiple of a q8_0 block"},
		{256, 1, 16, 0, "type iq2_xxs"},
		{256, 1, 24, 0, "type i8"},
		{256, 1, 999, 0, "unknown type 999"},
		{4, 1, 0, 4, "not aligned"},
		{4, 1, 0, 64, "outside the file"},
		{4, 1, 0, UINT64_MAX - 31, "outside the file"},
		{64, 1, 0, 0, "outside the file"},
	};
	struct bytes b = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bytes_header(&b, 1, 0);
		bytes_tensor(&b, "t", bad[i].ne0, bad[i].ne1, bad[i].type, bad[i].off);
		bytes_align(&b, 32);
		for (int n = 0; n < 16; n++)
			bytes_u32(&b, 0);
		if (i == 10)
			b.n -= 32;
		refused(&b, bad[i].why);
	}
	bytes_header(&b, 2, 0);
	bytes_tensor(&b, "t", 4, 1, 0, 0);
	bytes_tensor(&b, "t", 4, 1, 0, 0);
	bytes_align(&b, 32);
	bytes_u64(&b, 0);
	bytes_u64(&b, 0);
	refused(&b, "the tensor t occurs twice");
	bytes_header(&b, 1, 0);
	bytes_str(&b, "t");
	bytes_u32(&b, 5);
	for (int i = 0; i < 8; i++)
		bytes_u64(&b, 1);
	refused(&b, "5 dimensions");
}

/* general.alignment moves the data. */
static void test_alignment(void **state)
{
	struct bytes b = {0};
	struct zinc_err err = {0};
	struct gguf *g;

	(void)state;
	bytes_header(&b, 1, 1);
	bytes_kv_u32(&b, "general.alignment", 256);
	bytes_tensor(&b, "t", 1, 1, 0, 256);
	bytes_align(&b, 256);
	for (int i = 0; i < 64; i++)
		bytes_u32(&b, 0);
	bytes_u32(&b, 0x3f800000);
	g = open_bytes(&b, &err);
	assert_non_null(g);
	assert_true(*(const float *)gguf_tensor_at(g, 0)->data == 1.0f);
	gguf_close(g);
	bytes_finish(&b);
}

static int clear(void **state)
{
	(void)state;
	temp_clear();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),     cmocka_unit_test(test_conversions),
		cmocka_unit_test(test_fixture),   cmocka_unit_test(test_header),
		cmocka_unit_test(test_metadata),  cmocka_unit_test(test_tensors),
		cmocka_unit_test(test_alignment),
	};

	return cmocka_run_group_tests(tests, NULL, clear);
}
