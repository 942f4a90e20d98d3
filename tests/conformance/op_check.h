/* op_check.h - test data, and comparing results with references. */
#ifndef CONFORMANCE_OP_CHECK_H
#define CONFORMANCE_OP_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far an F32 result may be off, relative to the root mean square of its
 * row (of the exact row). An F32 op rounds each of a few hundred to a few
 * thousand terms by 6e-8 of their size, and errors add up like a random walk:
 * 1e-6 is typical, 1e-5 leaves room for rows whose terms cancel. */
#define TOL_F32 1e-5
/* Results that are one rounding away from exact. */
#define TOL_ROUNDING 3e-7
/* Chunked recurrences, relative to the size of the terms: sums in another order,
 * and a triangular system of 64 rows whose errors are read by the next chunk.
 * 3e-6 was seen. */
#define TOL_CHUNKED 1e-5

struct rnd {
	uint64_t state;
};

uint64_t rnd_u64(struct rnd *r);
/* Below n. */
uint32_t rnd_below(struct rnd *r, uint32_t n);
/* Uniform in [lo, hi). */
float rnd_float(struct rnd *r, float lo, float hi);
/* n floats, roughly normal, times scale; to be freed. */
float *rnd_normal(struct rnd *r, size_t n, float scale);
float *rnd_uniform(struct rnd *r, size_t n, float lo, float hi);
/* 0 .. n-1 in random order; to be freed. */
int32_t *rnd_permutation(struct rnd *r, uint32_t n);

/* calloc that cannot fail. */
void *must_calloc(size_t n, size_t size);

/* Every row of `len` of got is within tol (relative to the exact row's root
 * mean square) of want; else fails naming `what`, row and lane. */
void check_rows(const char *what, const float *got, const double *want, size_t rows, size_t len,
                double tol);
/* The same, relative to the root mean square of the row of sizes, where results
 * cancel: size is the sum of the magnitudes of the terms that make up want. */
void check_rows_sized(const char *what, const float *got, const double *want, const double *size,
                      size_t rows, size_t len, double tol);
/* Every element for itself: within tol of its own size, or within floor of it
 * (below which the reference has no digits left, or nobody could tell). */
void check_elems(const char *what, const float *got, const double *want, size_t n, double tol,
                 double floor);
/* The same bits. */
void check_bits(const char *what, const void *a, const void *b, size_t bytes);

#endif
