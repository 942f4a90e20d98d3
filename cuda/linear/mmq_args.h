/* mmq_args.h - arguments of the kernels of products with many columns. For host
 * and device. */
#ifndef ADA_LINEAR_MMQ_ARGS_H
#define ADA_LINEAR_MMQ_ARGS_H

#include "common/args.h"

/* A block of a tile kernel multiplies tiles of MMQ_ROWS weight rows by some
 * columns, in spans of MMQ_SPAN elements of K. */
#define MMQ_ROWS 128u
#define MMQ_SPAN 128u
#define MMQ_THREADS 128u
/* Columns of a block of mmq_reduce. */
#define MMQ_REDUCE_COLS 8u

/* A further matrix of a launch, its rows of weights as long as the first's. */
struct ada_mmq_more {
	uint64_t w, y, y_nb2;
	uint32_t m, pad0;
};

/* Up to 1 + ADA_MMQ_MORE matrices of one type and K that share x (queries, keys and
 * values) are one launch; then there is no epilogue but scale. */
#define ADA_MMQ_MORE 3

/* mmq_f16_*. Rows of a tile: with a gate, groups of 16 rows of w alternate with
 * the same rows of the gate, so that one thread has both of each pair; the tile
 * then covers MMQ_ROWS / 2 rows of the result.
 *
 * Plain form: each of n_blocks blocks has as many whole tiles as another. Those that
 * are left, column tiles fastest, lie end to end along K, and each block has an equal run
 * of their spans. Of a tile of which it has not all, a block leaves its sums in
 * `partial`, for mmq_reduce. Expert form: grid [tiles of
 * rows, column tiles of all experts]. */
struct ada_mmq_args {
	struct ada_view w, gate, x, y;
	uint64_t residual; /* with the strides of y; 0: none */
	uint64_t params, first, perm;
	uint64_t partial; /* F32 [2 n_blocks, columns of a tile, MMQ_ROWS] */
	struct ada_count n;
	uint32_t k, m;
	uint32_t n_experts; /* 0: plain form                               */
	uint32_t slots;     /* cells per token; 1 in the plain form        */
	uint32_t x_per_slot;
	uint32_t n_blocks;
	uint32_t tile_cols;
	uint32_t act;
	float scale; /* of the result  */
	float unit;  /* of every sum of products, to undo the scaling of inputs */
	uint32_t n_more, pad0;
	struct ada_mmq_more more[ADA_MMQ_MORE];
};

/* dequant_*: rows of w to F16, dense. */
struct ada_dequant_args {
	struct ada_view w;
	uint64_t to;
	uint32_t k, n_rows;
};

/* mmq_finish: y = act(gate) * y; or, without a gate, y = residual, to which a
 * product is then added. */
struct ada_mmq_finish_args {
	struct ada_view y, gate, residual;
	uint64_t params;
	struct ada_count n;
	uint32_t m, act;
};

#endif
