/* delta_scan.cu - the part of the chunked delta net that goes from one state to
 * the next: a block has some columns of one V head's state, over all chunks of a
 * sequence; see delta_chunk.cuh.
 *
 * Of each chunk's 64 tokens warps 0 to 3 work out U, 16 each, while warps 4 to 7
 * begin their output; of the state every warp has 16 rows, in registers. What a
 * warp multiplies from the left is its own affair and comes from memory straight
 * into its registers, a chunk ahead; what all multiply from the right, S and U,
 * goes through shared memory, already split in two TF32 numbers. */
#include "ssm/delta_chunk.cuh"
#include "ssm/tf32.cuh"

enum { THREADS = 256, CHUNK = DELTA_CHUNK, LANES = DELTA_LANES };

/* Which rows and columns are this lane's. Of a 16 x 8 tile it holds rows
 * (g, g + 8) of the left side, column g of the right side, and columns
 * (2t, 2t + 1) of the result. */
struct lane {
	uint32_t head, k_head, warp, g, t;
	bool of_q;       /* reads the state with Q, not with W        */
	uint32_t tokens; /* first of the warp's 16 tokens             */
	uint32_t i;      /* the lane's rows of the state: i and i + 1 */
	uint32_t column; /* the block's first                         */
};

/* A chunk of the sequence: its tokens [first, first + n) of the batch. */
struct chunk {
	uint32_t first, n;
	struct delta_record rec;
};

/* Products from the right in shared memory, [rows][8 TILES + 1]: one more, so
 * that the four rows of a quad meet no bank twice. */
template <int TILES> struct right_side {
	uint2 *p;

	__device__ __forceinline__ void put(uint32_t row, uint32_t column, float x) const
	{
		uint2 v;

		tf32_split(x, v.x, v.y);
		p[row * (8 * TILES + 1) + column] = v;
	}

	/* Rows at .. at + 3 of a column. */
	__device__ __forceinline__ void get(uint32_t at, uint32_t column, struct tf32_b &b) const
	{
#pragma unroll
		for (int i = 0; i < 4; i++) {
			uint2 v = p[(at + i) * (8 * TILES + 1) + column];

			b.high[i / 2][i % 2] = v.x;
			b.low[i / 2][i % 2] = v.y;
		}
	}
};

__device__ static __forceinline__ struct lane lane_of(const struct ada_delta_args &a,
                                                      uint32_t columns)
{
	struct lane l;

	l.head = blockIdx.y;
	l.k_head = delta_k_head(a, l.head);
	l.warp = threadIdx.x / 32;
	l.g = threadIdx.x % 32 / 4;
	l.t = threadIdx.x % 4;
	l.of_q = l.warp >= 4;
	l.tokens = l.warp % 4 * 16;
	l.i = 16 * l.warp + 2 * l.g;
	l.column = blockIdx.x * columns;
	return l;
}

/* The number of the sequence's first chunk. */
__device__ static __forceinline__ uint32_t chunks_before(const struct ada_delta_args &a,
                                                         uint32_t sequence)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < sequence; i++)
		n += delta_chunks(a, delta_sequence(a, i));
	return n;
}

/* Chunk i of a sequence whose first chunk has the number base. */
__device__ static __forceinline__ struct chunk chunk_at(const struct ada_delta_args &a,
                                                        const struct delta_seq &seq, uint32_t base,
                                                        uint32_t i)
{
	uint32_t n = seq.n - i * CHUNK;
	struct chunk c = {seq.first + i * CHUNK, n < CHUNK ? n : CHUNK,
	                  delta_record_at(a, base + i, blockIdx.y)};

	return c;
}

/* The warp's 16 rows of W or Q: quads of this lane's two rows. */
__device__ static __forceinline__ void load_left(const struct ada_delta_args &a,
                                                 const struct lane &l, const struct chunk &c,
                                                 float4 left[8][2])
{
	const uint32_t row[2] = {l.tokens + l.g, l.tokens + l.g + 8};

#pragma unroll
	for (int r = 0; r < 2; r++) {
		const float *q = delta_row(a.q, l.k_head, c.first + row[r], row[r] < c.n);
		const float *w = c.rec.w + row[r] * LANES;

#pragma unroll
		for (uint32_t i = 0; i < 8; i++) {
			uint32_t at = 16 * i + 4 * l.t;

			if (16 * i >= a.d_k)
				break;
			left[i][r] = l.of_q ? delta_quad(a, q, at)
			                    : *reinterpret_cast<const float4 *>(w + at);
		}
	}
}

