/* gguf_write.h - writing a GGUF file (version 3).
 *
 * The file grows under a temporary name beside its destination and takes its
 * place in one step when it is complete and on disk; until then, and when
 * anything fails, the destination is as it was and nothing is left behind.
 *
 * Order of calls: create, any number of kv, any number of tensor, begin, the
 * tensors' data in the order they were declared, commit, destroy. [cmd] */
#ifndef CORE_MODEL_GGUF_WRITE_H
#define CORE_MODEL_GGUF_WRITE_H

#include "model/gguf.h"

struct gguf_writer;

int gguf_writer_create(const char *path, struct gguf_writer **out, struct zinc_err *err);
/* Removes the temporary file unless commit succeeded. NULL ok. */
void gguf_writer_destroy(struct gguf_writer *w);

/* Adds a key with its value, which may come from an open file (key_z is not
 * used). general.alignment takes effect for this file. Keys must differ. */
int gguf_writer_kv(struct gguf_writer *w, const struct gguf_kv *kv, struct zinc_err *err);
int gguf_writer_kv_u32(struct gguf_writer *w, const char *key, uint32_t value,
                       struct zinc_err *err);

/* Declares a tensor: name, dtype, n_dims and ne are read. */
int gguf_writer_tensor(struct gguf_writer *w, const struct gguf_tensor *t, struct zinc_err *err);

/* Writes the header and reserves the space for the data. */
int gguf_writer_begin(struct gguf_writer *w, struct zinc_err *err);
/* The next n bytes of data; what is written at once may not cross from one
 * tensor into the next. */
int gguf_writer_data(struct gguf_writer *w, const void *data, uint64_t n, struct zinc_err *err);
/* ZINC_E_INVALID when data is missing. */
int gguf_writer_commit(struct gguf_writer *w, struct zinc_err *err);

#endif
