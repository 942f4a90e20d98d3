/* num.cuh - conversions between F32 and the 16-bit types, packed pairs.
 *
 * 16-bit values travel as uint16_t, pairs as uint32_t with the lower index in
 * the lower half. */
#ifndef ADA_NUM_CUH
#define ADA_NUM_CUH

#include "kernel.cuh"

#ifndef ADA_EMU
#include <cuda_bf16.h>
#include <cuda_fp16.h>

__device__ static __forceinline__ float ada_f16_to_f32(uint16_t h)
{
	return __half2float(__ushort_as_half(h));
}

__device__ static __forceinline__ uint16_t ada_f32_to_f16(float x)
{
	return __half_as_ushort(__float2half_rn(x));
}

__device__ static __forceinline__ float ada_bf16_to_f32(uint16_t h)
{
	return __uint_as_float((uint32_t)h << 16);
}

__device__ static __forceinline__ uint16_t ada_f32_to_bf16(float x)
{
	return __bfloat16_as_ushort(__float2bfloat16_rn(x));
}

/* Two at once: lo in the lower half. */
__device__ static __forceinline__ uint32_t ada_f16x2(float lo, float hi)
{
	__half2 h = __floats2half2_rn(lo, hi);
	return *reinterpret_cast<uint32_t *>(&h);
}

__device__ static __forceinline__ uint32_t ada_bf16x2(float lo, float hi)
{
	__nv_bfloat162 h = __floats2bfloat162_rn(lo, hi);
	return *reinterpret_cast<uint32_t *>(&h);
}

__device__ static __forceinline__ float2 ada_f16x2_to_f32(uint32_t h)
{
	return __half22float2(*reinterpret_cast<__half2 *>(&h));
}

/* a * b + c on F16 pairs, each rounded once. */
__device__ static __forceinline__ uint32_t ada_f16x2_fma(uint32_t a, uint32_t b, uint32_t c)
{
	__half2 r = __hfma2(*reinterpret_cast<__half2 *>(&a), *reinterpret_cast<__half2 *>(&b),
	                    *reinterpret_cast<__half2 *>(&c));
	return *reinterpret_cast<uint32_t *>(&r);
}

/* 2^x to a few units in the last place; what would be below 2^-126 is 0. */
__device__ static __forceinline__ float ada_exp2(float x)
{
	float y;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
	return y;
}

#endif /* ADA_EMU */
#endif
