/* vec_neon.h - vectors of 4 floats with NEON, as every AArch64 has it. */
#ifndef CPU_VEC_NEON_H
#define CPU_VEC_NEON_H

#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define VF 4
#define VF_REGS 32

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));

static inline vf vf_set1(float x)
{
	return (vf)vdupq_n_f32(x);
}

static inline vi vi_set1(int32_t x)
{
	return (vi)vdupq_n_s32(x);
}

static inline vi vi_iota(void)
{
	return (vi){0, 1, 2, 3};
}

static inline vf vf_load(const float *p)
{
	return (vf)vld1q_f32(p);
}

static inline void vf_store(float *p, vf v)
{
	vst1q_f32(p, (float32x4_t)v);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
	return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}

/* NEON's own maximum of a NaN and a number is the NaN; here it is the second
 * argument. */
/* See vec_avx2.h. */
static inline vf vf_hold(vf x)
{
	return x;
}

static inline vf vf_max(vf a, vf b)
{
	return (vf)vbslq_f32(vcgtq_f32((float32x4_t)a, (float32x4_t)b), (float32x4_t)a,
	                     (float32x4_t)b);
}

static inline vf vf_min(vf a, vf b)
{
	return (vf)vbslq_f32(vcltq_f32((float32x4_t)a, (float32x4_t)b), (float32x4_t)a,
	                     (float32x4_t)b);
}

static inline float vf_sum(vf v)
{
	return (v[0] + v[2]) + (v[1] + v[3]);
}

/* The sums of four vectors side by side, each in the order of vf_sum(). */
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

static inline vf vf_from_f16(const uint16_t *p)
{
	return (vf)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

static inline void vf_to_f16(uint16_t *p, vf v)
{
	vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32((float32x4_t)v)));
}

#endif
