/* argmax.cu - the best of each row: parts of it by a block each, then the parts'
 * bests by one. Grids are [rows, parts]. */
#include "out/args.h"
#include "out/keys.cuh"

ADA_KERNEL(argmax_part, struct ada_top_args, 256, 4)
{
	const uint32_t first = blockIdx.y * a.part;
	uint64_t best = 0;

	ada_wait_inputs();
	ada_release_next();
	if (blockIdx.x >= ada_live(a.params, a.n))
		return;
	const float *x = ada_at<float>(a.x, 0, blockIdx.x);
	uint32_t end = a.lanes - first < a.part ? a.lanes : first + a.part;
#pragma unroll 4
	for (uint32_t i = first + threadIdx.x; i < end; i += 256)
		best = out_max(best, out_key(x[i], i));
	best = out_block_max<256>(best);
	if (threadIdx.x)
		return;
	if (a.to)
		reinterpret_cast<uint64_t *>(a.to)[blockIdx.x * gridDim.y + blockIdx.y] = best;
	else
		*ada_at<int32_t>(a.ids, blockIdx.x) = (int32_t)out_index(best);
}

ADA_KERNEL(argmax_last, struct ada_top_args, 128, 8)
{
	uint64_t best = 0;

	ada_wait_inputs();
	ada_release_next();
	if (blockIdx.x >= ada_live(a.params, a.n))
		return;
	const uint64_t *keys = reinterpret_cast<const uint64_t *>(a.from) +
	                       (uint64_t)blockIdx.x * a.lanes;
	for (uint32_t i = threadIdx.x; i < a.lanes; i += 128)
		best = out_max(best, keys[i]);
	best = out_block_max<128>(best);
	if (threadIdx.x == 0)
		*ada_at<int32_t>(a.ids, blockIdx.x) = (int32_t)out_index(best);
}
