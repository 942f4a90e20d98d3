/* gguf_get.c - looking up keys and tensors, and converting values. */
#include "model/gguf_file.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "util/err.h"

typedef const char *name_fn(const void *ctx, uint32_t i);

static uint64_t hash(const char *s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return h ^ h >> 29;
}

static int index_init(struct gguf_index *x, struct arena *a, uint64_t n)
{
	uint64_t room = 16;

	while (room < 2 * n)
		room *= 2;
	x->slot = arena_alloc(a, (size_t)room * sizeof(*x->slot));
	x->mask = room - 1;
	return x->slot ? ZINC_OK : ZINC_E_NO_MEMORY;
}

/* The slot that holds name, or the free one where it belongs. */
static uint32_t *slot_of(const struct gguf_index *x, const char *name, name_fn *name_of,
			 const void *ctx)
{
	uint64_t i = hash(name) & x->mask;

	while (x->slot[i] && strcmp(name_of(ctx, x->slot[i] - 1), name))
		i = (i + 1) & x->mask;
	return &x->slot[i];
}

static uint32_t index_find(const struct gguf_index *x, const char *name, name_fn *name_of,
			   const void *ctx)
{
	return *slot_of(x, name, name_of, ctx) - 1;
}

static bool index_add(struct gguf_index *x, uint32_t i, name_fn *name_of, const void *ctx)
{
	uint32_t *slot = slot_of(x, name_of(ctx, i), name_of, ctx);

	if (*slot)
		return false;
	*slot = i + 1;
	return true;
}

uint32_t gguf_version(const struct gguf *g)
{
	return g->parts[0].version;
}

const char *gguf_path(const struct gguf *g)
{
	return g->path;
}

uint64_t gguf_n_kv(const struct gguf *g)
{
	return g->parts[0].n_kv;
}

const struct gguf_kv *gguf_kv_at(const struct gguf *g, uint64_t i)
{
	return i < g->parts[0].n_kv ? &g->parts[0].kv[i] : NULL;
}

static const char *kv_name(const void *ctx, uint32_t i)
{
	return ((const struct gguf_kv *)ctx)[i].key_z;
}

static const char *tensor_name(const void *ctx, uint32_t i)
{
	return ((const struct gguf_tensor *)ctx)[i].name;
}

const struct gguf_kv *gguf_find(const struct gguf *g, const char *key)
{
	return gguf_kv_at(g, index_find(&g->kv_index, key, kv_name, g->parts[0].kv));
}

uint64_t gguf_n_tensors(const struct gguf *g)
{
	return g->n_tensors;
}

const struct gguf_tensor *gguf_tensor_at(const struct gguf *g, uint64_t i)
{
	return i < g->n_tensors ? &g->tensors[i] : NULL;
}

const struct gguf_tensor *gguf_tensor_find(const struct gguf *g, const char *name)
{
	return gguf_tensor_at(g, index_find(&g->tensor_index, name, tensor_name, g->tensors));
}

int gguf_index_build(struct gguf *g, struct zinc_err *err)
{
	struct gguf_part *first = &g->parts[0];

	if (index_init(&g->kv_index, &g->arena, first->n_kv) ||
	    index_init(&g->tensor_index, &g->arena, g->n_tensors))
		return err_set(err, ZINC_E_NO_MEMORY, "out of memory while indexing the file");
	for (uint32_t i = 0; i < first->n_kv; i++)
		if (!index_add(&g->kv_index, i, kv_name, first->kv))
			return err_set(err, ZINC_E_INVALID, "the key %s occurs twice",
				       first->kv[i].key_z);
	for (uint32_t i = 0; i < g->n_tensors; i++)
		if (!index_add(&g->tensor_index, i, tensor_name, g->tensors))
			return err_set(err, ZINC_E_INVALID, "the tensor %s occurs twice",
				       g->tensors[i].name);
	return ZINC_OK;
}

uint32_t gguf_n_maps(const struct gguf *g)
{
	return g->n_parts;
}

const struct gguf_map *gguf_map_at(const struct gguf *g, uint32_t i)
{
	return i < g->n_parts ? &g->parts[i].map : NULL;
}

static uint32_t type_of(const struct gguf_kv *kv)
{
	return kv->type == GGUF_ARRAY ? kv->elem_type : kv->type;
}

static uint64_t load(const struct gguf_kv *kv, uint64_t i, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned b = 0; b < bytes; b++)
		v |= (uint64_t)kv->raw[i * bytes + b] << (8 * b);
	return v;
}

/* Integers as a sign and 64 bits: negative values come as neg = true with v the
 * two's complement. */
