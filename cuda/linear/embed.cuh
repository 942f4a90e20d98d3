/* embed.cuh - what embed's kernels do with a row once it is found. */
#ifndef ADA_LINEAR_EMBED_CUH
#define ADA_LINEAR_EMBED_CUH

#include "kernel.cuh"

#include "linear/args.h"
#include "element.cuh"

/* ADA_EMBED_LANES lanes of row `row` of y, neighbours by neighbouring threads, from the
 * bytes at `from`; zeros if the id was none of the table's. One decoded token is a single
 * row, so its lanes go to several blocks and each thread has four loads under way. */
__device__ static __forceinline__ void embed_row(const struct ada_embed_args &a, uint32_t layout,
                                                 const uint8_t *from, uint32_t row, bool inside)
{
	uint32_t first = blockIdx.y * ADA_EMBED_LANES + threadIdx.x;
	float *y = ada_at<float>(a.y, 0, row);
	float v[ADA_EMBED_LANES / 256];

#pragma unroll
	for (uint32_t i = 0; i < ADA_EMBED_LANES / 256; i++) {
		uint32_t k = first + 256 * i;

		v[i] = inside && k < a.table.ne0 ? ada_weight_f32(a.type, layout, a.row, from, k)
		                                 : 0.0f;
	}
#pragma unroll
	for (uint32_t i = 0; i < ADA_EMBED_LANES / 256; i++) {
		uint32_t k = first + 256 * i;

		if (k < a.table.ne0)
			y[k] = inside ? __fmul_rn(v[i], a.scale) : 0.0f;
	}
}

#endif
