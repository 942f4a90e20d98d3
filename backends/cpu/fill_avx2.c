/* fill_avx2.c - rows of blocks straight to a tile of class Q8: 16 bytes of 8
 * rows are transposed while they are still packed, and only then taken apart,
 * so that nothing is moved twice. Types without a path of their own unpack row
 * by row first. The layout of a tile stands in linear_avx2_q8.c.
 *
 * For one column the quants need no tile at all: they are multiplied as they
 * come, and only the scales are stored. */
#include "linear_avx2_q8.h"

#include "linear_avx2.h"
#include "unpack_avx2.h"

/* A chunk of 8 rows, to their part of a tile of tile_rows rows. */
struct lin_fill {
	uint32_t dtype;
	uint32_t blocks;    /* of 32                                          */
	const uint8_t *w;   /* the first row's chunk                          */
	size_t stride;      /* bytes between rows                             */
	uint32_t tile_rows;
	uint8_t flip;       /* xored to the quants of signed formats          */
	uint8_t *q;
	float *d, *m;
	bool column;             /* multiply with x, store no q               */
	enum quant_kind kind;    /* with column, as the rest                  */
	uint32_t sub;
	const struct lin_act *x;
	__m256i *dot;            /* of each 16 elements                       */
};

/* 16 bytes at p of each row, as 4 x 4 per row, to 4 vectors [row][4]. */
ALWAYS_INLINE void columns(const uint8_t *p, size_t stride, __m256i out[4])
{
	const uint8_t *p4 = p + 4 * stride;
	__m256i a[4], b[4];

	for (size_t i = 0; i < 4; i++) {
		const __m128i *low = (const __m128i *)(const void *)(p + i * stride);
		const __m128i *high = (const __m128i *)(const void *)(p4 + i * stride);

		a[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(low)),
		                               _mm_loadu_si128(high), 1);
	}
	b[0] = _mm256_unpacklo_epi32(a[0], a[1]);
	b[1] = _mm256_unpacklo_epi32(a[2], a[3]);
	b[2] = _mm256_unpackhi_epi32(a[0], a[1]);
	b[3] = _mm256_unpackhi_epi32(a[2], a[3]);
	out[0] = _mm256_unpacklo_epi64(b[0], b[1]);
	out[1] = _mm256_unpackhi_epi64(b[0], b[1]);
	out[2] = _mm256_unpacklo_epi64(b[2], b[3]);
	out[3] = _mm256_unpackhi_epi64(b[2], b[3]);
}

/* The dot of four vectors of quants, from k4 on, with the column. How many sums
 * fit 16 bits: see dot16() in linear_avx2_q8.c. */
ALWAYS_INLINE __m256i dot16(struct lin_fill f, uint32_t k4, const __m256i q[4])
{
	const __m256i ones = _mm256_set1_epi16(1);
	__m256i p[4];

	for (uint32_t i = 0; i < 4; i++) {
		__m256i x = act_q(f.x, k4 + i), w = q[i];

		if (f.kind == SIGNED) {
			x = _mm256_sign_epi8(x, w);
			w = _mm256_abs_epi8(w);
		}
		p[i] = _mm256_maddubs_epi16(w, x);
		if (f.kind == SIGNED)
			p[i] = _mm256_madd_epi16(p[i], ones);
	}
	if (f.kind == SIGNED)
		return _mm256_add_epi32(_mm256_add_epi32(p[0], p[1]),
		                        _mm256_add_epi32(p[2], p[3]));
	p[0] = _mm256_add_epi16(p[0], p[1]);
	p[2] = _mm256_add_epi16(p[2], p[3]);
	if (f.sub == 16)
		return _mm256_add_epi32(_mm256_madd_epi16(p[0], ones),
		                        _mm256_madd_epi16(p[2], ones));
	return _mm256_madd_epi16(_mm256_add_epi16(p[0], p[2]), ones);
}

/* Four vectors of quants, from k4 on. A fill is passed by value: its fields then
 * stay in registers, and those that are constant stay so, past stores that might
 * alias it. */
