/* mmq_f16.cuh - y = W x for many columns on F16 tensor cores, weights unpacked in
 * registers.
 *
 * A block of 4 warps has a tile of 128 rows times COLS columns; a warp has 32 rows
 * and all columns. So every weight is unpacked once per tile, straight into the
 * fragment that the thread feeds to the tensor core, and weights pass through no
 * shared memory. What makes this possible is that the order of K inside a product
 * is free if both sides agree. In a span of 128 elements, thread t of a row's four
 * takes the elements 32 t .. 32 t + 31, a whole block of quants with one set of
 * scales; of F16 and BF16 rows, whose 16 bytes are 8 elements, it takes the bytes
 * 64 i + 16 t. The 8 k-steps of 16 then take four elements of each thread.
 *
 * Activations come by cp.async, STAGES spans deep, 256 bytes a column, its 16-byte
 * chunks permuted so that the reads of a warp have no bank conflicts. Weights of
 * the next span are loaded to registers while this one is multiplied.
 *
 * Registers (acc: 2 * COLS / 2): COLS 128 leaves 2 blocks on a multiprocessor of
 * 64 Ki registers, 64 leaves 3, 16 leaves 4. Shared memory: COLS * 256 * STAGES. */
#ifndef ADA_MMQ_F16_CUH
#define ADA_MMQ_F16_CUH

#include "mmq_args.h"
#include "mmq_tile.cuh"
#include "weights16.cuh"

/* Depth of the pipeline of activations. */
template <uint32_t COLS> struct mmq_depth {
	static constexpr uint32_t stages = COLS == 128 ? 3 : COLS == 64 ? 4 : 6;
};

/* The weights of the thread's rows. Factors are taken from the scales of a block as
 * soon as it is there, for they are fewer registers. */
template <uint32_t TYPE> struct mmq_rows {
	static constexpr uint32_t n_factors = ada_packed<TYPE>::halves ? 2 : 1;

	struct mmq_place at;
	struct ada_block<TYPE> now[4], next[4];
	struct ada_factors16 factors[n_factors][4];
};

/* What a thread keeps between spans. */
template <uint32_t TYPE, uint32_t COLS> struct mmq_state {
	float acc[2][COLS / 8][4];
	struct mmq_rows<TYPE> rows;
};

/* Fragments of A for two k-steps, of both tiles of 16 rows. */
struct mmq_fragments {
	uint32_t a[2][2][4];
};

/* A column's span in shared memory. */
static constexpr uint32_t MMQ_COL_BYTES = 2 * MMQ_SPAN;

/* The 16-byte chunk of a column's span that thread t of a row reads for step pair
 * `pair`. */
template <uint32_t TYPE> __device__ static __forceinline__ uint32_t mmq_chunk(uint32_t pair)
{
	uint32_t t = threadIdx.x % 4;

	return ada_block<TYPE>::plain ? 4 * pair + t : 4 * t + pair;
}

/* Where a chunk is stored: the 8 threads that read together, of two columns, then
 * meet all banks. */
template <uint32_t TYPE>
__device__ static __forceinline__ uint32_t mmq_chunk_place(uint32_t chunk, uint32_t col)
{
	return chunk ^ (ada_block<TYPE>::plain ? (col & 1) << 2 : (chunk >> 3) << 1 | (col & 1));
}

/* Starts copying the activations of a span of all columns. Where no columns are,
 * nothing is copied: what lies there meets only sums that nobody reads. */
template <uint32_t TYPE, uint32_t COLS>
__device__ static __forceinline__ void mmq_fetch(const struct ada_mmq_args &a, ada_shared stage,
                                                 const struct mmq_tile &tile,
                                                 const struct mmq_columns &cols, uint32_t span)
{
	constexpr uint32_t each = COLS / 8, batch = each < 16 ? each / 2 : 8;
	uint32_t chunk = threadIdx.x % 16, col = threadIdx.x / 16;
	uint32_t k = span * MMQ_SPAN + chunk * 8;
	const uint8_t *x = reinterpret_cast<const uint8_t *>(a.x.p) + (k < a.k ? 2ull * k : 0);

	stage += col * MMQ_COL_BYTES + mmq_chunk_place<TYPE>(chunk, col) * 16;
#pragma unroll
	for (uint32_t first = 0; first < each; first += batch) {
		uint32_t at[batch];

#pragma unroll
		for (uint32_t i = 0; i < batch; i++)
			at[i] = cols.x_at[(first + i) * 8 + col];
#pragma unroll
		for (uint32_t i = 0; i < batch; i++)
			ada_cp_async16_if((first + i) * 8 + col < tile.n_cols,
			                  stage + (first + i) * 8 * MMQ_COL_BYTES, x + at[i],
			                  k < a.k);
	}
}

