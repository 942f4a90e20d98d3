/* linear_avx2.c - class F32 with AVX2 and FMA, and the conversions. */
#include "linear_avx2.h"
#include "pack_bits.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "unpack_avx2.h"

#define F32_SUMS 6u /* of two vectors each, in registers */
#define F32_AHEAD 6144u /* elements */
#define ALWAYS_INLINE __attribute__((always_inline)) static inline

/* The format by value: known past stores that might alias it. */
ALWAYS_INLINE void expand(const struct quant_chunk *c, const struct quant_format f, float *dst,
                          uint32_t n)
{
	const __m256i off = _mm256_set1_epi32(f.off);

	for (uint32_t i = 0; i < n; i += 8) {
		uint32_t sub = i / f.sub;
		__m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)(c->q + i));
		__m256i q = f.is_signed ? _mm256_cvtepi8_epi32(bytes)
		                        : _mm256_sub_epi32(_mm256_cvtepu8_epi32(bytes), off);
		__m256 w = _mm256_mul_ps(_mm256_set1_ps(c->d[sub]), _mm256_cvtepi32_ps(q));

		if (f.has_min)
			w = _mm256_sub_ps(w, _mm256_set1_ps(c->m[sub]));
		_mm256_storeu_ps(dst + i, w);
	}
}

void lin_avx2_expand(const struct quant_chunk *c, const struct quant_format *f, float *dst,
                     uint32_t n)
{
	struct quant_format g = {.off = f->off, .sub = 32};

	if (f->sub == 16) {
		g.sub = 16;
		g.has_min = f->has_min;
		expand(c, g, dst, n);
	} else if (f->is_signed) {
		g.is_signed = true;
		expand(c, g, dst, n);
	} else {
		g.has_min = f->has_min;
		expand(c, g, dst, n);
	}
}

static __m256 widen8(uint32_t dtype, __m128i v)
{
	if (dtype == ZINC_F16)
		return _mm256_cvtph_ps(v);
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}

void lin_avx2_widen(uint32_t dtype, const void *src, float *dst, uint64_t n)
{
	const uint16_t *h = src;
	uint64_t i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(dst + i, widen8(dtype, _mm_loadu_si128((const __m128i *)
		                                                        (const void *)(h + i))));
	quant_to_f32(dtype, h + i, dst + i, n - i);
}

/* Eight words of eight rows, to lines of LIN_ROWS words. */
static inline void put_transposed(__m256 *v, float *dst)
{
	__m256 t[8];

	for (uint32_t i = 0; i < 8; i += 2) {
		t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
		t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
	}
	for (uint32_t i = 0; i < 8; i += 4)
		for (uint32_t j = 0; j < 2; j++) {
			v[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0x44);
			v[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0xee);
		}
	for (uint32_t i = 0; i < 4; i++) {
		_mm256_storeu_ps(dst + i * LIN_ROWS, _mm256_permute2f128_ps(v[i], v[i + 4], 0x20));
		_mm256_storeu_ps(dst + (i + 4) * LIN_ROWS,
		                 _mm256_permute2f128_ps(v[i], v[i + 4], 0x31));
	}
}

static inline void transpose8(const float *const *rows, uint32_t k, float *dst)
{
	__m256 v[8];

	for (uint32_t i = 0; i < 8; i++)
		v[i] = _mm256_loadu_ps(rows[i] + k);
	put_transposed(v, dst);
}

void lin_avx2_pack_words(const uint8_t *w, uint64_t stride, uint32_t n, uint8_t *packed)
{
	uint32_t whole = n / 8 * 8;

	for (uint32_t i = 0; i < whole; i += 8)
		for (uint32_t first = 0; first < LIN_ROWS; first += 8) {
			__m256 v[8];

			for (uint32_t r = 0; r < 8; r++)
				v[r] = _mm256_loadu_ps((const float *)(const void *)(
					w + (first + r) * stride + 4 * i));
			put_transposed(v, (float *)(void *)(packed + 4 * (i * LIN_ROWS + first)));
		}
	lin_plain.pack_words(w + 4 * whole, stride, n - whole, packed + 4 * whole * LIN_ROWS);
}

void lin_avx2_pack_bits(uint32_t dtype, const struct lin_word *file, struct lin_word *packed)
{
	pack_bits_block(dtype, file, packed);
}

