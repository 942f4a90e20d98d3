/* mmq_finish.cu - what follows a product with many columns: adding up the pieces
 * of tiles that blocks shared, and the epilogue of products of the vendor's
 * library. */
#include "mmq_tile.cuh"

/* The block whose range has span `at` of the tiles that are left. */
__device__ static __forceinline__ uint32_t mmq_block_of(const struct mmq_share &s, uint32_t at)
{
	uint32_t in_longer = s.longer * (s.each + 1);

	return at < in_longer ? at / (s.each + 1) : s.longer + (at - in_longer) / s.each;
}

/* The pieces of a tile. */
struct mmq_pieces {
	uint32_t from, end; /* spans */
	uint32_t block;     /* the first */
	bool whole;         /* in one block, which has written the result itself */
};

__device__ static __forceinline__ struct mmq_pieces mmq_pieces_of(const struct mmq_share &s,
                                                                  uint32_t index)
{
	struct mmq_pieces p = {};

	p.from = index * s.spans;
	p.end = p.from + s.spans;
	p.block = mmq_block_of(s, p.from);
	p.whole = mmq_begin(s, p.block + 1) >= p.end;
	return p;
}

/* Has block b a piece of the tile? */
__device__ static __forceinline__ bool mmq_has_piece(const struct ada_mmq_args &a,
                                                     const struct mmq_share &s,
                                                     const struct mmq_pieces &p, uint32_t b)
{
	return b < a.n_blocks && mmq_begin(s, b) < p.end;
}

/* Its sums, from column `first` on. */
__device__ static __forceinline__ const float *mmq_partial(const struct ada_mmq_args &a,
                                                           const struct mmq_share &s,
                                                           const struct mmq_pieces &p, uint32_t b,
                                                           uint32_t first)
{
	uint64_t slot = 2 * b + (mmq_begin(s, b) < p.from);

	return reinterpret_cast<const float *>(a.partial) +
	       (slot * a.tile_cols + first) * MMQ_ROWS;
}

/* sum[c] = the pieces of a row of the tile in column first + c, blocks in order. */
__device__ static __forceinline__ void mmq_add_up(const struct ada_mmq_args &a,
                                                  const struct mmq_share &s,
                                                  const struct mmq_pieces &p, uint32_t row,
                                                  uint32_t first, float sum[MMQ_REDUCE_COLS])
{
	for (uint32_t c = 0; c < MMQ_REDUCE_COLS; c++)
		sum[c] = 0.0f;
	/* Two pieces' loads are under way at once. */
	for (uint32_t b = p.block; mmq_has_piece(a, s, p, b); b += 2) {
		bool two = mmq_has_piece(a, s, p, b + 1);
		const float *v = mmq_partial(a, s, p, b, first) + row;
		const float *w = mmq_partial(a, s, p, two ? b + 1 : b, first) + row;
		float x[MMQ_REDUCE_COLS], y[MMQ_REDUCE_COLS];

#pragma unroll
		for (uint32_t c = 0; c < MMQ_REDUCE_COLS; c++)
			x[c] = v[c * MMQ_ROWS], y[c] = w[c * MMQ_ROWS];
#pragma unroll
		for (uint32_t c = 0; c < MMQ_REDUCE_COLS; c++)
			sum[c] = two ? sum[c] + x[c] + y[c] : sum[c] + x[c];
	}
}

/* Grid [tiles that blocks may share, MMQ_REDUCE_COLS columns of each]; a thread has a row of
 * the tile. */
ADA_KERNEL(mmq_reduce, struct ada_mmq_args, 128, 4)
{
	uint32_t r = threadIdx.x, first = blockIdx.y * MMQ_REDUCE_COLS, n, tile, m, col0;
	float sum[MMQ_REDUCE_COLS], gate[MMQ_REDUCE_COLS] = {};
	struct mmq_matrix x;
	struct mmq_pieces p;
	struct mmq_share s;

	ada_release_next();
	ada_wait_inputs();
	n = ada_live(a.params, a.n);
	s = mmq_share_out(a, n);
	tile = s.first + blockIdx.x;
	if (tile >= s.tiles)
		return;
	p = mmq_pieces_of(s, blockIdx.x);
	if (p.whole || (a.gate.p && r / 16 % 2))
		return;
	x = mmq_matrix_of(a, tile / s.col_tiles);
	col0 = tile % s.col_tiles * a.tile_cols + first;
	m = a.gate.p ? x.row * (MMQ_ROWS / 2) + r / 32 * 16 + r % 16 : x.row * MMQ_ROWS + r;
	if (m >= x.m || col0 >= n)
		return;
	mmq_add_up(a, s, p, r, first, sum);
	if (a.gate.p)
		mmq_add_up(a, s, p, r + 16, first, gate);
#pragma unroll
	for (uint32_t c = 0; c < MMQ_REDUCE_COLS; c++)
		if (col0 + c < n)
			mmq_result(a, x.y, (col0 + c) * (x.y_nb2 / sizeof(float)) + m, sum[c],
			           gate[c]);
}

/* Grid [lanes, rows]; a thread has four lanes, a block's width apart. */
ADA_KERNEL(mmq_finish, struct ada_mmq_finish_args, 256, 4)
{
	uint32_t row = blockIdx.y, m = blockIdx.x * 1024 + threadIdx.x;

	ada_release_next();
	ada_wait_inputs();
	if (row >= ada_live(a.params, a.n))
		return;
#pragma unroll
	for (uint32_t i = m; i < m + 1024; i += 256) {
		float *y = ada_at<float>(a.y, i, row);

		if (i >= a.m)
			break;
		if (a.gate.p)
			*y *= ada_linear_act(a.act, *ada_at<const float>(a.gate, i, row));
		else
			*y = *ada_at<const float>(a.residual, i, row);
	}
}
