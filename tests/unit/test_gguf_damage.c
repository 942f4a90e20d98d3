/* test_gguf_damage.c - damaged and split GGUF files: whatever was cut, flipped
 * or lost, opening gives an error or a file whose every byte can be read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/gguf.h"
#include "unit/gguf_bytes.h"

#define FIXTURE ZINC_FIXTURE_DIR "/q8_0/qwen35.Q8_0.gguf"

static uint64_t sum; /* keeps the reads */

static void read_all(const void *p, uint64_t n)
{
	for (uint64_t i = 0; i < n; i += 61)
		sum += ((const uint8_t *)p)[i];
	if (n)
		sum += ((const uint8_t *)p)[n - 1];
}

/* Reads everything that an opened file hands out. */
static void touch(const struct gguf *g)
{
	for (uint64_t i = 0; i < gguf_n_kv(g); i++) {
		const struct gguf_kv *kv = gguf_kv_at(g, i);
		uint32_t u;
		float f;

		for (uint64_t k = 0; kv->strs && k < kv->n; k++)
			read_all(kv->strs[k].ptr, kv->strs[k].n);
		for (uint64_t k = 0; k < kv->n; k += 1 + kv->n / 7) {
			gguf_get_u32(g, kv->key_z, k, &u);
			gguf_get_f32(g, kv->key_z, k, &f);
			gguf_get_bool(g, kv->key_z, k, &u);
		}
	}
	for (uint64_t i = 0; i < gguf_n_tensors(g); i++)
		read_all(gguf_tensor_at(g, i)->data, gguf_tensor_at(g, i)->bytes);
}

/* Opens and reads; true: it opened. An error must come with a message. */
static bool survives(const char *path)
{
	struct zinc_err err = {0};
	struct gguf *g;
	int rc = gguf_open(path, &g, &err);

	if (rc) {
		assert_int_equal(err.code, rc);
		assert_true(err.msg[0]);
		assert_null(g);
		return false;
	}
	touch(g);
	gguf_close(g);
	return true;
}

static void test_truncated(void **state)
{
	struct bytes b = read_whole(FIXTURE);
	char path[400];
	int opened = 0;

	(void)state;
	strcpy(path, temp_file("cut.gguf", b.data, b.n));
	assert_true(survives(path));
	/* From the end, so that the file only ever gets shorter: each byte of the
	 * header's start and the metadata's end, and steps in between. */
	for (size_t n = b.n - 1; n > 0; n -= n > 40000 ? 977 : n > 3000 ? 41 : 1) {
		assert_int_equal(truncate(path, (off_t)n), 0);
		opened += survives(path);
	}
	assert_int_equal(opened, 0);
	bytes_finish(&b);
}

static uint32_t next_random(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return *s >> 8;
}

static void test_bit_flips(void **state)
{
	struct bytes b = read_whole(FIXTURE);
	uint32_t seed = 20240607;
	int fd, refused = 0;
	char path[400];

	(void)state;
	strcpy(path, temp_file("flip.gguf", b.data, b.n));
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	for (int i = 0; i < 3000; i++) {
		/* Every other one in the first bytes and the directory's names. */
		size_t at = next_random(&seed) % (i % 2 ? 2048 : 24000);
		uint8_t byte = b.data[at] ^ (uint8_t)(1u << next_random(&seed) % 8);

		assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
		refused += !survives(path);
		assert_int_equal(pwrite(fd, &b.data[at], 1, (off_t)at), 1);
	}
	close(fd);
	assert_true(refused > 100);
	assert_true(survives(path));
	bytes_finish(&b);
}

/* Shard no (from 1) with one tensor named t<no>, whose number is no. */
static void write_shard(const char *name, uint32_t no, uint32_t count, uint32_t said_no,
			uint32_t n_tensors)
{
	struct bytes b = {0};
	char tensor[16];
	float v = (float)no;

	snprintf(tensor, sizeof(tensor), "t%u", (unsigned)no);
	bytes_header(&b, 1, 3);
	bytes_kv_u32(&b, "split.no", said_no - 1);
	bytes_kv_u32(&b, "split.count", count);
	bytes_kv_u32(&b, "split.tensors.count", n_tensors);
	bytes_tensor(&b, tensor, 1, 1, 0, 0);
	bytes_align(&b, 32);
	bytes_put(&b, &v, sizeof(v));
	temp_file(name, b.data, b.n);
	bytes_finish(&b);
}

