/* mmq_tile.cuh - which tile a block of a tile kernel works on, where its columns
 * lie, and what becomes of its sums. See mmq_args.h. */
#ifndef ADA_MMQ_TILE_CUH
#define ADA_MMQ_TILE_CUH

#include "epilogue.cuh"
#include "mmq_args.h"
#include "ptx.cuh"

static constexpr uint32_t MMQ_WHOLE = 0xffffffffu;

/* A piece of a tile: spans span .. end of K. */
struct mmq_tile {
	uint32_t row;    /* tile of rows                                        */
	uint32_t expert; /* 0 in the plain form                                 */
	uint32_t first, n_cols; /* columns, or places in perm                   */
	uint32_t span, end;
	uint32_t slot;   /* of `partial`; MMQ_WHOLE: all of K is in this piece  */
};

/* The matrix that a tile belongs to, and the tile's place in it. */
struct mmq_matrix {
	uint64_t w, y, y_nb2;
	uint32_t m, row;
};

/* In shared memory, of which the compiler keeps nothing in registers while it needs
 * them most: of the columns of a tile how many bytes after the first of x, and how many
 * elements after the first of y, they begin; and of the tile what is wanted only at its
 * end. */
struct mmq_columns {
	uint32_t *x_at, *y_at, *slot;
	struct mmq_matrix *matrix;
};

__device__ static __forceinline__ uint32_t mmq_div_up(uint32_t a, uint32_t b)
{
	return (a + b - 1) / b;
}

/* Tiles of rows; a gate takes half of each. */
__device__ static __forceinline__ uint32_t mmq_row_tiles(const struct ada_mmq_args &a)
{
	uint32_t n = mmq_div_up(a.m, a.gate.p ? MMQ_ROWS / 2 : MMQ_ROWS);

	for (uint32_t i = 0; i < a.n_more; i++)
		n += mmq_div_up(a.more[i].m, MMQ_ROWS);
	return n;
}

__device__ static __forceinline__ struct mmq_matrix mmq_matrix_of(const struct ada_mmq_args &a,
                                                                  uint32_t row)
{
	struct mmq_matrix x = {a.w.p, a.y.p, a.y.nb2, a.m, row};

	for (uint32_t i = 0; i < a.n_more && x.row >= mmq_div_up(x.m, MMQ_ROWS); i++)
		x = {a.more[i].w, a.more[i].y, a.more[i].y_nb2, a.more[i].m,
		     x.row - mmq_div_up(x.m, MMQ_ROWS)};
	return x;
}

/* How the plain form is shared out among the blocks: `rounds` whole tiles for each,
 * then the spans of the tiles that are left; the first `longer` blocks have each + 1
 * of those, the others `each`. */
struct mmq_share {
	uint32_t spans; /* of a tile */
	uint32_t col_tiles;
	uint32_t tiles, rounds;
	uint32_t first; /* tile of those that are left */
	uint32_t each, longer;
};

__device__ static __forceinline__ struct mmq_share mmq_share_out(const struct ada_mmq_args &a,
                                                                 uint32_t n)
{
	struct mmq_share s = {};
	uint32_t total;

	s.spans = mmq_div_up(a.k, MMQ_SPAN);
	s.col_tiles = mmq_div_up(n, a.tile_cols);
	s.tiles = mmq_row_tiles(a) * s.col_tiles;
	s.rounds = s.tiles / a.n_blocks;
	s.first = s.rounds * a.n_blocks;
	total = (s.tiles - s.first) * s.spans;
	s.each = total / a.n_blocks;
	s.longer = total % a.n_blocks;
	return s;
}

/* Where the range of a block begins, in spans of the tiles that are left. */
__device__ static __forceinline__ uint32_t mmq_begin(const struct mmq_share &s, uint32_t block)
{
	return block * s.each + (block < s.longer ? block : s.longer);
}

/* Piece `i` of block b: its whole tiles, the rest of the tile that its range begins in,
 * then the tiles after. False past the last. The piece at the start of a range and the
 * one at its end have a slot each. */
