/* mmq_int8.cuh - y = W x for many columns on int8 tensor cores, for GPUs on which
 * these are several times as fast as F16 with F32 sums (GeForce).
 *
 * Activations are those of ADA_ACT_Q8. A product covers one block of 32, since its
 * scales belong to it, and the sums of all blocks are F32:
 *     acc += dot * dx * scale + (dx * sum of x) * less
 * so that scaling, not the tensor cores, takes most of the time: 12 to 16
 * instructions for a product of 16 x 8 x 32.
 *
 * The tile is that of mmq_f16.cuh, a warp has 32 rows and all 64 columns. Thread t of
 * a row's four loads block t of a span, since 16 bytes at a time are quickest, and
 * the four then swap words so that each has word t of all blocks, which is its part
 * of a fragment (layout.h). Activations come by cp.async: of a column and span 128
 * bytes of quants, whose 16-byte chunks are permuted against bank conflicts, and 32
 * bytes of factors. */
#ifndef ADA_MMQ_INT8_CUH
#define ADA_MMQ_INT8_CUH

#include "mmq_tile.cuh"
#include "weights16.cuh"

static constexpr uint32_t INT8_COLS = 64, INT8_STAGES = 4;
static constexpr uint32_t INT8_FACTORS = INT8_COLS * 128; /* where they begin in a stage */
static constexpr uint32_t INT8_STAGE_BYTES = INT8_COLS * (128 + 32);

typedef float int8_sums[2][INT8_COLS / 8][4];

/* The weights of the thread's rows: now, word t of each block; next, block t. */
template <uint32_t TYPE> struct int8_rows {
	static constexpr uint32_t n_words = TYPE == ADA_Q8_0 ? 8 : 4;
	static constexpr uint32_t n_factors = ada_packed<TYPE>::halves ? 2 : 1;

	struct mmq_place at;
	uint32_t words[4][n_words];
	uint32_t high[4][ada_block<TYPE>::n_high]; /* of block t */
	float scale[4][n_factors], less[4];        /* of block t */
	struct ada_block<TYPE> next[4];
};

/* Word w of thread t becomes word t of thread w, among a row's four threads. */
__device__ static __forceinline__ void int8_swap(uint32_t v[4])
{
	bool odd = threadIdx.x & 1, upper = threadIdx.x & 2;
	uint32_t a = __shfl_xor_sync(ADA_FULL_WARP, odd ? v[0] : v[1], 1);
	uint32_t b = __shfl_xor_sync(ADA_FULL_WARP, odd ? v[2] : v[3], 1);

	v[0] = odd ? a : v[0], v[1] = odd ? v[1] : a;
	v[2] = odd ? b : v[2], v[3] = odd ? v[3] : b;
	a = __shfl_xor_sync(ADA_FULL_WARP, upper ? v[0] : v[2], 2);
	b = __shfl_xor_sync(ADA_FULL_WARP, upper ? v[1] : v[3], 2);
	v[0] = upper ? a : v[0], v[2] = upper ? v[2] : a;
	v[1] = upper ? b : v[1], v[3] = upper ? v[3] : b;
}

/* What thread `b` of the row's four has. */
template <typename T> __device__ static __forceinline__ T int8_of(T v, uint32_t b)
{
	return __shfl_sync(ADA_FULL_WARP, v, (threadIdx.x & 28) + b);
}

template <uint32_t TYPE>
__device__ static __forceinline__ void int8_load(struct int8_rows<TYPE> &r, uint32_t k,
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

/* What was loaded becomes what is multiplied. */
template <uint32_t TYPE>
__device__ static __forceinline__ void int8_take(struct int8_rows<TYPE> &r, uint32_t span)
{
	uint32_t block = span * (MMQ_SPAN / 32) + threadIdx.x % 4;

#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
#pragma unroll
		for (uint32_t half = 0; half < r.n_factors; half++) {
			float2 f = ada_block_factors(r.next[i], block, half);

			r.scale[i][half] = f.x / ada_packed<TYPE>::times;
			r.less[i] = f.y;
		}
#pragma unroll
		for (uint32_t w = 0; w < ada_block<TYPE>::n_quants; w++)
			r.words[i][w] = r.next[i].quants[w];
#pragma unroll
		for (uint32_t w = 0; w < r.n_words && !ada_packed<TYPE>::pairs; w += 4)
			int8_swap(r.words[i] + w);
#pragma unroll
		for (uint32_t w = 0; w < ada_block<TYPE>::n_high; w++)
			r.high[i][w] = r.next[i].high[w];
	}
}

