/* linear.h - what the files of the matrix product share.
 *
 * A product goes by tiles: LIN_ROWS rows of W times LIN_CHUNK elements of K are
 * unpacked once and multiplied with every column of a panel. Kernels read W in
 * the packed order of pack.c alone; rows in the file's own order are packed a
 * tile at a time on the way.
 *
 * Numerics. A result depends on its row and column alone, since each sum has
 * one fixed order, whatever is computed beside it.
 *
 * Class Q8, blocks of 32 in the order of K, every operation named here rounded
 * once (so every instruction set gives the same bits). With integers q of W and
 * x, `sum` the sum of the x of a block, xd its factor and ds = xd * sum, a type
 * with a float factor (and minimum) per 32 does
 *     acc = fma(dot(q, x) - off * sum, d * xd, acc)
 *     acc = fma(-m, ds, acc)
 * and a type with integer scales (and minima) under one factor per 256
 *     part = fma(t, xd, part)      t = (dot(q, x) - off * sum) * scale
 *     low  = fma(minimum, ds, low)
 * over the 8 blocks, from 0, and then
 *     acc = fma(part, d, acc)
 *     acc = fma(-dmin, low, acc)
 * Where a scale covers 16 elements, t adds up both halves, and low takes
 * fma(minimum0 * sum0 + minimum1 * sum1, xd, low). All integers, t and products
 * of a minimum with a sum among them, are below 2^24: exact in F32.
 *
 * Class F32, blocks of LIN_F32_BLOCK in the order of K: each block is added up from
 * 0, element by element (fused where the instruction set can), then
 *     acc = acc + sum of the block */
#ifndef CPU_LINEAR_H
#define CPU_LINEAR_H

#include "cpu.h"
#include "quant.h"

#define LIN_CHUNK QUANT_CHUNK
#define LIN_ROWS 16      /* of a tile, and packed together                 */
#define LIN_F32_BLOCK 32
#define LIN_CHUNK_BYTES 272 /* of one row, in the largest block format (Q8_0) */
#define LIN_PANEL 64     /* columns that share an unpacked tile            */

/* Activation layout 1: a row is one of these per 256 elements (the last may be
 * filled in part). x[k] is about d[k / 32] * q[k]. */
#define LIN_ACT_LAYOUT 1

struct lin_act {
	int8_t q[LIN_CHUNK]; /* -127 .. 127                       */
	float d[8];
	float ds[8];         /* d times the sum of the block's q  */
	int16_t sum[16];     /* of each 16 q                      */
	int16_t mid[32];     /* 32 times the sums of elements 4 i and 4 i + 1 of each 16, and
	                      * of 4 i + 2 and 4 i + 3: with it, 6-bit quants less 32 add up
	                      * in 16 bits where quants alone would not */
};

static inline uint64_t lin_act_row_bytes(uint64_t k)
{
	return (k + LIN_CHUNK - 1) / LIN_CHUNK * sizeof(struct lin_act);
}

/* Weight layout 1: the order of pack.c. */
#define LIN_PACKED 1

/* LIN_ROWS rows of a chunk. Where fill and dot_q8 of an instruction set agree on
 * it, signed quants have 128 added, and scales stand in both halves of a word. */
struct lin_tile {
	_Alignas(64) uint8_t q[LIN_ROWS * LIN_CHUNK]; /* [k / 4][row][4]                */
	_Alignas(64) float d[LIN_ROWS * 8]; /* [block][row]; of 256: [row], then dmin [row] */
	_Alignas(64) float m[LIN_ROWS * 16]; /* minima, [sub-block][row]; of 256: integers   */
	_Alignas(64) int32_t s[LIN_ROWS * 16]; /* scales, [sub-block][row]                      */
};

/* One step of class Q8: acc[c * LIN_ROWS + r] += tile row r times column c. */
struct lin_q8_step {
	const struct quant_format *format;
	const struct lin_tile *tile;
	const struct lin_act *const *x; /* per column, the row's first chunk   */
	uint32_t chunk;                 /* index of the chunk of K             */
	uint32_t blocks;                /* of 32, in this chunk                */
	uint32_t n_cols;
	float *acc;
};

/* A few columns of class Q8, all of K, of LIN_ROWS packed rows:
 * acc[c * LIN_ROWS + r] = row r times column c, with the bits that steps give. */
struct lin_column {
	uint32_t dtype, k, n_cols;
	const uint8_t *packed;
	const struct lin_act *const *x;
	float *acc;
};