__device__ static __forceinline__ bool mmq_piece(const struct ada_mmq_args &a, uint32_t b,
                                                 uint32_t i, uint32_t n, struct mmq_tile *t)
{
	struct mmq_share s = mmq_share_out(a, n);
	bool whole = i < s.rounds;
	uint32_t later = i - s.rounds, begin = mmq_begin(s, b), end = mmq_begin(s, b + 1);
	uint32_t place = begin / s.spans + later, from = place * s.spans;
	uint32_t at = later ? from : begin, index = s.first + place;

	if (whole) {
		index = i * a.n_blocks + b;
		at = from = begin = 0;
		end = s.spans;
	}
	if (at >= end)
		return false;
	t->row = index / s.col_tiles;
	t->expert = 0;
	t->first = index % s.col_tiles * a.tile_cols;
	t->n_cols = n - t->first < a.tile_cols ? n - t->first : a.tile_cols;
	t->span = at - from;
	t->end = end - from < s.spans ? end - from : s.spans;
	t->slot = 2 * b + (at != begin);
	if (t->span == 0 && t->end == s.spans)
		t->slot = MMQ_WHOLE;
	return true;
}

/* Experts that a lane looks at together. */
static constexpr uint32_t MMQ_EXPERTS = 8;

/* Of the experts from `base` on, where the lane's begin; those past the last are empty. */
__device__ static __forceinline__ void mmq_read_experts(const struct ada_mmq_args &a,
                                                        uint32_t base,
                                                        uint32_t begin[MMQ_EXPERTS + 1])
{
	const int32_t *first = reinterpret_cast<const int32_t *>(a.first);

#pragma unroll
	for (uint32_t i = 0; i <= MMQ_EXPERTS; i++) {
		uint32_t e = base + threadIdx.x % 32 * MMQ_EXPERTS + i;

		begin[i] = (uint32_t)first[e < a.n_experts ? e : a.n_experts];
	}
}

/* Expert form: column tile `index`, counted over the experts, to *t; false past the
 * last. The lanes of a warp find it together, for what one lane after the other reads
 * takes longer than many a tile. */
template <uint32_t COLS>
__device__ static __forceinline__ bool mmq_expert_tile(const struct ada_mmq_args &a, uint32_t index,
                                                       struct mmq_tile *t)
{
	uint32_t lane = threadIdx.x % 32, begin[MMQ_EXPERTS + 1], n = 0, first = 0, expert = 0;

	for (uint32_t base = 0; base < a.n_experts; base += 32 * MMQ_EXPERTS) {
		uint32_t tiles = 0, sum, mine, total, left;

		mmq_read_experts(a, base, begin);
#pragma unroll
		for (uint32_t i = 0; i < MMQ_EXPERTS; i++)
			tiles += mmq_div_up(begin[i + 1] - begin[i], COLS);
		sum = tiles;
		for (uint32_t d = 1; d < 32; d *= 2) {
			uint32_t below = __shfl_up_sync(ADA_FULL_WARP, sum, d);
			sum += lane >= d ? below : 0;
		}
		total = __shfl_sync(ADA_FULL_WARP, sum, 31);
		if (index >= total) {
			index -= total;
			continue;
		}
		mine = __ffs(__ballot_sync(ADA_FULL_WARP, sum > index)) - 1;
		/* Right in that lane alone. */
		left = index - (sum - tiles);
#pragma unroll
		for (uint32_t i = 0; i < MMQ_EXPERTS; i++) {
			uint32_t of_this = mmq_div_up(begin[i + 1] - begin[i], COLS);

			if (left < of_this && !n) {
				n = begin[i + 1] - begin[i];
				first = begin[i];
				expert = base + lane * MMQ_EXPERTS + i;
				index = left;
			}
			left -= of_this;
		}
		if (lane == mine) {
			/* Of like width, in whole groups of 16: the last is no sliver. */
			uint32_t each = mmq_div_up(mmq_div_up(n, mmq_div_up(n, COLS)), 16) * 16;

			t->expert = expert;
			t->first = first + index * each;
			t->n_cols = n - index * each < each ? n - index * each : each;
		}
		return true;
	}
	return false;
}