/* This lane's two rows of K^T for token t of the chunk. */
__device__ static __forceinline__ float2 load_keys(const struct ada_delta_args &a,
                                                   const struct lane &l, const struct chunk &c,
                                                   uint32_t t)
{
	const float *k = delta_row(a.k, l.k_head, c.first + t, t < c.n);

	if (!k || l.i >= a.d_k)
		return make_float2(0.0f, 0.0f);
	if (a.vec) /* then d_k is even */
		return *reinterpret_cast<const float2 *>(k + l.i);
	return make_float2(k[l.i], l.i + 1 < a.d_k ? k[l.i + 1] : 0.0f);
}

/* What the second half of a chunk's work needs: this lane's rows of K^T; of W's
 * warps U0, of Q's warps P; factors of the lane's two tokens. */
struct second_half {
	float2 keys[16];
	float4 extra[8];
	float factor[2], decay;
};

template <int TILES>
__device__ static __forceinline__ void load_second(const struct ada_delta_args &a,
                                                   const struct lane &l, const struct chunk &c,
                                                   struct second_half &h)
{
	const uint32_t top = l.tokens + l.g;
	const float *factor = (l.of_q ? c.rec.read : c.rec.keep) + top;

#pragma unroll
	for (uint32_t i = 0; i < 16; i++)
		h.keys[i] = load_keys(a, l, c, i / 4 * 16 + 4 * l.t + i % 4);
#pragma unroll
	for (uint32_t i = 0; i < 8; i++) {
		uint32_t row = top + i % 2 * 8, column = l.column + 8 * i + 2 * l.t;

		if (l.of_q) {
			const float *p = c.rec.p + row * CHUNK + i / 2 * 16 + 4 * l.t;

			if (i / 2 * 16 <= l.tokens)
				h.extra[i] = *reinterpret_cast<const float4 *>(p);
		} else if (i < TILES) {
			const float *u = c.rec.u + column / LANES * (CHUNK * LANES) + top * LANES +
			                 column % LANES;

			h.extra[i] = make_float4(u[0], u[1], u[8 * LANES], u[8 * LANES + 1]);
		}
	}
	h.factor[0] = factor[0];
	h.factor[1] = factor[8];
	h.decay = *c.rec.decay;
}

/* c += rows of the left side times S. */
template <int TILES>
__device__ static __forceinline__ void times_state(const struct ada_delta_args &a,
                                                   const struct lane &l, const float4 left[8][2],
                                                   const struct right_side<TILES> &state,
                                                   float c[TILES][4])
{
#pragma unroll
	for (int k = 0; k < 8; k++) {
		struct tf32_a x;

		if (16 * k >= (int)a.d_k)
			break;
		tf32_load_a(x, left[k][0], left[k][1]);
#pragma unroll
		for (int i = 0; i < TILES; i++) {
			struct tf32_b s;

			state.get(16 * k + 4 * l.t, 8 * i + l.g, s);
			tf32_mma(c[i], x, s);
		}
	}
}

/* U = U0 - W S, for all warps to multiply with. */
template <int TILES>
__device__ static __forceinline__ void put_u(const struct lane &l,
                                             const struct second_half &h,
                                             const float ws[TILES][4],
                                             const struct right_side<TILES> &u,
                                             const struct right_side<TILES> &kept)
{
#pragma unroll
	for (int i = 0; i < TILES; i++) {
		const float u0[4] = {h.extra[i].x, h.extra[i].y, h.extra[i].z, h.extra[i].w};

#pragma unroll
		for (int r = 0; r < 4; r++) {
			uint32_t row = l.tokens + l.g + r / 2 * 8, column = 8 * i + 2 * l.t + r % 2;
			float x = u0[r] - ws[i][r];

			u.put(row, column, x);
			kept.put(row, column, x * h.factor[r / 2]);
		}
	}
}

/* O = diag(read) Q S + P U, from Q S. */
template <int TILES>
__device__ static __forceinline__ void finish_output(const struct lane &l,
                                                     const struct second_half &h,
                                                     const struct right_side<TILES> &u,
                                                     float o[TILES][4])
{
#pragma unroll
	for (int i = 0; i < TILES; i++)
#pragma unroll
		for (int r = 0; r < 4; r++)
			o[i][r] *= h.factor[r / 2];
#pragma unroll
	for (uint32_t k = 0; k < 4; k++) {
		struct tf32_a x;

		if (16 * k > l.tokens)
			break;
		tf32_load_a(x, h.extra[2 * k], h.extra[2 * k + 1]);
#pragma unroll
		for (int i = 0; i < TILES; i++) {
			struct tf32_b y;

			u.get(16 * k + 4 * l.t, 8 * i + l.g, y);
			tf32_mma(o[i], x, y);
		}
	}
}

template <int TILES>
__device__ static __forceinline__ void put_output(const struct ada_delta_args &a,
                                                  const struct lane &l, const struct chunk &c,
                                                  const float o[TILES][4])
{
#pragma unroll
	for (uint32_t r = 0; r < 4; r++) {
		uint32_t t = l.tokens + l.g + r / 2 * 8;

#pragma unroll
		for (int i = 0; i < TILES; i++) {
			uint32_t column = l.column + 8 * i + 2 * l.t + r % 2;

			if (t < c.n && column < a.d_v)
				*ada_at<float>(a.y, column, l.head, c.first + t) = o[i][r];
		}
	}
}

