/* linear_case.h - one matrix product with random data: buffers of exactly the
 * bytes needed, outputs inside guard values, and the result in double precision
 * with a bound on what rounding may change. */
#ifndef LINEAR_CASE_H
#define LINEAR_CASE_H

#include "linear_host.h"

/* What to multiply. Zero means absent, as in the descriptor. */
struct linear_shape {
	uint32_t dtype, gate_dtype; /* gate_dtype is read when act is set */
	uint32_t k, m, n;
	uint32_t n_max;             /* of the recording; 0: n             */
	uint32_t n_expert, slots;   /* expert form                        */
	bool x_per_slot;
	bool half_rows;             /* w is the second half of the rows of a tensor */
	float scale;
	uint32_t act;
	bool residual, alias;       /* y is its own residual              */
	uint8_t fill;               /* not 0: every byte of the quants, with x 1 or -1 */
};

struct linear_case {
	struct linear_shape s;
	struct zinc_buf w, gate, x, x_q8, y, residual, ids, first, perm;
	struct zinc_op_linear op; /* with F32 input */
	uint32_t cells;           /* columns of y: n, or n * slots */
};

void linear_case_create(struct linear_case *c, const struct linear_shape *shape, uint32_t seed);
void linear_case_destroy(struct linear_case *c);

/* Puts the weights (m a multiple of LIN_ROWS) in packed order. */
void linear_case_pack(struct linear_case *c);

/* The descriptor for a class: with x, or with x as quant_act wrote it. */
struct zinc_op_linear linear_case_op(const struct linear_case *c, uint32_t numerics);

/* Runs op and copies the live cells to y[cells][m]; fails the test where
 * something outside them was written. */
void linear_case_run(struct linear_case *c, enum cpu_isa isa, uint32_t n_threads,
                     const struct zinc_op_impl *impl, uint32_t numerics, float *y);

/* Compares y with the double precision result. Class Q8 is compared with the
 * product of the quantised activations, and with that of the exact ones. */
void linear_case_check(const struct linear_case *c, uint32_t numerics, const float *y);

/* The variant of an op for a class. */
uint32_t linear_variant(const struct zinc_op_impl *impl, uint32_t numerics);

/* Views and random data, for other tests. */
struct zinc_view linear_view(struct zinc_buf *buf, uint32_t dtype, uint32_t ne0, uint32_t ne1,
                             uint32_t ne2);
void linear_random_weights(uint32_t dtype, uint8_t *dst, uint64_t n, uint8_t fill,
                           uint32_t *seed);
float linear_random(uint32_t *seed); /* -1 .. 1 */
void linear_buf_create(struct zinc_buf *b, uint64_t bytes);

#endif
