/* SPDX-License-Identifier: MIT */
/* types.h - element types, views and scalars: the value types of the ABI.
 *
 * Their layout never changes inside one ABI major; a new need gets a new
 * struct. Every struct is free of implicit padding, so that descriptors made
 * of them can be compared and hashed as bytes. */
#ifndef ZINC_TYPES_H
#define ZINC_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct zinc_buf; /* memory of one backend device; owned by that backend */

/* Element types. Block types (from ZINC_Q8_0 on) hold block_elems values in
 * block_bytes, byte for byte as GGUF stores them. Values are only appended. */
enum zinc_dtype {
	ZINC_F32 = 0,
	ZINC_F16 = 1,
	ZINC_BF16 = 2,
	ZINC_I32 = 3,
	ZINC_U8 = 4,
	ZINC_Q8_0 = 16,
	ZINC_Q4_0 = 17,
	ZINC_Q4_1 = 18,
	ZINC_Q5_0 = 19,
	ZINC_Q5_1 = 20,
	ZINC_Q2_K = 21,
	ZINC_Q3_K = 22,
	ZINC_Q4_K = 23,
	ZINC_Q5_K = 24,
	ZINC_Q6_K = 25,
	ZINC_IQ4_NL = 26,
	ZINC_IQ4_XS = 27,
	ZINC_MXFP4 = 28,
	ZINC_DTYPE_MAX = 64 /* dtypes fit a 64-bit mask; see ZINC_TBIT */
};

#define ZINC_TBIT(t) (UINT64_C(1) << (t))

/* Masks that declarations use most. */
#define ZINC_TMASK_PLAIN (ZINC_TBIT(ZINC_F32) | ZINC_TBIT(ZINC_F16) | ZINC_TBIT(ZINC_BF16))
#define ZINC_TMASK_BLOCK (ZINC_TBIT(ZINC_MXFP4 + 1) - ZINC_TBIT(ZINC_Q8_0))
#define ZINC_TMASK_WEIGHT (ZINC_TMASK_PLAIN | ZINC_TMASK_BLOCK)

/* Facts about a dtype, so that no plugin has to hard-code a block size. */
struct zinc_dtype_info {
	const char *name;     /* "q4_k"; static                              */
	uint32_t block_elems; /* 1 for plain types                           */
	uint32_t block_bytes; /* bytes of one block (of one element if plain) */
};

#define ZINC_MAX_DIMS 4

/* A strided window on a buffer.
 *
 * ne[0] is the contiguous (fastest) dimension, as in GGUF; unused dimensions
 * have ne = 1. nb[i] is the distance in bytes between neighbours along
 * dimension i; nb[0] is the bytes of one block (one element for plain types)
 * and ne[0] is always contiguous. buf == NULL means "absent" wherever a
 * descriptor calls a view optional.
 *
 * layout 0 is GGUF order. Any other value is private to the backend that
 * handed it out (packed weights, quantised activations); then ne still counts
 * elements, nb[0] says nothing, and the other nb place whole rows.
 *
 * While an architecture records, buf and off are handles of the core: they may
 * be copied and offset (see view.h), never followed. A backend sees real
 * buffers of its own only. */
struct zinc_view {
	struct zinc_buf *buf;
	uint64_t off; /* bytes from the start of buf */
	uint32_t dtype;
	uint32_t layout;
	uint32_t ne[ZINC_MAX_DIMS];
	uint64_t nb[ZINC_MAX_DIMS];
};

/* A number that is known when recording (slot == 0: imm), or that is read from
 * parameter slot `slot` at every submit. With a slot, imm is the largest value
 * that the slot will ever hold in this recording. */
struct zinc_u32 {
	uint32_t imm;
	uint32_t slot;
};

/* Parameter slots that the core fills for every submit. */
enum zinc_slot {
	ZINC_SLOT_NONE = 0,
	ZINC_SLOT_N_TOKENS = 1, /* T: live tokens of the step                  */
	ZINC_SLOT_N_SEQS = 2,   /* S: sequences with at least one live token   */
	ZINC_SLOT_N_OUT = 3,    /* rows whose logits somebody reads, <= T      */
	ZINC_SLOT_USER0 = 8,    /* state_copy: source and destination slots    */
	ZINC_SLOT_USER1 = 9,
	ZINC_SLOT_COUNT = 16
};

/* What a variant promises about its arithmetic.
 *
 * The strict classes F32, Q8 and F16: two variants of one op with the same class
 * (dmmv and mmq count as one op) give the same bits for the same row, whatever
 * the number of columns, tokens, sequences or threads beside it.
 * The free classes: the order of sums may depend on the shape of the step
 * (chunked recurrences, split-K, matrix units), so rows agree within rounding. */
enum zinc_numerics {
	ZINC_NUM_F32 = 0,  /* F32 activations, weights dequantised to F32,
	                    * F32 sums in an order that depends on the row only */
	ZINC_NUM_Q8 = 1,   /* as F32, but activations quantised to 8 bits per
	                    * block of 32 and multiplied as integers            */
	ZINC_NUM_F16 = 2,  /* activations rounded to 16 bits, F32 sums, fixed
	                    * order                                             */
	ZINC_NUM_FREE = 3, /* F32 quality, free order                          */
	ZINC_NUM_FREE16 = 4, /* inputs (weights, activations, K, V) rounded to 16
	                      * bits, F32 sums, free order                     */
	ZINC_NUM_FREE8 = 5,  /* as Q8, free order                              */
	ZINC_NUM_COUNT = 6
};

#ifdef __cplusplus
}
#endif
#endif /* ZINC_TYPES_H */
