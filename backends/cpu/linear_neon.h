/* linear_neon.h - the files of the NEON kernels. */
#ifndef CPU_LINEAR_NEON_H
#define CPU_LINEAR_NEON_H

#include "linear.h"


void lin_neon_pack_words(const uint8_t *w, uint64_t stride, uint32_t n, uint8_t *packed);
quant_unpack_fn *lin_neon_unpack(uint32_t dtype);
void lin_neon_fill(uint32_t dtype, const uint8_t *packed, uint32_t blocks, struct lin_tile *tile);
void lin_neon_widen(uint32_t dtype, const void *src, float *dst, uint64_t n);
void lin_neon_transpose(const float *const *rows, uint32_t n, float *dst);
void lin_neon_dot_f32(const struct lin_f32_step *step);
void lin_neon_quantise(const float *x, uint32_t k, struct lin_act *y);

extern const struct lin_isa lin_neon, lin_neon_dotprod;

#endif