ALWAYS_INLINE void put(struct lin_fill f, uint32_t k4, const __m256i q[4])
{
	if (f.column) {
		f.dot[k4 / 4] = dot16(f, k4, q);
		return;
	}
	for (uint32_t i = 0; i < 4; i++) {
		uint8_t *dst = f.q + (k4 + i) * 4 * f.tile_rows;

		_mm256_store_si256((__m256i *)(void *)dst, q[i]);
	}
}

ALWAYS_INLINE void store_scale(struct lin_fill f, float *base, uint32_t sub, __m256 v)
{
	_mm256_store_ps(base + sub * f.tile_rows, v);
}

ALWAYS_INLINE __m256 gather_f16(const uint8_t *p, size_t stride)
{
	const uint8_t *p4 = p + 4 * stride;
	__m128i v = _mm_cvtsi32_si128(quant_u16(p));

	v = _mm_insert_epi16(v, quant_u16(p + stride), 1);
	v = _mm_insert_epi16(v, quant_u16(p + 2 * stride), 2);
	v = _mm_insert_epi16(v, quant_u16(p + 3 * stride), 3);
	v = _mm_insert_epi16(v, quant_u16(p4), 4);
	v = _mm_insert_epi16(v, quant_u16(p4 + stride), 5);
	v = _mm_insert_epi16(v, quant_u16(p4 + 2 * stride), 6);
	v = _mm_insert_epi16(v, quant_u16(p4 + 3 * stride), 7);
	return _mm256_cvtph_ps(v);
}

ALWAYS_INLINE __m256 gather_e8m0(const uint8_t *p, size_t stride)
{
	float v[8];

	for (size_t i = 0; i < 8; i++)
		v[i] = quant_e8m0_half(p[i * stride]);
	return _mm256_loadu_ps(v);
}

ALWAYS_INLINE __m256i gather_i32(const uint8_t *p, size_t stride)
{
	int32_t v[8];

	for (size_t i = 0; i < 8; i++)
		__builtin_memcpy(&v[i], p + i * stride, sizeof(v[i]));
	return _mm256_setr_epi32(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
}

static inline __m256i low_nibbles(__m256i v)
{
	return _mm256_and_si256(v, _mm256_set1_epi8(15));
}

static inline __m256i high_nibbles(__m256i v)
{
	return low_nibbles(_mm256_srli_epi16(v, 4));
}

/* 16 in each byte of a row whose bit 4 g + byte is set in its 32 bits. */
ALWAYS_INLINE __m256i fifth_bits(__m256i bits, int g)
{
	const __m256i first = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0,
	                                        0x04040404, 0x08080808, 0x0c0c0c0c);
	const __m256i bit = _mm256_set1_epi32((int)(0x08040201u << 4 * (g & 1)));
	__m256i byte = _mm256_add_epi8(first, _mm256_set1_epi8((char)(g / 2)));
	__m256i v = _mm256_shuffle_epi8(bits, byte);

	v = _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
	return _mm256_and_si256(v, _mm256_set1_epi8(16));
}

/* Blocks of 32 nibbles. */
struct nibble_format {
	uint32_t bytes, qs, qh; /* of a block; where nibbles and fifth bits start, 0: none */
	bool has_min, e8m0;
	const void *table;      /* of 16 values, or NULL */
};