static int load_int(const struct gguf_kv *kv, uint64_t i, bool *neg, uint64_t *v)
{
	*neg = false;
	if (i >= kv->n)
		return ZINC_E_INVALID;
	switch (type_of(kv)) {
	case GGUF_U8: *v = load(kv, i, 1); return ZINC_OK;
	case GGUF_U16: *v = load(kv, i, 2); return ZINC_OK;
	case GGUF_U32: *v = load(kv, i, 4); return ZINC_OK;
	case GGUF_U64: *v = load(kv, i, 8); return ZINC_OK;
	case GGUF_I8: *v = (uint64_t)(int8_t)load(kv, i, 1); break;
	case GGUF_I16: *v = (uint64_t)(int16_t)load(kv, i, 2); break;
	case GGUF_I32: *v = (uint64_t)(int32_t)load(kv, i, 4); break;
	case GGUF_I64: *v = load(kv, i, 8); break;
	default: return ZINC_E_INVALID;
	}
	*neg = *v >> 63;
	return ZINC_OK;
}

int gguf_kv_u64(const struct gguf_kv *kv, uint64_t i, uint64_t *out)
{
	bool neg;
	int rc = load_int(kv, i, &neg, out);

	return rc ? rc : neg ? ZINC_E_INVALID : ZINC_OK;
}

int gguf_kv_i64(const struct gguf_kv *kv, uint64_t i, int64_t *out)
{
	uint64_t v;
	bool neg;
	int rc = load_int(kv, i, &neg, &v);

	if (rc)
		return rc;
	if (!neg && v > INT64_MAX)
		return ZINC_E_INVALID;
	*out = (int64_t)v;
	return ZINC_OK;
}

int gguf_get_u32(const struct gguf *g, const char *key, uint64_t i, uint32_t *out)
{
	const struct gguf_kv *kv = gguf_find(g, key);
	uint64_t v;

	if (!kv)
		return ZINC_E_UNSUPPORTED;
	if (gguf_kv_u64(kv, i, &v) || v > UINT32_MAX)
		return ZINC_E_INVALID;
	*out = (uint32_t)v;
	return ZINC_OK;
}

int gguf_get_i32(const struct gguf *g, const char *key, uint64_t i, int32_t *out)
{
	const struct gguf_kv *kv = gguf_find(g, key);
	int64_t v;

	if (!kv)
		return ZINC_E_UNSUPPORTED;
	if (gguf_kv_i64(kv, i, &v) || v < INT32_MIN || v > INT32_MAX)
		return ZINC_E_INVALID;
	*out = (int32_t)v;
	return ZINC_OK;
}

int gguf_kv_f32(const struct gguf_kv *kv, uint64_t i, float *out)
{
	uint64_t bits;
	uint32_t word;
	double d;

	if (i >= kv->n)
		return ZINC_E_INVALID;
	switch (type_of(kv)) {
	case GGUF_F32:
		word = (uint32_t)load(kv, i, 4);
		memcpy(out, &word, sizeof(*out));
		return ZINC_OK;
	case GGUF_F64:
		bits = load(kv, i, 8);
		memcpy(&d, &bits, sizeof(d));
		/* A finite double that is no finite float does not fit. */
		if (isfinite(d) && fabs(d) > (double)FLT_MAX)
			return ZINC_E_INVALID;
		*out = (float)d;
		return ZINC_OK;
	default: return ZINC_E_INVALID;
	}
}

int gguf_get_f32(const struct gguf *g, const char *key, uint64_t i, float *out)
{
	const struct gguf_kv *kv = gguf_find(g, key);

	return kv ? gguf_kv_f32(kv, i, out) : ZINC_E_UNSUPPORTED;
}

int gguf_get_bool(const struct gguf *g, const char *key, uint64_t i, uint32_t *out)
{
	const struct gguf_kv *kv = gguf_find(g, key);

	if (!kv)
		return ZINC_E_UNSUPPORTED;
	if (i >= kv->n || type_of(kv) != GGUF_BOOL || kv->raw[i] > 1)
		return ZINC_E_INVALID;
	*out = kv->raw[i];
	return ZINC_OK;
}

int gguf_get_str(const struct gguf *g, const char *key, uint64_t i, struct gguf_str *out)
{
	const struct gguf_kv *kv = gguf_find(g, key);

	if (!kv)
		return ZINC_E_UNSUPPORTED;
	if (i >= kv->n || type_of(kv) != GGUF_STRING)
		return ZINC_E_INVALID;
	*out = kv->strs[i];
	return ZINC_OK;
}

int gguf_get_len(const struct gguf *g, const char *key, uint64_t *n)
{
	const struct gguf_kv *kv = gguf_find(g, key);

	if (!kv)
		return ZINC_E_UNSUPPORTED;
	*n = kv->n;
	return ZINC_OK;
}
