/* layout.h - how weights and activations lie in device memory: what packing and
 * quantising write, and what dmmv, mmq and embed read. For host and device.
 *
 * Weight layout ADA_WEIGHT_ROWS ("rows"). A row of K elements keeps its place, so
 * that windows of rows and experts work as in GGUF order, but inside it becomes
 * up to four arrays, each starting at a multiple of 16 bytes:
 *
 *     quants | high bits | scales | factors | (up to a multiple of 16 bytes)
 *
 * Elements go by blocks of 32. In a block, word t (t = 0..3, 4 bytes each) of a
 * 4-bit type's 16 bytes of quants has the elements 4t .. 4t+3 ("first half") and
 * 16+4t .. 16+4t+3 ("second half"): the two words of an int8 tensor fragment, or
 * two operands of dp4a. Byte j of such an int8 word is element 4t+j or 16+4t+j.
 *
 * Plane of nibbles, 16 bytes a block: byte 4t+j has 4t+j in its low nibble and
 *     16+4t+j in its high one.
 * Table order, 16 bytes a block: word t has 4t+j in nibble j (bits 4j..) and
 *     16+4t+j in nibble 4+j, as byte permutes want it.
 * Plane of pairs, 8 bytes a block: element 4t+j in bits 8j+2t of word 0, element
 *     16+4t+j in the same bits of word 1.
 * Plane of bits, 4 bytes a block: element 4t+j in bit 8j+t, 16+4t+j in bit 8j+4+t.
 *
 * A value is   w = q * scale - min   where q is the signed 8-bit integer that
 * ada_unpack (unpack.cuh) makes. No type has an offset left: packing flips the
 * top bit of the offset types, and unpacking leaves their bits at the top of the
 * byte, so that the byte is a multiple (`times`) of the true integer.
 *
 * type    quants        high   scales             factors            q       times
 * Q8_0    int8, 32 B    -      -                  half d per 32      int8    1
 * Q4_0    nibbles^8     -      -                  half d per 32      n-8     16
 * Q4_1    nibbles       -      -                  half2 d,m per 32   n       1
 * Q5_0    nibbles       bits^1 -                  half d per 32      v-16    8
 * Q5_1    nibbles       bits   -                  half2 d,m per 32   v       1
 * Q2_K    pairs         -      2 B per 32         half2 per 256      v       1
 * Q3_K    pairs         bits^1 2 int8 per 32      half d per 256     v-4     32
 * Q4_K    nibbles       -      16 B per 256, K4   -                  n       1
 * Q5_K    nibbles       bits   16 B per 256, K4   -                  v       1
 * Q6_K    nibbles       pairs^2  2 int8 per 32    half d per 256     v-32    4
 * IQ4_NL  table order   -      -                  half d per 32      table   1
 * IQ4_XS  table order   -      int8 per 32        half d per 256     table   1
 * MXFP4   table order   -      E8M0 byte per 32   -                  table   1
 *
 * scale: d / times, or d * (integer scale) / times. Of Q2_K, Q3_K and Q6_K each of
 * the two bytes is for 16 elements; in Q2_K a byte is scale | min << 4.
 * min: of Q2_K, Q4_K, Q5_K dmin * (integer min); of Q4_1 and Q5_1 it is -m.
 * MXFP4: the scale is 2^(e - 128), the table has twice the E2M1 values.
 * Header K4, 16 bytes for 8 blocks j: half2 (d, dmin); then three words with scales
 * in the lower half and mins in the upper: the low 4 bits of blocks 0 to 3, at bits
 * 4j.., those of blocks 4 to 7, and the high 2 bits of all, at bits 2j.. .
 *
 * Plain types (F32, F16, BF16), and tables that only embed reads, stay in GGUF
 * order, layout ADA_WEIGHT_GGUF; so does everything under --no-pack.
 *
 * Weight layout ADA_WEIGHT_HOST is of tables in pinned host memory: rows in GGUF order,
 * each beginning on 16 bytes (table.cu).
 *
 * Activations. ADA_ACT_Q8 ("Q8"): a row is int8 q[K], then per block of 32 two
 * floats {d, d * sum of q}; x is about d q, d = max|x| / 127. K % 32 == 0.
 * ADA_ACT_F16: a row is K halves of x / ADA_ACT_F16_SCALE, so that values up to
 * 1e6 fit; the consumer multiplies by the factor. Rows start at multiples of 16
 * bytes; rows past the live ones hold anything. */
#ifndef ADA_LAYOUT_H
#define ADA_LAYOUT_H

#include <stdint.h>

#ifdef __CUDACC__
#define ADA_BOTH static __host__ __device__ __forceinline__
#else
#define ADA_BOTH static inline
#endif

