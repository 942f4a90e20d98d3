/* pack.c - the packed order of weights, chosen by the backend for what its
 * kernels read: LIN_ROWS rows go together, block by block.
 *
 * Plain types are transposed, [element][row]. A packed block is the transpose of
 * LIN_ROWS blocks of the file taken as 32-bit words, [word][row], followed by what
 * does not come in words, [row]: the F16 factor (MXFP4: the exponent) of types whose
 * blocks are no multiple of 4 bytes. It has as many bytes as the blocks it was made
 * of. Quants of Q5_K and Q6_K are put into an order of their own besides (pack_bits.h). */
#include <string.h>

#include "pack_bits.h"

struct pack_format {
	uint8_t words_at, n_words; /* of a block                                   */
	uint8_t tail_at, tail_bytes; /* the rest                                   */
};

static const struct pack_format formats[] = {
	[ZINC_F32] = {0, 1, 0, 0},     [ZINC_F16] = {0, 0, 0, 2},    [ZINC_BF16] = {0, 0, 0, 2},
	[ZINC_Q8_0] = {2, 8, 0, 2},    [ZINC_Q4_0] = {2, 4, 0, 2},   [ZINC_Q4_1] = {0, 5, 0, 0},
	[ZINC_Q5_0] = {2, 5, 0, 2},    [ZINC_Q5_1] = {0, 6, 0, 0},   [ZINC_Q2_K] = {0, 21, 0, 0},
	[ZINC_Q3_K] = {0, 27, 108, 2}, [ZINC_Q4_K] = {0, 36, 0, 0},  [ZINC_Q5_K] = {0, 44, 0, 0},
	[ZINC_Q6_K] = {0, 52, 208, 2}, [ZINC_IQ4_NL] = {2, 4, 0, 2}, [ZINC_IQ4_XS] = {0, 34, 0, 0},
	[ZINC_MXFP4] = {1, 4, 0, 1},
};

/* What does not come in words, of a block of each row. */
static void pack_tails(const struct pack_format *f, const uint8_t *w, uint64_t stride,
                       uint8_t *tail)
{
	for (uint32_t r = 0; r < LIN_ROWS && f->tail_bytes == 2; r++)
		memcpy(tail + 2 * r, w + r * stride + f->tail_at, 2);
	for (uint32_t r = 0; r < LIN_ROWS && f->tail_bytes == 1; r++)
		tail[r] = w[r * stride + f->tail_at];
}

/* The words of one block. */
static void pack_block(const struct lin_isa *isa, uint32_t dtype, const uint8_t *w, uint64_t stride,
                       uint8_t *packed)
{
	const struct pack_format *f = &formats[dtype];
	struct lin_word file[PACK_BITS_WORDS], words[PACK_BITS_WORDS];

	if (!pack_bits_has(dtype)) {
		isa->pack_words(w + f->words_at, stride, f->n_words, packed);
		return;
	}
	isa->pack_words(w + f->words_at, stride, f->n_words, (uint8_t *)file);
	isa->pack_bits(dtype, file, words);
	memcpy(packed, words, f->n_words * sizeof(*words));
}

/* Blocks of words alone are one run of words. */
static void pack_rows(const struct lin_isa *isa, uint32_t dtype, const uint8_t *w, uint64_t stride,
                      uint32_t n_blocks, uint8_t *packed)
{
	const struct pack_format *f = &formats[dtype];
	uint32_t bytes = quant_format(dtype)->bytes;

	if (!f->tail_bytes && !pack_bits_has(dtype)) {
		isa->pack_words(w, stride, n_blocks * f->n_words, packed);
		return;
	}
	for (uint32_t i = 0; i < n_blocks; i++, w += bytes, packed += LIN_ROWS * bytes) {
		pack_block(isa, dtype, w, stride, packed);
		pack_tails(f, w, stride, packed + 4 * LIN_ROWS * f->n_words);
	}
}

void lin_pack(const struct lin_isa *isa, uint32_t dtype, const uint8_t *w, uint64_t stride,
              uint32_t n_rows, uint32_t n, uint8_t *packed)
{
	const struct quant_format *q = quant_format(dtype);
	uint8_t copy[LIN_ROWS * LIN_CHUNK_BYTES];

	if (n_rows == LIN_ROWS) {
		pack_rows(isa, dtype, w, stride, n / q->elems, packed);
		return;
	}
	for (uint32_t i = 0; i < n; i += q->elems, w += q->bytes, packed += LIN_ROWS * q->bytes) {
		memset(copy, 0, LIN_ROWS * q->bytes);
		for (uint32_t r = 0; r < n_rows; r++)
			memcpy(copy + r * q->bytes, w + r * stride, q->bytes);
		pack_rows(isa, dtype, copy, q->bytes, 1, packed);
	}
}

/* The words of row r of a packed block, as the file has them. */
static void unpack_words(uint32_t dtype, const uint8_t *packed, uint32_t r, uint8_t *row)
{
	uint32_t n = formats[dtype].n_words, words[PACK_BITS_WORDS], file[PACK_BITS_WORDS];
	uint8_t *to = pack_bits_has(dtype) ? (uint8_t *)words : row;

	for (uint32_t w = 0; w < n; w++)
		memcpy(to + 4 * w, packed + 4 * (w * LIN_ROWS + r), 4);
	if (to == row)
		return;
	pack_bits_undo(dtype, words, file);
	memcpy(row, file, 4 * n);
}

void lin_unpack_row(uint32_t dtype, const uint8_t *packed, uint32_t r, uint32_t n, uint8_t *row)
{
	const struct quant_format *q = quant_format(dtype);
	const struct pack_format *f = &formats[dtype];

	for (uint32_t i = 0; i < n; i += q->elems, row += q->bytes, packed += LIN_ROWS * q->bytes) {
		unpack_words(dtype, packed, r, row + f->words_at);
		memcpy(row + f->tail_at, packed + 4 * LIN_ROWS * f->n_words + f->tail_bytes * r,
		       f->tail_bytes);
	}
}
