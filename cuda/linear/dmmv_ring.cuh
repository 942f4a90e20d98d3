/* dmmv_ring.cuh - the product for one column of the K-quants, weights by way of
 * shared memory.
 *
 * Work, lanes and sums are those of dmmv.cuh, so the bits are the same. Each warp
 * copies the units of its next iterations by cp.async into slots of its own, in
 * turn, across the ends of rows and tiles. What is under way then takes no registers:
 * more warps fit a multiprocessor, and the loop is short. A lane copies its own 16
 * bytes of quants; scales, of 8 blocks together, are copied by every eighth lane.
 *
 * Where the arrays of a packed row (layout.h) stand in a slot, which has both rows
 * of a pair, 32 blocks of each:
 *   quants 512, scales 64, then Q5_K: high bits 128; Q6_K: high bits 256, factors 16 */
#ifndef ADA_DMMV_RING_CUH
#define ADA_DMMV_RING_CUH

#include "dmmv.cuh"

static constexpr uint32_t RING_SCALES = 512, RING_HIGH = 576, RING_FACTORS = 832;

template <uint32_t TYPE> struct dmmv_ring {
	using math = struct dmmv_q8<TYPE>;
	static constexpr uint32_t row_bytes = ADA_RING_ROW(TYPE);
	static constexpr uint32_t slot_bytes = DMMV_ROWS * row_bytes;
};

/* A warp's ring, as one lane sees it: where its quants, and the scales of its 8
 * blocks, stand in slot 0. Of the four lanes that start with a multiple of four, two
 * copy the scales of each row. */
struct ring_place {
	ada_shared quants, scales, copied_scales;
	bool copies_scales;
};

template <uint32_t TYPE>
__device__ static __forceinline__ struct ring_place ring_place_of(const uint8_t *ring)
{
	uint32_t lane = threadIdx.x % 32, second = lane % 8 == 4;
	ada_shared base = ada_shared_of(ring);
	struct ring_place r;

	r.quants = ada_keep(base + lane * 16);
	r.scales = ada_keep(base + RING_SCALES + lane / 8 * 16);
	r.copied_scales = ada_keep(r.scales + second * dmmv_ring<TYPE>::row_bytes);
	r.copies_scales = lane % 4 == 0;
	return r;
}

/* What a warp copies next: iteration `base` of tile `tile`. */
struct ring_cursor {
	struct dmmv_rows rows;
	const uint8_t *scales; /* of the row whose scales this lane copies, its blocks' */
	uint32_t tile, base;
	uint32_t slot;         /* bytes from slot 0 */
};

/* The rows of the cursor's tile; any, past the last. */
__device__ static __forceinline__ void ring_open(const struct ada_dmmv_args &a,
                                                 const struct dmmv_place &s,
                                                 const struct dmmv_cell &cell,
                                                 struct ring_cursor &c)
{
	c.base = s.first;
	c.rows = dmmv_rows_of(a, s, cell.expert, c.tile);
	c.scales = (threadIdx.x % 8 == 4 ? c.rows.row[1] : c.rows.row[0]) + a.row.scales +
	           (s.p & ~7u) * 2;
}

template <uint32_t TYPE>
__device__ static __forceinline__ void ring_copy_high(const struct ada_dmmv_args &a,
                                                      const struct ring_cursor &c,
                                                      ada_shared quants, uint32_t b,
                                                      bool inside)
{
	uint32_t lane = threadIdx.x % 32;

#pragma unroll
	for (int i = 0; i < DMMV_ROWS; i++) {
		const uint8_t *row = c.rows.row[i];
		ada_shared to = quants - lane * 16 + i * dmmv_ring<TYPE>::row_bytes;

		if (TYPE == ADA_Q5_K)
			ada_cp_async4_if(inside, to + RING_HIGH + lane * 4,
			                 row + a.row.high + b * 4);
		if (TYPE == ADA_Q6_K)
			ada_cp_async16_if(inside && lane % 2 == 0, to + RING_HIGH + lane * 8,
			                  row + a.row.high + b * 8);
		if (TYPE == ADA_Q6_K)
			ada_cp_async4_if(inside && lane % 8 == 0, to + RING_FACTORS + lane / 2,
			                 row + a.row.factors + b / 16 * 4);
	}
}

