/* gguf_write.c - the GGUF writer: a header built in memory, then data. */
#include "model/gguf_write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/dtype.h"
#include "util/err.h"

enum { DEFAULT_ALIGNMENT = 32, MAX_ALIGNMENT = 1 << 20, TEMP_TRIES = 100 };

struct bytes {
	uint8_t *p;
	size_t n, room;
	bool failed; /* out of memory; the bytes are incomplete */
};

struct placed {
	char *name;
	uint32_t dtype, n_dims, ne[4];
	uint64_t bytes;
};

struct gguf_writer {
	char *path, *temp; /* temp: NULL once it is gone */
	int fd;
	uint32_t alignment;
	struct bytes kv;
	uint64_t n_kv;
	struct placed *tensors;
	uint64_t n_tensors, room_tensors;
	uint64_t current, done; /* tensor being written and its bytes so far */
};

static void put(struct bytes *b, const void *p, size_t n)
{
	if (b->failed)
		return;
	if (n > b->room - b->n) {
		size_t room = (b->room + n) * 2;
		uint8_t *grown = realloc(b->p, room);

		if (!grown) {
			b->failed = true;
			return;
		}
		b->p = grown;
		b->room = room;
	}
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void put_u32(struct bytes *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

static void put_u64(struct bytes *b, uint64_t v)
{
	put(b, &v, sizeof(v));
}

static void put_str(struct bytes *b, const char *p, uint64_t n)
{
	put_u64(b, n);
	put(b, p, (size_t)n);
}

static uint64_t pad_of(const struct gguf_writer *w, uint64_t n)
{
	return (w->alignment - n % w->alignment) % w->alignment;
}

static int no_memory(const struct gguf_writer *w, struct zinc_err *err)
{
	return err_set(err, ZINC_E_NO_MEMORY, "out of memory while writing %s", w->path);
}

/* A new file beside path: "path.tmp-PID-N", made with the user's umask. */
static int open_temp(struct gguf_writer *w, struct zinc_err *err)
{
	for (int i = 0; i < TEMP_TRIES; i++) {
		free(w->temp);
		if (asprintf(&w->temp, "%s.tmp-%ld-%d", w->path, (long)getpid(), i) < 0) {
			w->temp = NULL;
			return no_memory(w, err);
		}
		w->fd = open(w->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (w->fd >= 0)
			return ZINC_OK;
		if (errno != EEXIST)
			break;
	}
	err_set_errno(err, ZINC_E_IO, errno, "cannot create %s", w->temp);
	free(w->temp);
	w->temp = NULL;
	return ZINC_E_IO;
}

int gguf_writer_create(const char *path, struct gguf_writer **out, struct zinc_err *err)
{
	struct gguf_writer *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (!w)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while writing %s", path);
	w->fd = -1;
	w->alignment = DEFAULT_ALIGNMENT;
	w->path = strdup(path);
	rc = w->path ? open_temp(w, err)
	             : err_set(err, ZINC_E_NO_MEMORY, "out of memory while writing %s", path);
	if (rc) {
		gguf_writer_destroy(w);
		return rc;
	}
	*out = w;
	return ZINC_OK;
}

void gguf_writer_destroy(struct gguf_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	if (w->temp)
		unlink(w->temp);
	for (uint64_t i = 0; i < w->n_tensors; i++)
		free(w->tensors[i].name);
	free(w->tensors);
	free(w->kv.p);
	free(w->temp);
	free(w->path);
	free(w);
}

static size_t scalar_bytes(uint32_t type)
{
	switch (type) {
	case GGUF_U8:
	case GGUF_I8:
	case GGUF_BOOL: return 1;
	case GGUF_U16:
	case GGUF_I16: return 2;
	case GGUF_U32:
	case GGUF_I32:
	case GGUF_F32: return 4;
	case GGUF_U64:
	case GGUF_I64:
	case GGUF_F64: return 8;
	default: return 0;
	}
}

static int take_alignment(struct gguf_writer *w, const struct gguf_kv *kv, struct zinc_err *err)
{
	uint32_t a = 0;

	if (kv->type == GGUF_U32)
		memcpy(&a, kv->raw, sizeof(a));
	if (a < 8 || a > MAX_ALIGNMENT || (a & (a - 1)))
		return err_set(err, ZINC_E_INVALID,
		               "general.alignment must be a power of two from 8 to %d, of type u32",
		               MAX_ALIGNMENT);
	w->alignment = a;
	return ZINC_OK;
}

int gguf_writer_kv(struct gguf_writer *w, const struct gguf_kv *kv, struct zinc_err *err)
{
	static const char alignment[] = "general.alignment";
	uint32_t type = kv->type == GGUF_ARRAY ? kv->elem_type : kv->type;
	uint64_t n = kv->type == GGUF_ARRAY ? kv->n : 1;

	if (kv->key.n == sizeof(alignment) - 1 && !memcmp(kv->key.ptr, alignment, kv->key.n)) {
		int rc = take_alignment(w, kv, err);

		if (rc)
			return rc;
	}
	if (type != GGUF_STRING && !scalar_bytes(type))
		return err_set(err, ZINC_E_INVALID, "key %.*s has the unknown value type %" PRIu32,
		               (int)kv->key.n, kv->key.ptr, type);
	put_str(&w->kv, kv->key.ptr, kv->key.n);
	put_u32(&w->kv, kv->type);
	if (kv->type == GGUF_ARRAY) {
		put_u32(&w->kv, type);
		put_u64(&w->kv, n);
	}
	if (type == GGUF_STRING)
		for (uint64_t i = 0; i < n; i++)
			put_str(&w->kv, kv->strs[i].ptr, kv->strs[i].n);
	else
		put(&w->kv, kv->raw, (size_t)n * scalar_bytes(type));
	w->n_kv++;
	return w->kv.failed ? no_memory(w, err) : ZINC_OK;
}

int gguf_writer_kv_u32(struct gguf_writer *w, const char *key, uint32_t value,
                       struct zinc_err *err)
{
	struct gguf_kv kv = {.key = {key, strlen(key)}, .type = GGUF_U32, .n = 1,
	                     .raw = (const uint8_t *)&value};

	return gguf_writer_kv(w, &kv, err);
}

int gguf_writer_tensor(struct gguf_writer *w, const struct gguf_tensor *t, struct zinc_err *err)
{
	struct placed *p;

	if (w->n_tensors == w->room_tensors) {
		uint64_t room = w->room_tensors * 2 + 64;
		struct placed *grown = realloc(w->tensors, (size_t)room * sizeof(*grown));

		if (!grown)
			return no_memory(w, err);
		w->tensors = grown;
		w->room_tensors = room;
	}
	p = &w->tensors[w->n_tensors];
	p->dtype = t->dtype;
	p->n_dims = t->n_dims;
	memcpy(p->ne, t->ne, sizeof(p->ne));
	p->bytes = dtype_row_bytes(t->dtype, t->ne[0]) * t->ne[1] * t->ne[2] * t->ne[3];
	if (p->bytes == 0)
		return err_set(err, ZINC_E_INVALID,
		               "tensor %s has rows of %" PRIu32 " elements, no multiple of a %s block",
		               t->name, t->ne[0], dtype_name(t->dtype));
	p->name = strdup(t->name);
	if (!p->name)
		return no_memory(w, err);
	w->n_tensors++;
	return ZINC_OK;
}

static int write_all(struct gguf_writer *w, const uint8_t *p, uint64_t n, struct zinc_err *err)
{
	while (n > 0) {
		ssize_t done = write(w->fd, p, n < INT32_MAX ? (size_t)n : INT32_MAX);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set_errno(err, ZINC_E_IO, errno, "cannot write %s", w->path);
		p += done;
		n -= (uint64_t)done;
	}
	return ZINC_OK;
}

static int write_zeros(struct gguf_writer *w, uint64_t n, struct zinc_err *err)
{
	static const uint8_t zeros[4096];
	int rc = ZINC_OK;

	for (uint64_t part; n > 0 && !rc; n -= part) {
		part = n < sizeof(zeros) ? n : sizeof(zeros);
		rc = write_all(w, zeros, part, err);
	}
	return rc;
}

/* A full disk is better met now than hours later. File systems that cannot
 * reserve space say so, and are left alone. */
static int reserve(struct gguf_writer *w, uint64_t bytes, struct zinc_err *err)
{
	if (fallocate(w->fd, 0, 0, (off_t)bytes) == 0)
		return ZINC_OK;
	if (errno != ENOSPC && errno != EFBIG && errno != EDQUOT)
		return ZINC_OK;
	return err_set_errno(err, ZINC_E_IO, errno, "no room for the %" PRIu64 " MiB of %s",
	                     (bytes >> 20) + 1, w->path);
}

static void put_header(struct gguf_writer *w, struct bytes *b, uint64_t *data_bytes)
{
	uint64_t off = 0;

	put(b, "GGUF", 4);
	put_u32(b, 3);
	put_u64(b, w->n_tensors);
	put_u64(b, w->n_kv);
	put(b, w->kv.p, w->kv.n);
	for (uint64_t i = 0; i < w->n_tensors; i++) {
		const struct placed *t = &w->tensors[i];

		put_str(b, t->name, strlen(t->name));
		put_u32(b, t->n_dims);
		for (uint32_t d = 0; d < t->n_dims; d++)
			put_u64(b, t->ne[d]);
		put_u32(b, dtype_to_gguf(t->dtype));
		put_u64(b, off);
		off += t->bytes + pad_of(w, t->bytes);
	}
	*data_bytes = off;
}

int gguf_writer_begin(struct gguf_writer *w, struct zinc_err *err)
{
	struct bytes b = {0};
	uint64_t data_bytes;
	int rc;

	put_header(w, &b, &data_bytes);
	rc = b.failed ? no_memory(w, err) : ZINC_OK;
	if (!rc)
		rc = reserve(w, b.n + pad_of(w, b.n) + data_bytes, err);
	if (!rc)
		rc = write_all(w, b.p, b.n, err);
	if (!rc)
		rc = write_zeros(w, pad_of(w, b.n), err);
	free(b.p);
	return rc;
}

int gguf_writer_data(struct gguf_writer *w, const void *data, uint64_t n, struct zinc_err *err)
{
	const struct placed *t = &w->tensors[w->current];
	int rc;

	if (w->current == w->n_tensors || n > t->bytes - w->done)
		return err_set(err, ZINC_E_INVALID, "more data than was declared for %s", w->path);
	rc = write_all(w, data, n, err);
	if (rc)
		return rc;
	w->done += n;
	if (w->done < t->bytes)
		return ZINC_OK;
	w->done = 0;
	w->current++;
	return write_zeros(w, pad_of(w, t->bytes), err);
}

/* The new name is on disk only once its folder is. */
static void sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	free(copy);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int gguf_writer_commit(struct gguf_writer *w, struct zinc_err *err)
{
	int fd = w->fd;

	if (w->current != w->n_tensors)
		return err_set(err, ZINC_E_INVALID, "data of tensor %s is missing",
		               w->tensors[w->current].name);
	if (fsync(fd) < 0)
		return err_set_errno(err, ZINC_E_IO, errno, "cannot write %s", w->path);
	w->fd = -1;
	if (close(fd) < 0)
		return err_set_errno(err, ZINC_E_IO, errno, "cannot write %s", w->path);
	if (rename(w->temp, w->path) < 0)
		return err_set_errno(err, ZINC_E_IO, errno, "cannot rename %s to %s", w->temp, w->path);
	free(w->temp);
	w->temp = NULL;
	sync_folder(w->path);
	return ZINC_OK;
}