/* The numbers of enum zinc_dtype, which kernels do not see (layout.c asserts). */
enum ada_type {
	ADA_F32 = 0,
	ADA_F16 = 1,
	ADA_BF16 = 2,
	ADA_Q8_0 = 16,
	ADA_Q4_0 = 17,
	ADA_Q4_1 = 18,
	ADA_Q5_0 = 19,
	ADA_Q5_1 = 20,
	ADA_Q2_K = 21,
	ADA_Q3_K = 22,
	ADA_Q4_K = 23,
	ADA_Q5_K = 24,
	ADA_Q6_K = 25,
	ADA_IQ4_NL = 26,
	ADA_IQ4_XS = 27,
	ADA_MXFP4 = 28,
	ADA_TYPE_COUNT = 29
};

#define ADA_WEIGHT_GGUF 0u
#define ADA_WEIGHT_ROWS 1u
#define ADA_WEIGHT_HOST 2u

#define ADA_ACT_PLAIN 0u
#define ADA_ACT_Q8 1u
#define ADA_ACT_F16 2u
#define ADA_ACT_F16_SCALE 16.0f

/* A block of GGUF order. */
struct ada_gguf_block {
	uint32_t elems, bytes;
};

ADA_BOTH struct ada_gguf_block ada_gguf_block(uint32_t type)
{
	struct ada_gguf_block b = {1, 2};

	switch (type) {
	case ADA_F32: b.bytes = 4; break;
	case ADA_Q8_0: b.elems = 32, b.bytes = 34; break;
	case ADA_Q4_0: b.elems = 32, b.bytes = 18; break;
	case ADA_Q4_1: b.elems = 32, b.bytes = 20; break;
	case ADA_Q5_0: b.elems = 32, b.bytes = 22; break;
	case ADA_Q5_1: b.elems = 32, b.bytes = 24; break;
	case ADA_Q2_K: b.elems = 256, b.bytes = 84; break;
	case ADA_Q3_K: b.elems = 256, b.bytes = 110; break;
	case ADA_Q4_K: b.elems = 256, b.bytes = 144; break;
	case ADA_Q5_K: b.elems = 256, b.bytes = 176; break;
	case ADA_Q6_K: b.elems = 256, b.bytes = 210; break;
	case ADA_IQ4_NL: b.elems = 32, b.bytes = 18; break;
	case ADA_IQ4_XS: b.elems = 256, b.bytes = 136; break;
	case ADA_MXFP4: b.elems = 32, b.bytes = 17; break;
	default: break; /* F16, BF16 */
	}
	return b;
}

/* What each array of a packed row takes, in bytes: of quants, high bits and
 * scales per block of 32; of factors per `factor_elems` elements. Headers K4 count
 * as scales of 2 bytes a block. 0: the type has none. */
struct ada_pack_format {
	uint32_t quants, high, scales, factors, factor_elems;
};

ADA_BOTH struct ada_pack_format ada_pack_format(uint32_t type)
{
	struct ada_pack_format f = {16, 0, 0, 2, 32};

	switch (type) {
	case ADA_Q8_0: f.quants = 32; break;
	case ADA_Q4_1: f.factors = 4; break;
	case ADA_Q5_0: f.high = 4; break;
	case ADA_Q5_1: f.high = 4, f.factors = 4; break;
	case ADA_Q2_K: f.quants = 8, f.scales = 2, f.factors = 4, f.factor_elems = 256; break;
	case ADA_Q3_K: f.quants = 8, f.high = 4, f.scales = 2, f.factor_elems = 256; break;
	case ADA_Q4_K: f.scales = 2, f.factors = 0; break;
	case ADA_Q5_K: f.high = 4, f.scales = 2, f.factors = 0; break;
	case ADA_Q6_K: f.high = 8, f.scales = 2, f.factor_elems = 256; break;
	case ADA_IQ4_XS: f.scales = 1, f.factor_elems = 256; break;
	case ADA_MXFP4: f.scales = 1, f.factors = 0; break;
	default: break; /* Q4_0, IQ4_NL */
	}
	return f;
}

ADA_BOTH uint32_t ada_align16(uint32_t bytes)
{
	return (bytes + 15) & ~15u;
}

/* Offsets inside a packed row of k elements. Quants stand at 0. */
struct ada_row_layout {
	uint32_t high, scales, factors, bytes;
};

ADA_BOTH struct ada_row_layout ada_row_layout(uint32_t type, uint32_t k)
{
	struct ada_pack_format f = ada_pack_format(type);
	struct ada_row_layout r;
	uint32_t blocks = k / 32;

	r.high = ada_align16(blocks * f.quants);
	r.scales = r.high + ada_align16(blocks * f.high);
	r.factors = r.scales + ada_align16(blocks * f.scales);
	r.bytes = r.factors + ada_align16(k / f.factor_elems * f.factors);
	return r;
}

/* Rows of activations. */
ADA_BOTH uint32_t ada_act_q8_factors(uint32_t k)
{
	return k; /* K is a multiple of 32 */
}

ADA_BOTH uint32_t ada_act_q8_bytes(uint32_t k)
{
	return ada_align16(k + k / 32 * 8);
}

ADA_BOTH uint32_t ada_act_f16_bytes(uint32_t k)
{
	return ada_align16(2 * k);
}

#endif