/* Starts the copies of one iteration, if there is one left, and goes on: a group of
 * cp.async. Lanes past the end of a row copy nothing. 8 lanes have blocks or have none
 * together, since rows are multiples of 256. */
template <uint32_t TYPE>
__device__ static __forceinline__ void
ring_copy(const struct ada_dmmv_args &a, const struct dmmv_place &s, const struct dmmv_cell &cell,
          const struct ring_place &r, uint32_t n_tiles, struct ring_cursor &c)
{
	using R = struct dmmv_ring<TYPE>;
	uint32_t b = c.base + s.p;
	bool inside = b < s.end;

	if (c.tile < n_tiles) {
		ada_cp_async16_if(inside, r.quants + c.slot, c.rows.row[0] + (size_t)b * 16);
		ada_cp_async16_if(inside, r.quants + c.slot + R::row_bytes,
		                  c.rows.row[1] + (size_t)b * 16);
		ada_cp_async16_if(inside && r.copies_scales, r.copied_scales + c.slot,
		                  c.scales + c.base * 2);
		ring_copy_high<TYPE>(a, c, r.quants + c.slot, b, inside);
		c.base += 1u << a.lane_bits;
		if (c.base >= s.last) {
			c.tile += gridDim.x;
			ring_open(a, s, cell, c);
		}
	}
	ada_cp_async_commit();
	c.slot = c.slot == (ADA_RING_SLOTS - 1) * R::slot_bytes ? 0 : c.slot + R::slot_bytes;
}

template <uint32_t TYPE>
__device__ static __forceinline__ typename dmmv_q8<TYPE>::unit ring_fetch(const struct ring_place &r,
                                                                          uint32_t at, uint32_t b)
{
	uint32_t lane = threadIdx.x % 32;
	ada_shared quants = r.quants + at, row = quants - lane * 16;
	typename dmmv_q8<TYPE>::unit u;

	u.q = ada_shared_load16(quants);
	if (TYPE == ADA_Q6_K) {
		u.scales = ada_shared_load2(row + RING_SCALES + lane * 2);
		u.high = ada_shared_load8(row + RING_HIGH + lane * 8);
		u.factor = ada_shared_load2(row + RING_FACTORS + lane / 8 * 4 + b / 8 % 2 * 2);
		return u;
	}
	u.head = ada_shared_load16(r.scales + at);
	if (TYPE == ADA_Q5_K)
		u.high.x = ada_shared_load4(row + RING_HIGH + lane * 4);
	return u;
}

/* As dmmv_q8::add_block(). The upper quants of Q4_K stay where they are, 16 times
 * as large. */
template <uint32_t TYPE>
__device__ static __forceinline__ float ring_add(float acc, const typename dmmv_q8<TYPE>::unit &u,
                                                 uint4 x0, uint4 x1, float2 xf, uint32_t j)
{
	using math = struct dmmv_q8<TYPE>;
	uint32_t w[8];

	if constexpr (TYPE != ADA_Q4_K) {
		math::unpack(u, w);
		return math::add_block(acc, w, math::factors_of(u, j), x0, x1, xf);
	}
	const uint32_t q[4] = {u.q.x, u.q.y, u.q.z, u.q.w}, x[4] = {x1.x, x1.y, x1.z, x1.w};
	typename math::factors f = math::factors_of(u, j);
	int32_t upper = 0, dot;

#pragma unroll
	for (int i = 0; i < 4; i++) {
		w[i] = q[i] & 0x0f0f0f0f;
		upper = ada_dot4_us(q[i] & 0xf0f0f0f0, x[i], upper);
	}
	dot = math::dot4(w, x0, DMMV_DOT_ZERO) + (upper >> 4);
	acc = fmaf(f.w[0] * xf.x, dmmv_dot_float(dot), acc);
	return fmaf(-f.m[0], xf.y, acc);
}

