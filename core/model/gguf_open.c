/* gguf_open.c - mapping a GGUF file and joining the shards of a split one. */
#include "model/gguf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/err.h"

/* "-00001-of-00003.gguf" */
enum { SUFFIX_BYTES = 20 };

/* What a shard's name or its keys say; no counts from 1. */
struct split {
	uint32_t no, count;
};

static bool five_digits(const char *s, uint32_t *out)
{
	*out = 0;
	for (int i = 0; i < 5; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*out = *out * 10 + (uint32_t)(s[i] - '0');
	}
	return true;
}

static bool split_from_name(const char *path, struct split *s)
{
	size_t n = strlen(path);
	const char *end;

	if (n < SUFFIX_BYTES)
		return false;
	end = path + n - SUFFIX_BYTES;
	return end[0] == '-' && five_digits(end + 1, &s->no) && !strncmp(end + 6, "-of-", 4) &&
	       five_digits(end + 10, &s->count) && !strcmp(end + 15, ".gguf") && s->no >= 1 &&
	       s->count >= 1 && s->no <= s->count;
}

/* The path of shard no beside the one named path. */
static char *shard_path(struct arena *a, const char *path, uint32_t no)
{
	char *p = arena_strdup(a, path);

	if (p) {
		char digits[8];

		snprintf(digits, sizeof(digits), "%05u", (unsigned)(no % 100000));
		memcpy(p + strlen(p) - SUFFIX_BYTES + 1, digits, 5);
	}
	return p;
}

static int map_file(struct gguf_map *m, const char *path, struct zinc_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	void *base;

	m->path = path;
	if (fd < 0)
		return err_set_errno(err, ZINC_E_IO, errno, "cannot open %s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
		close(fd);
		return err_set(err, ZINC_E_IO, "%s is %s", path,
			       S_ISREG(st.st_mode) ? "empty" : "not a regular file");
	}
	base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (base == MAP_FAILED)
		return err_set_errno(err, ZINC_E_IO, errno, "cannot map %s", path);
	m->base = base;
	m->bytes = (uint64_t)st.st_size;
	return ZINC_OK;
}

void gguf_forget(const void *data, uint64_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)data;
	uintptr_t first = (at + page - 1) / page * page, end = (at + bytes) / page * page;

	if (first < end)
		madvise((void *)first, end - first, MADV_DONTNEED);
}

static int open_part(struct gguf *g, struct gguf_part *part, const char *path, struct zinc_err *err)
{
	int rc = map_file(&part->map, path, err);

	if (rc)
		return rc;
	rc = gguf_parse(&g->arena, part, err);
	if (rc)
		err_prefix(err, "%s", path);
	return rc;
}

/* A non-negative integer key of one part; absent: leaves *out as it is. */
static int part_u32(const struct gguf_part *part, const char *key, uint32_t *out,
		    struct zinc_err *err)
{
	uint64_t v;

	for (uint64_t i = 0; i < part->n_kv; i++) {
		if (strcmp(part->kv[i].key_z, key))
			continue;
		if (gguf_kv_u64(&part->kv[i], 0, &v) || v >= UINT32_MAX)
			return err_set(err, ZINC_E_INVALID, "%s: %s is no sensible number",
				       part->map.path, key);
		*out = (uint32_t)v;
		return ZINC_OK;
	}
	return ZINC_OK;
}

static int split_from_keys(const struct gguf_part *part, struct split *s, struct zinc_err *err)
{
	int rc;

	s->no = 0;
	s->count = 0;
	rc = part_u32(part, "split.count", &s->count, err);
	if (!rc)
		rc = part_u32(part, "split.no", &s->no, err);
	if (s->count > 0)
		s->no++; /* numbered from 0 in the file */
	return rc;
}

/* Name and keys of the first file must tell the same story. */
static int check_first(const struct gguf_part *part, const struct split *name, bool named,
		       uint32_t *count, struct zinc_err *err)
{
	struct split keys;
	int rc = split_from_keys(part, &keys, err);

	*count = 1;
	if (rc)
		return rc;
	if (keys.count <= 1 && (!named || name->count == 1))
		return ZINC_OK;
	if (!named)
		return err_set(err, ZINC_E_INVALID,
			       "%s is shard %" PRIu32 " of %" PRIu32
			       " but is not named so; give all shards their names back "
			       "(...-00001-of-%05" PRIu32 ".gguf)",
			       part->map.path, keys.no, keys.count, keys.count);
	if (keys.count != name->count || keys.no != name->no)
		return err_set(err, ZINC_E_INVALID,
			       "%s is named shard %" PRIu32 " of %" PRIu32
			       " but says it is %" PRIu32 " of %" PRIu32,
			       part->map.path, name->no, name->count, keys.no, keys.count);
	*count = name->count;
	return ZINC_OK;
}

