/* quant.h - GGUF block formats and their conversion to and from F32 rows. */
#ifndef CPU_QUANT_H
#define CPU_QUANT_H

#include <stdbool.h>
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

/* Every block type unpacks to the same form, a chunk: small integers in the
 * order of the row, and a scale (and a minimum) per `sub` of them.
 *
 *     w[i] = d[i / sub] * (q[i] - off) - m[i / sub]
 *
 * rounded to F32 after each operation. */
#define QUANT_CHUNK 256 /* elements; a multiple of every block */

struct quant_chunk {
	uint8_t q[QUANT_CHUNK]; /* int8_t where the format says so */
	float d[QUANT_CHUNK / 16];
	float m[QUANT_CHUNK / 16];
};

/* Unpacks n <= QUANT_CHUNK elements, a multiple of the block. */
typedef void quant_unpack_fn(const uint8_t *src, uint32_t n, struct quant_chunk *out);

struct quant_format {
	uint32_t elems, bytes; /* of a block                            */
	uint32_t sub;          /* 16 or 32; 0: a plain type, no chunks  */
	int32_t off;           /* 0 when q is signed                    */
	bool is_signed;        /* q holds int8_t                        */
	bool has_min;          /* m is filled                           */
	bool has_scales;       /* integer scales: quant_scales() knows them */
	quant_unpack_fn *unpack; /* plain C                             */
};

/* NULL when dtype is no weight dtype. */
const struct quant_format *quant_format(uint32_t dtype);

/* n elements of a chunk as F32. */
void quant_chunk_to_f32(const struct quant_chunk *c, const struct quant_format *f, float *dst,
                        uint32_t n);

static inline uint16_t quant_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

extern const int8_t quant_iq4_values[16];
extern const uint8_t quant_mxfp4_values[16]; /* twice the value, plus 12 */
float quant_e8m0_half(uint8_t e); /* 2^(e - 128), the scale of an MXFP4 block */

/* The integers under d[] and m[] of a chunk of a type with blocks of 256:
 * d[i] = d * scale[i], m[i] = dmin * min[i]. */
struct quant_scales {
	float d, dmin;
	int16_t scale[QUANT_CHUNK / 16], min[QUANT_CHUNK / 16];
};

void quant_scales(uint32_t dtype, const uint8_t *block, struct quant_scales *out);

/* The 8 six-bit scales and minima of a Q4_K or Q5_K block. */
void quant_k4_scales(const uint8_t s[12], uint8_t scale[8], uint8_t min[8]);
/* The 16 six-bit scales of a Q3_K block, 32 subtracted. */
void quant_k3_scales(const uint8_t s[12], int8_t scale[16]);
/* The 8 six-bit scales of an IQ4_XS block, 32 subtracted. */
void quant_iq4_xs_scales(uint16_t high, const uint8_t low[4], int8_t scale[8]);

quant_unpack_fn quant_unpack_q8_0, quant_unpack_q4_0, quant_unpack_q4_1, quant_unpack_q5_0,
	quant_unpack_q5_1, quant_unpack_iq4_nl, quant_unpack_mxfp4;
quant_unpack_fn quant_unpack_q2_k, quant_unpack_q3_k, quant_unpack_q4_k, quant_unpack_q5_k,
	quant_unpack_q6_k, quant_unpack_iq4_xs;

#endif
