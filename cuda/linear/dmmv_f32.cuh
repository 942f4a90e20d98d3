/* dmmv_f32.cuh - class F32 of the product for few columns where the weights are
 * F32, F16 or BF16; see dmmv.cuh.
 *
 * A lane's unit is 16 bytes of a row: 4 or 8 elements, multiplied and added in
 * their order. Rows that are not aligned to 16 bytes are read element by element,
 * with the same sums. */
#ifndef ADA_DMMV_F32_CUH
#define ADA_DMMV_F32_CUH

#include "act.cuh"
#include "ptx.cuh"

/* The columns of x in shared memory as F32, filled up with zeros to whole units;
 * the first 4 elements of all units, then the next 4. */
struct dmmv_f32_x {
	const float4 *v;
	uint32_t units, col;
	uint32_t k;
};

template <uint32_t TYPE> struct dmmv_f32 {
	using x_t = struct dmmv_f32_x;
	static constexpr uint32_t elems = TYPE == ADA_F32 ? 4 : 8, parts = elems / 4;

	struct unit {
		uint4 q;
	};

	__device__ static __forceinline__ uint32_t units(uint32_t k)
	{
		return (k + elems - 1) / elems;
	}

	__device__ static __forceinline__ x_t x_of(unsigned char *smem, uint32_t k, uint32_t)
	{
		x_t x;

		x.v = reinterpret_cast<const float4 *>(smem);
		x.units = units(k);
		x.col = x.units * parts;
		x.k = k;
		return x;
	}

	__device__ static __forceinline__ void copy_x(const x_t &x, uint32_t c, const uint8_t *row)
	{
		float4 *v = const_cast<float4 *>(x.v) + c * x.col;

		for (uint32_t i = threadIdx.x; i < x.col; i += blockDim.x)
			v[i % parts * x.units + i / parts] =
			        ada_act_load(reinterpret_cast<const float *>(row), 4 * i, x.k);
	}

	__device__ static __forceinline__ void quantise_x(const x_t &x, const float *row)
	{
		copy_x(x, 0, reinterpret_cast<const uint8_t *>(row));
	}

	/* Elements of a unit one by one, zeros past the row. */
	__device__ static __forceinline__ uint4 gather(const uint8_t *row, uint32_t b, uint32_t k)
	{
		uint32_t w[4] = {0, 0, 0, 0};

		for (uint32_t i = 0; i < elems; i++) {
			uint32_t at = b * elems + i;

			if (at >= k)
				break;
			if (TYPE == ADA_F32)
				w[i] = reinterpret_cast<const uint32_t *>(row)[at];
			else
				w[i / 2] |= (uint32_t)reinterpret_cast<const uint16_t *>(row)[at]
				            << 16 * (i % 2);
		}
		return make_uint4(w[0], w[1], w[2], w[3]);
	}

	__device__ static __forceinline__ void load(unit &u, const uint8_t *row,
	                                            const struct ada_dmmv_args &a, uint32_t base,
	                                            uint32_t p, uint32_t end)
	{
		uint32_t b = base + p < end ? base + p : end - 1, k = a.w.ne0;

		if (((reinterpret_cast<uint64_t>(row) & 15) == 0) && (b + 1) * elems <= k)
			u.q = ada_load_stream(row + (size_t)b * 16);
		else
			u.q = gather(row, b, k);
	}

	__device__ static __forceinline__ void floats(uint4 q, float w[8])
	{
		const uint32_t words[4] = {q.x, q.y, q.z, q.w};

#pragma unroll
		for (int i = 0; i < 4; i++) {
			float2 v;

			if (TYPE == ADA_F32) {
				w[i] = __uint_as_float(words[i]);
				continue;
			}
			if (TYPE == ADA_F16)
				v = ada_f16x2_to_f32(words[i]);
			else
				v = make_float2(__uint_as_float(words[i] << 16),
				                __uint_as_float(words[i] & 0xffff0000));
			w[2 * i] = v.x;
			w[2 * i + 1] = v.y;
		}
	}

	template <int ROWS, int COLS>
	__device__ static __forceinline__ void add(float acc[ROWS][COLS], const unit u[ROWS],
	                                           const struct ada_dmmv_args &, const x_t &x,
	                                           uint32_t base, uint32_t p, uint32_t end)
	{
		uint32_t b = base + p;
		float w[ROWS][8];

		if (b >= end)
			return;
#pragma unroll
		for (int r = 0; r < ROWS; r++)
			floats(u[r].q, w[r]);
#pragma unroll
		for (int c = 0; c < COLS; c++)
#pragma unroll
			for (uint32_t part = 0; part < parts; part++) {
				float4 v = x.v[c * x.col + part * x.units + b];

#pragma unroll
				for (int r = 0; r < ROWS; r++) {
					const float *wr = w[r] + 4 * part;
					float s = fmaf(wr[0], v.x, acc[r][c]);

					s = fmaf(wr[1], v.y, s);
					s = fmaf(wr[2], v.z, s);
					acc[r][c] = fmaf(wr[3], v.w, s);
				}
			}
	}
};

#endif