/* Starts loading the weights of a span. */
template <uint32_t TYPE>
__device__ static __forceinline__ void mmq_load(struct mmq_rows<TYPE> &r, uint32_t k,
                                                uint32_t span)
{
	struct ada_row_layout at = ada_row_layout(TYPE, k);
	uint32_t block = span * (MMQ_SPAN / 32) + threadIdx.x % 4;

#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
		if (block < k / 32)
			ada_load_block(r.next[i], mmq_row(r.at, i), at, block);
		else
			ada_clear_block(r.next[i]);
	}
}

/* The same of plain types, for one step pair; these registers are free again as
 * soon as the pair before was unpacked. */
template <uint32_t TYPE>
__device__ static __forceinline__ void mmq_load_plain(struct mmq_rows<TYPE> &r, uint32_t k,
                                                      uint32_t span, uint32_t pair)
{
	uint32_t chunk = span * (MMQ_SPAN / 8) + mmq_chunk<TYPE>(pair);

#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
		uint4 v = make_uint4(0, 0, 0, 0);

		if (chunk < k / 8)
			v = ada_load_stream(mmq_row(r.at, i) + 16 * chunk);
		ada_set4(r.now[i].quants + 4 * pair, v);
	}
}

template <uint32_t TYPE>
__device__ static __forceinline__ void mmq_unpack(struct mmq_fragments &f,
                                                  const struct ada_block<TYPE> now[4],
                                                  const struct ada_factors16 factors[4],
                                                  uint32_t pair)
{
#pragma unroll
	for (uint32_t i = 0; i < 4; i++)
#pragma unroll
		for (uint32_t step = 0; step < 2; step++) {
			uint32_t v[2];

			ada_block_f16(now[i], 2 * pair + step, factors[i], v);
			f.a[step][i / 2][i % 2] = v[0];
			f.a[step][i / 2][i % 2 + 2] = v[1];
		}
}

/* acc += two k-steps of N times 8 columns from the j-th 8 on. Products of one sum are
 * 2 N apart, which hides how long each takes. */
template <uint32_t COLS, uint32_t N>
__device__ static __forceinline__ void mmq_multiply_some(float acc[2][COLS / 8][4],
                                                         const struct mmq_fragments &f,
                                                         ada_shared x, uint32_t first)
{
	uint4 b[N];

#pragma unroll
	for (uint32_t j = 0; j < N; j++)
		b[j] = ada_shared_load16(x + (first + j) * 8 * MMQ_COL_BYTES);
#pragma unroll
	for (uint32_t step = 0; step < 2; step++)
#pragma unroll
		for (uint32_t j = 0; j < N; j++) {
			uint32_t k[2] = {step ? b[j].z : b[j].x, step ? b[j].w : b[j].y};

			ada_mma_f16(acc[0][first + j], f.a[step][0], k);
			ada_mma_f16(acc[1][first + j], f.a[step][1], k);
		}
}

/* acc += two k-steps; x: the thread's 16 bytes of its column among the first 8. By 32
 * columns where two blocks share a multiprocessor, unless the blocks of weights are
 * long: then there are no registers for that, as where three do. */
template <uint32_t TYPE, uint32_t COLS>
__device__ static __forceinline__ void mmq_multiply(float acc[2][COLS / 8][4],
                                                    const struct mmq_fragments &f,
                                                    ada_shared x, uint32_t n_cols)
{
	constexpr bool is_long = sizeof(struct ada_block<TYPE>) > 40;
	constexpr uint32_t N = COLS == 128 && !is_long ? 4 : 2;

#pragma unroll
	for (uint32_t j = 0; j < COLS / 8; j += N) {
		if (j && n_cols <= j * 8)
			break;
		if (n_cols > (j + N - 2) * 8)
			mmq_multiply_some<COLS, N>(acc, f, x, j);
		else
			mmq_multiply_some<COLS, 2>(acc, f, x, j);
	}
}

/* What was loaded becomes what is multiplied. */
template <uint32_t TYPE>
__device__ static __forceinline__ void mmq_take(struct mmq_rows<TYPE> &r, uint32_t span)
{
	uint32_t block = span * (MMQ_SPAN / 32) + threadIdx.x % 4;

#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
		r.now[i] = r.next[i];
#pragma unroll
		for (uint32_t half = 0; half < r.n_factors; half++)
			r.factors[half][i] = ada_block_factors16(r.next[i], block, half);
	}
}

