/* embed.cu - rows of a table by id, dequantised exactly and scaled. */
#include "kernel.cuh"

#include "linear/args.h"
#include "element.cuh"

/* Block (i, part): ADA_EMBED_LANES lanes of row i, neighbours by neighbouring
 * threads. One decoded token is a single row, so its lanes go to several blocks
 * and each thread has four loads under way. */
ADA_KERNEL(embed_rows, struct ada_embed_args, 256, 4)
{
	uint32_t row = blockIdx.x, first = blockIdx.y * ADA_EMBED_LANES + threadIdx.x;

	ada_wait_inputs();
	ada_release_next();
	if (row >= ada_live(a.params, a.n))
		return;
	uint32_t id = *ada_at<uint32_t>(a.ids, row);
	bool inside = id < a.table.ne1; /* negative ids are large */
	const uint8_t *from = reinterpret_cast<const uint8_t *>(a.table.p) +
	                      (inside ? id : 0) * a.table.nb1;
	float *y = ada_at<float>(a.y, 0, row);
	float v[ADA_EMBED_LANES / 256];

#pragma unroll
	for (uint32_t i = 0; i < ADA_EMBED_LANES / 256; i++) {
		uint32_t k = first + 256 * i;

		v[i] = inside && k < a.table.ne0 ? ada_weight_f32(a.type, a.layout, a.row, from, k)
		                                 : 0.0f;
	}
#pragma unroll
	for (uint32_t i = 0; i < ADA_EMBED_LANES / 256; i++) {
		uint32_t k = first + 256 * i;

		if (k < a.table.ne0)
			y[k] = inside ? __fmul_rn(v[i], a.scale) : 0.0f;
	}
}
