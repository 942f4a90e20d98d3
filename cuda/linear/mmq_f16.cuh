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

/* Starts copying the activations of a span of all columns. */
template <uint32_t TYPE, uint32_t COLS>
__device__ static __forceinline__ void mmq_fetch(const struct ada_mmq_args &a, uint8_t *stage,
                                                 const struct mmq_tile &tile,
                                                 const struct mmq_columns &cols, uint32_t span)
{
	uint32_t chunk = threadIdx.x % 16, col = threadIdx.x / 16;
	uint32_t k = span * MMQ_SPAN + chunk * 8;
	const uint8_t *x = reinterpret_cast<const uint8_t *>(a.x.p);
	uint8_t *to = stage + col * MMQ_COL_BYTES + mmq_chunk_place<TYPE>(chunk, col) * 16;

#pragma unroll
	for (uint32_t i = 0; i < COLS / 8; i++) {
		bool inside = i * 8 + col < tile.n_cols && k < a.k;

		if (i % 2 == 0 && i && i * 8 >= tile.n_cols)
			break;
		ada_cp_async16(to + i * 8 * MMQ_COL_BYTES,
		               inside ? x + cols.x_rows[i * 8 + col] * a.x.nb1 + 2ull * k : x,
		               inside);
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

/* acc += two k-steps; x: the thread's 16 bytes of its column among the first 8. */
template <uint32_t COLS>
__device__ static __forceinline__ void mmq_multiply(float acc[2][COLS / 8][4],
                                                    const struct mmq_fragments &f,
                                                    const uint8_t *x, uint32_t n_cols)
{
#pragma unroll
	for (uint32_t j = 0; j < COLS / 8; j += 2) {
		if (j && j * 8 >= n_cols)
			break;
		uint4 v = *reinterpret_cast<const uint4 *>(x + j * 8 * MMQ_COL_BYTES);
		uint4 w = *reinterpret_cast<const uint4 *>(x + (j + 1) * 8 * MMQ_COL_BYTES);
		uint32_t b[2][2][2] = {{{v.x, v.y}, {w.x, w.y}}, {{v.z, v.w}, {w.z, w.w}}};

#pragma unroll
		for (uint32_t step = 0; step < 2; step++)
#pragma unroll
			for (uint32_t i = 0; i < 4; i++)
				ada_mma_f16(acc[i % 2][j + i / 2], f.a[step][i % 2], b[step][i / 2]);
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
                                                const uint8_t *stage, uint32_t k,
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
		mmq_multiply<COLS>(s.acc, f, stage + g * MMQ_COL_BYTES + place * 16, n_cols);
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
                                               const struct mmq_columns &cols, uint8_t *stages)
{
	constexpr uint32_t depth = mmq_depth<COLS>::stages, stage_bytes = COLS * MMQ_COL_BYTES;
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
	mmq_put<COLS>(a, tile.n_cols, cols, s.acc);
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
