/* enc.h - from F32 rows to the block formats of GGUF.
 *
 * The formats store integers q with a scale (x = s q) or a scale and a minimum
 * (x = s q - m) per block of 16 or 32; the K formats store those scales and
 * minima in turn as integers of 6 or 8 bits, with one F16 factor each for 256
 * elements. An encoder searches for the scales of least weighted squared
 * error; see enc_fit.h. */
#ifndef CORE_MODEL_ENC_H
#define CORE_MODEL_ENC_H

#include <stdbool.h>
#include <stdint.h>
#include <zinc/types.h>

enum enc_result {
	ENC_OK = 0,
	ENC_NOT_FINITE, /* the row has an infinity or a NaN           */
	ENC_TOO_LARGE   /* the row has a value that the type cannot hold */
};

/* The types below: F16, Q8_0, Q4_0, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K. */
bool enc_supports(uint32_t dtype);

/* Encodes n elements, a multiple of the type's block. Equal input gives equal
 * bytes, on any thread. */
enum enc_result enc_row(uint32_t dtype, const float *x, uint8_t *dst, uint64_t n);

/* Decodes n elements of F32, F16 or BF16; false: another type. */
bool enc_load_row(uint32_t dtype, const uint8_t *src, float *x, uint64_t n);

/* One block of finite values within the type's range. */
void enc_block_q8_0(const float *x, uint8_t *dst);
void enc_block_q4_0(const float *x, uint8_t *dst);
void enc_block_q5_0(const float *x, uint8_t *dst);
void enc_block_q5_1(const float *x, uint8_t *dst);
void enc_block_q4_k(const float *x, uint8_t *dst);
void enc_block_q5_k(const float *x, uint8_t *dst);
void enc_block_q6_k(const float *x, uint8_t *dst);

#endif
