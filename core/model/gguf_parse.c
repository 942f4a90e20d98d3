/* gguf_parse.c - the header and the metadata of one mapped GGUF file.
 *
 * Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Every
 * count is bounded by the bytes that its entries need at least, so a damaged
 * file cannot ask for more memory than a small multiple of its own size. */
#include "model/gguf_file.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "util/err.h"

enum {
	MIN_KV_BYTES = 8 + 1 + 4 + 1,         /* key length, key, type, value    */
	MIN_TENSOR_BYTES = 8 + 1 + 4 + 4 + 8, /* name, dimensions, type, offset  */
	MAX_KEY_BYTES = 65535,
	MAX_ENTRIES = 1 << 20, /* keys or tensors; models have some thousands */
	DEFAULT_ALIGNMENT = 32
};

/* Bytes of a value, by type; 0: not of fixed size. */
static const uint8_t value_bytes[] = {
	[GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_U16] = 2,  [GGUF_I16] = 2,    [GGUF_U32] = 4,
	[GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_BOOL] = 1, [GGUF_STRING] = 0, [GGUF_ARRAY] = 0,
	[GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
};

static uint64_t left(const struct gguf_cursor *c)
{
	return c->size - c->pos;
}

bool gguf_read_u32(struct gguf_cursor *c, uint32_t *out)
{
	uint32_t v;

	if (left(c) < sizeof(v))
		return false;
	memcpy(&v, c->base + c->pos, sizeof(v));
	c->pos += sizeof(v);
	*out = le32toh(v);
	return true;
}

bool gguf_read_u64(struct gguf_cursor *c, uint64_t *out)
{
	uint64_t v;

	if (left(c) < sizeof(v))
		return false;
	memcpy(&v, c->base + c->pos, sizeof(v));
	c->pos += sizeof(v);
	*out = le64toh(v);
	return true;
}

bool gguf_read_str(struct gguf_cursor *c, struct gguf_str *out)
{
	uint64_t n;

	if (!gguf_read_u64(c, &n) || left(c) < n)
		return false;
	out->ptr = (const char *)c->base + c->pos;
	out->n = n;
	c->pos += n;
	return true;
}

static int no_memory(struct zinc_err *err)
{
	return err_set(err, ZINC_E_NO_MEMORY, "out of memory while reading the metadata");
}

static int cut_off(struct zinc_err *err, const char *where)
{
	return err_set(err, ZINC_E_INVALID,
		       "the file ends in %s: it is cut off or damaged, download it again", where);
}

static int cut_off_in(struct zinc_err *err, const struct gguf_kv *kv)
{
	return err_set(
		err, ZINC_E_INVALID,
		"the file ends in the value of %s: it is cut off or damaged, download it again",
		kv->key_z);
}

/* The strings are walked before memory is asked for: in a large damaged file a
 * wild count could still seem to fit. */
static int parse_strings(struct arena *a, struct gguf_cursor *c, struct gguf_kv *kv,
			 struct zinc_err *err)
{
	struct gguf_cursor ahead = *c;
	struct gguf_str *s, skipped;

	for (uint64_t i = 0; i < kv->n; i++)
		if (!gguf_read_str(&ahead, &skipped))
			return cut_off_in(err, kv);
	s = arena_alloc(a, (size_t)(kv->n ? kv->n : 1) * sizeof(*s));
	if (!s)
		return no_memory(err);
	for (uint64_t i = 0; i < kv->n; i++)
		gguf_read_str(c, &s[i]);
	kv->strs = s;
	return ZINC_OK;
}

static int parse_array_head(struct gguf_cursor *c, struct gguf_kv *kv, struct zinc_err *err)
{
	uint64_t min_bytes;

	if (!gguf_read_u32(c, &kv->elem_type) || !gguf_read_u64(c, &kv->n))
		return cut_off_in(err, kv);
	if (kv->elem_type == GGUF_ARRAY)
		return err_set(err, ZINC_E_INVALID,
			       "%s is an array of arrays, which zinc does not read", kv->key_z);
	if (kv->elem_type > GGUF_F64)
		return err_set(err, ZINC_E_INVALID,
			       "%s is an array of the unknown value type %" PRIu32, kv->key_z,
			       kv->elem_type);
	min_bytes = kv->elem_type == GGUF_STRING ? 8 : value_bytes[kv->elem_type];
	if (kv->n > left(c) / min_bytes)
		return err_set(err, ZINC_E_INVALID,
			       "%s claims %" PRIu64 " elements, more than the file has bytes for",
			       kv->key_z, kv->n);
	return ZINC_OK;
}

static int parse_value(struct arena *a, struct gguf_cursor *c, struct gguf_kv *kv,
		       struct zinc_err *err)
{
	uint32_t type = kv->type;
	int rc;

	kv->n = 1;
	if (type == GGUF_ARRAY) {
		rc = parse_array_head(c, kv, err);
		if (rc)
			return rc;
		type = kv->elem_type;
	}
	if (type > GGUF_F64)
		return err_set(err, ZINC_E_INVALID, "%s has the unknown value type %" PRIu32,
			       kv->key_z, type);
	kv->raw = c->base + c->pos;
	if (type == GGUF_STRING)
		return parse_strings(a, c, kv, err);
	if (kv->n > left(c) / value_bytes[type])
		return cut_off_in(err, kv);
	c->pos += kv->n * value_bytes[type];
	return ZINC_OK;
}

static int parse_kv(struct arena *a, struct gguf_cursor *c, uint64_t i, struct gguf_kv *kv,
		    struct zinc_err *err)
{
	char *key;

	if (!gguf_read_str(c, &kv->key))
		return cut_off(err, "a metadata key");
	if (kv->key.n == 0 || kv->key.n > MAX_KEY_BYTES || memchr(kv->key.ptr, 0, kv->key.n))
		return err_set(err, ZINC_E_INVALID,
			       "metadata key number %" PRIu64
			       " is empty, too long or holds a NUL byte",
			       i);
	key = arena_alloc(a, (size_t)kv->key.n + 1);
	if (!key)
		return no_memory(err);
	memcpy(key, kv->key.ptr, kv->key.n);
	kv->key_z = key;
	if (!gguf_read_u32(c, &kv->type))
		return cut_off(err, "a metadata value's type");
	return parse_value(a, c, kv, err);
}

/* What the file is instead, when its first bytes are familiar. */
static int not_gguf(const struct gguf_cursor *c, struct zinc_err *err)
{
	static const struct {
		const char *magic, *what;
	} others[] = {
		{"FUGG", "a big-endian GGUF file; convert it to little endian"},
		{"lmgg", "a GGML file from before GGUF; convert the model again"},
		{"fmgg", "a GGMF file from before GGUF; convert the model again"},
		{"tjgg", "a GGJT file from before GGUF; convert the model again"},
		{"version https://git-lfs", "a git-lfs pointer; fetch the file itself"},
		{"<", "a web page; download the file itself"},
		{"PK", "a zip archive (PyTorch?); it has to be converted to GGUF"},
		{"{", "JSON text; name the .gguf file"},
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		size_t n = strlen(others[i].magic);

		if (c->size >= n && !memcmp(c->base, others[i].magic, n))
			return err_set(err, ZINC_E_INVALID, "not a GGUF file but %s",
				       others[i].what);
	}
	return err_set(err, ZINC_E_INVALID, "not a GGUF file");
}

static int parse_version(struct gguf_cursor *c, uint32_t *version, struct zinc_err *err)
{
	if (c->size < 4 || memcmp(c->base, "GGUF", 4))
		return not_gguf(c, err);
	c->pos = 4;
	if (!gguf_read_u32(c, version))
		return cut_off(err, "the header");
	if (*version == 2 || *version == 3)
		return ZINC_OK;
	if (*version == 1)
		return err_set(err, ZINC_E_VERSION,
			       "GGUF version 1 is not read; convert the model again (version 3)");
	if (*version && (*version & 0xffff) == 0)
		return err_set(err, ZINC_E_INVALID,
			       "a big-endian GGUF file; convert it to little endian");
	return err_set(err, ZINC_E_VERSION,
		       "GGUF version %" PRIu32 " is unknown; zinc reads 2 and 3", *version);
}

static int find_alignment(struct gguf_part *part, struct zinc_err *err)
{
	uint64_t v;

	part->alignment = DEFAULT_ALIGNMENT;
	for (uint64_t i = 0; i < part->n_kv; i++) {
		if (strcmp(part->kv[i].key_z, "general.alignment"))
			continue;
		if (gguf_kv_u64(&part->kv[i], 0, &v) || v < 8 || v > UINT32_MAX || (v & (v - 1)))
			return err_set(err, ZINC_E_INVALID,
				       "general.alignment must be a power of two, 8 or more");
		part->alignment = v;
	}
	return ZINC_OK;
}

int gguf_parse(struct arena *a, struct gguf_part *part, struct zinc_err *err)
{
	struct gguf_cursor c = {.base = part->map.base, .size = part->map.bytes};
	int rc = parse_version(&c, &part->version, err);

	if (rc)
		return rc;
	if (!gguf_read_u64(&c, &part->n_tensors) || !gguf_read_u64(&c, &part->n_kv))
		return cut_off(err, "the header");
	if (part->n_kv > left(&c) / MIN_KV_BYTES || part->n_kv > MAX_ENTRIES)
		return err_set(err, ZINC_E_INVALID,
			       "the header claims %" PRIu64 " metadata keys, more than it can have",
			       part->n_kv);
	if (part->n_tensors > left(&c) / MIN_TENSOR_BYTES || part->n_tensors > MAX_ENTRIES)
		return err_set(err, ZINC_E_INVALID,
			       "the header claims %" PRIu64 " tensors, more than it can have",
			       part->n_tensors);
	part->kv = arena_alloc(a, (size_t)(part->n_kv + 1) * sizeof(*part->kv));
	if (!part->kv)
		return no_memory(err);
	for (uint64_t i = 0; i < part->n_kv; i++) {
		rc = parse_kv(a, &c, i, &part->kv[i], err);
		if (rc)
			return rc;
	}
	rc = find_alignment(part, err);
	return rc ? rc : gguf_parse_tensors(a, part, &c, err);
}
