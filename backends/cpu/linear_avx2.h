/* linear_avx2.h - the files of the AVX2 kernels. */
#ifndef CPU_LINEAR_AVX2_H
#define CPU_LINEAR_AVX2_H

#include "linear.h"

#define LIN_AVX2_COLUMNS 4u

void lin_avx2_pack_words(const uint8_t *w, uint64_t stride, uint32_t n, uint8_t *packed);
void lin_avx2_pack_bits(uint32_t dtype, const struct lin_word *file, struct lin_word *packed);
void lin_avx2_fill(uint32_t dtype, const uint8_t *packed, uint32_t blocks, struct lin_tile *tile);
void lin_avx2_column(const struct lin_column *c);
uint32_t lin_avx2_columns_at_once(uint32_t dtype);
uint32_t lin_avx2_most_columns(uint32_t dtype);
void lin_avx2_dot_q8(const struct lin_q8_step *step);
void lin_avx2_expand(const struct quant_chunk *c, const struct quant_format *f, float *dst,
                     uint32_t n);
void lin_avx2_widen(uint32_t dtype, const void *src, float *dst, uint64_t n);
void lin_avx2_transpose(const float *const *rows, uint32_t n, float *dst);
void lin_avx2_quantise(const float *x, uint32_t k, struct lin_act *y);

#endif
