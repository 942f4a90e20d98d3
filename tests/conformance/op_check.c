/* op_check.c - comparing results with references. */
#include "op_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

void check_rows_sized(const char *what, const float *got, const double *want, const double *size,
                      size_t rows, size_t len, double tol)
{
	for (size_t at = 0; at < rows * len; at += len) {
		double sum = 0, rms;

		for (size_t i = at; i < at + len; i++)
			sum += size[i] * size[i];
		rms = sqrt(sum / (double)len);
		for (size_t i = at; i < at + len; i++)
			if (!(fabs(got[i] - want[i]) <= tol * rms))
				fail_msg("%s: row %zu lane %zu is %.9g, should be %.9g "
				         "(off by %.2g of the row's size, allowed %.2g)",
				         what, at / len, i - at, (double)got[i], want[i],
				         fabs(got[i] - want[i]) / rms, tol);
	}
}

void check_rows(const char *what, const float *got, const double *want, size_t rows, size_t len,
                double tol)
{
	check_rows_sized(what, got, want, want, rows, len, tol);
}

void check_elems(const char *what, const float *got, const double *want, size_t n, double tol,
                 double floor)
{
	for (size_t i = 0; i < n; i++)
		if (!(fabs(got[i] - want[i]) <= tol * fabs(want[i]) + floor))
			fail_msg("%s: element %zu is %.9g, should be %.9g", what, i,
			         (double)got[i], want[i]);
}

void check_bits(const char *what, const void *a, const void *b, size_t bytes)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < bytes; i++)
		if (x[i] != y[i])
			fail_msg("%s: the bits differ from byte %zu of %zu on", what, i, bytes);
}
