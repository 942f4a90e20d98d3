/* rows.cuh - walking the rows of an op four elements at a time, and the
 * activation functions.
 *
 * A thread owns the same elements of a row whether they can be loaded as one
 * vector or not, so that sums do not depend on where a tensor lies. */
#ifndef ADA_ROWS_CUH
#define ADA_ROWS_CUH

#include "kernel.cuh"

/* Up to four elements from p on, of which `left` are inside; zeros for the
 * others. vec: p is a multiple of 16 bytes. */
__device__ static __forceinline__ float4 ada_load_quad(const float *p, uint32_t left, bool vec)
{
	if (vec && left >= 4)
		return *reinterpret_cast<const float4 *>(p);
	return make_float4(left > 0 ? p[0] : 0.0f, left > 1 ? p[1] : 0.0f, left > 2 ? p[2] : 0.0f,
	                   left > 3 ? p[3] : 0.0f);
}

__device__ static __forceinline__ void ada_store_quad(float *p, uint32_t left, bool vec, float4 v)
{
	if (vec && left >= 4) {
		*reinterpret_cast<float4 *>(p) = v;
		return;
	}
	if (left > 0)
		p[0] = v.x;
	if (left > 1)
		p[1] = v.y;
	if (left > 2)
		p[2] = v.z;
	if (left > 3)
		p[3] = v.w;
}

__device__ static __forceinline__ uint32_t ada_left(uint32_t ne0, uint32_t at)
{
	return at < ne0 ? ne0 - at : 0;
}

__device__ static __forceinline__ float ada_sigmoid(float x)
{
	return 1.0f / (1.0f + expf(-x));
}

__device__ static __forceinline__ float ada_silu(float x)
{
	return x / (1.0f + expf(-x));
}

/* 1 + tanh(u) = 2 / (1 + e^-2u) */
__device__ static __forceinline__ float ada_gelu_tanh(float x)
{
	const float twice_root = 1.5957691216057308f; /* 2 sqrt(2 / pi) */

	return x / (1.0f + expf(-twice_root * (x + 0.044715f * x * x * x)));
}

#ifdef ADA_ROWS_ARGS_H

/* A single row is gone over even if it is not live, where it may hold and be
 * given anything: decode need not wait for the live number. */
__device__ static __forceinline__ uint32_t ada_row_count(const struct ada_rows &rows)
{
	return (rows.n.imm == 1 ? 1 : ada_live(rows.params, rows.n)) * rows.per_n;
}

__device__ static __forceinline__ float *ada_row(const struct ada_rows &rows,
                                                 const struct ada_view &v, uint32_t r)
{
	return ada_at<float>(v, 0, r % rows.inner, r / rows.inner);
}

/* A quad of a row: the elements from at on, of which `left` are inside. */
struct ada_quad {
	uint32_t row, at, left;
};

__device__ static __forceinline__ float4 ada_get_quad(const struct ada_rows &rows,
                                                      const struct ada_view &v, struct ada_quad q)
{
	return ada_load_quad(ada_row(rows, v, q.row) + q.at, q.left, rows.vec);
}

__device__ static __forceinline__ void ada_put_quad(const struct ada_rows &rows,
                                                    const struct ada_view &v, struct ada_quad q,
                                                    float4 y)
{
	ada_store_quad(ada_row(rows, v, q.row) + q.at, q.left, rows.vec, y);
}

/* Calls f for every quad that is this thread's. Blocks are [quads of a row,
 * rows]. */
template <typename F>
__device__ static __forceinline__ void ada_each_quad(const struct ada_rows &rows, F f)
{
	uint32_t count = ada_row_count(rows);
	uint32_t at = 4 * (blockIdx.x * blockDim.x + threadIdx.x);

	if (at >= rows.ne0)
		return;
	for (uint32_t r = blockIdx.y * blockDim.y + threadIdx.y; r < count;
	     r += gridDim.y * blockDim.y)
		f(ada_quad{r, at, rows.ne0 - at});
}

#endif
#endif