ALWAYS_INLINE void fill_nibbles(struct lin_fill f, struct nibble_format t)
{
	const __m256i flip = _mm256_set1_epi8((char)f.flip);
	__m256i table = _mm256_setzero_si256(), bits = table, v[4], low[4], high[4];

	if (t.table)
		table = _mm256_broadcastsi128_si256(_mm_loadu_si128(t.table));
	for (uint32_t b = 0, at = 0; b < f.blocks; b++, at += t.bytes) {
		store_scale(f, f.d, b, t.e8m0 ? gather_e8m0(f.w + at, f.stride)
		                              : gather_f16(f.w + at, f.stride));
		if (t.has_min)
			store_scale(f, f.m, b, _mm256_xor_ps(gather_f16(f.w + at + 2, f.stride),
			                                      _mm256_set1_ps(-0.0f)));
		if (t.qh)
			bits = gather_i32(f.w + at + t.qh, f.stride);
		columns(f.w + at + t.qs, f.stride, v);
		for (int i = 0; i < 4; i++) {
			low[i] = low_nibbles(v[i]);
			high[i] = high_nibbles(v[i]);
			if (t.qh) {
				low[i] = _mm256_or_si256(low[i], fifth_bits(bits, i));
				high[i] = _mm256_or_si256(high[i], fifth_bits(bits, 4 + i));
			}
			if (t.table) {
				low[i] = _mm256_shuffle_epi8(table, low[i]);
				high[i] = _mm256_shuffle_epi8(table, high[i]);
				low[i] = _mm256_xor_si256(low[i], flip);
				high[i] = _mm256_xor_si256(high[i], flip);
			}
		}
		put(f, 8 * b, low);
		put(f, 8 * b + 4, high);
	}
}

ALWAYS_INLINE void fill_q8_0(struct lin_fill f)
{
	const __m256i flip = _mm256_set1_epi8((char)f.flip);
	__m256i v[4];

	for (uint32_t b = 0, at = 0; b < f.blocks; b++, at += 34) {
		store_scale(f, f.d, b, gather_f16(f.w + at, f.stride));
		for (uint32_t half = 0; half < 2; half++) {
			columns(f.w + at + 2 + 16 * half, f.stride, v);
			for (uint32_t i = 0; i < 4; i++)
				v[i] = _mm256_xor_si256(v[i], flip);
			put(f, 8 * b + 4 * half, v);
		}
	}
}

/* Byte `byte` of each row's four, unsigned, times a factor of the row. */
ALWAYS_INLINE __m256 scaled_byte(__m256i v, int byte, __m256 factor)
{
	const __m256i first = _mm256_set_epi32(12, 8, 4, 0, 12, 8, 4, 0);
	const __m256i rest = _mm256_set1_epi32((int)0x80808000u);

	v = _mm256_shuffle_epi8(v, _mm256_or_si256(_mm256_add_epi32(first, _mm256_set1_epi32(byte)),
	                                           rest));
	return _mm256_mul_ps(factor, _mm256_cvtepi32_ps(v));
}

/* d, dmin and the packed scales are the first 16 bytes of a Q4_K or Q5_K block:
 * quant_k4_scales() for 8 rows at once. */
ALWAYS_INLINE void fill_k4_header(struct lin_fill f)
{
	const __m256i low = _mm256_set1_epi8(0x3f), four = _mm256_set1_epi8(15);
	const __m256i two = _mm256_set1_epi8(0x30);
	__m256i h[4], scale[2], min[2];
	__m256 d, dmin;

	columns(f.w, f.stride, h);
	d = _mm256_cvtph_ps(_mm_packus_epi32(
		_mm256_castsi256_si128(_mm256_and_si256(h[0], _mm256_set1_epi32(0xffff))),
		_mm256_extracti128_si256(_mm256_and_si256(h[0], _mm256_set1_epi32(0xffff)), 1)));
	h[0] = _mm256_srli_epi32(h[0], 16);
	dmin = _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(h[0]),
	                                        _mm256_extracti128_si256(h[0], 1)));
	scale[0] = _mm256_and_si256(h[1], low);
	min[0] = _mm256_and_si256(h[2], low);
	scale[1] = _mm256_or_si256(_mm256_and_si256(h[3], four),
	                           _mm256_and_si256(_mm256_srli_epi32(h[1], 2), two));
	min[1] = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi32(h[3], 4), four),
	                         _mm256_and_si256(_mm256_srli_epi32(h[2], 2), two));
	for (int s = 0; s < 8; s++) {
		store_scale(f, f.d, (uint32_t)s, scaled_byte(scale[s / 4], s % 4, d));
		store_scale(f, f.m, (uint32_t)s, scaled_byte(min[s / 4], s % 4, dmin));
	}
}

