/* linear_check.c - the matrix product in double precision, and how far a result
 * may be from it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "linear_case.h"

#define EPS 0x1p-24 /* half an ulp, relative */

/* A value and a bound on the error of computing it. */
struct approx {
	double value, error;
};

struct check {
	const struct linear_case *c;
	uint32_t numerics;
	bool exact_input; /* class Q8 against the activations before quant_act */
	float *row;       /* k weights */
	double *minimum;  /* |m| of each weight */
};

static const uint8_t *weight_row(const struct zinc_view *w, uint32_t expert, uint32_t r)
{
	return cpu_ptr(w) + expert * w->nb[2] + r * w->nb[1];
}

static uint32_t input_row(const struct linear_case *c, uint32_t cell)
{
	return c->s.slots && !c->s.x_per_slot ? cell / c->s.slots : cell;
}

static void load_row(struct check *k, uint32_t dtype, const uint8_t *row)
{
	const struct quant_format *f = quant_format(dtype);
	struct quant_chunk chunk;

	quant_to_f32(dtype, row, k->row, k->c->s.k);
	for (uint32_t i = 0; i < k->c->s.k; i++) {
		k->minimum[i] = 0.0;
		if (!f->has_min)
			continue;
		if (i % QUANT_CHUNK == 0)
			f->unpack(row + i / f->elems * f->bytes,
			          k->c->s.k - i < QUANT_CHUNK ? k->c->s.k - i : QUANT_CHUNK,
			          &chunk);
		k->minimum[i] = fabs((double)chunk.m[i % QUANT_CHUNK / f->sub]);
	}
}

/* F32: a product, the sum of a block, the sum of those. Q8: two sums per block of
 * 32, of products of three factors; the scaled quants and the minima round apart, so
 * both count with their absolute values. */
static struct approx dot_f32(const struct check *k, uint32_t cell)
{
	uint32_t n = k->c->s.k, block = n < LIN_F32_BLOCK ? n : LIN_F32_BLOCK;
	const float *x = (const float *)(void *)k->c->x.base + (uint64_t)input_row(k->c, cell) * n;
	double sum = 0.0, magnitude = 0.0;

	for (uint32_t i = 0; i < n; i++) {
		sum += (double)k->row[i] * x[i];
		magnitude += fabs((double)k->row[i] * x[i]);
	}
	return (struct approx){sum, (1 + block + n / LIN_F32_BLOCK) * EPS * magnitude};
}

static struct approx dot_q8(const struct check *k, uint32_t cell)
{
	uint32_t n = k->c->s.k, row = input_row(k->c, cell);
	const struct lin_act *act = (const struct lin_act *)(void *)(
		k->c->x_q8.base + row * lin_act_row_bytes(n));
	const float *x = (const float *)(void *)k->c->x.base + (uint64_t)row * n;
	double sum = 0.0, magnitude = 0.0, rounding = 0.0;

	for (uint32_t i = 0; i < n; i++) {
		double d = (double)act[i / LIN_CHUNK].d[i % LIN_CHUNK / 32];
		double v = d * act[i / LIN_CHUNK].q[i % LIN_CHUNK];

		sum += k->row[i] * (k->exact_input ? (double)x[i] : v);
		magnitude += (fabs((double)k->row[i]) + 2.0 * k->minimum[i]) * fabs(v);
		/* half a step, and what 127 / amax rounds */
		rounding += fabs((double)k->row[i]) * d * 0.5001;
	}
	return (struct approx){sum, (n / 16 + 10) * EPS * magnitude +
	                                    (k->exact_input ? rounding : 0.0)};
}

static struct approx product(struct check *k, const struct zinc_view *w, uint32_t r, uint32_t cell)
{
	uint32_t expert = 0;

	if (k->c->s.slots)
		expert = (uint32_t)((const int32_t *)(void *)k->c->ids.base)[cell];
	load_row(k, w->dtype, weight_row(w, expert, r));
	return k->numerics == ZINC_NUM_Q8 ? dot_q8(k, cell) : dot_f32(k, cell);
}

static double activate(uint32_t act, double a)
{
	if (act == ZINC_ACT_SILU)
		return a / (1.0 + exp(-a));
	return 0.5 * a * (1.0 + tanh(sqrt(2.0 / 3.14159265358979323846) *
	                             (a + 0.044715 * a * a * a)));
}

static double residual_of(const struct linear_case *c, uint32_t r, uint32_t cell)
{
	const float *base = (const float *)(void *)c->residual.base;
	uint64_t row = c->op.y.nb[1] / sizeof(float);

	return c->s.residual ? (double)base[c->op.y.off / sizeof(float) + cell * row + r] : 0.0;
}

static struct approx expected(struct check *k, uint32_t r, uint32_t cell)
{
	const struct linear_case *c = k->c;
	double scale = c->s.scale != 0.0f ? (double)c->s.scale : 1.0, add;
	struct approx v = product(k, &c->op.w, r, cell);

	v.value *= scale;
	v.error = v.error * fabs(scale) + EPS * fabs(v.value);
	if (c->s.act) {
		struct approx g = product(k, &c->op.gate_w, r, cell);
		double a = activate(c->s.act, g.value);
		/* both activations rise by less than 1.13 per unit */
		double a_error = 1.13 * g.error + 16 * EPS * (1.0 + fabs(g.value));

		v.error = v.error * (fabs(a) + a_error) + fabs(v.value) * a_error;
		v.value *= a;
		v.error += EPS * fabs(v.value);
	}
	add = residual_of(c, r, cell);
	v.value += add;
	v.error += EPS * (fabs(v.value) + fabs(add));
	return v;
}

static void check_all(struct check *k, const float *y)
{
	const struct linear_shape *s = &k->c->s;

	for (uint32_t cell = 0; cell < k->c->cells; cell++)
		for (uint32_t r = 0; r < s->m; r++) {
			struct approx want = expected(k, r, cell);
			double got = (double)y[(uint64_t)cell * s->m + r];

			if (!(fabs(got - want.value) <= want.error))
				fail_msg("dtype %u class %u k %u row %u cell %u: %.9g, not "
				         "%.9g within %.3g", s->dtype, k->numerics, s->k, r, cell, got,
				         want.value, want.error);
		}
}

void linear_case_check(const struct linear_case *c, uint32_t numerics, const float *y)
{
	struct check k = {.c = c, .numerics = numerics};

	k.row = malloc(c->s.k * sizeof(float));
	k.minimum = malloc(c->s.k * sizeof(double));
	check_all(&k, y);
	k.exact_input = numerics == ZINC_NUM_Q8;
	if (k.exact_input)
		check_all(&k, y);
	free(k.row);
	free(k.minimum);
}
