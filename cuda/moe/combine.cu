/* combine.cu - adding up what the experts gave, with the shared expert and the
 * residual. Grids are [quads, tokens]. */
#include "moe/args.h"
#include "rows/rows.cuh"

__device__ static __forceinline__ float4 add_scaled(float4 y, float w, float4 x)
{
	return make_float4(fmaf(w, x.x, y.x), fmaf(w, x.y, y.y), fmaf(w, x.z, y.z),
	                   fmaf(w, x.w, y.w));
}

ADA_KERNEL(moe_combine, struct ada_combine_args, 256, 4)
{
	const uint32_t at = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
	const uint32_t left = ada_left(a.lanes, at);
	const bool vec = a.vec;

	ada_wait_inputs();
	ada_release_next();
	/* as ada_row_count() */
	const uint32_t n = a.n.imm == 1 ? 1 : ada_live(a.params, a.n);
	if (left == 0)
		return;
	for (uint32_t t = blockIdx.y * blockDim.y + threadIdx.y; t < n;
	     t += gridDim.y * blockDim.y) {
		const float *w = ada_at<float>(a.weights, 0, t);
		float4 y = make_float4(0.0f, 0.0f, 0.0f, 0.0f);

#pragma unroll 8
		for (uint32_t s = 0; s < a.k; s++)
			y = add_scaled(y, w[s],
			               ada_load_quad(ada_at<float>(a.x, at, s, t), left, vec));
		if (a.shared.p) {
			float gate = 1.0f;

			if (a.shared_gate.p)
				gate = ada_sigmoid(*ada_at<float>(a.shared_gate, 0, t));
			y = add_scaled(y, gate,
			               ada_load_quad(ada_at<float>(a.shared, at, t), left, vec));
		}
		if (a.residual.p)
			y = add_scaled(y, 1.0f,
			               ada_load_quad(ada_at<float>(a.residual, at, t), left, vec));
		ada_store_quad(ada_at<float>(a.y, at, t), left, vec, y);
	}
}
