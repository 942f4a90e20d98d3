/* copy.cu - copies between views of any strides, and casts. */
#include "num.cuh"
#include "rows/args.h"

/* The live part: rows of `units`, numbered over dimensions 1 to 3. */
struct region {
	uint32_t ne1, ne2, rows, units;
};

__device__ static __forceinline__ struct region live_region(const struct ada_copy_args &a)
{
	uint32_t n = ada_live(a.params, a.n);
	uint32_t ne[4] = {a.x.ne0, a.x.ne1, a.x.ne2, a.x.ne3};

	for (uint32_t i = 0; i < 4; i++)
		if (i == a.dim && (n == 0 || !a.whole))
			ne[i] = n < ne[i] ? n : ne[i];
	struct region r = {ne[1], ne[2], ne[1] * ne[2] * ne[3],
	                   (ne[0] + a.unit_den - 1) / a.unit_den * a.unit_num};
	return r;
}

__device__ static __forceinline__ uint64_t row_address(const struct ada_view &v,
                                                       const struct region &r, uint32_t row)
{
	uint32_t i1 = row % r.ne1, i2 = row / r.ne1 % r.ne2, i3 = row / r.ne1 / r.ne2;

	return v.p + i1 * v.nb1 + i2 * v.nb2 + i3 * v.nb3;
}

/* Calls f(x's row, y's row, unit) for every unit that is this thread's. */
template <typename F>
__device__ static __forceinline__ void each_unit(const struct ada_copy_args &a, F f)
{
	struct region r = live_region(a);
	uint32_t unit = blockIdx.x * blockDim.x + threadIdx.x;

	if (unit >= r.units)
		return;
	for (uint32_t row = blockIdx.y * blockDim.y + threadIdx.y; row < r.rows;
	     row += gridDim.y * blockDim.y)
		f(row_address(a.x, r, row), row_address(a.y, r, row), unit);
}

template <typename T> __device__ static __forceinline__ void copy(const struct ada_copy_args &a)
{
	ada_wait_inputs();
	ada_release_next();
	each_unit(a, [](uint64_t x, uint64_t y, uint32_t unit) {
		reinterpret_cast<T *>(y)[unit] = reinterpret_cast<const T *>(x)[unit];
	});
}

ADA_KERNEL(copy_1, struct ada_copy_args, 256, 4)
{
	copy<uint8_t>(a);
}

ADA_KERNEL(copy_2, struct ada_copy_args, 256, 4)
{
	copy<uint16_t>(a);
}

ADA_KERNEL(copy_4, struct ada_copy_args, 256, 4)
{
	copy<uint32_t>(a);
}

ADA_KERNEL(copy_16, struct ada_copy_args, 256, 4)
{
	copy<uint4>(a);
}

__device__ static __forceinline__ float load_as_f32(uint32_t type, uint64_t row, uint32_t i)
{
	if (type == ADA_CAST_F32)
		return reinterpret_cast<const float *>(row)[i];
	uint16_t h = reinterpret_cast<const uint16_t *>(row)[i];
	return type == ADA_CAST_F16 ? ada_f16_to_f32(h) : ada_bf16_to_f32(h);
}

ADA_KERNEL(cast_plain, struct ada_copy_args, 256, 4)
{
	const uint32_t from = a.from, to = a.to;

	ada_wait_inputs();
	ada_release_next();
	each_unit(a, [&](uint64_t x, uint64_t y, uint32_t i) {
		float v = load_as_f32(from, x, i);

		if (to == ADA_CAST_F32)
			reinterpret_cast<float *>(y)[i] = v;
		else
			reinterpret_cast<uint16_t *>(y)[i] =
				to == ADA_CAST_F16 ? ada_f32_to_f16(v) : ada_f32_to_bf16(v);
	});
}

/* A warp makes one Q8_0 block: an F16 scale and 32 signed bytes. A block with an
 * infinity or a NaN becomes NaN as a whole. */
ADA_KERNEL(cast_q8_0, struct ada_copy_args, 256, 4)
{
	ada_wait_inputs();
	ada_release_next();
	/* units are elements and whole blocks, so a warp stays together */
	each_unit(a, [](uint64_t row, uint64_t to, uint32_t unit) {
		float x = reinterpret_cast<const float *>(row)[unit], size = fabsf(x);
		float most = ada_warp_max(size <= 3.4e38f ? size : INFINITY);
		bool finite = most <= 3.4e38f;
		uint16_t *block = reinterpret_cast<uint16_t *>(to) + unit / 32 * 17;
		float inverse = finite && most > 1e-30f ? 127.0f / most : 0.0f;

		if (unit % 32 == 0)
			block[0] = finite ? ada_f32_to_f16(most / 127.0f) : 0x7e00;
		reinterpret_cast<int8_t *>(block + 1)[unit % 32] =
			inverse > 0.0f ? (int8_t)(int)rintf(x * inverse) : 0;
	});
}
