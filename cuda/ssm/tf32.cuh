/* tf32.cuh - matrix products of F32 quality on tensor cores: each operand is the
 * sum of two TF32 numbers, and of the four products the three that count are
 * added up (Ootomo and Yokota, 2022).
 *
 * Within a group of 16 indices of the inner dimension lane t (of the four beside
 * each other) holds the neighbours 4t .. 4t+3 of both operands, so that it can
 * load them as one quad; what the hardware takes for indices (t, t + 4) of a
 * product of depth 8 are (4t, 4t + 1), then (4t + 2, 4t + 3). */
#ifndef ADA_SSM_TF32_CUH
#define ADA_SSM_TF32_CUH

#include "ptx.cuh"

static constexpr uint32_t TF32_MASK = 0xffffe000u;

/* high is x rounded to TF32, low what is missing. A NaN ends up in low. */
__device__ static __forceinline__ void tf32_split(float x, uint32_t &high, uint32_t &low)
{
	high = (__float_as_uint(x) + 0x1000u) & TF32_MASK;
	low = __float_as_uint(x - __uint_as_float(high)) & TF32_MASK;
}

/* Four inner indices of 16 rows: this lane's rows g and g + 8. */
struct tf32_a {
	uint32_t high[2][4], low[2][4]; /* [product][register] */
};

__device__ static __forceinline__ void tf32_load_a(struct tf32_a &a, float4 top, float4 bottom)
{
	tf32_split(top.x, a.high[0][0], a.low[0][0]);
	tf32_split(bottom.x, a.high[0][1], a.low[0][1]);
	tf32_split(top.y, a.high[0][2], a.low[0][2]);
	tf32_split(bottom.y, a.high[0][3], a.low[0][3]);
	tf32_split(top.z, a.high[1][0], a.low[1][0]);
	tf32_split(bottom.z, a.high[1][1], a.low[1][1]);
	tf32_split(top.w, a.high[1][2], a.low[1][2]);
	tf32_split(bottom.w, a.high[1][3], a.low[1][3]);
}

/* Four inner indices of 8 columns: this lane's column g. */
struct tf32_b {
	uint32_t high[2][2], low[2][2];
};

__device__ static __forceinline__ void tf32_load_b(struct tf32_b &b, float4 v)
{
	tf32_split(v.x, b.high[0][0], b.low[0][0]);
	tf32_split(v.y, b.high[0][1], b.low[0][1]);
	tf32_split(v.z, b.high[1][0], b.low[1][0]);
	tf32_split(v.w, b.high[1][1], b.low[1][1]);
}

/* c += a b over 16 inner indices; the small products first. */
__device__ static __forceinline__ void tf32_mma(float c[4], const struct tf32_a &a,
                                                const struct tf32_b &b)
{
#pragma unroll
	for (int i = 0; i < 2; i++) {
		ada_mma_tf32(c, a.low[i], b.high[i]);
		ada_mma_tf32(c, a.high[i], b.low[i]);
		ada_mma_tf32(c, a.high[i], b.high[i]);
	}
}

#endif
