/* mmq_f32.cu - y = W x for many columns of F32 weights and activations, on tensor
 * cores of TF32.
 *
 * A number is split into its upper 11 bits and the rest, both TF32, and a product
 * into three: what is left out is below one part in 2^21. The tensor cores round
 * their sums towards zero, so the sums of each span of K are added up outside.
 *
 * A warp has 32 rows and all 64 columns. As in mmq_f16.cuh the order of K is free:
 * in a step of 16 elements, thread t of a row's four has 4 t .. 4 t + 3, two for
 * each of two products. Weights go from global memory straight to registers, two
 * steps ahead (of about 100 products each); activations by cp.async, 3 spans deep.
 *
 * Registers: 64 of sums, 64 of the span's, 32 of weights; 2 blocks to a
 * multiprocessor. Shared memory: 3 times 32 KiB. */
#include "mmq_tile.cuh"

static constexpr uint32_t F32_COLS = 64, F32_STAGES = 3, F32_STEPS = 8, F32_AHEAD = 2;
static constexpr uint32_t F32_COL_BYTES = 4 * MMQ_SPAN, F32_STAGE_BYTES = F32_COLS * F32_COL_BYTES;

/* Four elements of each of the thread's rows for each of the next steps. */
struct f32_rows {
	struct mmq_place at;
	uint4 w[4][F32_AHEAD];
};

struct f32_split {
	uint32_t high[4], low[4];
};

__device__ static __forceinline__ struct f32_split f32_split_up(const uint4 &v)
{
	const uint32_t bits[4] = {v.x, v.y, v.z, v.w};
	struct f32_split s;

#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
		s.high[i] = (bits[i] + 0x1000) & 0xffffe000;
		s.low[i] = __float_as_uint(__uint_as_float(bits[i]) - __uint_as_float(s.high[i]));
	}
	return s;
}

__device__ static __forceinline__ uint4 f32_load(const struct f32_rows &r, uint32_t i, uint32_t k,
                                                 uint32_t end)
{
	return k < end ? ada_load_stream(mmq_row(r.at, i) + 4ull * k) : make_uint4(0, 0, 0, 0);
}

/* Where the 16 bytes `chunk` of a column lie: see mmq_f16.cuh. */
__device__ static __forceinline__ uint32_t f32_place(uint32_t chunk, uint32_t col)
{
	return (chunk ^ (col & 1) << 2) * 16;
}

__device__ static __forceinline__ void f32_fetch(const struct ada_mmq_args &a, uint8_t *stage,
                                                 const struct mmq_tile &tile,
                                                 const struct mmq_columns &cols, uint32_t span)
{
	const uint8_t *x = reinterpret_cast<const uint8_t *>(a.x.p);
	uint32_t chunk = threadIdx.x % 32, col = threadIdx.x / 32, k = span * MMQ_SPAN + chunk * 4;

#pragma unroll
	for (uint32_t i = 0; i < F32_COLS / 4; i++, col += 4) {
		bool inside = col < tile.n_cols && k < a.k;

		ada_cp_async16(stage + col * F32_COL_BYTES + f32_place(chunk, col),
		               inside ? x + cols.x_at[col] + 4ull * k : x, inside);
	}
}

/* sums += the products of 16 elements. */
__device__ static __forceinline__ void f32_step(float sums[2][F32_COLS / 8][4],
                                                const uint4 w[4],
                                                const uint8_t *x)
{
	/* [tile of 16 rows][product][a0 .. a3] */
	uint32_t high[2][2][4], low[2][2][4];

#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
		struct f32_split s = f32_split_up(w[i]);
#pragma unroll
		for (uint32_t e = 0; e < 4; e++) {
			high[i / 2][e / 2][i % 2 + e % 2 * 2] = s.high[e];
			low[i / 2][e / 2][i % 2 + e % 2 * 2] = s.low[e];
		}
	}
