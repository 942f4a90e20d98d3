/* delta_prepare.cu - the part of the chunked delta net that needs no state: one
 * block per chunk and V head; see delta_chunk.cuh. */
#include "ssm/delta_chunk.cuh"
#include "ssm/tf32.cuh"

/* K_ROW, A_ROW: floats between rows of K and A in shared memory. The first is 16
 * past a multiple of 32, so that quads of 8 lanes in two rows meet no bank twice. */
enum { THREADS = 256, CHUNK = DELTA_CHUNK, LANES = DELTA_LANES };
enum { K_ROW = LANES + 16, A_ROW = CHUNK + 4 };

/* What a block works on: a V head of the tokens [first, first + n) of the batch,
 * its shared memory, and its record.
 *
 * G is two floats: it may be in the hundreds where its differences, which are
 * what counts, are small. Tokens past the last have b 0 and change nothing. */
struct work {
	uint32_t head, k_head, first, n;
	float *keys;                        /* [CHUNK][K_ROW] K as in memory  */
	float *matrix;                      /* [CHUNK][A_ROW] A               */
	float *b, *unit_k, *g_high, *g_low; /* [CHUNK] each                   */
	float *factor;                      /* [CHUNK] b e^G unit_k           */
	struct delta_record rec;
};

/* Sets first and n of the block's chunk; n 0: there is none. */
__device__ static __forceinline__ void find_chunk(const struct ada_delta_args &a, struct work &w)
{
	const uint32_t n_seqs = ada_live(a.params, a.n_seqs);
	uint32_t left = blockIdx.x;

	for (uint32_t i = 0; i < n_seqs; i++) {
		struct delta_seq s = delta_sequence(a, i);
		uint32_t chunks = delta_chunks(a, s);

		if (left < chunks) {
			uint32_t done = left * CHUNK, n = s.n - done;

			w.first = s.first + done;
			w.n = n < CHUNK ? n : CHUNK;
			return;
		}
		left -= chunks;
	}
}

/* e^(G_t - G_s) */
__device__ static __forceinline__ float decay_between(const struct work &w, uint32_t s, uint32_t t)
{
	return expf((w.g_high[t] - w.g_high[s]) + (w.g_low[t] - w.g_low[s]));
}

/* b and G. Ends with a barrier. */
__device__ static __forceinline__ void load_gates(const struct ada_delta_args &a,
                                                  const struct work &w)
{
	const uint32_t t = threadIdx.x;
	double sum = 0;

	if (t < CHUNK) {
		w.g_low[t] = t < w.n ? delta_log_decay(a, w.head, w.first + t) : 0.0f;
		w.b[t] = t < w.n ? delta_b(a, w.head, w.first + t) : 0.0f;
	}
	__syncthreads();
	for (uint32_t s = 0; t < CHUNK && s <= t; s++)
		sum += (double)w.g_low[s];
	__syncthreads();
	if (t < CHUNK) {
		w.g_high[t] = (float)sum;
		w.g_low[t] = (float)(sum - (double)w.g_high[t]);
	}
	__syncthreads();
}

__device__ static __forceinline__ float sum_squares(float4 v)
{
	return fmaf(v.x, v.x, fmaf(v.y, v.y, fmaf(v.z, v.z, v.w * v.w)));
}

/* K, a warp to a row, and unit_k. */
__device__ static __forceinline__ void load_keys(const struct ada_delta_args &a,
                                                 const struct work &w)
{
	const uint32_t at = threadIdx.x % 32 * 4;

#pragma unroll
	for (uint32_t t = threadIdx.x / 32; t < CHUNK; t += THREADS / 32) {
		float4 k = delta_quad(a, delta_row(a.k, w.k_head, w.first + t, t < w.n), at);
		float squares = ada_warp_sum(sum_squares(k));

		if (at < delta_round(a.d_k, 16))
			*reinterpret_cast<float4 *>(w.keys + t * K_ROW + at) = k;
		if (threadIdx.x % 32 == 0)
			w.unit_k[t] = delta_unit(a, squares);
	}
}

