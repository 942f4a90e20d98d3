/* op_check.c - random data and comparisons. */
#include "op_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* splitmix64 (Steele, Lea, Flood, 2014) */
uint64_t rnd_u64(struct rnd *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t rnd_below(struct rnd *r, uint32_t n)
{
	return (uint32_t)(rnd_u64(r) % n);
}

float rnd_float(struct rnd *r, float lo, float hi)
{
	return lo + (hi - lo) * (float)(rnd_u64(r) >> 40) * 0x1p-24f;
}

void *must_calloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	assert_non_null(p);
	return p;
}

float *rnd_normal(struct rnd *r, size_t n, float scale)
{
	float *x = must_calloc(n, sizeof(*x));

	for (size_t i = 0; i < n; i++) {
		float s = -6;

		for (int k = 0; k < 12; k++)
			s += rnd_float(r, 0, 1);
		x[i] = s * scale;
	}
	return x;
}

float *rnd_uniform(struct rnd *r, size_t n, float lo, float hi)
{
	float *x = must_calloc(n, sizeof(*x));

	for (size_t i = 0; i < n; i++)
		x[i] = rnd_float(r, lo, hi);
	return x;
}

int32_t *rnd_permutation(struct rnd *r, uint32_t n)
{
	int32_t *p = must_calloc(n, sizeof(*p));

	for (uint32_t i = 0; i < n; i++)
		p[i] = (int32_t)i;
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = rnd_below(r, i);
		int32_t t = p[i - 1];

		p[i - 1] = p[j];
		p[j] = t;
	}
	return p;
}

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
