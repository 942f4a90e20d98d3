/* vec_avx512.h - vectors of 16 floats with AVX-512. */
#ifndef CPU_VEC_AVX512_H
#define CPU_VEC_AVX512_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define VF 16
#define VF_REGS 32

typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));

static inline vf vf_set1(float x)
{
	return (vf)_mm512_set1_ps(x);
}

static inline vi vi_set1(int32_t x)
{
	return (vi)_mm512_set1_epi32(x);
}

static inline vi vi_iota(void)
{
	return (vi){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
}

static inline vf vf_load(const float *p)
{
	return (vf)_mm512_loadu_ps(p);
}

static inline void vf_store(float *p, vf v)
{
	_mm512_storeu_ps(p, (__m512)v);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
	return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

/* See vec_avx2.h. */
static inline vf vf_hold(vf x)
{
	return x;
}

static inline vf vf_max(vf a, vf b)
{
	return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}

static inline vf vf_min(vf a, vf b)
{
	return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}

static inline __m256 vf_low(vf v)
{
	return _mm512_castps512_ps256((__m512)v);
}

static inline __m256 vf_high(vf v)
{
	return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd((__m512)v), 1));
}

static inline float vf_sum(vf v)
{
	__m256 h = _mm256_add_ps(vf_low(v), vf_high(v));
	__m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));

	s = _mm_add_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* The sums of four vectors side by side. */
static inline void vf_sum4(const vf v[4], float out[4])
{
	/* quarters of two vectors in one, then of all four */
	__m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4((__m512)v[0], (__m512)v[1], 0x44),
	                          _mm512_shuffle_f32x4((__m512)v[0], (__m512)v[1], 0xee));
	__m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4((__m512)v[2], (__m512)v[3], 0x44),
	                          _mm512_shuffle_f32x4((__m512)v[2], (__m512)v[3], 0xee));
	__m512 all = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88),
	                           _mm512_shuffle_f32x4(ab, cd, 0xdd));
	const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);

	all = _mm512_add_ps(all, _mm512_shuffle_ps(all, all, 0x4e));
	all = _mm512_add_ps(all, _mm512_shuffle_ps(all, all, 0xb1));
	_mm_storeu_ps(out, _mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, all)));
}

static inline float vf_hmax(vf v)
{
	__m256 h = _mm256_max_ps(vf_low(v), vf_high(v));
	__m128 s = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));

	s = _mm_max_ps(s, _mm_movehl_ps(s, s));
	return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

static inline vf vf_from_f16(const uint16_t *p)
{
	return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

static inline void vf_to_f16(uint16_t *p, vf v)
{
	_mm256_storeu_si256((__m256i *)(void *)p,
	                    _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT));
}

#endif
