/* gguf.h - reading GGUF files (versions 2 and 3, little endian, split files).
 *
 * The file is mapped and never trusted: every length, count and offset is
 * checked against the file's size before use, so a damaged file gives an error
 * that names what is wrong, never a crash. Strings may contain NUL bytes. */
#ifndef CORE_MODEL_GGUF_H
#define CORE_MODEL_GGUF_H

#include <stddef.h>
#include <zinc/status.h>
#include <zinc/types.h>

/* Value types as numbered in the file. */
enum gguf_type {
	GGUF_U8 = 0, GGUF_I8 = 1, GGUF_U16 = 2, GGUF_I16 = 3, GGUF_U32 = 4, GGUF_I32 = 5,
	GGUF_F32 = 6, GGUF_BOOL = 7, GGUF_STRING = 8, GGUF_ARRAY = 9, GGUF_U64 = 10,
	GGUF_I64 = 11, GGUF_F64 = 12
};

struct gguf;

struct gguf_str {
	const char *ptr; /* not terminated */
	uint64_t n;
};

struct gguf_kv {
	struct gguf_str key;
	const char *key_z;  /* the same, terminated                          */
	uint32_t type;      /* enum gguf_type; ARRAY: see elem_type          */
	uint32_t elem_type; /* ARRAY only; arrays of arrays are refused      */
	uint64_t n;         /* ARRAY: elements; else 1                       */
	const uint8_t *raw; /* first value, unaligned                        */
	const struct gguf_str *strs; /* STRING and arrays of them, else NULL */
};

struct gguf_tensor {
	const char *name; /* terminated */
	uint32_t dtype;   /* enum zinc_dtype */
	uint32_t n_dims;
	uint32_t ne[4];   /* unused: 1 */
	uint64_t bytes;
	const void *data; /* mapped */
	uint64_t file_off; /* of data, in its shard's file */
	uint32_t shard;
	uint32_t pad0;
};

/* A shard's mapping: what a backend may import in one piece. */
struct gguf_map {
	const char *path;
	const void *base;
	uint64_t bytes;
};

/* Opens path; when it is "...-00001-of-0000N.gguf" all N shards (and when it is
 * another of them, says which to name). Errors name the file, the key or
 * tensor, and the remedy. */
int gguf_open(const char *path, struct gguf **out, struct zinc_err *err);
void gguf_close(struct gguf *g); /* NULL ok */

uint32_t gguf_version(const struct gguf *g);
const char *gguf_path(const struct gguf *g);

uint64_t gguf_n_kv(const struct gguf *g);
const struct gguf_kv *gguf_kv_at(const struct gguf *g, uint64_t i);
const struct gguf_kv *gguf_find(const struct gguf *g, const char *key); /* NULL: absent */

uint64_t gguf_n_tensors(const struct gguf *g);
const struct gguf_tensor *gguf_tensor_at(const struct gguf *g, uint64_t i);
const struct gguf_tensor *gguf_tensor_find(const struct gguf *g, const char *name);

/* The caller has a copy of these bytes of a mapping: the pages that hold nothing else
 * leave this process's memory. They can still be read, from the page cache. */
void gguf_forget(const void *data, uint64_t bytes);

uint32_t gguf_n_maps(const struct gguf *g);
const struct gguf_map *gguf_map_at(const struct gguf *g, uint32_t i);

/* Typed access. 0, or ZINC_E_UNSUPPORTED (absent), or ZINC_E_INVALID (another
 * type, or the value does not fit). i indexes an array; a scalar is an array of
 * one. Integers of any width convert; f32 also reads f64 and integers do not
 * convert to float. */
int gguf_get_u32(const struct gguf *g, const char *key, uint64_t i, uint32_t *out);
int gguf_get_i32(const struct gguf *g, const char *key, uint64_t i, int32_t *out);
int gguf_get_f32(const struct gguf *g, const char *key, uint64_t i, float *out);
int gguf_get_bool(const struct gguf *g, const char *key, uint64_t i, uint32_t *out);
int gguf_get_str(const struct gguf *g, const char *key, uint64_t i, struct gguf_str *out);
int gguf_get_len(const struct gguf *g, const char *key, uint64_t *n);

/* The same conversions on a pair already found, for loops over long arrays. */
int gguf_kv_u64(const struct gguf_kv *kv, uint64_t i, uint64_t *out);
int gguf_kv_i64(const struct gguf_kv *kv, uint64_t i, int64_t *out);
int gguf_kv_f32(const struct gguf_kv *kv, uint64_t i, float *out);

#endif