/* Starts copying the activations of a span. */
__device__ static __forceinline__ void int8_fetch(const struct ada_mmq_args &a, uint8_t *stage,
                                                  const struct mmq_tile &tile,
                                                  const struct mmq_columns &cols, uint32_t span)
{
	const uint8_t *x = reinterpret_cast<const uint8_t *>(a.x.p);
	uint32_t chunk = threadIdx.x % 8, col = threadIdx.x / 8, k = span * MMQ_SPAN + chunk * 16;

#pragma unroll
	for (uint32_t i = 0; i < INT8_COLS / 16; i++, col += 16) {
		bool inside = col < tile.n_cols && k < a.k;

		ada_cp_async16(stage + col * 128 + (chunk ^ (col & 7)) * 16,
		               inside ? x + cols.x_at[col] + k : x, inside);
	}
	col = threadIdx.x / 2;
	k = span * MMQ_SPAN + threadIdx.x % 2 * 64;
	bool inside = col < tile.n_cols && k < a.k;
	/* Two blocks of 8 bytes; where the last is alone, rows are padded. */
	ada_cp_async16(stage + INT8_FACTORS + threadIdx.x * 16,
	               inside ? x + cols.x_at[col] + a.k + k / 4 : x, inside);
}

/* The fragments of block b of the rows, both halves of K, and its factors. */
template <uint32_t TYPE> struct int8_fragments {
	uint32_t a[2][4];
	float scale[4][int8_rows<TYPE>::n_factors], less[4];
};

template <uint32_t TYPE>
__device__ static __forceinline__ void int8_unpack(struct int8_fragments<TYPE> &f,
                                                   const struct int8_rows<TYPE> &r, uint32_t b)
{
	constexpr bool pairs = ada_packed<TYPE>::pairs;
	uint32_t t = threadIdx.x % 4;

#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
#pragma unroll
		for (uint32_t half = 0; half < 2; half++) {
			uint32_t q, high = 0;

			if (pairs)
				q = int8_of(r.words[i][half], b);
			else
				q = r.words[i][TYPE == ADA_Q8_0 ? 4 * half + b : b];
			if (ada_packed<TYPE>::high_bits || ada_packed<TYPE>::high_pairs)
				high = int8_of(r.high[i][ada_packed<TYPE>::high_pairs ? half : 0], b);
			f.a[i / 2][i % 2 + 2 * half] = ada_unpack_half<TYPE>(q, high, t, half);
		}
#pragma unroll
		for (uint32_t half = 0; half < r.n_factors; half++)
			f.scale[i][half] = int8_of(r.scale[i][half], b);
		if (ada_packed<TYPE>::min)
			f.less[i] = int8_of(r.less[i], b);
	}
}

/* The dot products of a tile of 16 rows with 8 columns, scaled for their rows. */
template <uint32_t TYPE>
__device__ static __forceinline__ void int8_dots(float dots[4], const struct int8_fragments<TYPE> &f,
                                                 uint32_t tile, const uint32_t x[2])
{
	int32_t sum[2][4];

#pragma unroll
	for (uint32_t e = 0; e < 8; e++)
		sum[e / 4][e % 4] = 0;
	if (ada_packed<TYPE>::halves) {
		ada_mma_s8_k16(sum[0], f.a[tile], x);
		ada_mma_s8_k16(sum[1], f.a[tile] + 2, x + 1);
	} else {
		ada_mma_s8(sum[0], f.a[tile], x);
	}
#pragma unroll
	for (uint32_t e = 0; e < 4; e++) {
		const float *scale = f.scale[2 * tile + e / 2];

		dots[e] = (float)sum[0][e] * scale[0];
		if (ada_packed<TYPE>::halves)
			dots[e] += (float)sum[1][e] * scale[ada_packed<TYPE>::halves];
	}
}