static void shard_name(char *name, size_t room, const char *stem, uint32_t no, uint32_t count)
{
	snprintf(name, room, "%s-%05u-of-%05u.gguf", stem, (unsigned)no, (unsigned)count);
}

static int open_temp(const char *name, struct gguf **g, struct zinc_err *err)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", temp_dir(), name);
	return gguf_open(path, g, err);
}

static void write_split(const char *stem, uint32_t n_tensors)
{
	for (uint32_t no = 1; no <= 3; no++) {
		char name[60];

		shard_name(name, sizeof(name), stem, no, 3);
		write_shard(name, no, 3, no, n_tensors);
	}
}

static void test_split(void **state)
{
	struct zinc_err err = {0};
	struct gguf *g;

	(void)state;
	write_split("good", 3);
	assert_int_equal(open_temp("good-00001-of-00003.gguf", &g, &err), ZINC_OK);
	assert_int_equal(gguf_n_maps(g), 3);
	assert_int_equal(gguf_n_tensors(g), 3);
	for (uint32_t no = 1; no <= 3; no++) {
		char name[8];
		const struct gguf_tensor *t;

		snprintf(name, sizeof(name), "t%u", (unsigned)no);
		t = gguf_tensor_find(g, name);
		assert_non_null(t);
		assert_int_equal(t->shard, no - 1);
		assert_true(*(const float *)t->data == (float)no);
		assert_ptr_equal((const uint8_t *)gguf_map_at(g, t->shard)->base + t->file_off,
				 t->data);
	}
	gguf_close(g);
}

static void split_refused(const char *name, const char *why)
{
	struct zinc_err err = {0};
	struct gguf *g;

	assert_int_not_equal(open_temp(name, &g, &err), ZINC_OK);
	if (!strstr(err.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
}

static void test_split_refused(void **state)
{
	char path[400];

	(void)state;
	write_split("a", 3);
	split_refused("a-00002-of-00003.gguf", "a-00001-of-00003.gguf");
	write_split("b", 4);
	split_refused("b-00001-of-00003.gguf", "split.tensors.count is 4");
	write_split("c", 3);
	snprintf(path, sizeof(path), "%s/c-00002-of-00003.gguf", temp_dir());
	unlink(path);
	split_refused("c-00001-of-00003.gguf", "shard 2 of 3 is missing");
	write_split("d", 3);
	write_shard("d-00003-of-00003.gguf", 3, 3, 2, 3);
	split_refused("d-00001-of-00003.gguf", "belongs to another split");
	write_split("e", 3);
	write_shard("e-00003-of-00003.gguf", 1, 3, 3, 3);
	split_refused("e-00001-of-00003.gguf", "the tensor t1 occurs twice");
	write_shard("alone.gguf", 1, 3, 1, 3);
	split_refused("alone.gguf", "is not named so");
	write_shard("f-00001-of-00002.gguf", 1, 3, 1, 3);
	split_refused("f-00001-of-00002.gguf", "says it is 1 of 3");
}

static void test_not_files(void **state)
{
	struct zinc_err err = {0};
	struct gguf *g;

	(void)state;
	assert_int_equal(gguf_open(temp_dir(), &g, &err), ZINC_E_IO);
	assert_non_null(strstr(err.msg, "not a regular file"));
	assert_int_equal(open_temp("none.gguf", &g, &err), ZINC_E_IO);
	assert_non_null(strstr(err.msg, "none.gguf"));
	assert_int_equal(gguf_open("", &g, NULL), ZINC_E_IO);
	gguf_close(NULL);
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
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_split),     cmocka_unit_test(test_split_refused),
		cmocka_unit_test(test_not_files),
	};

	return cmocka_run_group_tests(tests, NULL, clear);
}
