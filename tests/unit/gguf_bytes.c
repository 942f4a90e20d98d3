/* gguf_bytes.c - writing small GGUF files for tests (little endian hosts). */
#include "unit/gguf_bytes.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[200];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

void bytes_put(struct bytes *b, const void *src, size_t n)
{
	if (b->n + n > b->room) {
		b->room = (b->n + n) * 2;
		b->data = realloc(b->data, b->room);
		if (!b->data)
			die("realloc");
	}
	if (n)
		memcpy(b->data + b->n, src, n);
	b->n += n;
}

void bytes_u32(struct bytes *b, uint32_t v)
{
	bytes_put(b, &v, sizeof(v));
}

void bytes_u64(struct bytes *b, uint64_t v)
{
	bytes_put(b, &v, sizeof(v));
}

void bytes_str(struct bytes *b, const char *s)
{
	bytes_u64(b, strlen(s));
	bytes_put(b, s, strlen(s));
}

void bytes_align(struct bytes *b, size_t to)
{
	while (b->n % to)
		bytes_put(b, "", 1);
}

void bytes_finish(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}

void bytes_header(struct bytes *b, uint64_t n_tensors, uint64_t n_kv)
{
	bytes_put(b, "GGUF", 4);
	bytes_u32(b, 3);
	bytes_u64(b, n_tensors);
	bytes_u64(b, n_kv);
}

void bytes_kv_u32(struct bytes *b, const char *key, uint32_t v)
{
	bytes_str(b, key);
	bytes_u32(b, 4);
	bytes_u32(b, v);
}

void bytes_kv_bool(struct bytes *b, const char *key, int v)
{
	uint8_t byte = v != 0;

	bytes_str(b, key);
	bytes_u32(b, 7);
	bytes_put(b, &byte, 1);
}

void bytes_kv_str(struct bytes *b, const char *key, const char *v)
{
	bytes_str(b, key);
	bytes_u32(b, 8);
	bytes_str(b, v);
}

static void array_head(struct bytes *b, const char *key, uint32_t type, uint64_t n)
{
	bytes_str(b, key);
	bytes_u32(b, 9);
	bytes_u32(b, type);
	bytes_u64(b, n);
}

void bytes_kv_strs(struct bytes *b, const char *key, const char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	array_head(b, key, 8, n);
	for (size_t i = 0; i < n; i++)
		bytes_str(b, list[i]);
}

void bytes_kv_i32s(struct bytes *b, const char *key, const int32_t *list, size_t n)
{
	array_head(b, key, 5, n);
	bytes_put(b, list, n * sizeof(*list));
}

void bytes_kv_f32s(struct bytes *b, const char *key, const float *list, size_t n)
{
	array_head(b, key, 6, n);
	bytes_put(b, list, n * sizeof(*list));
}

void bytes_tensor(struct bytes *b, const char *name, uint64_t ne0, uint64_t ne1, uint32_t type,
		  uint64_t off)
{
	bytes_str(b, name);
	bytes_u32(b, 2);
	bytes_u64(b, ne0);
	bytes_u64(b, ne1);
	bytes_u32(b, type);
	bytes_u64(b, off);
}

const char *temp_dir(void)
{
	const char *base = getenv("TMPDIR");

	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "%s/zinc-test-XXXXXX", base ? base : "/tmp");
		if (!mkdtemp(dir))
			die(dir);
	}
	return dir;
}

const char *temp_file(const char *name, const void *data, size_t n)
{
	static char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", temp_dir(), name);
	f = fopen(path, "wb");
	if (!f || (n && fwrite(data, 1, n, f) != n) || fclose(f))
		die(path);
	return path;
}

void temp_clear(void)
{
	DIR *d = dir[0] ? opendir(dir) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[500];

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	if (dir[0])
		rmdir(dir);
	dir[0] = '\0';
}

struct bytes read_whole(const char *path)
{
	struct bytes b = {0};
	uint8_t chunk[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		die(path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		bytes_put(&b, chunk, n);
	fclose(f);
	return b;
}