template <uint32_t TYPE>
__device__ static __forceinline__ void int8_multiply(int8_sums acc,
                                                     const struct int8_fragments<TYPE> &f,
                                                     const uint8_t *stage, uint32_t b,
                                                     uint32_t n_cols)
{
	uint32_t lane = threadIdx.x % 32;
	/* Matrices: columns 0 .. 7, both halves of the block, then columns 8 .. 15. */
	uint32_t col = lane % 8 + lane / 16 * 8, chunk = 2 * b + lane / 8 % 2;
	const uint8_t *x = stage + col * 128 + (chunk ^ (col & 7)) * 16;
	const uint8_t *factors = stage + INT8_FACTORS + lane % 4 * 64 + b * 8;

	uint32_t v[4];

#pragma unroll
	for (uint32_t j = 0; j < INT8_COLS / 8; j++) {
		if (j % 2 == 0) {
			if (j && j * 8 >= n_cols)
				break;
			ada_ldmatrix_x4(v, x + j * 8 * 128);
		}
		float2 d[2];
#pragma unroll
		for (uint32_t e = 0; e < 2; e++)
			d[e] = *reinterpret_cast<const float2 *>(factors + (j * 8 + e) * 32);
#pragma unroll
		for (uint32_t i = 0; i < 2; i++) {
			float dots[4];

			int8_dots<TYPE>(dots, f, i, v + j % 2 * 2);
#pragma unroll
			for (uint32_t e = 0; e < 4; e++) {
				acc[i][j][e] += dots[e] * d[e % 2].x;
				if (ada_packed<TYPE>::min)
					acc[i][j][e] += f.less[2 * i + e / 2] * d[e % 2].y;
			}
		}
	}
}

template <uint32_t TYPE>
__device__ static __forceinline__ void int8_run(const struct ada_mmq_args &a,
                                                const struct mmq_tile &tile,
                                                const struct mmq_columns &cols, uint8_t *stages)
{
	constexpr uint32_t depth = INT8_STAGES;
	struct int8_fragments<TYPE> f;
	struct int8_rows<TYPE> r;
	uint32_t stage = 0;
	int8_sums acc;

#pragma unroll
	for (uint32_t i = 0; i < INT8_COLS; i++)
		acc[i / 32][i / 4 % 8][i % 4] = 0.0f;
	mmq_place_rows(a, tile, r.at);
	int8_load<TYPE>(r, a.k, tile.span);
	ada_wait_inputs();
	mmq_place_columns(a, tile, cols);
	__syncthreads();
	for (uint32_t i = 0; i < depth - 1; i++) {
		if (tile.span + i < tile.end)
			int8_fetch(a, stages + i * INT8_STAGE_BYTES, tile, cols, tile.span + i);
		ada_cp_async_commit();
	}
	for (uint32_t span = tile.span; span < tile.end; span++) {
		int8_take<TYPE>(r, span);
		ada_cp_async_wait<depth - 2>();
		__syncthreads();
		if (span + depth - 1 < tile.end)
			int8_fetch(a, stages + (stage ? stage - 1 : depth - 1) * INT8_STAGE_BYTES,
			           tile, cols, span + depth - 1);
		ada_cp_async_commit();
		if (span + 1 < tile.end)
			int8_load<TYPE>(r, a.k, span + 1);
#pragma unroll
		for (uint32_t b = 0; b < 4; b++) {
			if (span * 4 + b >= a.k / 32)
				break;
			int8_unpack<TYPE>(f, r, b);
			int8_multiply<TYPE>(acc, f, stages + stage * INT8_STAGE_BYTES, b, tile.n_cols);
		}
		stage = stage + 1 == depth ? 0 : stage + 1;
	}
	mmq_put<INT8_COLS>(a, tile.n_cols, cols, stages, acc);
}

#define MMQ_INT8(name, type, min_blocks)                                                           \
	ADA_KERNEL(mmq_int8_##name##_64, struct ada_mmq_args, MMQ_THREADS, min_blocks)             \
	{                                                                                          \
		ADA_DYN_SHARED(uint8_t, stages);                                                   \
                                                                                                   \
		mmq_each_piece<INT8_COLS>(                                                         \
			a, [&](const struct mmq_tile &tile, const struct mmq_columns &cols) {      \
				int8_run<type>(a, tile, cols, stages);                             \
			});                                                                        \
	}

#endif
