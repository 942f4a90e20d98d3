/* vec_avx2.h - vectors of 8 floats with AVX2, FMA and F16C. */
#ifndef CPU_VEC_AVX2_H
#define CPU_VEC_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define VF 8
#define VF_REGS 16 /* vectors in registers */

typedef float vf __attribute__((vector_size(32)));
typedef int32_t vi __attribute__((vector_size(32)));

static inline vf vf_set1(float x)
{
	return (vf)_mm256_set1_ps(x);
}

static inline vi vi_set1(int32_t x)
{
	return (vi)_mm256_set1_epi32(x);
}

static inline vi vi_iota(void)
{
	return (vi){0, 1, 2, 3, 4, 5, 6, 7};
}

static inline vf vf_load(const float *p)
{
	return (vf)_mm256_loadu_ps(p);
}

static inline void vf_store(float *p, vf v)
{
	_mm256_storeu_ps(p, (__m256)v);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
	return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

/* x, loaded once: what is used twice, compilers like to load twice. */
static inline vf vf_hold(vf x)
{
	__asm__("" : "+x"(x));
	return x;
}

static inline vf vf_max(vf a, vf b)
{
	return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}

static inline vf vf_min(vf a, vf b)
{
	return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}

static inline float vf_sum(vf v)
{
	__m128 s = _mm_add_ps(_mm256_castps256_ps128((__m256)v),
	                      _mm256_extractf128_ps((__m256)v, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* The sums of four vectors side by side. */
static inline void vf_sum4(const vf v[4], float out[4])
{
	__m256 ab = _mm256_hadd_ps((__m256)v[0], (__m256)v[1]);
	__m256 cd = _mm256_hadd_ps((__m256)v[2], (__m256)v[3]);
	__m256 all = _mm256_hadd_ps(ab, cd);

	_mm_storeu_ps(out, _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1)));
}

static inline float vf_hmax(vf v)
{
	__m128 s = _mm_max_ps(_mm256_castps256_ps128((__m256)v),
	                      _mm256_extractf128_ps((__m256)v, 1));

	s = _mm_max_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

static inline vf vf_from_f16(const uint16_t *p)
{
	return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static inline void vf_to_f16(uint16_t *p, vf v)
{
	_mm_storeu_si128((__m128i *)(void *)p,
	                 _mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT));
}

#endif
