/* memory.h - device buffers that the ledger knows of. */
#ifndef CORE_RUN_MEMORY_H
#define CORE_RUN_MEMORY_H

#include <zinc/device.h>
#include "run/ledger.h"

struct memory {
	const struct zinc_backend *backend;
	struct zinc_dev *dev;
	struct ledger *ledger;
};

struct memory_block {
	struct zinc_buf *buf; /* NULL: none */
	uint64_t bytes;
	uint32_t kind;        /* enum ledger_kind */
	uint32_t pad0;
};

/* Takes from the ledger, then from the device; mem is enum zinc_mem. Zero bytes
 * give an empty block. */
int memory_alloc(const struct memory *m, enum ledger_kind kind, uint32_t mem, uint64_t bytes,
                 struct memory_block *out, struct zinc_err *err);
void memory_free(const struct memory *m, struct memory_block *b);

static inline uint64_t memory_align(uint64_t n)
{
	return (n + 255) / 256 * 256;
}

#endif
