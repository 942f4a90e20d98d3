/* emu_num.h - arithmetic: CUDA's functions on numbers and bits, and those of
 * num.cuh. Rounding is that of the hardware where it is exact there; the fast
 * approximations (__expf and the like) are the accurate functions here. */
#ifndef EMU_NUM_H
#define EMU_NUM_H

#include "emu_half.h"

#define EMU_MIN_MAX(type)                                                                          \
	static inline type min(type a, type b)                                                     \
	{                                                                                          \
		return b < a ? b : a;                                                              \
	}                                                                                          \
	static inline type max(type a, type b)                                                     \
	{                                                                                          \
		return a < b ? b : a;                                                              \
	}

EMU_MIN_MAX(int)
EMU_MIN_MAX(unsigned)
EMU_MIN_MAX(long)
EMU_MIN_MAX(unsigned long)
EMU_MIN_MAX(long long)
EMU_MIN_MAX(unsigned long long)

/* As in CUDA: the number where the other is NaN, and unsigned where either is. */
#define EMU_MIN_MAX_MIXED(a_t, b_t, type)                                                          \
	static inline type min(a_t a, b_t b)                                                       \
	{                                                                                          \
		return min(static_cast<type>(a), static_cast<type>(b));                            \
	}                                                                                          \
	static inline type max(a_t a, b_t b)                                                       \
	{                                                                                          \
		return max(static_cast<type>(a), static_cast<type>(b));                            \
	}

EMU_MIN_MAX_MIXED(int, unsigned, unsigned)
EMU_MIN_MAX_MIXED(unsigned, int, unsigned)

static inline float min(float a, float b)
{
	return fminf(a, b);
}

static inline float max(float a, float b)
{
	return fmaxf(a, b);
}

static inline float rsqrtf(float x)
{
	return static_cast<float>(1 / sqrt(static_cast<double>(x)));
}

/* The C library has functions of these names to itself. */
#define __expf(x) expf(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __log10f(x) log10f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __tanf(x) tanf(x)
#define __powf(a, b) powf(a, b)
#define __sincosf(x, s, c) sincosf(x, s, c)

/* sin(pi x): the period is exact in binary. */
static inline float sinpif(float x)
{
	double turn = remainder(static_cast<double>(x), 2.0);

	return static_cast<float>(fabs(turn) == 1 ? 0 : sin(M_PI * turn));
}

static inline float cospif(float x)
{
	double turn = fabs(remainder(static_cast<double>(x), 2.0));

	return static_cast<float>(turn == 0.5 ? 0 : cos(M_PI * turn));
}

static inline void sincospif(float x, float *s, float *c)
{
	*s = sinpif(x);
	*c = cospif(x);
}

static inline float __fsqrt_rn(float x)
{
	return sqrtf(x);
}

static inline float __frsqrt_rn(float x)
{
	return rsqrtf(x);
}

static inline float __frcp_rn(float x)
{
	return 1 / x;
}

static inline float __fadd_rn(float a, float b)
{
	return a + b;
}

static inline float __fsub_rn(float a, float b)
{
	return a - b;
}

static inline float __fmul_rn(float a, float b)
{
	return a * b;
}

static inline float __fdiv_rn(float a, float b)
{
	return a / b;
}

static inline float __fdividef(float a, float b)
{
	return a / b;
}

static inline float fdividef(float a, float b)
{
	return a / b;
}

static inline float __fmaf_rn(float a, float b, float c)
{
	return fmaf(a, b, c);
}

static inline float __saturatef(float x)
{
	return x > 0 ? (x < 1 ? x : 1) : 0;
}

/* Conversions saturate and make 0 of NaN. */
static inline int __float2int_rn(float x)
{
	double r = rint(static_cast<double>(x));

	return r != r ? 0 : r >= INT_MAX ? INT_MAX : r <= INT_MIN ? INT_MIN : static_cast<int>(r);
}

static inline int __float2int_rz(float x)
{
	return __float2int_rn(truncf(x));
}