/* In the plain form nb2 of y is what lies between two tokens, too. */
__device__ static __forceinline__ void mmq_place_columns(const struct ada_mmq_args &a,
                                                         const struct mmq_tile &t,
                                                         const struct mmq_columns &c)
{
	const int32_t *perm = reinterpret_cast<const int32_t *>(a.perm);
	struct mmq_matrix x = mmq_matrix_of(a, t.row);

	if (threadIdx.x == 0)
		*c.matrix = x, *c.slot = t.slot;
	for (uint32_t i = threadIdx.x; i < t.n_cols; i += MMQ_THREADS) {
		uint32_t cell = perm ? (uint32_t)perm[t.first + i] : t.first + i;
		uint32_t token = cell / a.slots, slot = cell % a.slots;

		c.x_at[i] = (uint32_t)((a.x_per_slot ? cell : token) * a.x.nb1);
		c.y_at[i] = (uint32_t)((token * x.y_nb2 + slot * a.y.nb1) / sizeof(float));
	}
}

/* One result from its sums of products. The residual lies as y does. */
__device__ static __forceinline__ void mmq_result(const struct ada_mmq_args &a, uint64_t y,
                                                  uint64_t at, float sum, float gate)
{
	float v = sum * a.unit * a.scale;

	if (a.gate.p)
		v *= ada_linear_act_near(a.act, gate * a.unit);
	if (a.residual)
		v += reinterpret_cast<const float *>(a.residual)[at];
	reinterpret_cast<float *>(y)[at] = v;
}

/* Row i of the thread's four, counted in the tile: see mmq_args.h. */
__device__ static __forceinline__ uint32_t mmq_tile_row(uint32_t i)
{
	return threadIdx.x / 32 * 32 + 8 * i + threadIdx.x % 32 / 4;
}

/* The row of the weights, and of the result, that it is. */
__device__ static __forceinline__ uint32_t mmq_tile_m(const struct ada_mmq_args &a,
                                                      uint32_t tile_row, uint32_t i)
{
	uint32_t r = mmq_tile_row(i);

	return a.gate.p ? tile_row * (MMQ_ROWS / 2) + r / 32 * 16 + r % 16
	                : tile_row * MMQ_ROWS + r;
}

/* The thread's four rows, the first two from one base and the others from another;
 * offsets because these are fewer registers than pointers. */
struct mmq_place {
	const uint8_t *base[2];
	uint32_t offset[4];
};

__device__ static __forceinline__ const uint8_t *mmq_row(const struct mmq_place &p, uint32_t i)
{
	return p.base[i / 2] + p.offset[i];
}

__device__ static __forceinline__ void mmq_place_rows(const struct ada_mmq_args &a,
                                                      const struct mmq_tile &tile,
                                                      struct mmq_place &p)
{
	bool gated = a.gate.p != 0;
	struct mmq_matrix x = mmq_matrix_of(a, tile.row);
	uint64_t rows = x.w + tile.expert * a.w.nb2;
	uint64_t other = gated ? a.gate.p + tile.expert * a.gate.nb2 : rows;

	p.base[0] = reinterpret_cast<const uint8_t *>(rows);
	p.base[1] = reinterpret_cast<const uint8_t *>(other);
#pragma unroll
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t m = mmq_tile_m(a, x.row, i);

		/* Rows past the last are computed from it and dropped. */
		m = m < x.m ? m : x.m - 1;
		p.offset[i] = m * (uint32_t)(gated && i >= 2 ? a.gate.nb1 : a.w.nb1);
	}
}

/* A column of sums in shared memory: 8 rows of the 4 columns that a warp has at once
 * meet all banks. */
static constexpr uint32_t MMQ_SUMS_PITCH = MMQ_ROWS + 4;

