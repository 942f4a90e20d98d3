/* gguf_tensors.c - the tensor directory of one mapped GGUF file. */
#include "model/gguf_file.h"

#include <inttypes.h>
#include <string.h>

#include "model/dtype.h"
#include "util/err.h"

enum { MAX_NAME_BYTES = 1024 };

static int parse_name(struct arena *a, struct gguf_cursor *c, uint64_t i, struct gguf_tensor *t,
		      struct zinc_err *err)
{
	struct gguf_str s;
	char *name;

	if (!gguf_read_str(c, &s))
		return err_set(err, ZINC_E_INVALID,
			       "the file ends in the tensor directory: it is cut off or damaged, "
			       "download it again");
	if (s.n == 0 || s.n > MAX_NAME_BYTES || memchr(s.ptr, 0, s.n))
		return err_set(err, ZINC_E_INVALID,
			       "the name of tensor number %" PRIu64
			       " is empty, too long or holds a NUL byte",
			       i);
	name = arena_alloc(a, (size_t)s.n + 1);
	if (!name)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while reading the tensors");
	memcpy(name, s.ptr, s.n);
	t->name = name;
	return ZINC_OK;
}

static int parse_dims(struct gguf_cursor *c, struct gguf_tensor *t, struct zinc_err *err)
{
	uint64_t elems = 1, d;

	if (!gguf_read_u32(c, &t->n_dims))
		goto cut;
	if (t->n_dims > 4)
		return err_set(err, ZINC_E_INVALID,
			       "tensor %s has %" PRIu32 " dimensions, at most 4 exist", t->name,
			       t->n_dims);
	for (uint32_t i = 0; i < 4; i++) {
		t->ne[i] = 1;
		if (i >= t->n_dims)
			continue;
		if (!gguf_read_u64(c, &d))
			goto cut;
		if (d == 0 || d > INT32_MAX)
			return err_set(err, ZINC_E_INVALID,
				       "dimension %" PRIu32 " of tensor %s is %" PRIu64
				       ", which is out of range",
				       i, t->name, d);
		if (d > (uint64_t)INT64_MAX / elems)
			return err_set(err, ZINC_E_INVALID,
				       "tensor %s has more elements than can be counted", t->name);
		elems *= d;
		t->ne[i] = (uint32_t)d;
	}
	return ZINC_OK;
cut:
	return err_set(err, ZINC_E_INVALID, "the file ends in the entry of tensor %s", t->name);
}

/* Dtype, and with it the size. */
static int parse_type(struct gguf_cursor *c, struct gguf_tensor *t, struct zinc_err *err)
{
	uint64_t rows = (uint64_t)t->ne[1] * t->ne[2], row;
	uint32_t type;

	if (!gguf_read_u32(c, &type))
		return err_set(err, ZINC_E_INVALID, "the file ends in the entry of tensor %s",
			       t->name);
	if (!dtype_from_gguf(type, &t->dtype)) {
		const char *name = gguf_type_name(type);

		if (!strcmp(name, "?"))
			return err_set(err, ZINC_E_INVALID,
				       "tensor %s has the unknown type %" PRIu32, t->name, type);
		return err_set(
			err, ZINC_E_UNSUPPORTED,
			"tensor %s has type %s, which zinc does not read; use a Q4_K_M, Q8_0 or "
			"other plain GGUF of this model",
			t->name, name);
	}
	row = dtype_row_bytes(t->dtype, t->ne[0]);
	if (row == 0)
		return err_set(err, ZINC_E_INVALID,
			       "tensor %s has rows of %" PRIu32
			       " elements, no multiple of a %s block",
			       t->name, t->ne[0], dtype_name(t->dtype));
	/* The element count fits 63 bits and no type takes more than 4 bytes for
	 * one, but their product may still wrap. */
	if (rows > UINT64_MAX / t->ne[3] || row > (uint64_t)INT64_MAX / (rows * t->ne[3]))
		return err_set(err, ZINC_E_INVALID, "tensor %s has more bytes than can be counted",
			       t->name);
	t->bytes = row * rows * t->ne[3];
	return ZINC_OK;
}

static int parse_tensor(struct arena *a, struct gguf_cursor *c, uint64_t i, struct gguf_tensor *t,
			struct zinc_err *err)
{
	int rc = parse_name(a, c, i, t, err);

	if (rc)
		return rc;
	rc = parse_dims(c, t, err);
	if (rc)
		return rc;
	rc = parse_type(c, t, err);
	if (rc)
		return rc;
	if (!gguf_read_u64(c, &t->file_off))
		return err_set(err, ZINC_E_INVALID, "the file ends in the entry of tensor %s",
			       t->name);
	return ZINC_OK;
}

/* Turns the offset into the data section into one into the file. */
static int place(const struct gguf_part *part, struct gguf_tensor *t, struct zinc_err *err)
{
	uint64_t room = part->map.bytes > part->data_off ? part->map.bytes - part->data_off : 0;

	if (t->file_off % part->alignment)
		return err_set(err, ZINC_E_INVALID,
			       "the data of tensor %s is not aligned to %" PRIu64, t->name,
			       part->alignment);
	if (t->file_off > room || t->bytes > room - t->file_off)
		return err_set(
			err, ZINC_E_INVALID,
			"the data of tensor %s lies outside the file: it is cut off, download it "
			"again",
			t->name);
	t->file_off += part->data_off;
	t->data = (const uint8_t *)part->map.base + t->file_off;
	return ZINC_OK;
}

int gguf_parse_tensors(struct arena *a, struct gguf_part *part, struct gguf_cursor *c,
		       struct zinc_err *err)
{
	uint64_t mask = part->alignment - 1;
	int rc = ZINC_OK;

	part->tensors = arena_alloc(a, (size_t)(part->n_tensors + 1) * sizeof(*part->tensors));
	if (!part->tensors)
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while reading the tensors");
	for (uint64_t i = 0; i < part->n_tensors && !rc; i++)
		rc = parse_tensor(a, c, i, &part->tensors[i], err);
	/* pos is at most the file's size, which mmap keeps far from 2^64. */
	part->data_off = (c->pos + mask) & ~mask;
	for (uint64_t i = 0; i < part->n_tensors && !rc; i++)
		rc = place(part, &part->tensors[i], err);
	return rc;
}
