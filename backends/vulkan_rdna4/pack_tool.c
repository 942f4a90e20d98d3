/* pack_tool.c - runs during the build: puts files into one shader pack.
 *
 *     pack_tool OUT.pack NAME=FILE... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "pack.h"

enum { LEVEL = 19 };

struct file {
	struct pack_entry entry;
	unsigned char *bytes;
};

static int read_file(struct file *f, const char *arg)
{
	const char *eq = strchr(arg, '=');
	FILE *in = NULL;
	long n = -1;

	if (eq && (size_t)(eq - arg) < sizeof(f->entry.name)) {
		memcpy(f->entry.name, arg, (size_t)(eq - arg));
		in = fopen(eq + 1, "rb");
	}
	if (in && !fseek(in, 0, SEEK_END))
		n = ftell(in);
	if (n >= 0)
		f->bytes = malloc((size_t)n + 1);
	if (!f->bytes || fseek(in, 0, SEEK_SET) || fread(f->bytes, 1, (size_t)n, in) != (size_t)n) {
		fprintf(stderr, "pack_tool: cannot read %s\n", arg);
		n = -1;
	}
	if (in)
		fclose(in);
	f->entry.bytes = n >= 0 ? (uint32_t)n : 0;
	return n >= 0 ? 0 : -1;
}

/* Places the files behind the entries; returns the size of it all. */
static uint32_t place(struct file *files, uint32_t n)
{
	uint32_t at = (uint32_t)(sizeof(struct pack_header) + n * sizeof(struct pack_entry));

	for (uint32_t i = 0; i < n; i++) {
		files[i].entry.offset = at;
		at += (files[i].entry.bytes + 3) / 4 * 4;
	}
	return at;
}

static int write_packed(const char *path, const unsigned char *whole, size_t n)
{
	size_t room = ZSTD_compressBound(n), packed = 0;
	unsigned char *out = malloc(room);
	FILE *f = fopen(path, "wb");
	int ok = 0;

	if (out)
		packed = ZSTD_compress(out, room, whole, n, LEVEL);
	if (f && out && !ZSTD_isError(packed))
		ok = fwrite(out, 1, packed, f) == packed;
	if (f && fclose(f))
		ok = 0;
	free(out);
	if (!ok)
		fprintf(stderr, "pack_tool: cannot write %s\n", path);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 2 ? (uint32_t)argc - 2 : 0, bytes;
	struct file *files = calloc(n + 1, sizeof(*files));
	struct pack_header head = {PACK_MAGIC, n};
	unsigned char *whole;

	if (!n || !files) {
		fprintf(stderr, "usage: pack_tool OUT.pack NAME=FILE...\n");
		return 2;
	}
	for (uint32_t i = 0; i < n; i++)
		if (read_file(&files[i], argv[i + 2]))
			return 1;
	bytes = place(files, n);
	whole = calloc(bytes, 1);
	if (!whole)
		return 1;
	memcpy(whole, &head, sizeof(head));
	for (uint32_t i = 0; i < n; i++) {
		memcpy(whole + sizeof(head) + i * sizeof(files[i].entry), &files[i].entry,
		       sizeof(files[i].entry));
		memcpy(whole + files[i].entry.offset, files[i].bytes, files[i].entry.bytes);
	}
	return write_packed(argv[1], whole, bytes);
}
