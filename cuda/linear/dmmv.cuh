/* dmmv.cuh - the product for few columns, one walk for all types.
 *
 * Work. A warp takes 32 / lanes pairs of rows at a time: 2 neighbouring rows of W,
 * or a row of W and the same of G where both are wanted. `lanes` (8, 16, 32)
 * neighbouring lanes share a row: iteration i of K gives lane p the unit
 * i * lanes + p. With `splits` > 1 that many warps of a block share the rows, each
 * with a range of iterations. A block walks over the tiles blockIdx.x, + gridDim.x,
 * and so on; a tile is what its warps take at once. grid.y (and z) are cells of the
 * expert form, or groups of COLS columns.
 *
 * Loads. AHEAD units of both rows are in registers before they are used, across
 * the ends of rows and tiles: with 16 bytes a unit, 8 warps and AHEAD 4 a block has
 * 32 KB of quants under way, and two blocks fit a multiprocessor (128 registers a
 * thread), which is more than the latency of the memory asks for (about 25 KB).
 * The first of them are asked for before the inputs are ready, while the launch
 * before still runs, since weights are constants; except of experts, whose choice
 * is an input.
 *
 * Sums. A lane adds its units in ascending order, then lanes meet at distances 1,
 * 2, 4 (8, 16), then splits in ascending order. lanes and splits depend on the
 * matrix alone, so a row's bits do not depend on the number of columns. */
#ifndef ADA_DMMV_CUH
#define ADA_DMMV_CUH

#include "dmmv_f32.cuh"
#include "dmmv_q8.cuh"
#include "epilogue.cuh"

static constexpr int DMMV_ROWS = 2;
static constexpr uint32_t DMMV_THREADS = 256;

/* Where a thread stands. */
struct dmmv_place {
	uint32_t p;           /* lane of the row                      */
	uint32_t slot, slots; /* its pair among those of a tile       */
	uint32_t split;
	uint32_t first, last; /* units of K: bases of its iterations  */
	uint32_t end;         /* units past this are not its business */
	uint32_t n_pairs;
};

/* Which column, or group of columns. */
struct dmmv_cell {
	uint32_t token, slot;
	uint32_t expert;
	uint32_t n_cols; /* live ones from `token` on; 0: nothing to do */
};

/* The two rows of a pair. */
struct dmmv_rows {
	const uint8_t *row[DMMV_ROWS];
};

__device__ static __forceinline__ struct dmmv_place dmmv_place_of(const struct ada_dmmv_args &a,
                                                                  uint32_t units)
{
	uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32, bits = a.lane_bits;
	uint32_t steps = (units + (1u << bits) - 1) >> bits;
	struct dmmv_place s;

	s.p = lane & ((1u << bits) - 1);
	s.split = warp & ((1u << a.split_bits) - 1);
	s.slot = (warp >> a.split_bits << (5 - bits)) + (lane >> bits);
	s.slots = blockDim.x / 32 >> a.split_bits << (5 - bits);
	s.first = ada_keep(steps * s.split >> a.split_bits << bits);
	s.last = ada_keep(steps * (s.split + 1) >> a.split_bits << bits);
	s.end = ada_keep(s.last < units ? s.last : units);
	s.n_pairs = a.gate ? a.w.ne1 : (a.w.ne1 + 1) / 2;
	for (uint32_t i = 0; i < a.n_more; i++)
		s.n_pairs += (a.more[i].m + 1) / 2;
	return s;
}

/* Reads ids, so inputs must be ready in the expert form; `live` counts tokens. */
__device__ static __forceinline__ struct dmmv_cell dmmv_cell_of(const struct ada_dmmv_args &a,
                                                                uint32_t live, uint32_t cols)
{
	uint32_t i = blockIdx.y + blockIdx.z * gridDim.y;
	struct dmmv_cell c = {0, 0, 0, 0};

	if (!a.ids) {
		c.token = i * cols;
		c.n_cols = c.token >= live ? 0 : live - c.token < cols ? live - c.token : cols;
		return c;
	}
	c.token = i / a.slots;
	c.slot = i % a.slots;
	if (c.token < live) {
		c.expert = reinterpret_cast<const uint32_t *>(a.ids)[i];
		c.n_cols = c.expert < a.w.ne2;
	}
	return c;
}

