/* args.h - arguments of the kernels that go over rows: norms, element-wise ops,
 * copies and casts. */
#ifndef ADA_ROWS_ARGS_H
#define ADA_ROWS_ARGS_H

#include "common/args.h"

/* The rows of an op: for each of n live ones per_n rows of ne0 elements. Row r is
 * (r % inner, r / inner) in dimensions 1 and 2 of every view. vec: all rows of
 * all views begin on 16 bytes. */
struct ada_rows {
	uint64_t params;
	struct ada_count n;
	uint32_t ne0, inner, per_n, vec;
};

/* Ops that follow a norm and read its result alone are done in the same launch:
 * first y *= *factor, then next_y = norm of y, with next_weight and next_eps. */
struct ada_rmsnorm_args {
	struct ada_rows rows;
	struct ada_view x, y, residual, sum, gate, after;
	uint64_t weight;
	float eps;
	uint32_t weight_vec;
	struct ada_view next_y;          /* next_y.p 0: no further norm */
	uint64_t factor, next_weight;    /* 0: absent */
	float next_eps;
	uint32_t next_weight_vec;
};

struct ada_glu_args {
	struct ada_rows rows;
	struct ada_view gate, up, y;
	float limit; /* infinity where there is none */
	uint32_t pad0;
};

/* b's strides are 0 where it repeats; b_lanes is 1 or rows.ne0. */
struct ada_binary_args {
	struct ada_rows rows;
	struct ada_view a, b, y;
	uint32_t b_lanes, pad0;
};

struct ada_unary_args {
	struct ada_rows rows;
	struct ada_view x, y;
	float value;
	uint32_t pad0;
};

/* gate_lanes is 1 or rows.ne0. */
struct ada_gate_args {
	struct ada_rows rows;
	struct ada_view x, gate, y;
	uint32_t gate_lanes, pad0;
};

/* Element types of a cast. */
enum ada_cast_type { ADA_CAST_F32, ADA_CAST_F16, ADA_CAST_BF16 };

/* What is live of a copy: all of x, save that dimension `dim` ends at n. whole:
 * all of it as soon as n is not 0. A row is copied in units: unit_num for every
 * unit_den elements begun. */
struct ada_copy_args {
	struct ada_view x, y;
	uint64_t params;
	struct ada_count n;
	uint32_t dim, whole;
	uint32_t unit_num, unit_den;
	uint32_t from, to; /* enum ada_cast_type */
};

#endif