#pragma unroll
	for (uint32_t j = 0; j < F32_COLS / 8; j++) {
		struct f32_split s = f32_split_up(
			*reinterpret_cast<const uint4 *>(x + j * 8 * F32_COL_BYTES));
#pragma unroll
		for (uint32_t p = 0; p < 2; p++)
#pragma unroll
			for (uint32_t i = 0; i < 2; i++) {
				ada_mma_tf32(sums[i][j], low[i][p], s.high + 2 * p);
				ada_mma_tf32(sums[i][j], high[i][p], s.low + 2 * p);
				ada_mma_tf32(sums[i][j], high[i][p], s.high + 2 * p);
			}
	}
}

__device__ static __forceinline__ void f32_span(struct f32_rows &r, float sums[2][F32_COLS / 8][4],
                                                const uint8_t *stage, uint32_t span, uint32_t end)
{
	uint32_t lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
	float mine[2][F32_COLS / 8][4] = {};

#pragma unroll
	for (uint32_t step = 0; step < F32_STEPS; step++) {
		uint32_t k = span * MMQ_SPAN + 16 * step + 4 * t + 16 * F32_AHEAD;
		uint4 w[4];

#pragma unroll
		for (uint32_t i = 0; i < 4; i++) {
			w[i] = r.w[i][step % F32_AHEAD];
			r.w[i][step % F32_AHEAD] = f32_load(r, i, k, end);
		}
		f32_step(mine, w, stage + g * F32_COL_BYTES + f32_place(4 * step + t, g));
	}
#pragma unroll
	for (uint32_t i = 0; i < F32_COLS; i++)
		sums[i / 32][i / 4 % 8][i % 4] += mine[i / 32][i / 4 % 8][i % 4];
}

__device__ static __forceinline__ void f32_begin(const struct ada_mmq_args &a,
                                                 const struct mmq_tile &tile, struct f32_rows &r,
                                                 uint32_t end)
{
	uint32_t k = tile.span * MMQ_SPAN + threadIdx.x % 4 * 4;

	mmq_place_rows(a, tile, r.at);
#pragma unroll
	for (uint32_t i = 0; i < 4 * F32_AHEAD; i++)
		r.w[i % 4][i / 4] = f32_load(r, i % 4, k + i / 4 * 16, end);
}

__device__ static __forceinline__ void f32_run(const struct ada_mmq_args &a,
                                               const struct mmq_tile &tile,
                                               const struct mmq_columns &cols, uint8_t *stages)
{
	/* What lies past the piece is not for this block. */
	uint32_t end = tile.end * MMQ_SPAN < a.k ? tile.end * MMQ_SPAN : a.k, stage = 0;
	float sums[2][F32_COLS / 8][4] = {};
	struct f32_rows r;

	f32_begin(a, tile, r, end);
	ada_wait_inputs();
	mmq_place_columns(a, tile, cols);
	__syncthreads();
	for (uint32_t i = 0; i < F32_STAGES - 1; i++) {
		if (tile.span + i < tile.end)
			f32_fetch(a, stages + i * F32_STAGE_BYTES, tile, cols, tile.span + i);
		ada_cp_async_commit();
	}
	for (uint32_t span = tile.span; span < tile.end; span++) {
		ada_cp_async_wait<F32_STAGES - 2>();
		__syncthreads();
		if (span + F32_STAGES - 1 < tile.end)
			f32_fetch(a, stages + (stage ? stage - 1 : F32_STAGES - 1) * F32_STAGE_BYTES,
			          tile, cols, span + F32_STAGES - 1);
		ada_cp_async_commit();
		f32_span(r, sums, stages + stage * F32_STAGE_BYTES, span, end);
		stage = stage + 1 == F32_STAGES ? 0 : stage + 1;
	}
	mmq_put<F32_COLS>(a, tile.n_cols, cols, stages, sums);
}

ADA_KERNEL(mmq_f32_64, struct ada_mmq_args, MMQ_THREADS, 2)
{
	ADA_DYN_SHARED(uint8_t, stages);

	mmq_each_piece<F32_COLS>(
		a, [&](const struct mmq_tile &tile, const struct mmq_columns &cols) {
			f32_run(a, tile, cols, stages);
		});
}