void lin_avx2_transpose(const float *const *rows, uint32_t n, float *dst)
{
	uint32_t whole = n / 8 * 8;

	for (uint32_t k = 0; k < whole; k += 8) {
		transpose8(rows, k, dst + k * LIN_ROWS);
		transpose8(rows + 8, k, dst + k * LIN_ROWS + 8);
	}
	for (uint32_t k = whole; k < n; k++)
		for (uint32_t r = 0; r < LIN_ROWS; r++)
			dst[k * LIN_ROWS + r] = rows[r][k];
}

/* n_blocks blocks of `len` elements from k on, side by side: what one column lacks
 * in independent sums, blocks make up for. Constants but k and len. */
ALWAYS_INLINE void f32_blocks(const struct lin_f32_step *s, uint32_t col0, uint32_t k,
                              uint32_t len, const uint32_t n_cols, const uint32_t n_blocks)
{
	const float *w = s->w + k * LIN_ROWS, *x[F32_SUMS];
	float *acc = s->acc + col0 * LIN_ROWS;
	const bool fetches = s->streams && col0 == 0;
	__m256 part[F32_SUMS][2];

#pragma GCC unroll 12
	for (uint32_t c = 0; c < n_cols; c++)
		x[c] = s->x[col0 + c] + s->k0 + k;

#pragma GCC unroll 12
	for (uint32_t i = 0; i < n_cols * n_blocks; i++)
		part[i][0] = part[i][1] = _mm256_setzero_ps();
	for (uint32_t i = 0; i < len; i++)
#pragma GCC unroll 12
		for (uint32_t b = 0; b < n_blocks; b++) {
			uint32_t at = i + b * LIN_F32_BLOCK;
			__m256 w0 = _mm256_loadu_ps(w + at * LIN_ROWS);
			__m256 w1 = _mm256_loadu_ps(w + at * LIN_ROWS + 8);

			if (fetches) /* a line at a time, so that none waits for others */
				__builtin_prefetch(w + at * LIN_ROWS + F32_AHEAD, 0, 2);
#pragma GCC unroll 12
			for (uint32_t c = 0; c < n_cols; c++) {
				__m256 v = _mm256_broadcast_ss(x[c] + at);
				__m256 *sum = part[b * n_cols + c];

				sum[0] = _mm256_fmadd_ps(w0, v, sum[0]);
				sum[1] = _mm256_fmadd_ps(w1, v, sum[1]);
			}
		}
#pragma GCC unroll 12
	for (uint32_t c = 0; c < n_cols; c++)
		for (uint32_t h = 0; h < 2; h++) {
			float *dst = acc + c * LIN_ROWS + 8 * h;
			__m256 sum = _mm256_load_ps(dst);

#pragma GCC unroll 12
			for (uint32_t b = 0; b < n_blocks; b++)
				sum = _mm256_add_ps(sum, part[b * n_cols + c][h]);
			_mm256_store_ps(dst, sum);
		}
}

ALWAYS_INLINE void f32_cols(const struct lin_f32_step *s, uint32_t col0, const uint32_t n_cols,
                            const uint32_t n_blocks)
{
	uint32_t k = 0;

	for (; k + n_blocks * LIN_F32_BLOCK <= s->n; k += n_blocks * LIN_F32_BLOCK)
		f32_blocks(s, col0, k, LIN_F32_BLOCK, n_cols, n_blocks);
	for (; k < s->n; k += LIN_F32_BLOCK)
		f32_blocks(s, col0, k, s->n - k < LIN_F32_BLOCK ? s->n - k : LIN_F32_BLOCK, n_cols,
		           1);
}

static void dot_f32(const struct lin_f32_step *step)
{
	uint32_t c = 0, n = step->n_cols;

	for (; c + 6 <= n; c += 6)
		f32_cols(step, c, 6, 1);
	for (; c + 3 <= n; c += 3)
		f32_cols(step, c, 3, 2);
	for (; c < n; c++)
		f32_cols(step, c, 1, 4);
}

