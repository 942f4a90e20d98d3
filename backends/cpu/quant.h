/* quant.h - GGUF block formats and their conversion to and from F32 rows. */
#ifndef CPU_QUANT_H
#define CPU_QUANT_H

#include <stdint.h>
#include <zinc/types.h>

/* Bytes of a row of n elements (n a multiple of the block). */
uint64_t quant_row_bytes(uint32_t dtype, uint64_t n);
uint32_t quant_block_elems(uint32_t dtype);
uint32_t quant_block_bytes(uint32_t dtype);

/* Exact dequantisation of n elements (a multiple of the block) of any weight
 * dtype, F32, F16 and BF16 included; plain C, the reference of every kernel. */
void quant_to_f32(uint32_t dtype, const void *src, float *dst, uint64_t n);

/* F32 to F32, F16, BF16 (nearest even) or Q8_0 (the cache types). */
void quant_from_f32(uint32_t dtype, const float *src, void *dst, uint64_t n);

float quant_f16_to_f32(uint16_t h);
uint16_t quant_f32_to_f16(float f);

#endif
