/* meta.c - metadata values as JSON. */
#include "cli/meta.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/gguf.h"

/* Indexed by enum gguf_type. */
static const struct {
	const char *name, *array;
	size_t bytes;
} types[] = {
	{"u8", "u8[]", 1},       {"i8", "i8[]", 1},     {"u16", "u16[]", 2},
	{"i16", "i16[]", 2},     {"u32", "u32[]", 4},   {"i32", "i32[]", 4},
	{"f32", "f32[]", 4},     {"bool", "bool[]", 1}, {"string", "string[]", 0},
	{"array", "array[]", 0}, {"u64", "u64[]", 8},   {"i64", "i64[]", 8},
	{"f64", "f64[]", 8},
};

const char *meta_type_name(const struct gguf_kv *kv)
{
	return kv->type == GGUF_ARRAY ? types[kv->elem_type].array : types[kv->type].name;
}

static json_t *text(const struct gguf_str *s)
{
	json_t *j = json_stringn(s->ptr, (size_t)s->n);
	char remark[64];

	if (j)
		return j;
	snprintf(remark, sizeof(remark), "(%llu bytes that are not UTF-8)",
		 (unsigned long long)s->n);
	return json_string(remark);
}

/* JSON knows no infinities. */
static json_t *real(double v)
{
	return isfinite(v) ? json_real(v) : json_string(isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
}

static json_t *element(const struct gguf_kv *kv, uint32_t type, uint64_t i)
{
	const uint8_t *p = kv->raw + i * types[type].bytes;
	union {
		uint8_t u8;
		int8_t i8;
		uint16_t u16;
		int16_t i16;
		uint32_t u32;
		int32_t i32;
		uint64_t u64;
		int64_t i64;
		float f32;
		double f64;
	} v;

	if (type == GGUF_STRING)
		return text(&kv->strs[i]);
	memcpy(&v, p, types[type].bytes);
	switch (type) {
	case GGUF_U8: return json_integer(v.u8);
	case GGUF_I8: return json_integer(v.i8);
	case GGUF_U16: return json_integer(v.u16);
	case GGUF_I16: return json_integer(v.i16);
	case GGUF_U32: return json_integer(v.u32);
	case GGUF_I32: return json_integer(v.i32);
	case GGUF_U64:
		return v.u64 > INT64_MAX ? real((double)v.u64) : json_integer((json_int_t)v.u64);
	case GGUF_I64: return json_integer(v.i64);
	case GGUF_F32: return real((double)v.f32);
	case GGUF_F64: return real(v.f64);
	case GGUF_BOOL: return json_boolean(v.u8);
	default: return json_null();
	}
}

json_t *meta_json(const struct gguf_kv *kv, size_t max)
{
	json_t *list;

	if (kv->type != GGUF_ARRAY)
		return element(kv, kv->type, 0);
	list = json_array();
	for (uint64_t i = 0; i < kv->n && i < max && list; i++) {
		if (json_array_append_new(list, element(kv, kv->elem_type, i))) {
			json_decref(list);
			list = NULL;
		}
	}
	if (!list || kv->n <= max)
		return list;
	return json_pack("{s:s, s:I, s:o}", "type", types[kv->elem_type].name, "n",
			 (json_int_t)kv->n, "first", list);
}