static inline float max_of(__m256 v)
{
	__m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

	m = _mm_max_ps(m, _mm_movehl_ps(m, m));
	return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

static inline int32_t sum_of(__m128i v)
{
	__m128i pairs = _mm_madd_epi16(_mm_maddubs_epi16(_mm_set1_epi8(1), v), _mm_set1_epi16(1));

	pairs = _mm_add_epi32(pairs, _mm_unpackhi_epi64(pairs, pairs));
	return _mm_cvtsi128_si32(pairs) + _mm_extract_epi32(pairs, 1);
}

/* lin_act.mid of a block. */
static void put_mid(__m256i bytes, int16_t *mid)
{
	__m256i v = _mm256_maddubs_epi16(_mm256_set1_epi8(32), bytes);

	v = _mm256_add_epi16(v, _mm256_shuffle_epi32(v, 0x4e));
	v = _mm256_add_epi16(v, _mm256_shuffle_epi32(v, 0xb1));
	_mm_storel_epi64((__m128i *)(void *)mid,
	                 _mm_unpacklo_epi32(_mm256_castsi256_si128(v),
	                                    _mm256_extracti128_si256(v, 1)));
}

/* One block of 32; false where it holds an infinity or a NaN. */
static bool quantise_block(const float *x, struct lin_act *y, uint32_t b)
{
	const __m256 abs = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
	const __m256 limit = _mm256_set1_ps(3.4e38f);
	__m256 v[4], amax = _mm256_setzero_ps(), finite = abs;
	__m256i q[4], bytes;
	int32_t sum0, sum1;
	float top, inverse;

	for (int i = 0; i < 4; i++) {
		__m256 a;

		v[i] = _mm256_loadu_ps(x + 8 * i);
		a = _mm256_and_ps(v[i], abs);
		amax = _mm256_max_ps(amax, a);
		finite = _mm256_and_ps(finite, _mm256_cmp_ps(a, limit, _CMP_LE_OQ));
	}
	if (_mm256_movemask_epi8(_mm256_cmpeq_epi32(_mm256_castps_si256(finite),
	                                            _mm256_castps_si256(abs))) != -1)
		return false;
	top = max_of(amax);
	top = top < 1e-30f ? 0.0f : top;
	inverse = top > 0.0f ? 127.0f / top : 0.0f;
	for (int i = 0; i < 4; i++)
		q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], _mm256_set1_ps(inverse)));
	bytes = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
	bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
	_mm256_storeu_si256((__m256i *)(void *)(y->q + 32 * b), bytes);
	sum0 = sum_of(_mm256_castsi256_si128(bytes));
	sum1 = sum_of(_mm256_extracti128_si256(bytes, 1));
	y->d[b] = top / 127.0f;
	y->ds[b] = y->d[b] * (float)(sum0 + sum1);
	y->sum[2 * b] = (int16_t)sum0;
	y->sum[2 * b + 1] = (int16_t)sum1;
	put_mid(bytes, y->mid + 4 * b);
	return true;
}

/* Whole blocks here; chunks that end inside one or hold no numbers in plain C. */
void lin_avx2_quantise(const float *x, uint32_t k, struct lin_act *y)
{
	for (uint32_t k0 = 0; k0 < k; k0 += LIN_CHUNK, y++) {
		uint32_t n = k - k0 < LIN_CHUNK ? k - k0 : LIN_CHUNK;
		bool done = n % 32 == 0;

		if (n < LIN_CHUNK)
			memset(y, 0, sizeof(*y));
		for (uint32_t b = 0; b < n / 32 && done; b++)
			done = quantise_block(x + k0 + 32 * b, y, b);
		if (!done)
			lin_plain.quantise(x + k0, n, y);
	}
}

const struct lin_isa lin_avx2 = {
	.pack_words = lin_avx2_pack_words,
	.pack_bits = lin_avx2_pack_bits,
	.unpack = unpack_avx2,
	.fill = lin_avx2_fill,
	.dot_q8 = lin_avx2_dot_q8,
	.column = lin_avx2_column,
	.columns_at_once = lin_avx2_columns_at_once,
	.most_columns = lin_avx2_most_columns,
	.expand = lin_avx2_expand,
	.widen = lin_avx2_widen,
	.transpose = lin_avx2_transpose,
	.dot_f32 = dot_f32,
	.dot_f32_fetches = true,
	.quantise = lin_avx2_quantise,
};
