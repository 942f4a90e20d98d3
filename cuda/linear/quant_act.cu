/* quant_act.cu - activations to the layouts that dmmv and mmq read (layout.h). */
#include "kernel.cuh"

#include "act.cuh"

/* Row r of the op: where it is read. */
__device__ static __forceinline__ const float *act_source(const struct ada_quant_act_args &a,
                                                          uint32_t r)
{
	if (a.x.ne2 == 1)
		return ada_at<const float>(a.x, 0, r);
	return ada_at<const float>(a.x, 0, r % a.per_token, r / a.per_token);
}

/* grid: (pieces of ADA_ACT_LANE elements a thread, rows). A warp quantises 8
 * blocks of 32. */
ADA_KERNEL(quant_act_q8, struct ada_quant_act_args, 128, 8)
{
	uint32_t k = (blockIdx.x * blockDim.x + threadIdx.x) * ADA_ACT_LANE, n = a.x.ne0;

	ada_wait_inputs();
	ada_release_next();
	uint32_t rows = ada_live(a.params, a.n) * a.per_token;

	for (uint32_t r = blockIdx.y; r < rows; r += gridDim.y) {
		const float *x = act_source(a, r);
		struct ada_act_part p =
		        ada_act_quantise(ada_act_load(x, k, n), ada_act_load(x, k + 4, n));
		uint64_t y = a.y + r * a.row_bytes;

		if (k >= n)
			continue;
		*reinterpret_cast<uint2 *>(y + k) = p.q;
		if (k % 32 == 0)
			*reinterpret_cast<float2 *>(y + ada_act_q8_factors(n) + k / 32 * 8) =
			        make_float2(p.d, p.ds);
	}
}

/* The same grid. Rows are padded with zeros to a multiple of 16 bytes. */
ADA_KERNEL(quant_act_f16, struct ada_quant_act_args, 128, 8)
{
	uint32_t k = (blockIdx.x * blockDim.x + threadIdx.x) * ADA_ACT_LANE, n = a.x.ne0;
	const float shrink = 1.0f / ADA_ACT_F16_SCALE;

	ada_wait_inputs();
	ada_release_next();
	uint32_t rows = ada_live(a.params, a.n) * a.per_token;

	if (2 * k >= a.row_bytes)
		return;
	for (uint32_t r = blockIdx.y; r < rows; r += gridDim.y) {
		const float *x = act_source(a, r);
		float4 v = ada_act_load(x, k, n), w = ada_act_load(x, k + 4, n);

		*reinterpret_cast<uint4 *>(a.y + r * a.row_bytes + 2 * k) =
		        make_uint4(ada_f16x2(v.x * shrink, v.y * shrink),
		                   ada_f16x2(v.z * shrink, v.w * shrink),
		                   ada_f16x2(w.x * shrink, w.y * shrink),
		                   ada_f16x2(w.z * shrink, w.w * shrink));
	}
}
