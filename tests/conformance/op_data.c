/* op_data.c - random test data; no part of any test framework. */
#include "op_check.h"

#include <stdio.h>
#include <stdlib.h>

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

	if (!p) {
		fprintf(stderr, "out of memory for %zu elements of %zu bytes\n", n, size);
		exit(2);
	}
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