static inline int __float2int_rd(float x)
{
	return __float2int_rn(floorf(x));
}

static inline int __float2int_ru(float x)
{
	return __float2int_rn(ceilf(x));
}

static inline unsigned __float2uint_rn(float x)
{
	double r = rint(static_cast<double>(x));

	return !(r > 0) ? 0 : r >= UINT_MAX ? UINT_MAX : static_cast<unsigned>(r);
}

static inline unsigned __float2uint_rz(float x)
{
	return __float2uint_rn(truncf(x));
}

static inline float __int2float_rn(int x)
{
	return static_cast<float>(x);
}

static inline float __uint2float_rn(unsigned x)
{
	return static_cast<float>(x);
}

/* Of bits. */

static inline int __popc(uint32_t x)
{
	return __builtin_popcount(x);
}

static inline int __popcll(unsigned long long x)
{
	return __builtin_popcountll(x);
}

static inline int __clz(int x)
{
	return x ? __builtin_clz(static_cast<unsigned>(x)) : 32;
}

static inline int __clzll(long long x)
{
	return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64;
}

static inline int __ffs(int x)
{
	return __builtin_ffs(x);
}

static inline int __ffsll(long long x)
{
	return __builtin_ffsll(x);
}

static inline uint32_t __brev(uint32_t x)
{
	uint32_t r = 0;

	for (int i = 0; i < 32; i++)
		r |= (x >> i & 1) << (31 - i);
	return r;
}

static inline uint32_t __umulhi(uint32_t a, uint32_t b)
{
	return static_cast<uint32_t>((static_cast<uint64_t>(a) * b) >> 32);
}

static inline int __mulhi(int a, int b)
{
	return static_cast<int>((static_cast<int64_t>(a) * b) >> 32);
}