__device__ static __forceinline__ const uint8_t *dmmv_x_row(const struct ada_dmmv_args &a,
                                                            uint32_t token, uint32_t slot)
{
	return a.x_per_slot ? ada_at<const uint8_t>(a.x, 0, slot, token)
	                    : ada_at<const uint8_t>(a.x, 0, token);
}

/* The matrix that a pair belongs to, and the pair's place in it. */
struct dmmv_matrix {
	uint64_t w, y;
	uint32_t m, pair;
};

__device__ static __forceinline__ struct dmmv_matrix dmmv_matrix_of(const struct ada_dmmv_args &a,
                                                                    uint32_t pair)
{
	struct dmmv_matrix x = {a.w.p, a.y.p, a.w.ne1, pair};

	for (uint32_t i = 0; i < a.n_more && x.pair >= (x.m + 1) / 2; i++) {
		x.pair -= (x.m + 1) / 2;
		x.w = a.more[i].w;
		x.y = a.more[i].y;
		x.m = a.more[i].m;
	}
	return x;
}

/* Pairs past the last repeat it: their sums go nowhere. */
__device__ static __forceinline__ struct dmmv_rows
dmmv_rows_of(const struct ada_dmmv_args &a, const struct dmmv_place &s, uint32_t expert,
             uint32_t tile)
{
	uint32_t pair = tile * s.slots + s.slot;
	struct dmmv_rows r;

	pair = pair < s.n_pairs ? pair : s.n_pairs - 1;
	if (a.gate) {
		r.row[0] = ada_at<const uint8_t>(a.w, 0, pair, expert);
		r.row[1] = reinterpret_cast<const uint8_t *>(a.gate + pair * a.gate_nb1 +
		                                             expert * a.gate_nb2);
	} else {
		struct dmmv_matrix x = dmmv_matrix_of(a, pair);
		uint64_t row = x.w + 2ull * x.pair * a.w.nb1 + expert * a.w.nb2;

		r.row[0] = reinterpret_cast<const uint8_t *>(row);
		r.row[1] = r.row[0] + (2 * x.pair + 1 < x.m ? a.w.nb1 : 0);
	}
	return r;
}

/* Sums of N values over the lanes of a row. Values are given away while lanes
 * meet: after it lane p has the values i + n * (bits 0, 1, 2 of p, the first the
 * most significant), where n values are left. */
template <int N>
__device__ static __forceinline__ void dmmv_meet(float v[N], uint32_t p, uint32_t lanes)
{
#pragma unroll
	for (int d = 1; d < 8; d *= 2) {
		const int n = N / d > 1 ? N / d : 1; /* values before this step */

		if (n == 1) {
			v[0] += __shfl_xor_sync(ADA_FULL_WARP, v[0], d);
			continue;
		}
#pragma unroll
		for (int i = 0; i < n / 2; i++) {
			bool up = p & d;
			float give = up ? v[i] : v[i + n / 2], keep = up ? v[i + n / 2] : v[i];

			v[i] = keep + __shfl_xor_sync(ADA_FULL_WARP, give, d);
		}
	}
	for (uint32_t d = 8; d < lanes; d *= 2)
#pragma unroll
		for (int i = 0; i < (N > 8 ? N / 8 : 1); i++)
			v[i] += __shfl_xor_sync(ADA_FULL_WARP, v[i], d);
}