ALWAYS_INLINE void fill_q4_k(struct lin_fill f)
{
	__m256i v[4], low[4], high[4];

	fill_k4_header(f);
	for (uint32_t j = 0; j < 8; j++) {
		uint32_t k4 = j / 2 * 16 + j % 2 * 4;

		columns(f.w + 16 + 16 * j, f.stride, v);
		for (uint32_t i = 0; i < 4; i++) {
			low[i] = low_nibbles(v[i]);
			high[i] = high_nibbles(v[i]);
		}
		put(f, k4, low);
		put(f, k4 + 8, high);
	}
}

ALWAYS_INLINE void fill_q5_k(struct lin_fill f)
{
	const __m256i bit4 = _mm256_set1_epi8(16);
	__m256i v[4], low[4], high[4], fifth[2][4];

	fill_k4_header(f);
	columns(f.w + 16, f.stride, fifth[0]);
	columns(f.w + 32, f.stride, fifth[1]);
	for (uint32_t j = 0; j < 8; j++) {
		uint32_t k4 = j / 2 * 16 + j % 2 * 4;
		__m256i *h = fifth[j % 2];

		columns(f.w + 48 + 16 * j, f.stride, v);
		for (uint32_t i = 0; i < 4; i++) {
			__m256i h0 = _mm256_and_si256(_mm256_slli_epi16(h[i], 4), bit4);
			__m256i h1 = _mm256_and_si256(_mm256_slli_epi16(h[i], 3), bit4);

			low[i] = _mm256_or_si256(low_nibbles(v[i]), h0);
			high[i] = _mm256_or_si256(high_nibbles(v[i]), h1);
			h[i] = _mm256_srli_epi16(h[i], 2);
		}
		put(f, k4, low);
		put(f, k4 + 8, high);
	}
}

/* A quarter of 16 elements: nibbles with the pair of bits that is at 4 and 5 of
 * `pairs` after the shift. */
ALWAYS_INLINE void put_q6(struct lin_fill f, uint32_t k4, const __m256i nibbles[4],
                          const __m256i pairs[4], const int quarter)
{
	const __m256i mask = _mm256_set1_epi8(0x30);
	__m256i q[4];

	for (uint32_t i = 0; i < 4; i++) {
		__m256i h = quarter == 0   ? _mm256_slli_epi16(pairs[i], 4)
		            : quarter == 1 ? _mm256_slli_epi16(pairs[i], 2)
		            : quarter == 2 ? pairs[i]
		                           : _mm256_srli_epi16(pairs[i], 2);
		__m256i low = quarter < 2 ? low_nibbles(nibbles[i]) : high_nibbles(nibbles[i]);

		q[i] = _mm256_or_si256(low, _mm256_and_si256(h, mask));
	}
	put(f, k4 + 8 * (uint32_t)quarter, q);
}

ALWAYS_INLINE void fill_q6_k(struct lin_fill f)
{
	__m256 d = gather_f16(f.w + 208, f.stride);
	__m256i v[4], pairs[4];

	columns(f.w + 192, f.stride, v);
	for (int s = 0; s < 16; s++) {
		__m256i scale = _mm256_slli_epi32(v[s / 4], 24 - 8 * (s % 4));

		scale = _mm256_srai_epi32(scale, 24);
		store_scale(f, f.d, (uint32_t)s, _mm256_mul_ps(d, _mm256_cvtepi32_ps(scale)));
	}
	for (uint32_t j = 0; j < 4; j++) {
		uint32_t half = j / 2, side = j % 2, k4 = 32 * half + 4 * side;

		columns(f.w + 128 + 32 * half + 16 * side, f.stride, pairs);
		columns(f.w + 64 * half + 16 * side, f.stride, v);
		put_q6(f, k4, v, pairs, 0);
		put_q6(f, k4, v, pairs, 2);
		columns(f.w + 64 * half + 32 + 16 * side, f.stride, v);
		put_q6(f, k4, v, pairs, 1);
		put_q6(f, k4, v, pairs, 3);
	}
}