/* One span, and the weights of the next. */
template <uint32_t TYPE, uint32_t COLS>
__device__ static __forceinline__ void mmq_span(struct mmq_state<TYPE, COLS> &s,
                                                ada_shared stage, uint32_t k,
                                                uint32_t n_cols, uint32_t span, bool more)
{
	constexpr bool plain = ada_block<TYPE>::plain;
	constexpr bool halves = ada_packed<TYPE>::halves;
	uint32_t g = threadIdx.x % 32 / 4;
	struct mmq_fragments f;

	if (!plain && more)
		mmq_load<TYPE>(s.rows, k, span + 1);
#pragma unroll
	for (uint32_t pair = 0; pair < 4; pair++) {
		uint32_t place = mmq_chunk_place<TYPE>(mmq_chunk<TYPE>(pair), g);

		mmq_unpack<TYPE>(f, s.rows.now, s.rows.factors[halves ? pair / 2 : 0], pair);
		if (plain && more)
			mmq_load_plain<TYPE>(s.rows, k, span + 1, pair);
		mmq_multiply<TYPE, COLS>(s.acc, f, stage + g * MMQ_COL_BYTES + place * 16, n_cols);
	}
	if (!plain && more)
		mmq_take<TYPE>(s.rows, span + 1);
}

template <uint32_t TYPE, uint32_t COLS>
__device__ static __forceinline__ void mmq_first_weights(struct mmq_state<TYPE, COLS> &s,
                                                         uint32_t k, uint32_t span)
{
	if constexpr (ada_block<TYPE>::plain) {
#pragma unroll
		for (uint32_t pair = 0; pair < 4; pair++)
			mmq_load_plain<TYPE>(s.rows, k, span, pair);
	} else {
		mmq_load<TYPE>(s.rows, k, span);
	}
}

template <uint32_t TYPE, uint32_t COLS>
__device__ static __forceinline__ void mmq_run(const struct ada_mmq_args &a,
                                               const struct mmq_tile &tile,
                                               const struct mmq_columns &cols, uint8_t *smem)
{
	constexpr uint32_t depth = mmq_depth<COLS>::stages, stage_bytes = COLS * MMQ_COL_BYTES;
	ada_shared stages = ada_shared_of(smem);
	struct mmq_state<TYPE, COLS> s;
	uint32_t stage = 0;

#pragma unroll
	for (uint32_t i = 0; i < 2 * (COLS / 8) * 4; i++)
		s.acc[i / (COLS / 2)][i / 4 % (COLS / 8)][i % 4] = 0.0f;
	mmq_place_rows(a, tile, s.rows.at);
	mmq_first_weights(s, a.k, tile.span);
	ada_wait_inputs();
	mmq_place_columns(a, tile, cols);
	__syncthreads();
	for (uint32_t i = 0; i < depth - 1; i++) {
		if (tile.span + i < tile.end)
			mmq_fetch<TYPE, COLS>(a, stages + i * stage_bytes, tile, cols,
			                      tile.span + i);
		ada_cp_async_commit();
	}
	if (!ada_block<TYPE>::plain)
		mmq_take<TYPE>(s.rows, tile.span);
	for (uint32_t span = tile.span; span < tile.end; span++) {
		ada_cp_async_wait<depth - 2>();
		__syncthreads();
		if (span + depth - 1 < tile.end)
			mmq_fetch<TYPE, COLS>(
				a, stages + (stage ? stage - 1 : depth - 1) * stage_bytes, tile,
				cols, span + depth - 1);
		ada_cp_async_commit();
		mmq_span<TYPE, COLS>(s, stages + stage * stage_bytes, a.k, tile.n_cols, span,
		                     span + 1 < tile.end);
		stage = stage + 1 == depth ? 0 : stage + 1;
	}
	mmq_put<COLS>(a, tile.n_cols, cols, smem, s.acc);
}

template <uint32_t TYPE, uint32_t COLS>
__device__ static __forceinline__ void mmq_f16(const struct ada_mmq_args &a)
{
	ADA_DYN_SHARED(uint8_t, stages);

	mmq_each_piece<COLS>(a, [&](const struct mmq_tile &tile, const struct mmq_columns &cols) {
		mmq_run<TYPE, COLS>(a, tile, cols, stages);
	});
}

#define MMQ_F16(name, type, cols, min_blocks)                                                      \
	ADA_KERNEL(mmq_f16_##name##_##cols, struct ada_mmq_args, MMQ_THREADS, min_blocks)          \
	{                                                                                          \
		mmq_f16<type, cols>(a);                                                            \
	}

#endif
