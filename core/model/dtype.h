/* dtype.h - facts about element types, and their numbers in GGUF files. */
#ifndef CORE_MODEL_DTYPE_H
#define CORE_MODEL_DTYPE_H

#include <stdbool.h>
#include <zinc/types.h>

/* NULL for a number that is no dtype. */
const struct zinc_dtype_info *dtype_info(uint32_t dtype);

/* "?" for a number that is no dtype. */
const char *dtype_name(uint32_t dtype);

/* By name, case-insensitive ("q8_0", "F16"); false when unknown. */
bool dtype_by_name(const char *name, uint32_t *dtype);

/* Bytes of a row of n elements; 0 when n is no multiple of the block. */
uint64_t dtype_row_bytes(uint32_t dtype, uint64_t n);

/* GGUF's numbering of tensor types. false: a type zinc does not know;
 * gguf_type_name() then still names it where it can ("iq2_xxs"), else "?". */
bool dtype_from_gguf(uint32_t gguf_type, uint32_t *dtype);
/* UINT32_MAX for a dtype that has no number there (u8). */
uint32_t dtype_to_gguf(uint32_t dtype);
const char *gguf_type_name(uint32_t gguf_type);

/* A dense view without buffer: dtype and shape, strides filled in. */
struct zinc_view dtype_view(uint32_t dtype, uint32_t ne0, uint32_t ne1, uint32_t ne2, uint32_t ne3);

#endif
