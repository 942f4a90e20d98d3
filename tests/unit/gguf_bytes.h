/* gguf_bytes.h - writing small GGUF files for tests. */
#ifndef TESTS_GGUF_BYTES_H
#define TESTS_GGUF_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; bytes_finish() frees. */
struct bytes {
	uint8_t *data;
	size_t n, room;
};

void bytes_put(struct bytes *b, const void *src, size_t n);
void bytes_u32(struct bytes *b, uint32_t v);
void bytes_u64(struct bytes *b, uint64_t v);
/* A length and the characters. */
void bytes_str(struct bytes *b, const char *s);
void bytes_align(struct bytes *b, size_t to);
void bytes_finish(struct bytes *b);

/* "GGUF", version 3 and the two counts. */
void bytes_header(struct bytes *b, uint64_t n_tensors, uint64_t n_kv);
void bytes_kv_u32(struct bytes *b, const char *key, uint32_t v);
void bytes_kv_bool(struct bytes *b, const char *key, int v);
void bytes_kv_str(struct bytes *b, const char *key, const char *v);
/* list ends with NULL. */
void bytes_kv_strs(struct bytes *b, const char *key, const char *const *list);
void bytes_kv_i32s(struct bytes *b, const char *key, const int32_t *list, size_t n);
void bytes_kv_f32s(struct bytes *b, const char *key, const float *list, size_t n);
/* A directory entry of a [ne1, ne0] tensor of GGUF type `type`. */
void bytes_tensor(struct bytes *b, const char *name, uint64_t ne0, uint64_t ne1, uint32_t type,
                  uint64_t off);

/* A directory under $TMPDIR for this test, made on first use. */
const char *temp_dir(void);
/* Writes dir/name and returns its path (static, until the next call). */
const char *temp_file(const char *name, const void *data, size_t n);
/* Removes the directory and what is in it. */
void temp_clear(void);

/* A whole file in memory; aborts the test when it cannot be read. */
struct bytes read_whole(const char *path);

#endif
