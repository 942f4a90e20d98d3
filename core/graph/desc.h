/* desc.h - handing an op descriptor to a reader built with other headers.
 *
 * A descriptor never crosses raw: the reader may have been compiled when it was
 * shorter (and would not see a field that changes the result) or longer (and
 * would read past its end). */
#ifndef CORE_GRAPH_DESC_H
#define CORE_GRAPH_DESC_H

#include <stdint.h>

/* Copies desc (size bytes, whatever its struct_size says) to out as a reader
 * built with reader_size wants it: zero past the end of desc, and struct_size
 * set to reader_size. out has out_room bytes and may not overlap desc.
 *
 * ZINC_E_UNSUPPORTED: the reader is older, and desc uses a field that it does
 * not have; out is then all zero up to reader_size.
 * ZINC_E_INVALID: a size below struct zinc_op_head, or no room. */
int desc_fit(const void *desc, uint32_t size, uint32_t reader_size, void *out, uint32_t out_room);

#endif