/* Where a warp's 16 x 8 tiles of a product of token by token lie: rows
 * row .. row + 15, of which this lane has row + g and row + g + 8; columns up to
 * the diagonal. */
struct band {
	uint32_t row, n_tiles, g, t;
};

/* Warps 0 to 3 have the bands of K K^T from the top, 4 to 7 those of Q K^T from
 * the bottom: as much work for each of the four. */
__device__ static __forceinline__ struct band band_of()
{
	const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
	const uint32_t band = warp < 4 ? warp : 7 - warp;
	struct band b = {16 * band, 2 * band + 2, lane / 4, lane % 4};

	return b;
}

/* The band's tiles of X K^T, X being K or Q. squares: of this lane's quads of its
 * two rows of X. */
__device__ static __forceinline__ void multiply_band(const struct ada_delta_args &a,
                                                     const struct work &w, const struct band &b,
                                                     float c[8][4], float squares[2])
{
	const bool of_q = threadIdx.x >= THREADS / 2;
	const uint32_t top = b.row + b.g, bottom = top + 8;
	const float *q[2] = {delta_row(a.q, w.k_head, w.first + top, of_q && top < w.n),
	                     delta_row(a.q, w.k_head, w.first + bottom, of_q && bottom < w.n)};

	squares[0] = squares[1] = 0.0f;
#pragma unroll
	for (int i = 0; i < 8; i++)
		c[i][0] = c[i][1] = c[i][2] = c[i][3] = 0.0f;
	for (uint32_t at = 4 * b.t; at < delta_round(a.d_k, 16); at += 16) {
		float4 x, y;
		struct tf32_a left;

		if (of_q) {
			x = delta_quad(a, q[0], at);
			y = delta_quad(a, q[1], at);
		} else {
			x = *reinterpret_cast<const float4 *>(w.keys + top * K_ROW + at);
			y = *reinterpret_cast<const float4 *>(w.keys + bottom * K_ROW + at);
		}
		squares[0] += sum_squares(x);
		squares[1] += sum_squares(y);
		tf32_load_a(left, x, y);
#pragma unroll
		for (uint32_t i = 0; i < 8; i++) {
			const float *key = w.keys + (8 * i + b.g) * K_ROW + at;
			struct tf32_b right;

			if (i >= b.n_tiles)
				break;
			tf32_load_b(right, *reinterpret_cast<const float4 *>(key));
			tf32_mma(c[i], left, right);
		}
	}
}

/* A from K K^T. */
__device__ static __forceinline__ void put_a(const struct work &w, const struct band &b,
                                             const float c[8][4])
{
#pragma unroll
	for (uint32_t i = 0; i < 8; i++) {
		if (i >= b.n_tiles)
			break;
#pragma unroll
		for (uint32_t r = 0; r < 4; r++) {
			uint32_t t = b.row + b.g + r / 2 * 8, s = 8 * i + 2 * b.t + r % 2;
			float x = 0.0f;

			if (s < t)
				x = c[i][r] * w.b[t] * w.unit_k[t] * w.unit_k[s] *
				    decay_between(w, s, t);
			w.matrix[t * A_ROW + s] = x;
		}
	}
}

/* P from Q K^T, and the factors of Q. */
__device__ static __forceinline__ void put_p(const struct ada_delta_args &a, const struct work &w,
                                             const struct band &b, const float c[8][4],
                                             const float squares[2])
{
	float unit[2];

#pragma unroll
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t t = b.row + b.g + i * 8;
		float sum = squares[i] + __shfl_xor_sync(ADA_FULL_WARP, squares[i], 1);

		sum += __shfl_xor_sync(ADA_FULL_WARP, sum, 2);
		unit[i] = delta_unit(a, sum) * a.q_scale;
		if (b.t == 0)
			w.rec.read[t] = unit[i] * expf(w.g_high[t]);
	}
