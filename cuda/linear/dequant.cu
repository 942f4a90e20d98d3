/* dequant.cu - rows of weights to F16 (times ada_block's unit, see weights16.cuh), for
 * products of the vendor's library.
 *
 * A lane unpacks a block of 32; since rows lie densely in the result, the blocks of
 * a warp make 2 KiB of it in a row, which goes out through shared memory in whole
 * lines. */
#include "mmq_args.h"
#include "weights16.cuh"

static constexpr uint32_t DEQUANT_THREADS = 256;

/* 16 bytes `chunk` of a lane's 64, where neither writing nor reading meets a bank
 * twice. */
__device__ static __forceinline__ uint32_t dequant_place(uint32_t lane, uint32_t chunk)
{
	return lane * 4 + (chunk ^ (lane >> 1 & 3));
}

template <uint32_t TYPE>
__device__ static __forceinline__ void dequant_load(struct ada_block<TYPE> &w, const uint8_t *row,
                                                    uint32_t k, uint32_t block)
{
	if constexpr (ada_block<TYPE>::plain) {
#pragma unroll
		for (uint32_t i = 0; i < 4; i++)
			ada_set4(w.quants + 4 * i, ada_read<uint4>(row + 64ull * block + 16 * i));
	} else {
		ada_load_block(w, row, ada_row_layout(TYPE, k), block);
	}
}

template <uint32_t TYPE>
__device__ static __forceinline__ void dequant_unpack(const struct ada_block<TYPE> &w,
                                                      uint32_t block, uint4 *to, uint32_t lane)
{
#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
		float2 f = make_float2(0.0f, 0.0f);
		uint32_t low[2], high[2];

		if constexpr (!ada_block<TYPE>::plain)
			f = ada_block_factors(w, block, i / 2);
		f.x *= ADA_WEIGHT_UNIT;
		f.y *= ADA_WEIGHT_UNIT;
		ada_block_f16_once(w, 2 * i, f, low);
		ada_block_f16_once(w, 2 * i + 1, f, high);
		to[dequant_place(lane, i)] = make_uint4(low[0], low[1], high[0], high[1]);
	}
}

template <uint32_t TYPE>
__device__ static __forceinline__ void dequant(const struct ada_dequant_args &a)
{
	__shared__ __align__(16) uint4 lines[DEQUANT_THREADS * 4];
	uint32_t lane = threadIdx.x % 32, warp = threadIdx.x / 32;
	uint32_t per_row = a.k / 32, n = a.n_rows * per_row;
	uint32_t first = blockIdx.x * DEQUANT_THREADS + warp * 32, i = first + lane;
	uint4 *mine = lines + warp * 128, *to = reinterpret_cast<uint4 *>(a.to) + first * 4ull;
	struct ada_block<TYPE> w;

	ada_release_next();
	if (i < n) {
		dequant_load(w, ada_at<const uint8_t>(a.w, 0, i / per_row), a.k, i % per_row);
		dequant_unpack(w, i % per_row, mine, lane);
	}
	__syncwarp();
	ada_wait_inputs();
#pragma unroll
	for (uint32_t j = 0; j < 4; j++) {
		uint32_t chunk = j * 32 + lane;

		if (first + chunk / 4 < n)
			to[chunk] = mine[dequant_place(chunk / 4, chunk % 4)];
	}
}

#define DEQUANT(name, type)                                                                        \
	ADA_KERNEL(dequant_##name, struct ada_dequant_args, DEQUANT_THREADS, 4)                    \
	{                                                                                          \
		dequant<type>(a);                                                                  \
	}

DEQUANT(bf16, ADA_BF16)
DEQUANT(q8_0, ADA_Q8_0)
DEQUANT(q4_0, ADA_Q4_0)
DEQUANT(q4_1, ADA_Q4_1)
DEQUANT(q5_0, ADA_Q5_0)
DEQUANT(q5_1, ADA_Q5_1)
DEQUANT(q2_k, ADA_Q2_K)
DEQUANT(q3_k, ADA_Q3_K)
DEQUANT(q4_k, ADA_Q4_K)
DEQUANT(q5_k, ADA_Q5_K)
DEQUANT(q6_k, ADA_Q6_K)
DEQUANT(iq4_nl, ADA_IQ4_NL)
DEQUANT(iq4_xs, ADA_IQ4_XS)
DEQUANT(mxfp4, ADA_MXFP4)
