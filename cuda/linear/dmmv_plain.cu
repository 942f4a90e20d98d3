/* dmmv_plain.cu - products for few columns, class F32: weights of 16 or 32 bits,
 * and, exactly but slowly, of every other type and layout. */
#include "dmmv.cuh"
#include "element.cuh"

DMMV_KERNELS(f32, dmmv_f32<ADA_F32>, 4, 4, 2)
DMMV_KERNELS(f16, dmmv_f32<ADA_F16>, 4, 4, 2)
DMMV_KERNELS(bf16, dmmv_f32<ADA_BF16>, 4, 4, 2)

static constexpr uint32_t EXACT_COLS = 8;

/* Row `m` times the columns of a cell: lane i of a warp has the elements i, i + 32
 * and so on, each dequantised by itself. */
__device__ static __forceinline__ void exact_row(const struct ada_dmmv_args &a,
                                                 const struct dmmv_cell &cell, const uint8_t *row,
                                                 float acc[EXACT_COLS])
{
	for (uint32_t k = threadIdx.x % 32; k < a.w.ne0; k += 32) {
		float w = ada_weight_f32(a.type, a.layout, a.row, row, k);

#pragma unroll
		for (uint32_t c = 0; c < EXACT_COLS; c++)
			if (c < cell.n_cols)
				acc[c] = fmaf(w, reinterpret_cast<const float *>(
				                         dmmv_x_row(a, cell.token + c, cell.slot))[k],
				              acc[c]);
	}
#pragma unroll
	for (uint32_t c = 0; c < EXACT_COLS; c++)
		acc[c] = ada_warp_sum(acc[c]);
}

/* A warp takes a row, and the same row of G. */
ADA_KERNEL(dmmv_exact, struct ada_dmmv_args, DMMV_THREADS, 2)
{
	uint32_t warps = blockDim.x / 32, warp = blockIdx.x * warps + threadIdx.x / 32;

	ada_wait_inputs();
	ada_release_next();
	struct dmmv_cell cell = dmmv_cell_of(a, ada_live(a.params, a.n), EXACT_COLS);
	if (!cell.n_cols)
		return;
	for (uint32_t m = warp; m < a.w.ne1; m += gridDim.x * warps) {
		float acc[EXACT_COLS] = {}, gate[EXACT_COLS] = {};
		const uint8_t *g = reinterpret_cast<const uint8_t *>(a.gate + m * a.gate_nb1 +
		                                                     cell.expert * a.gate_nb2);

		exact_row(a, cell, ada_at<const uint8_t>(a.w, 0, m, cell.expert), acc);
		if (a.gate)
			exact_row(a, cell, g, gate);
#pragma unroll
		for (uint32_t c = 0; c < EXACT_COLS; c++)
			if (c < cell.n_cols && threadIdx.x % 32 == c)
				ada_linear_store(a, a.y.p, cell.token + c, cell.slot, m, acc[c], gate[c]);
	}
}
