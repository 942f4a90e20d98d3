/* numbers.c - GGUF block formats, element by element, in double precision. */
#include "numbers.h"

#include <math.h>
#include <string.h>

static const struct {
	const char *name;
	uint32_t elems, bytes;
} types[] = {
	[ZINC_F32] = {"f32", 1, 4},      [ZINC_F16] = {"f16", 1, 2},
	[ZINC_BF16] = {"bf16", 1, 2},    [ZINC_I32] = {"i32", 1, 4},
	[ZINC_U8] = {"u8", 1, 1},        [ZINC_Q8_0] = {"q8_0", 32, 34},
	[ZINC_Q4_0] = {"q4_0", 32, 18},  [ZINC_Q4_1] = {"q4_1", 32, 20},
	[ZINC_Q5_0] = {"q5_0", 32, 22},  [ZINC_Q5_1] = {"q5_1", 32, 24},
	[ZINC_Q2_K] = {"q2_k", 256, 84}, [ZINC_Q3_K] = {"q3_k", 256, 110},
	[ZINC_Q4_K] = {"q4_k", 256, 144}, [ZINC_Q5_K] = {"q5_k", 256, 176},
	[ZINC_Q6_K] = {"q6_k", 256, 210}, [ZINC_IQ4_NL] = {"iq4_nl", 32, 18},
	[ZINC_IQ4_XS] = {"iq4_xs", 256, 136}, [ZINC_MXFP4] = {"mxfp4", 32, 17},
};

uint32_t num_block(uint32_t dtype)
{
	return dtype < sizeof(types) / sizeof(types[0]) ? types[dtype].elems : 0;
}

uint32_t num_block_bytes(uint32_t dtype)
{
	return num_block(dtype) ? types[dtype].bytes : 0;
}

uint64_t num_row_bytes(uint32_t dtype, uint64_t n)
{
	return n / types[dtype].elems * types[dtype].bytes;
}

const char *num_name(uint32_t dtype)
{
	return num_block(dtype) ? types[dtype].name : "?";
}

static unsigned u16_at(const uint8_t *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static double half_value(unsigned h)
{
	unsigned e = h >> 10 & 31, m = h & 1023;
	double v = e ? ldexp(1024 + m, (int)e - 25) : ldexp(m, -24);

	if (e == 31)
		v = m ? (double)NAN : (double)INFINITY;
	return h >> 15 ? -v : v;
}

/* All halves, worked out once: every block is decoded many times. */
static double half_at(const uint8_t *p)
{
	static double all[65536];

	if (all[0x3c00] != 1)
		for (unsigned h = 0; h < 65536; h++)
			all[h] = half_value(h);
	return all[u16_at(p)];
}

/* An element: scale * quant - min. */
struct element {
	double scale, min;
	int quant;
};

static const int iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                            1,    13,   25,  38,  53,  69,  89,  113};
/* Twice the values of E2M1. */
static const int e2m1[8] = {0, 1, 2, 3, 4, 6, 8, 12};

static int nibble(const uint8_t *p, uint32_t i)
{
	return p[i % 16] >> i / 16 * 4 & 15;
}

static int bit(const uint8_t *p, uint32_t i)
{
	return p[i / 8] >> i % 8 & 1;
}

static struct element small_block(uint32_t dtype, const uint8_t *b, uint32_t i)
{
	double d = dtype == ZINC_MXFP4 ? ldexp(1, b[0] - 128) : half_at(b);
	int q;

	switch (dtype) {
	case ZINC_Q8_0: return (struct element){d, 0, (int8_t)b[2 + i]};
	case ZINC_Q4_0: return (struct element){d, 0, nibble(b + 2, i) - 8};
	case ZINC_Q4_1: return (struct element){d, -half_at(b + 2), nibble(b + 4, i)};
	case ZINC_Q5_0:
		return (struct element){d, 0, (nibble(b + 6, i) | bit(b + 2, i) << 4) - 16};
	case ZINC_Q5_1:
		return (struct element){d, -half_at(b + 2), nibble(b + 8, i) | bit(b + 4, i) << 4};
	case ZINC_IQ4_NL: return (struct element){d, 0, iq4[nibble(b + 2, i)]};
	default:
		q = nibble(b + 1, i);
		return (struct element){d, 0, q & 8 ? -e2m1[q & 7] : e2m1[q & 7]};
	}
}

/* Two bits of element i: 32 bytes hold 128 elements, the first 32 in the low
 * bits. */