/* One step of class F32: acc[c * LIN_ROWS + r] += rows r times column c. */
struct lin_f32_step {
	const float *w;        /* [n][LIN_ROWS]                */
	const float *const *x; /* per column, the whole row    */
	uint32_t k0, n;        /* elements k0 .. k0 + n of K   */
	uint32_t n_cols;
	bool streams; /* what comes after w is wanted next */
	float *acc;
};

/* A word of each of the rows that are packed together. */
struct lin_word {
	uint32_t row[LIN_ROWS];
};

/* The kernels of one instruction set. */
struct lin_isa {
	/* n words of 32 bits of LIN_ROWS rows, to [n][LIN_ROWS]; nothing is aligned */
	void (*pack_words)(const uint8_t *w, uint64_t stride, uint32_t n, uint8_t *packed);
	/* the words of a block of Q5_K or Q6_K to their packed order: pack_bits.h */
	void (*pack_bits)(uint32_t dtype, const struct lin_word *file, struct lin_word *packed);
	quant_unpack_fn *(*unpack)(uint32_t dtype);
	/* `blocks` blocks of 32 elements of LIN_ROWS packed rows to a tile */
	void (*fill)(uint32_t dtype, const uint8_t *packed, uint32_t blocks, struct lin_tile *tile);
	bool fill_fetches; /* and asks for what comes later itself */
	void (*dot_q8)(const struct lin_q8_step *step);
	void (*column)(const struct lin_column *c);  /* optional */
	uint32_t (*columns_at_once)(uint32_t dtype); /* that `column` takes at most */
	/* columns of a panel that `column` multiplies no slower than dot_q8 does */
	uint32_t (*most_columns)(uint32_t dtype);
	/* a chunk, or n elements of F16 or BF16, to F32, bit for bit as quant_to_f32() */
	void (*expand)(const struct quant_chunk *c, const struct quant_format *f, float *dst,
	               uint32_t n);
	void (*widen)(uint32_t dtype, const void *src, float *dst, uint64_t n);
	/* n <= LIN_CHUNK elements of LIN_ROWS rows, to [n][LIN_ROWS] */
	void (*transpose)(const float *const *rows, uint32_t n, float *dst);
	void (*dot_f32)(const struct lin_f32_step *step);
	bool dot_f32_fetches; /* where it streams, it asks for what comes later itself */
	/* k elements to lin_act_row_bytes(k) bytes */
	void (*quantise)(const float *x, uint32_t k, struct lin_act *y);
};

extern const struct lin_isa lin_plain, lin_avx2, lin_avx512;

/* The kernels for this device; linear_isa.c */
const struct lin_isa *lin_isa_of(enum cpu_isa isa);

/* Rows of a weight. Packed ones start with a whole group of LIN_ROWS. */
struct lin_rows {
	uint32_t dtype;
	bool packed;
	const uint8_t *w; /* the first row */
	uint64_t stride;  /* bytes between rows */
};

struct lin_rows lin_rows_of(const struct zinc_view *w, uint32_t expert, uint32_t row0);

/* n <= LIN_CHUNK elements of row r from element k0 on, a multiple of LIN_CHUNK,
 * as F32: a row of F32 that is not packed in place, others in buf. */
const float *lin_row_f32(const struct lin_isa *isa, const struct lin_rows *rows, uint32_t r,
                         uint32_t k0, uint32_t n, float *buf);

/* lin_isa.pack_bits in plain C */
void lin_pack_bits(uint32_t dtype, const struct lin_word *file, struct lin_word *packed);

/* pack.c: n elements of n_rows <= LIN_ROWS rows to packed order (zeros for the
 * rows that are missing), and of row r back to the file's order. */
void lin_pack(const struct lin_isa *isa, uint32_t dtype, const uint8_t *w, uint64_t stride,
              uint32_t n_rows, uint32_t n, uint8_t *packed);
void lin_unpack_row(uint32_t dtype, const uint8_t *packed, uint32_t r, uint32_t n, uint8_t *row);

/* One product over a row range and a panel of columns (linear_tile.c):
 * out[c * n_rows + r]. */
struct lin_product {
	const struct lin_isa *isa;
	struct lin_rows rows;
	uint32_t k, n_rows, n_cols;
	const void *const *x; /* per column: F32 or struct lin_act rows */
	float *out;
};

void lin_product_q8(const struct lin_product *p);
void lin_product_f32(const struct lin_product *p);

/* How dmmv and mmq are carried out (linear_run.c). */
extern const struct cpu_work lin_work_q8, lin_work_f32;

#endif
