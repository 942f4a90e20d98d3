/* desc.c - fitting a descriptor to its reader; see desc.h. */
#include "graph/desc.h"

#include <string.h>
#include <zinc/op.h>
#include <zinc/status.h>

static int is_zero(const uint8_t *p, uint32_t n)
{
	uint8_t any = 0;

	for (uint32_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

int desc_fit(const void *desc, uint32_t size, uint32_t reader_size, void *out, uint32_t out_room)
{
	const uint8_t *from = desc;
	uint32_t both = size < reader_size ? size : reader_size;

	if (both < sizeof(struct zinc_op_head) || reader_size > out_room)
		return ZINC_E_INVALID;
	memset(out, 0, reader_size);
	if (size > reader_size && !is_zero(from + reader_size, size - reader_size))
		return ZINC_E_UNSUPPORTED;
	memcpy(out, from, both);
	memcpy(out, &reader_size, sizeof(reader_size));
	return ZINC_OK;
}
