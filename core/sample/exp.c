/* exp.c - the exponential function, reproducible on every machine. */
#include "sample/chain.h"

#include <string.h>

/* 2^k for -1022 <= k <= 1023, exact. */
static double power_of_two(int k)
{
	uint64_t bits = (uint64_t)(k + 1023) << 52;
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

/* x = k ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor series, whose 14th term
 * is below 2^-57 there. ln 2 is split so that k times the high part is exact.
 * Only additions, multiplications and powers of two: IEEE arithmetic fixes
 * every bit. */
double sample_exp(double x)
{
	static const double inverse_factorial[] = {
		1.0,
		1.0,
		1.0 / 2,
		1.0 / 6,
		1.0 / 24,
		1.0 / 120,
		1.0 / 720,
		1.0 / 5040,
		1.0 / 40320,
		1.0 / 362880,
		1.0 / 3628800,
		1.0 / 39916800,
		1.0 / 479001600,
		1.0 / 6227020800.0,
	};
	const double log2_e = 0x1.71547652b82fep+0;
	const double ln2_hi = 0x1.62e42fee00000p-1, ln2_lo = 0x1.a39ef35793c76p-33;
	double r, sum = 0.0;
	int k;

	if (x >= 0.0)
		return 1.0;
	if (!(x > -700.0))
		return 0.0;
	k = (int)(x * log2_e - 0.5);
	r = x - k * ln2_hi - k * ln2_lo;
	for (int i = 13; i >= 0; i--)
		sum = sum * r + inverse_factorial[i];
	return sum * power_of_two(k);
}