static inline uint32_t __byte_perm(uint32_t x, uint32_t y, uint32_t selector)
{
	const uint64_t from = static_cast<uint64_t>(y) << 32 | x;
	uint32_t r = 0;

	for (int i = 0; i < 4; i++)
		r |= static_cast<uint32_t>(from >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
	return r;
}

static inline uint32_t __funnelshift_l(uint32_t lo, uint32_t hi, uint32_t n)
{
	return static_cast<uint32_t>((static_cast<uint64_t>(hi) << 32 | lo) << (n & 31) >> 32);
}

static inline uint32_t __funnelshift_r(uint32_t lo, uint32_t hi, uint32_t n)
{
	return static_cast<uint32_t>((static_cast<uint64_t>(hi) << 32 | lo) >> (n & 31));
}

template <typename A, typename B, typename C> static inline C emu_dp4a(uint32_t a, uint32_t b, C c)
{
	uint32_t sum = static_cast<uint32_t>(c);

	for (int i = 0; i < 4; i++)
		sum += static_cast<uint32_t>(static_cast<A>(a >> 8 * i) * static_cast<B>(b >> 8 * i));
	return static_cast<C>(sum);
}

static inline int __dp4a(int a, int b, int c)
{
	return emu_dp4a<int8_t, int8_t>(static_cast<uint32_t>(a), static_cast<uint32_t>(b), c);
}

static inline unsigned __dp4a(unsigned a, unsigned b, unsigned c)
{
	return emu_dp4a<uint8_t, uint8_t>(a, b, c);
}

/* Byte by byte. */
template <typename T, typename F> static inline uint32_t emu_bytes(uint32_t a, uint32_t b, F f)
{
	uint32_t r = 0;

	for (int i = 0; i < 4; i++)
		r |= static_cast<uint32_t>(static_cast<uint8_t>(
		             f(static_cast<T>(a >> 8 * i), static_cast<T>(b >> 8 * i))))
		     << 8 * i;
	return r;
}

#define EMU_SIMD4(name, type, result)                                                              \
	static inline uint32_t name(uint32_t a, uint32_t b)                                        \
	{                                                                                          \
		return emu_bytes<type>(a, b, [](int x, int y) { return result; });                 \
	}

static inline int emu_clamp(int x, int lo, int hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

EMU_SIMD4(__vadd4, uint8_t, x + y)
EMU_SIMD4(__vsub4, uint8_t, x - y)
EMU_SIMD4(__vaddss4, int8_t, emu_clamp(x + y, -128, 127))
EMU_SIMD4(__vaddus4, uint8_t, emu_clamp(x + y, 0, 255))
EMU_SIMD4(__vsubss4, int8_t, emu_clamp(x - y, -128, 127))
EMU_SIMD4(__vsubus4, uint8_t, emu_clamp(x - y, 0, 255))
EMU_SIMD4(__vmaxs4, int8_t, x > y ? x : y)
EMU_SIMD4(__vmins4, int8_t, x < y ? x : y)
EMU_SIMD4(__vmaxu4, uint8_t, x > y ? x : y)
EMU_SIMD4(__vminu4, uint8_t, x < y ? x : y)
EMU_SIMD4(__vcmpeq4, uint8_t, x == y ? 0xff : 0)
EMU_SIMD4(__vcmpne4, uint8_t, x != y ? 0xff : 0)
EMU_SIMD4(__vcmpgts4, int8_t, x > y ? 0xff : 0)
EMU_SIMD4(__vcmpges4, int8_t, x >= y ? 0xff : 0)
EMU_SIMD4(__vcmplts4, int8_t, x < y ? 0xff : 0)
EMU_SIMD4(__vcmpgtu4, uint8_t, x > y ? 0xff : 0)
EMU_SIMD4(__vcmpgeu4, uint8_t, x >= y ? 0xff : 0)
EMU_SIMD4(__vcmpltu4, uint8_t, x < y ? 0xff : 0)

static inline uint32_t __vneg4(uint32_t a)
{
	return __vsub4(0, a);
}

/* num.cuh, the rest of it */

static inline uint32_t ada_f16x2(float lo, float hi)
{
	return static_cast<uint32_t>(ada_f32_to_f16(hi)) << 16 | ada_f32_to_f16(lo);
}

static inline uint32_t ada_bf16x2(float lo, float hi)
{
	return static_cast<uint32_t>(ada_f32_to_bf16(hi)) << 16 | ada_f32_to_bf16(lo);
}

static inline float2 ada_f16x2_to_f32(uint32_t h)
{
	return {ada_f16_to_f32(static_cast<uint16_t>(h)),
	        ada_f16_to_f32(static_cast<uint16_t>(h >> 16))};
}

/* The product of two F16 is exact in F32; the sum of it and a third fits double,
 * but for which rounding to F32 first could round twice. */
static inline uint16_t emu_f16_of_double(double x)
{
	float f = static_cast<float>(x);
	double error = x - static_cast<double>(f);
	uint32_t bits = __float_as_uint(f);

	/* Round to odd: a tie of the second rounding is then a real one. */
	if (error != 0 && f - f == 0 && !(bits & 1))
		f = __uint_as_float(bits + ((error > 0) == (f > 0) ? 1 : -1u));
	return ada_f32_to_f16(f);
}

static inline uint16_t emu_f16_fma(uint32_t a, uint32_t b, uint32_t c)
{
	double p = static_cast<double>(ada_f16_to_f32(static_cast<uint16_t>(a))) *
	           static_cast<double>(ada_f16_to_f32(static_cast<uint16_t>(b)));

	return emu_f16_of_double(p + static_cast<double>(ada_f16_to_f32(static_cast<uint16_t>(c))));
}

static inline uint32_t ada_f16x2_fma(uint32_t a, uint32_t b, uint32_t c)
{
	return static_cast<uint32_t>(emu_f16_fma(a >> 16, b >> 16, c >> 16)) << 16 |
	       emu_f16_fma(a, b, c);
}

static inline float ada_exp2(float x)
{
	float y = exp2f(x);

	return y < FLT_MIN ? 0 : y;
}

#endif