/* S = decay S + K^T (kept U). */
template <int TILES>
__device__ static __forceinline__ void advance(const struct lane &l, const struct chunk &c,
                                               const struct second_half &h,
                                               const struct right_side<TILES> &kept,
                                               float s[TILES][4])
{
#pragma unroll
	for (int i = 0; i < TILES; i++)
#pragma unroll
		for (int r = 0; r < 4; r++)
			s[i][r] *= h.decay;
#pragma unroll
	for (uint32_t k = 0; k < 4; k++) {
		const float2 *x = h.keys + 4 * k;
		struct tf32_a keys;

		if (16 * k >= c.n)
			break;
		tf32_load_a(keys, make_float4(x[0].x, x[1].x, x[2].x, x[3].x),
		            make_float4(x[0].y, x[1].y, x[2].y, x[3].y));
#pragma unroll
		for (int i = 0; i < TILES; i++) {
			struct tf32_b y;

			kept.get(16 * k + 4 * l.t, 8 * i + l.g, y);
			tf32_mma(s[i], keys, y);
		}
	}
}

/* The lane's elements of the state, between registers and the slot. */
template <int TILES>
__device__ static __forceinline__ void move_state(const struct ada_delta_args &a,
                                                  const struct lane &l, uint32_t slot,
                                                  float s[TILES][4], bool to_slot)
{
#pragma unroll
	for (int i = 0; i < TILES; i++) {
#pragma unroll
		for (uint32_t r = 0; r < 4; r++) {
			uint32_t column = l.column + 8 * i + 2 * l.t + r % 2, row = l.i + r / 2;
			bool inside = column < a.d_v && row < a.d_k;

			if (!to_slot)
				s[i][r] = 0.0f;
			if (!inside)
				continue;
			float *at = delta_column(a, slot, l.head, column) + row;
			if (to_slot)
				*at = s[i][r];
			else
				s[i][r] = *at;
		}
	}
}

template <int TILES>
__device__ static __forceinline__ void share_state(const struct ada_delta_args &a,
                                                   const struct lane &l, const float s[TILES][4],
                                                   const struct right_side<TILES> &state)
{
	if (16 * l.warp >= delta_round(a.d_k, 16))
		return;
#pragma unroll
	for (int i = 0; i < TILES; i++)
#pragma unroll
		for (uint32_t r = 0; r < 4; r++)
			state.put(l.i + r / 2, 8 * i + 2 * l.t + r % 2, s[i][r]);
}

template <int TILES>
__device__ static __forceinline__ void delta_scan(const struct ada_delta_args &a)
{
	ADA_DYN_SHARED(uint2, shared);
	const uint32_t row = 8 * TILES + 1;
	const struct right_side<TILES> state = {shared}, u = {shared + LANES * row};
	const struct right_side<TILES> kept = {shared + (LANES + CHUNK) * row};
	const struct lane l = lane_of(a, 8 * TILES);
	float s[TILES][4];
	float4 left[8][2];

	ada_wait_inputs();
	ada_release_next();
	const struct delta_seq seq = delta_sequence(a, blockIdx.z);
	const uint32_t n = delta_chunks(a, seq), base = n ? chunks_before(a, blockIdx.z) : 0;
	if (n == 0)
		return;
	move_state<TILES>(a, l, seq.slot, s, false);
	share_state<TILES>(a, l, s, state);
	load_left(a, l, chunk_at(a, seq, base, 0), left);
	__syncthreads();
	for (uint32_t i = 0; i < n; i++) {
		const struct chunk c = chunk_at(a, seq, base, i);
		struct second_half h;
		float o[TILES][4] = {};

		load_second<TILES>(a, l, c, h);
		times_state<TILES>(a, l, left, state, o);
		if (i + 1 < n)
			load_left(a, l, chunk_at(a, seq, base, i + 1), left);
		if (!l.of_q)
			put_u<TILES>(l, h, o, u, kept);
		__syncthreads();
		if (l.of_q) {
			finish_output<TILES>(l, h, u, o);
			put_output<TILES>(a, l, c, o);
		}
		advance<TILES>(l, c, h, kept, s);
		share_state<TILES>(a, l, s, state);
		__syncthreads();
	}
	move_state<TILES>(a, l, seq.slot, s, true);
}

/* 16 or 32 columns to a block. */
ADA_KERNEL(delta_scan_16, struct ada_delta_args, 256, 1)
{
	delta_scan<2>(a);
}

ADA_KERNEL(delta_scan_32, struct ada_delta_args, 256, 1)
{
	delta_scan<4>(a);
}
