/* act.cuh - activations to 8 bits: d = max|x| / 127 per block of 32, rounded to
 * nearest. quant_act and the products that quantise for themselves share it, so
 * that both give the same bits. A lane takes 8 elements, 4 lanes a block. */
#ifndef ADA_LINEAR_ACT_CUH
#define ADA_LINEAR_ACT_CUH

#include "linear/args.h"
#include "num.cuh"

static constexpr uint32_t ADA_ACT_LANE = 8; /* elements */

struct ada_act_part {
	uint2 q;     /* 8 int8 */
	float d, ds; /* of the block: scale, and scale times the sum of its q */
};

/* Elements k .. k + 3 of a row of F32; zeros past its end. */
__device__ static __forceinline__ float4 ada_act_load(const float *x, uint32_t k, uint32_t n)
{
	float4 v = make_float4(0, 0, 0, 0);

	if (k + 4 <= n && !(reinterpret_cast<uint64_t>(x) & 15)) {
		v = *reinterpret_cast<const float4 *>(x + k);
	} else {
		if (k < n)
			v.x = x[k];
		if (k + 1 < n)
			v.y = x[k + 1];
		if (k + 2 < n)
			v.z = x[k + 2];
		if (k + 3 < n)
			v.w = x[k + 3];
	}
	return v;
}

/* Sizes are compared as integers: the order is the same, and a NaN is the largest. */
__device__ static __forceinline__ uint32_t ada_act_size(float4 v)
{
	uint32_t a = __float_as_uint(v.x) & 0x7fffffff, b = __float_as_uint(v.y) & 0x7fffffff;
	uint32_t c = __float_as_uint(v.z) & 0x7fffffff, d = __float_as_uint(v.w) & 0x7fffffff;

	return max(max(a, b), max(c, d));
}

/* Rounded to an integer in the low bits, as 1.5 * 2^23 has no room for more. */
__device__ static __forceinline__ uint32_t ada_act_round(float x, float inverse)
{
	return __float_as_uint(__fadd_rn(__fmul_rn(x, inverse), 12582912.0f));
}

__device__ static __forceinline__ uint32_t ada_act_round4(float4 v, float inverse)
{
	uint32_t low = __byte_perm(ada_act_round(v.x, inverse), ada_act_round(v.y, inverse), 0x0040);
	uint32_t high = __byte_perm(ada_act_round(v.z, inverse), ada_act_round(v.w, inverse), 0x0040);

	return inverse > 0.0f ? __byte_perm(low, high, 0x5410) : 0;
}

/* All lanes of the warp call it, each 4 with the parts of one block. A block with
 * an infinity or a NaN becomes NaN as a whole; one with nothing above 1e-30 is 0. */
__device__ static __forceinline__ struct ada_act_part ada_act_quantise(float4 v, float4 w)
{
	uint32_t size = max(ada_act_size(v), ada_act_size(w));
	float amax, inverse = 0.0f;
	struct ada_act_part p;
	int32_t sum;

	size = max(size, __shfl_xor_sync(ADA_FULL_WARP, size, 1));
	size = max(size, __shfl_xor_sync(ADA_FULL_WARP, size, 2));
	amax = __uint_as_float(size);
	if (!(amax <= 3.4e38f))
		amax = __uint_as_float(0x7fc00000);
	else if (amax < 1e-30f)
		amax = 0.0f;
	else
		inverse = __fdiv_rn(127.0f, amax);
	p.d = __fdiv_rn(amax, 127.0f);
	p.q = make_uint2(ada_act_round4(v, inverse), ada_act_round4(w, inverse));
	sum = __dp4a((int32_t)p.q.x, 0x01010101, __dp4a((int32_t)p.q.y, 0x01010101, 0));
	sum += __shfl_xor_sync(ADA_FULL_WARP, sum, 1);
	sum += __shfl_xor_sync(ADA_FULL_WARP, sum, 2);
	p.ds = __fmul_rn(p.d, (float)sum);
	return p;
}

#endif