/* 16 bytes at p of each row's chunk to 4 vectors of the tile. */
ALWAYS_INLINE void fill_columns(const void *p, uint8_t *dst, size_t stride, __m256i flip)
{
	__m256i v[4];

	columns(p, sizeof(struct quant_chunk), v);
	for (uint32_t i = 0; i < 4; i++)
		_mm256_store_si256((__m256i *)(void *)(dst + i * stride),
		                   _mm256_xor_si256(v[i], flip));
}

static void fill_any(const struct lin_fill *f)
{
	const struct quant_format *format = quant_format(f->dtype);
	quant_unpack_fn *unpack = unpack_avx2(f->dtype);
	const __m256i none = _mm256_setzero_si256();
	uint32_t n_sub = f->blocks * (32 / format->sub);
	size_t stride = 4 * f->tile_rows; /* bytes between vectors, of quants or scales */
	struct quant_chunk chunks[8];

	for (size_t r = 0; r < 8; r++)
		unpack(f->w + r * f->stride, 32 * f->blocks, &chunks[r]);
	for (uint32_t i = 0; i < 2 * f->blocks; i++)
		fill_columns(chunks->q + 16 * i, f->q + 4 * i * stride, stride,
		             _mm256_set1_epi8((char)f->flip));
	for (uint32_t s = 0; s < n_sub; s += 4) {
		fill_columns(chunks->d + s, (uint8_t *)f->d + s * stride, stride, none);
		if (format->has_min)
			fill_columns(chunks->m + s, (uint8_t *)f->m + s * stride, stride, none);
	}
}

static const struct nibble_format q4_0 = {.bytes = 18, .qs = 2};
static const struct nibble_format q4_1 = {.bytes = 20, .qs = 4, .has_min = true};
static const struct nibble_format q5_0 = {.bytes = 22, .qs = 6, .qh = 2};
static const struct nibble_format q5_1 = {.bytes = 24, .qs = 8, .qh = 4, .has_min = true};
static const struct nibble_format iq4_nl = {.bytes = 18, .qs = 2, .table = quant_iq4_values};
static const struct nibble_format mxfp4 = {.bytes = 17, .qs = 1, .e8m0 = true,
                                           .table = quant_mxfp4_values};

ALWAYS_INLINE void fill_rows(struct lin_fill f)
{
	switch (f.dtype) {
	case ZINC_Q4_K: fill_q4_k(f); break;
	case ZINC_Q5_K: fill_q5_k(f); break;
	case ZINC_Q6_K: fill_q6_k(f); break;
	case ZINC_Q8_0: fill_q8_0(f); break;
	case ZINC_Q4_0: fill_nibbles(f, q4_0); break;
	case ZINC_Q4_1: fill_nibbles(f, q4_1); break;
	case ZINC_Q5_0: fill_nibbles(f, q5_0); break;
	case ZINC_Q5_1: fill_nibbles(f, q5_1); break;
	case ZINC_IQ4_NL: fill_nibbles(f, iq4_nl); break;
	case ZINC_MXFP4: fill_nibbles(f, mxfp4); break;
	default: fill_any(&f); break;
	}
}

void lin_avx2_fill(uint32_t dtype, const uint8_t *w, uint64_t stride, uint32_t blocks,
                   struct lin_tile *tile)
{
	fill_rows((struct lin_fill){.dtype = dtype, .w = w, .stride = stride, .blocks = blocks,
	                            .tile_rows = 8, .q = tile->q, .d = tile->d, .m = tile->m});
}

void lin_avx2_fill16(uint32_t dtype, const uint8_t *w, uint64_t stride, uint32_t blocks,
                     uint8_t flip, struct lin_tile *tile)
{
	for (uint32_t r = 0; r < 16; r += 8)
		fill_rows((struct lin_fill){.dtype = dtype, .w = w + r * stride, .stride = stride,
		                            .blocks = blocks, .tile_rows = 16, .flip = flip,
		                            .q = tile->q + 4 * r, .d = tile->d + r,
		                            .m = tile->m + r});
}