static int pair(const uint8_t *p, uint32_t i)
{
	return p[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
}

/* Four bits: 32 bytes hold 64 elements, the first 32 in the low nibbles. */
static int nibble_k(const uint8_t *p, uint32_t i)
{
	return p[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
}

static struct element q4_k_or_q5_k(uint32_t dtype, const uint8_t *b, uint32_t i)
{
	const uint8_t *s = b + 4;
	uint32_t j = i / 32;
	int scale = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
	int min = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | s[j] >> 6 << 4;
	int q = dtype == ZINC_Q4_K ? nibble_k(b + 16, i)
	                           : nibble_k(b + 48, i) | (b[16 + i % 32] >> j & 1) << 4;

	return (struct element){half_at(b) * scale, half_at(b + 2) * min, q};
}

static struct element q3_k(const uint8_t *b, uint32_t i)
{
	const uint8_t *s = b + 96;
	uint32_t j = i / 16;
	int low = j < 8 ? s[j] & 15 : s[j - 8] >> 4, high = s[8 + j % 4] >> j / 4 * 2 & 3;
	int third = b[i % 32] >> i / 32 & 1;

	return (struct element){half_at(b + 108) * ((low | high << 4) - 32), 0,
	                        pair(b + 32, i) - (third ? 0 : 4)};
}

static struct element large_block(uint32_t dtype, const uint8_t *b, uint32_t i)
{
	uint32_t in_half = i % 128, j = i / 32;
	int q, s;

	switch (dtype) {
	case ZINC_Q2_K:
		return (struct element){half_at(b + 80) * (b[i / 16] & 15),
		                        half_at(b + 82) * (b[i / 16] >> 4), pair(b + 16, i)};
	case ZINC_Q3_K: return q3_k(b, i);
	case ZINC_Q6_K:
		q = b[i / 128 * 64 + in_half % 64] >> in_half / 64 * 4 & 15;
		q |= pair(b + 128, i) << 4;
		return (struct element){half_at(b + 208) * (int8_t)b[192 + i / 16], 0, q - 32};
	case ZINC_IQ4_XS:
		s = (b[4 + j / 2] >> j % 2 * 4 & 15) | (int)(u16_at(b + 2) >> j * 2 & 3) << 4;
		return (struct element){half_at(b) * (s - 32), 0,
		                        iq4[nibble(b + 8 + j * 16, i % 32)]};
	default: return q4_k_or_q5_k(dtype, b, i);
	}
}

static double plain(uint32_t dtype, const uint8_t *p, uint64_t i)
{
	uint32_t bits;
	int32_t integer;
	float f;

	if (dtype == ZINC_U8)
		return p[i];
	if (dtype == ZINC_F16)
		return half_at(p + 2 * i);
	if (dtype == ZINC_I32) {
		memcpy(&integer, p + 4 * i, sizeof(integer));
		return integer;
	}
	if (dtype == ZINC_BF16)
		bits = u16_at(p + 2 * i) << 16;
	else
		memcpy(&bits, p + 4 * i, sizeof(bits));
	memcpy(&f, &bits, sizeof(f));
	return f;
}

void num_decode(uint32_t dtype, const void *src, uint64_t n, double *value, double *min)
{
	uint32_t elems = num_block(dtype), bytes = num_block_bytes(dtype);
	const uint8_t *p = src;

	for (uint64_t i = 0; i < n; i++) {
		const uint8_t *block = p + i / elems * bytes;
		uint32_t at = (uint32_t)(i % elems);
		struct element e = {1, 0, 0};

		if (elems > 1)
			e = elems == 32 ? small_block(dtype, block, at)
			                : large_block(dtype, block, at);
		value[i] = elems == 1 ? plain(dtype, p, i) : e.scale * e.quant - e.min;
		if (min)
			min[i] = e.min;
	}
}

static unsigned to_bf16(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof(u));
	if (f != f)
		return u >> 16 | 0x40;
	return (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

/* The candidates around x are multiples of a power of two; nearbyint() takes
 * the even one of two. */
static unsigned to_half(float f)
{
	unsigned sign = signbit(f) ? 0x8000 : 0;
	double a = fabs((double)f), m;
	int e;

	if (f != f)
		return sign | 0x7e00;
	if (a >= 65520)
		return sign | 0x7c00;
	frexp(a, &e);
	e = a < ldexp(1, -14) ? -14 : e - 1;
	m = nearbyint(ldexp(a, 10 - e));
	/* m == 2048 carries into the exponent by itself. */
	return sign | (m < 1024 ? (unsigned)m : (unsigned)(e + 14) * 1024 + (unsigned)m);
}

static void encode_q8_0(const float *x, uint8_t *dst)
{
	float top = 0;
	unsigned h;
	double d;

	for (int i = 0; i < 32; i++)
		top = fmaxf(top, fabsf(x[i]));
	d = (double)top / 127;
	h = to_half((float)d);
	dst[0] = (uint8_t)h;
	dst[1] = (uint8_t)(h >> 8);
	for (int i = 0; i < 32; i++)
		dst[2 + i] = d > 0 ? (uint8_t)(int8_t)nearbyint(x[i] / d) : 0;
}

void num_encode(uint32_t dtype, const float *src, uint64_t n, void *dst)
{
	uint8_t *p = dst;

	if (dtype == ZINC_F32)
		memcpy(dst, src, n * sizeof(float));
	for (uint64_t i = 0; i < n && (dtype == ZINC_F16 || dtype == ZINC_BF16); i++) {
		unsigned h = dtype == ZINC_F16 ? to_half(src[i]) : to_bf16(src[i]);

		p[2 * i] = (uint8_t)h;
		p[2 * i + 1] = (uint8_t)(h >> 8);
	}
	for (uint64_t i = 0; i < n && dtype == ZINC_Q8_0; i += 32)
		encode_q8_0(src + i, p + i / 32 * 34);
}

float num_round(uint32_t dtype, float x)
{
	uint8_t bytes[4] = {0};
	double v;

	num_encode(dtype, &x, 1, bytes);
	num_decode(dtype, bytes, 1, &v, NULL);
	return (float)v;
}
