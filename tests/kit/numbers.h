/* numbers.h - element types as numbers: an implementation of every GGUF format
 * that shares nothing with the plugin under test. */
#ifndef KIT_NUMBERS_H
#define KIT_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>
#include <zinc/types.h>

#include "conformance/op_check.h"

/* Elements and bytes of a block; 1 element for plain types; 0 for an unknown
 * dtype. */
uint32_t num_block(uint32_t dtype);
uint32_t num_block_bytes(uint32_t dtype);
uint64_t num_row_bytes(uint32_t dtype, uint64_t n);
const char *num_name(uint32_t dtype);

/* The exact values of n elements (whole blocks). min: what a format with
 * minima subtracts from each, else 0; may be NULL. I32 and U8 count too. */
void num_decode(uint32_t dtype, const void *src, uint64_t n, double *value, double *min);

/* The nearest representable values, ties to even: F32, F16, BF16; Q8_0 with the
 * largest of each block at +-127. */
void num_encode(uint32_t dtype, const float *src, uint64_t n, void *dst);
/* One value there and back: F32, F16 or BF16. */
float num_round(uint32_t dtype, float x);

/* Random blocks of any weight dtype whose values are of the size of 0.1; fill:
 * not 0: every byte of the quants. */
void num_random(struct rnd *r, uint32_t dtype, uint64_t n, uint8_t fill, void *dst);

#endif