/* Splits meet in shared memory; the first has the sums. One row a warp. */
template <int N>
__device__ static __forceinline__ void dmmv_meet_splits(float v[N], const struct dmmv_place &s,
                                                        uint32_t splits)
{
	__shared__ float parts[DMMV_THREADS / 32 * 16];
	constexpr int left = N > 8 ? N / 8 : 1;

	for (int i = 0; i < left && s.p < 8; i++)
		parts[(threadIdx.x / 32 * 8 + s.p) * 2 + i] = v[i];
	__syncthreads();
	for (uint32_t j = 1; j < splits && !s.split && s.p < 8; j++)
		for (int i = 0; i < left; i++)
			v[i] += parts[((threadIdx.x / 32 + j) * 8 + s.p) * 2 + i];
	__syncthreads();
}

/* What lane p has after the sums: row bit 0 of p, columns by the further bits. */
template <int COLS>
__device__ static __forceinline__ void dmmv_write(const struct ada_dmmv_args &a,
                                                  const struct dmmv_place &s,
                                                  const struct dmmv_cell &cell, uint32_t tile,
                                                  const float *v)
{
	constexpr uint32_t left = COLS > 4 ? COLS / 4 : 1, owners = COLS > 4 ? 8 : 2 * COLS;
	uint32_t pair = tile * s.slots + s.slot, row = s.p & 1;
	struct dmmv_matrix x = {0, a.y.p, a.w.ne1, pair};
	uint32_t high = s.p >> 1 & 1, low = s.p >> 2 & 1;
	uint32_t first = COLS == 1 ? 0 : COLS == 2 ? high : (2 * high + low) * left;

	if (COLS == 1 && a.n_more && pair < s.n_pairs)
		x = dmmv_matrix_of(a, pair);
	uint32_t m = a.gate ? pair : 2 * x.pair + row;

#pragma unroll
	for (uint32_t i = 0; i < left; i++) {
		float gate = a.gate ? __shfl_xor_sync(ADA_FULL_WARP, v[i], 1) : 0.0f;

		if (s.p < owners && !s.split && pair < s.n_pairs && m < x.m &&
		    first + i < cell.n_cols && !(a.gate && row))
			ada_linear_store(a, x.y, cell.token + first + i, cell.slot, m, v[i], gate);
	}
}

/* All columns to shared memory; those that are not live repeat the last. */
template <class T, int COLS>
__device__ static __forceinline__ void dmmv_stage(const struct ada_dmmv_args &a,
                                                  const typename T::x_t &x,
                                                  const struct dmmv_cell &cell)
{
	if (COLS == 1 && a.x_plain) {
		T::quantise_x(x, reinterpret_cast<const float *>(
		                         dmmv_x_row(a, cell.token, cell.slot)));
	} else {
		for (uint32_t c = 0; c < COLS; c++) {
			uint32_t i = c < cell.n_cols ? c : cell.n_cols - 1;

			T::copy_x(x, c, dmmv_x_row(a, cell.token + i, cell.slot));
		}
	}
	__syncthreads();
}

/* The units of AHEAD iterations of a pair of rows. */
template <class T, int AHEAD> struct dmmv_ahead {
	typename T::unit u[AHEAD][DMMV_ROWS];

	__device__ __forceinline__ void load(const struct ada_dmmv_args &a,
	                                     const struct dmmv_rows &r, int j, uint32_t base,
	                                     uint32_t p, uint32_t end)
	{
#pragma unroll
		for (int i = 0; i < DMMV_ROWS; i++)
			T::load(u[j][i], r.row[i], a, base, p, end);
	}
};

