/* gguf_file.h - what the parts of the GGUF reader share: one parsed file, and
 * the shards joined. */
#ifndef CORE_MODEL_GGUF_FILE_H
#define CORE_MODEL_GGUF_FILE_H

#include <stdbool.h>

#include "model/gguf.h"
#include "util/arena.h"

/* Reads forward through a mapped file; nothing past `size` is ever touched. */
struct gguf_cursor {
	const uint8_t *base;
	uint64_t pos, size;
};

/* One file: a whole model, or one shard of it. */
struct gguf_part {
	struct gguf_map map;
	uint32_t version;
	uint64_t alignment;
	uint64_t n_kv, n_tensors;
	struct gguf_kv *kv;
	struct gguf_tensor *tensors;
	uint64_t data_off; /* start of the tensor data */
};

/* Open-addressing table from names to indices; slots hold index + 1. */
struct gguf_index {
	uint32_t *slot;
	uint64_t mask;
};

struct gguf {
	struct arena arena; /* everything parsed: lists, names, strings */
	char *path;
	struct gguf_part *parts;
	uint32_t n_parts;
	uint64_t n_tensors;
	struct gguf_tensor *tensors; /* of all parts */
	struct gguf_index kv_index, tensor_index;
};

/* Reading little-endian values; false when the file ends before them. */
bool gguf_read_u32(struct gguf_cursor *c, uint32_t *out);
bool gguf_read_u64(struct gguf_cursor *c, uint64_t *out);
bool gguf_read_str(struct gguf_cursor *c, struct gguf_str *out);

/* Header and metadata of the mapped file in part->map. */
int gguf_parse(struct arena *a, struct gguf_part *part, struct zinc_err *err);
/* The tensor directory that follows the metadata at c. */
int gguf_parse_tensors(struct arena *a, struct gguf_part *part, struct gguf_cursor *c,
                       struct zinc_err *err);

/* Fills both indices of a joined file; a name that occurs twice is an error. */
int gguf_index_build(struct gguf *g, struct zinc_err *err);

#endif