/* The sum of a chunk, from the dots of its sixteenths. */
ALWAYS_INLINE __m256 add_chunk(__m256 sum, struct lin_fill f)
{
	const struct quant_format *format = quant_format(f.dtype);
	uint32_t halves_in_d = 32 / f.sub;

	for (uint32_t b = 0; b < f.blocks; b++) {
		const __m256i *v = f.dot + 2 * b;
		const float *d = f.d + b * halves_in_d * 8, *m = f.m + b * halves_in_d * 8;

		if (f.sub == 16)
			sum = add_sub16(sum, v[0], v[1], d, m, f.x, b, format->off, f.kind);
		else
			sum = add_sub32(sum, _mm256_add_epi32(v[0], v[1]), d, m, f.x, b,
			                format->off, f.kind);
	}
	return sum;
}

/* The next tile to the second level (a tile is as large as the first), and all
 * lines of this chunk to the first, before they are read here and there. */
ALWAYS_INLINE void prefetch(struct lin_fill f, const uint8_t *next, const uint32_t bytes)
{
	for (uint32_t i = 0; i < 8 * bytes; i += 64)
		__builtin_prefetch(next + i, 0, 2);
	for (uint32_t r = 0; r < 8; r++)
		for (uint32_t i = 0; i < bytes; i += 64)
			__builtin_prefetch(f.w + r * f.stride + i);
}

/* The whole of K for one type. bytes: of a chunk. */
ALWAYS_INLINE void column_of(const uint32_t dtype, const uint32_t bytes, const uint32_t sub,
                             const enum quant_kind kind, const struct lin_column *c)
{
	_Alignas(32) float d[8 * 16], m[8 * 16];
	__m256 sum = _mm256_setzero_ps();
	__m256i dot[16];
	struct lin_fill f = {.dtype = dtype, .stride = c->stride, .tile_rows = 8, .d = d, .m = m,
	                     .column = true, .kind = kind, .sub = sub, .x = c->x, .w = c->w,
	                     .dot = dot};

	for (uint32_t k = 0; k < c->k; k += LIN_CHUNK, f.x++, f.w += bytes) {
		prefetch(f, c->next + k / LIN_CHUNK * 8 * bytes, bytes);
		f.blocks = c->k - k < LIN_CHUNK ? (c->k - k) / 32 : 8;
		fill_rows(f);
		sum = add_chunk(sum, f);
	}
	_mm256_storeu_ps(c->acc, sum);
}

bool lin_avx2_column(const struct lin_column *c)
{
	switch (c->dtype) {
	case ZINC_Q4_K: column_of(ZINC_Q4_K, 144, 32, UNSIGNED_MIN, c); return true;
	case ZINC_Q5_K: column_of(ZINC_Q5_K, 176, 32, UNSIGNED_MIN, c); return true;
	case ZINC_Q6_K: column_of(ZINC_Q6_K, 210, 16, UNSIGNED_OFFSET, c); return true;
	case ZINC_Q8_0: column_of(ZINC_Q8_0, 272, 32, SIGNED, c); return true;
	case ZINC_Q4_0: column_of(ZINC_Q4_0, 144, 32, UNSIGNED_OFFSET, c); return true;
	case ZINC_Q4_1: column_of(ZINC_Q4_1, 160, 32, UNSIGNED_MIN, c); return true;
	case ZINC_Q5_0: column_of(ZINC_Q5_0, 176, 32, UNSIGNED_OFFSET, c); return true;
	case ZINC_Q5_1: column_of(ZINC_Q5_1, 192, 32, UNSIGNED_MIN, c); return true;
	case ZINC_IQ4_NL: column_of(ZINC_IQ4_NL, 144, 32, SIGNED, c); return true;
	case ZINC_MXFP4: column_of(ZINC_MXFP4, 136, 32, UNSIGNED_OFFSET, c); return true;
	default: return false;
	}
}
