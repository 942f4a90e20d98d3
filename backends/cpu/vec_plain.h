/* vec_plain.h - vectors of 4 floats in portable C (compiler vectors); the
 * baseline of every 64-bit machine. See vec_math.h for what is built on it. */
#ifndef CPU_VEC_PLAIN_H
#define CPU_VEC_PLAIN_H

#include <stdint.h>
#include <string.h>

#include "quant.h"

#define VF 4
#define VF_REGS 16

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));

static inline vf vf_set1(float x)
{
	return (vf){x, x, x, x};
}

static inline vi vi_set1(int32_t x)
{
	return (vi){x, x, x, x};
}

static inline vi vi_iota(void)
{
	return (vi){0, 1, 2, 3};
}

static inline vf vf_load(const float *p)
{
	vf v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void vf_store(float *p, vf v)
{
	memcpy(p, &v, sizeof(v));
}

static inline vf vf_fma(vf a, vf b, vf c)
{
	return a * b + c;
}

/* See vec_avx2.h. */
static inline vf vf_hold(vf x)
{
	return x;
}

/* Of a NaN and a number, the second argument; so are the others'. */
static inline vf vf_max(vf a, vf b)
{
	vi m = (vi)(a > b);

	return (vf)(((vi)a & m) | ((vi)b & ~m));
}

static inline vf vf_min(vf a, vf b)
{
	vi m = (vi)(a < b);

	return (vf)(((vi)a & m) | ((vi)b & ~m));
}

static inline float vf_sum(vf v)
{
	return (v[0] + v[2]) + (v[1] + v[3]);
}

/* The sums of four vectors side by side. */
static inline void vf_sum4(const vf v[4], float out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = vf_sum(v[i]);
}

static inline float vf_hmax(vf v)
{
	float a = v[0] > v[1] ? v[0] : v[1], b = v[2] > v[3] ? v[2] : v[3];

	return a > b ? a : b;
}

/* A half's exponent moves to a float's place and is short by 112 then; the
 * multiplication makes up for it, subnormals included. */
/* By way of integers: F32's small numbers would be flushed (tiny.h). */
static inline vf vf_from_f16(const uint16_t *p)
{
	vi h = {p[0], p[1], p[2], p[3]}, mag = h & 0x7fff;
	vi normal = (mag << 13) + (112 << 23);
	vi small = (vi)(__builtin_convertvector(mag, vf) * vf_set1(0x1p-24f));
	vi is_small = mag < 0x400, special = (vi)(mag >= 0x7c00) & 0x7f800000;

	return (vf)((is_small & small) | (~is_small & normal) | special | ((h & 0x8000) << 16));
}

static inline void vf_to_f16(uint16_t *p, vf v)
{
	for (int i = 0; i < VF; i++)
		p[i] = quant_f32_to_f16(v[i]);
}

#endif
