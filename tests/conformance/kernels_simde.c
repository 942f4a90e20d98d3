/* kernels_simde.c - the AVX-512 kernels with emulated intrinsics, under a name of
 * their own beside the real ones. */
#include <immintrin.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

/* Two conversions that older SIMDe lacks, by halves. */
static inline simde__m512 emulated_cvtph_ps(__m256i h)
{
	__m256 half[2] = {_mm256_cvtph_ps(_mm256_castsi256_si128(h)),
	                  _mm256_cvtph_ps(_mm256_extracti128_si256(h, 1))};

	return simde_mm512_loadu_ps(half);
}

static inline __m256i emulated_cvtps_ph(simde__m512 v)
{
	__m256 half[2];

	simde_mm512_storeu_ps(half, v);
	return _mm256_set_m128i(_mm256_cvtps_ph(half[1], _MM_FROUND_TO_NEAREST_INT),
	                        _mm256_cvtps_ph(half[0], _MM_FROUND_TO_NEAREST_INT));
}

/* And two that it has under its own name alone. */
#undef _mm512_shuffle_f32x4
#undef _mm512_shuffle_ps
#define _mm512_shuffle_f32x4(a, b, which) simde_mm512_shuffle_f32x4(a, b, which)
#define _mm512_shuffle_ps(a, b, which) simde_mm512_shuffle_ps(a, b, which)

#undef _mm512_cvtph_ps
#undef _mm512_cvtps_ph
#define _mm512_cvtph_ps(h) emulated_cvtph_ps(h)
#define _mm512_cvtps_ph(v, rounding) emulated_cvtps_ph(v)

#define kernels_avx512 kernels_avx512_simde
#include "kernels_avx512.c"