template <uint32_t TYPE>
__device__ static __forceinline__ void
ring_tiles(const struct ada_dmmv_args &a, const struct dmmv_place &s, const struct dmmv_cell &cell,
           const struct dmmv_q8_x &x, const struct ring_place &r, uint32_t n_tiles,
           struct ring_cursor &c)
{
	using R = struct dmmv_ring<TYPE>;
	const uint32_t lanes = ada_keep(1u << a.lane_bits), upper = ada_keep(x.blocks * 16);
	const ada_shared xq = ada_keep(ada_shared_of(x.q) + s.p * 16);
	const ada_shared xf = ada_keep(ada_shared_of(x.f) + s.p * 8);
	uint32_t slot = 0;

	for (uint32_t tile = blockIdx.x; tile < n_tiles; tile += gridDim.x) {
		float acc[DMMV_ROWS] = {};

#pragma unroll 1
		for (uint32_t base = s.first; base < s.last; base += lanes) {
			uint32_t b = base + s.p;

			/* All lanes have this slot, and are done with the one before. */
			ada_cp_async_wait<ADA_RING_SLOTS - 2>();
			__syncwarp();
			ring_copy<TYPE>(a, s, cell, r, n_tiles, c);
			if (b < s.end) {
				uint4 x0 = ada_shared_load16(xq + base * 16);
				uint4 x1 = ada_shared_load16(xq + base * 16 + upper);
				uint2 f = ada_shared_load8(xf + base * 8);

#pragma unroll
				for (int i = 0; i < DMMV_ROWS; i++)
					acc[i] = ring_add<TYPE>(
						acc[i],
						ring_fetch<TYPE>(r, slot + i * R::row_bytes, b), x0,
						x1, make_float2(__uint_as_float(f.x), __uint_as_float(f.y)),
						s.p % 8);
			}
			slot = slot == (ADA_RING_SLOTS - 1) * R::slot_bytes ? 0
			                                                    : slot + R::slot_bytes;
		}
		dmmv_meet<DMMV_ROWS>(acc, s.p, lanes);
		if (a.split_bits)
			dmmv_meet_splits<DMMV_ROWS>(acc, s, 1u << a.split_bits);
		dmmv_write<1>(a, s, cell, tile, acc);
	}
}

/* As dmmv_run(). The rings stand behind x in shared memory. */
template <uint32_t TYPE> __device__ static __forceinline__ void ring_run(const struct ada_dmmv_args &a)
{
	using R = struct dmmv_ring<TYPE>;
	ADA_DYN_SHARED(unsigned char, smem);
	struct dmmv_place s = dmmv_place_of(a, a.w.ne0 / 32);
	struct dmmv_q8_x x = R::math::x_of(smem, a.w.ne0, 1);
	struct ring_place r =
		ring_place_of<TYPE>(smem + a.w.ne0 + dmmv_q8_f_bytes(a.w.ne0 / 32) +
	                            threadIdx.x / 32 * ADA_RING_SLOTS * R::slot_bytes);
	uint32_t n_tiles = (s.n_pairs + s.slots - 1) / s.slots;
	struct ring_cursor c = {};
	struct dmmv_cell cell;

	s.p = ada_keep(s.p);
	ada_release_next();
	if (a.ids)
		ada_wait_inputs();
	cell = dmmv_cell_of(a, a.ids ? ada_live(a.params, a.n) : a.n.imm, 1);
	if (!cell.n_cols)
		return;
	c.tile = blockIdx.x;
	ring_open(a, s, cell, c);
#pragma unroll 1
	for (uint32_t i = 0; i + 1 < ADA_RING_SLOTS; i++)
		ring_copy<TYPE>(a, s, cell, r, n_tiles, c);
	if (!a.ids) {
		ada_wait_inputs();
		cell = dmmv_cell_of(a, ada_live(a.params, a.n), 1);
		if (!cell.n_cols)
			return;
	}
	dmmv_stage<typename R::math, 1>(a, x, cell);
	ring_tiles<TYPE>(a, s, cell, x, r, n_tiles, c);
}

#define DMMV_RING(name, type)                                                                      \
	ADA_KERNEL(dmmv_##name##_1, struct ada_dmmv_args, DMMV_THREADS, ADA_RING_BLOCKS)           \
	{                                                                                          \
		ring_run<type>(a);                                                                 \
	}

#endif
