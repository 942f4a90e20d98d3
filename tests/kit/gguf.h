/* gguf.h - the metadata and the tensor directory of a GGUF file, as much as an
 * architecture asks for; and answers that differ from the file's. */
#ifndef KIT_GGUF_H
#define KIT_GGUF_H

#include "unit/arch_fake.h"

struct gguf_value {
	char *key;
	uint32_t type, elem;  /* GGUF's numbers; elem: of an array */
	uint64_t n;           /* elements; 1 of a scalar           */
	const uint8_t *data;  /* the first                         */
};

struct gguf_tensor {
	char *name;
	uint32_t dtype; /* ZINC_DTYPE_MAX: one that zinc does not know */
	uint32_t ne[4];
};

struct gguf {
	uint8_t *bytes;
	size_t n_bytes;
	struct gguf_value *values;
	struct gguf_tensor *tensors;
	uint32_t n_values, n_tensors;
};

/* NULL: not readable; msg says why. */
struct gguf *gguf_read(const char *path, char *msg, size_t room);
void gguf_free(struct gguf *g);

/* The functions of struct zinc_arch_host that only read. */
void gguf_lend(struct zinc_arch_host *host);

#endif