static int open_shard(struct gguf *g, uint32_t no, uint32_t count, struct zinc_err *err)
{
	struct gguf_part *part = &g->parts[no - 1];
	char *path = shard_path(&g->arena, g->path, no);
	struct split keys;
	int rc;

	if (!path)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while opening %s", g->path);
	rc = open_part(g, part, path, err);
	if (rc == ZINC_E_IO && err && err->native == ENOENT)
		return err_set(err, ZINC_E_IO,
			       "shard %" PRIu32 " of %" PRIu32 " is missing: no file %s", no, count,
			       path);
	if (rc)
		return rc;
	rc = split_from_keys(part, &keys, err);
	if (rc)
		return rc;
	if (keys.no != no || keys.count != count)
		return err_set(err, ZINC_E_INVALID,
			       "%s says it is shard %" PRIu32 " of %" PRIu32
			       ": it belongs to another split",
			       path, keys.no, keys.count);
	return ZINC_OK;
}

/* One list of tensors over all parts. */
static int join(struct gguf *g, struct zinc_err *err)
{
	uint32_t want = UINT32_MAX;
	uint64_t n = 0;
	int rc;

	for (uint32_t i = 0; i < g->n_parts; i++)
		n += g->parts[i].n_tensors;
	rc = part_u32(&g->parts[0], "split.tensors.count", &want, err);
	if (rc)
		return rc;
	if (want != UINT32_MAX && want != n)
		return err_set(err, ZINC_E_INVALID,
			       "%s: split.tensors.count is %" PRIu32 " but the shards hold %" PRIu64
			       " tensors",
			       g->path, want, n);
	if (n >= UINT32_MAX)
		return err_set(err, ZINC_E_INVALID, "%s: too many tensors", g->path);
	g->tensors = arena_alloc(&g->arena, (size_t)(n + 1) * sizeof(*g->tensors));
	if (!g->tensors)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while opening %s", g->path);
	for (uint32_t i = 0; i < g->n_parts; i++)
		for (uint64_t t = 0; t < g->parts[i].n_tensors; t++) {
			g->tensors[g->n_tensors] = g->parts[i].tensors[t];
			g->tensors[g->n_tensors++].shard = i;
		}
	return ZINC_OK;
}

static int open_all(struct gguf *g, const struct split *name, bool named, struct zinc_err *err)
{
	uint32_t room = named ? name->count : 1, count;
	int rc;

	g->parts = arena_alloc(&g->arena, room * sizeof(*g->parts));
	if (!g->parts)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while opening %s", g->path);
	g->n_parts = 1;
	rc = open_part(g, &g->parts[0], g->path, err);
	if (rc)
		return rc;
	rc = check_first(&g->parts[0], name, named, &count, err);
	for (uint32_t no = 2; no <= count && !rc; no++) {
		g->n_parts = no;
		rc = open_shard(g, no, count, err);
	}
	if (rc)
		return rc;
	rc = join(g, err);
	if (rc)
		return rc;
	rc = gguf_index_build(g, err);
	if (rc)
		err_prefix(err, "%s", g->path);
	return rc;
}

int gguf_open(const char *path, struct gguf **out, struct zinc_err *err)
{
	struct split name = {0};
	bool named = split_from_name(path, &name);
	struct gguf *g = calloc(1, sizeof(*g));
	int rc;

	*out = NULL;
	if (!g)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while opening %s", path);
	g->path = arena_strdup(&g->arena, path);
	if (!g->path) {
		rc = err_set(err, ZINC_E_NO_MEMORY, "out of memory while opening %s", path);
	} else if (named && name.no != 1) {
		char *first = shard_path(&g->arena, path, 1);

		rc = err_set(err, ZINC_E_INVALID, "%s is shard %" PRIu32 " of %" PRIu32 "; open %s",
			     path, name.no, name.count, first ? first : "the first");
	} else {
		rc = open_all(g, &name, named, err);
	}
	if (rc) {
		gguf_close(g);
		return rc;
	}
	*out = g;
	return ZINC_OK;
}

void gguf_close(struct gguf *g)
{
	if (!g)
		return;
	for (uint32_t i = 0; i < g->n_parts; i++)
		if (g->parts[i].map.base)
			munmap((void *)(uintptr_t)g->parts[i].map.base,
			       (size_t)g->parts[i].map.bytes);
	arena_finish(&g->arena);
	free(g);
}