#pragma unroll
	for (uint32_t i = 0; i < 8; i++) {
		if (i >= b.n_tiles)
			break;
#pragma unroll
		for (uint32_t r = 0; r < 4; r++) {
			uint32_t t = b.row + b.g + r / 2 * 8, s = 8 * i + 2 * b.t + r % 2;
			float x = 0.0f;

			if (s <= t)
				x = c[i][r] * unit[r / 2] * w.unit_k[s] * decay_between(w, s, t);
			w.rec.p[t * CHUNK + s] = x;
		}
	}
}

/* One column of the triangular system (I + A) x = r in place. */
__device__ static __forceinline__ void solve_column(const float *matrix, float x[CHUNK], float *out)
{
#pragma unroll
	for (int t = 0; t < CHUNK; t++) {
		float sum[4] = {x[t], 0.0f, 0.0f, 0.0f};

#pragma unroll
		for (int s = 0; s < t; s += 4) {
			float4 m = *reinterpret_cast<const float4 *>(matrix + t * A_ROW + s);

			sum[0] = fmaf(-m.x, x[s], sum[0]);
			if (s + 1 < t)
				sum[1] = fmaf(-m.y, x[s + 1], sum[1]);
			if (s + 2 < t)
				sum[2] = fmaf(-m.z, x[s + 2], sum[2]);
			if (s + 3 < t)
				sum[3] = fmaf(-m.w, x[s + 3], sum[3]);
		}
		x[t] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
		out[t * LANES] = x[t];
	}
}

/* The columns of W and of U0's tiles, one to a thread: 128 threads to a tile. */
__device__ static __forceinline__ void solve(const struct ada_delta_args &a, const struct work &w)
{
	const uint32_t tiles = 1 + (a.d_v + LANES - 1) / LANES, c = threadIdx.x % LANES;
	float x[CHUNK];

	for (uint32_t tile = threadIdx.x / LANES; tile < tiles; tile += THREADS / LANES) {
		const uint32_t v = (tile - 1) * LANES + c;

		if (tile == 0 ? c >= delta_round(a.d_k, 16) : v >= delta_round(a.d_v, 32))
			continue;
		const bool inside = tile > 0 && v < a.d_v;
		const float *column = ada_at<float>(a.v, inside ? v : 0, w.head, w.first);
#pragma unroll
		for (uint32_t t = 0; t < CHUNK; t++) {
			if (tile == 0)
				x[t] = w.factor[t] * w.keys[t * K_ROW + c];
			else
				x[t] = inside && t < w.n ? w.b[t] * *column : 0.0f;
			column += t + 1 < w.n ? a.v.nb2 / sizeof(float) : 0;
		}
		solve_column(w.matrix, x, w.rec.w + tile * CHUNK * LANES + c);
	}
}

ADA_KERNEL(delta_prepare, struct ada_delta_args, 256, 2)
{
	ADA_DYN_SHARED(float, shared);
	__shared__ float gates[5 * CHUNK];
	const uint32_t head = blockIdx.y, t = threadIdx.x;
	struct work w = {head, delta_k_head(a, head), 0, 0, shared, shared + CHUNK * K_ROW, gates,
	                 gates + CHUNK, gates + 2 * CHUNK, gates + 3 * CHUNK, gates + 4 * CHUNK,
	                 delta_record_at(a, blockIdx.x, head)};
	float c[8][4], squares[2];

	ada_wait_inputs();
	ada_release_next();
	find_chunk(a, w);
	if (w.n == 0)
		return;
	load_keys(a, w);
	load_gates(a, w);
	const struct band b = band_of();
	multiply_band(a, w, b, c, squares);
	if (threadIdx.x < THREADS / 2)
		put_a(w, b, c);
	else
		put_p(a, w, b, c, squares);
	if (t < CHUNK) {
		w.factor[t] = w.b[t] * expf(w.g_high[t]) * w.unit_k[t];
		w.rec.keep[t] = w.unit_k[t] * decay_between(w, t, CHUNK - 1);
	}
	if (t == 0)
		*w.rec.decay = expf(w.g_high[CHUNK - 1]);
	__syncthreads();
	solve(a, w);
}