template <class T, int COLS, int AHEAD>
__device__ static __forceinline__ void dmmv_tiles(const struct ada_dmmv_args &a,
                                                  const struct dmmv_place &s,
                                                  const struct dmmv_cell &cell,
                                                  const typename T::x_t &x,
                                                  dmmv_ahead<T, AHEAD> &ahead)
{
	uint32_t n_tiles = (s.n_pairs + s.slots - 1) / s.slots, lanes = 1u << a.lane_bits;
	struct dmmv_rows rows = dmmv_rows_of(a, s, cell.expert, blockIdx.x);

	for (uint32_t tile = blockIdx.x; tile < n_tiles; tile += gridDim.x) {
		float acc[DMMV_ROWS][COLS] = {};

		for (uint32_t base = s.first; base < s.last; base += AHEAD * lanes) {
			uint32_t from = base + AHEAD * lanes, last = s.last;

			if (from >= s.last) {
				from = s.first;
				last = tile + gridDim.x < n_tiles ? s.last : 0;
				rows = dmmv_rows_of(a, s, cell.expert, tile + gridDim.x);
			}
#pragma unroll
			for (int j = 0; j < AHEAD; j++) {
				uint32_t at = base + j * lanes, then = from + j * lanes;

				if (at < s.last)
					T::template add<DMMV_ROWS, COLS>(acc, ahead.u[j], a, x, at,
					                                 s.p, s.end);
				if (then < last)
					ahead.load(a, rows, j, then, s.p, s.end);
			}
		}
		dmmv_meet<DMMV_ROWS * COLS>(&acc[0][0], s.p, lanes);
		if (a.split_bits)
			dmmv_meet_splits<DMMV_ROWS * COLS>(&acc[0][0], s, 1u << a.split_bits);
		dmmv_write<COLS>(a, s, cell, tile, &acc[0][0]);
	}
}

template <class T, int COLS, int AHEAD>
__device__ static __forceinline__ void dmmv_run(const struct ada_dmmv_args &a)
{
	ADA_DYN_SHARED(unsigned char, smem);
	struct dmmv_place s = dmmv_place_of(a, T::units(a.w.ne0));
	typename T::x_t x = T::x_of(smem, a.w.ne0, COLS);
	struct dmmv_cell cell;
	dmmv_ahead<T, AHEAD> ahead;

	ada_release_next();
	if (a.ids)
		ada_wait_inputs();
	cell = dmmv_cell_of(a, a.ids ? ada_live(a.params, a.n) : a.n.imm, COLS);
	if (!cell.n_cols)
		return;
	struct dmmv_rows first = dmmv_rows_of(a, s, cell.expert, blockIdx.x);
#pragma unroll
	for (int j = 0; j < AHEAD; j++)
		if (s.first + (j << a.lane_bits) < s.last)
			ahead.load(a, first, j, s.first + (j << a.lane_bits), s.p, s.end);
	if (!a.ids) {
		ada_wait_inputs();
		cell = dmmv_cell_of(a, ada_live(a.params, a.n), COLS);
		if (!cell.n_cols)
			return;
	}
	dmmv_stage<T, COLS>(a, x, cell);
	dmmv_tiles<T, COLS, AHEAD>(a, s, cell, x, ahead);
}

#define DMMV_KERNEL(name, type, cols, ahead)                                                       \
	ADA_KERNEL(dmmv_##name##_##cols, struct ada_dmmv_args, DMMV_THREADS, 2)                    \
	{                                                                                          \
		dmmv_run<type, cols, ahead>(a);                                                    \
	}

/* Kernels dmmv_NAME_1, _2, _4 and _8, and how far ahead each loads: as far as 128
 * registers go. More columns mean more work a byte, so less has to be under way. */
#define DMMV_KERNELS(name, type, ahead_1, ahead_2, ahead_many)                                     \
	DMMV_KERNEL(name, type, 1, ahead_1)                                                        \
	DMMV_COLUMNS(name, type, ahead_2, ahead_many, ahead_many)

#define DMMV_COLUMNS(name, type, ahead_2, ahead_4, ahead_8)                                        \
	DMMV_KERNEL(name, type, 2, ahead_2)                                                        \
	DMMV_KERNEL(name, type, 4, ahead_4)                                                        \
	DMMV_KERNEL(name, type, 8, ahead_8)

#endif