/* The sums of a piece to shared memory. A thread has two neighbours of each 8 columns. */
template <uint32_t COLS>
__device__ static __forceinline__ void mmq_gather(float *sums, float acc[2][COLS / 8][4])
{
#pragma unroll
	for (uint32_t e = 0; e < COLS / 8 * 2; e++) {
		uint32_t j = e / 2, col = j * 8 + threadIdx.x % 4 * 2 + e % 2;

#pragma unroll
		for (uint32_t i = 0; i < 4; i++)
			sums[col * MMQ_SUMS_PITCH + mmq_tile_row(i)] =
				acc[i / 2][j][i % 2 * 2 + e % 2];
	}
}

/* What becomes of the sums of a piece: results, or something for mmq_reduce. They go
 * through `sums`, the shared memory of the pipeline, which is behind them: rows of the
 * result are written whole then, and the code for it is a loop. Straight from where
 * the tensor cores left them it took longer to fetch the code than to run it. */
template <uint32_t COLS>
__device__ static __forceinline__ void mmq_put(const struct ada_mmq_args &a, uint32_t n_cols,
                                               const struct mmq_columns &cols, void *smem,
                                               float acc[2][COLS / 8][4])
{
	struct mmq_matrix x = *cols.matrix;
	uint32_t slot = *cols.slot, log_rows = a.gate.p ? 6 : 7, mask = (1u << log_rows) - 1;
	float *sums = static_cast<float *>(smem), *partial;

	__syncthreads();
	mmq_gather<COLS>(sums, acc);
	__syncthreads();
	if (slot != MMQ_WHOLE) {
		partial = reinterpret_cast<float *>(a.partial) +
		          (uint64_t)slot * COLS * MMQ_ROWS + threadIdx.x;
#pragma unroll 4
		for (uint32_t col = 0; col < n_cols; col++)
			partial[col * MMQ_ROWS] = sums[col * MMQ_SUMS_PITCH + threadIdx.x];
		return;
	}
#pragma unroll 4
	for (uint32_t i = threadIdx.x; i < n_cols << log_rows; i += MMQ_THREADS) {
		uint32_t col = i >> log_rows, r = i & mask, m = (x.row << log_rows) + r;
		const float *v = sums + col * MMQ_SUMS_PITCH + (a.gate.p ? r / 16 * 32 + r % 16 : r);

		if (m < x.m)
			mmq_result(a, x.y, (uint64_t)cols.y_at[col] + m, v[0],
			           a.gate.p ? v[16] : 0.0f);
	}
}

/* The next tile of this thread block to *tile, in shared memory; false: no more. By one
 * warp, of which lane 0 has the answer. */
template <uint32_t COLS>
__device__ static __forceinline__ bool mmq_find_tile(const struct ada_mmq_args &a, uint32_t piece,
                                                     struct mmq_tile *tile)
{
	if (!a.n_experts)
		return threadIdx.x == 0 &&
		       mmq_piece(a, blockIdx.x, piece, ada_live(a.params, a.n), tile);
	ada_wait_inputs();
	if (threadIdx.x == 0) {
		tile->row = blockIdx.x;
		tile->span = 0;
		tile->end = mmq_div_up(a.k, MMQ_SPAN);
		tile->slot = MMQ_WHOLE;
	}
	return !piece && mmq_expert_tile<COLS>(a, blockIdx.y, tile);
}

/* Calls run(tile, columns) for all pieces of this block. */
template <uint32_t COLS, typename Run>
__device__ static __forceinline__ void mmq_each_piece(const struct ada_mmq_args &a, const Run &run)
{
	__shared__ uint32_t x_at[COLS], y_at[COLS], slot, any;
	__shared__ uint64_t matrix[sizeof(struct mmq_matrix) / 8];
	__shared__ struct mmq_tile found;
	struct mmq_columns cols = {x_at, y_at, &slot,
	                           reinterpret_cast<struct mmq_matrix *>(matrix)};

	ada_release_next();
	for (uint32_t piece = 0;; piece++) {
		if (threadIdx.x < 32) {
			bool is_one = mmq_find_tile<COLS>(a, piece, &found);

			if (threadIdx.x == 0)
				any = is_one;
		}
		__syncthreads();
		if (!any)
			break;
		const struct mmq_tile tile = found;
		run(tile, cols);
		__syncthreads();
	}
	ada_wait_inputs();
}

#endif
