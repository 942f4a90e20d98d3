/* rmsnorm.cu - the RMS norm with all its fusions, in one pass over rows of up to
 * 8192 elements: a row stays in the registers of its threads. */
#include "rows/args.h"
#include "rows/rows.cuh"

/* What one thread has of a row. */
struct norm_row {
	float *y, *sum;
	const float *x, *residual, *gate, *after;
};

__device__ static __forceinline__ struct norm_row norm_row_at(const struct ada_rmsnorm_args &a,
                                                              uint32_t r)
{
	struct norm_row row = {};

	row.x = ada_row(a.rows, a.x, r);
	row.y = ada_row(a.rows, a.y, r);
	row.residual = a.residual.p ? ada_row(a.rows, a.residual, r) : nullptr;
	row.sum = a.residual.p ? ada_row(a.rows, a.sum, r) : nullptr;
	row.gate = a.gate.p ? ada_row(a.rows, a.gate, r) : nullptr;
	row.after = a.after.p ? ada_row(a.rows, a.after, r) : nullptr;
	return row;
}

__device__ static __forceinline__ float sum_squares(float4 v, float s)
{
	return fmaf(v.w, v.w, fmaf(v.z, v.z, fmaf(v.y, v.y, fmaf(v.x, v.x, s))));
}

__device__ static __forceinline__ float4 add_quad(float4 a, float4 b)
{
	return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}

__device__ static __forceinline__ float4 weight_quad(uint64_t weight, uint32_t ne0, uint32_t at,
                                                     bool vec)
{
	const float *w = reinterpret_cast<const float *>(weight);

	if (!w)
		return make_float4(1.0f, 1.0f, 1.0f, 1.0f);
	return ada_load_quad(w + at, ada_left(ne0, at), vec);
}

__device__ static __forceinline__ float norm_one(float x, float inverse, float w, bool gated,
                                                 float gate)
{
	float y = x * inverse * w;

	return gated ? y * ada_silu(gate) : y;
}

__device__ static __forceinline__ float4 norm_quad(float4 x, float inverse, float4 w, bool gated,
                                                   float4 g)
{
	return make_float4(norm_one(x.x, inverse, w.x, gated, g.x),
	                   norm_one(x.y, inverse, w.y, gated, g.y),
	                   norm_one(x.z, inverse, w.z, gated, g.z),
	                   norm_one(x.w, inverse, w.w, gated, g.w));
}

/* The sum over the THREADS of a row, in every one of them. A kernel's first and
 * second sum have their own shared memory. */
template <int THREADS, int WHICH = 0> __device__ static __forceinline__ float row_sum(float s)
{
	__shared__ float part[32];
	const int warps = THREADS / 32;

	s = ada_warp_sum(s);
	if (warps == 1)
		return s;
	if (threadIdx.x % 32 == 0)
		part[threadIdx.x / 32] = s;
	__syncthreads();
	return ada_warp_sum(threadIdx.x % 32 < warps ? part[threadIdx.x % 32] : 0.0f);
}

__device__ static __forceinline__ float inverse_rms(float sum, uint32_t n, float eps)
{
	return 1.0f / sqrtf(sum / (float)n + eps);
}

/* The further norm of y. */
template <int THREADS, int QUADS>
__device__ static __forceinline__ void norm_again(const struct ada_rmsnorm_args &a, float *to,
                                                  const float4 y[QUADS], const float4 w[QUADS])
{
	float s = 0.0f;

#pragma unroll
	for (int i = 0; i < QUADS; i++)
		s = sum_squares(y[i], s);
	float inverse = inverse_rms(row_sum<THREADS, 1>(s), a.rows.ne0, a.next_eps);
#pragma unroll
	for (int i = 0; i < QUADS; i++) {
		uint32_t at = 4 * (threadIdx.x + i * THREADS);

		ada_store_quad(to + at, ada_left(a.rows.ne0, at), a.rows.vec,
		               norm_quad(y[i], inverse, w[i], false, y[i]));
	}
}

/* THREADS to a row, QUADS quads to a thread. */
template <int THREADS, int QUADS>
__device__ static __forceinline__ void norm_in_registers(const struct ada_rmsnorm_args &a)
{
	const uint32_t ne0 = a.rows.ne0, r = blockIdx.x * blockDim.y + threadIdx.y;
	const bool vec = a.rows.vec;
	float4 x[QUADS], w[QUADS], gate[QUADS], after[QUADS], next_w[QUADS];
	float s = 0.0f, factor = 1.0f;

#pragma unroll
	for (int i = 0; i < QUADS; i++) {
		uint32_t at = 4 * (threadIdx.x + i * THREADS);

		w[i] = weight_quad(a.weight, ne0, at, a.weight_vec);
		next_w[i] = weight_quad(a.next_weight, ne0, at, a.next_weight_vec);
	}
	/* Whatever takes no input is worked out while the launch before still runs. */
	const bool live = r < ada_row_count(a.rows);
	struct norm_row row = norm_row_at(a, live ? r : 0);
	float *next_y = a.next_y.p ? ada_row(a.rows, a.next_y, live ? r : 0) : nullptr;

	ada_release_next();
	ada_wait_inputs();
	if (!live)
		return;
	if (a.factor)
		factor = *reinterpret_cast<const float *>(a.factor);
#pragma unroll
	for (int i = 0; i < QUADS; i++) {
		uint32_t at = 4 * (threadIdx.x + i * THREADS), left = ada_left(ne0, at);

		x[i] = ada_load_quad(row.x + at, left, vec);
		if (row.residual) {
			x[i] = add_quad(x[i], ada_load_quad(row.residual + at, left, vec));
			ada_store_quad(row.sum + at, left, vec, x[i]);
		}
		gate[i] = after[i] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
		if (row.gate)
			gate[i] = ada_load_quad(row.gate + at, left, vec);
		if (row.after)
			after[i] = ada_load_quad(row.after + at, left, vec);
	}
#pragma unroll
	for (int i = 0; i < QUADS; i++)
		s = sum_squares(x[i], s);
	float inverse = inverse_rms(row_sum<THREADS>(s), ne0, a.eps);
#pragma unroll
	for (int i = 0; i < QUADS; i++) {
		uint32_t at = 4 * (threadIdx.x + i * THREADS);
		float4 y = norm_quad(x[i], inverse, w[i], row.gate, gate[i]);

		if (row.after)
			y = add_quad(y, after[i]);
		x[i] = make_float4(y.x * factor, y.y * factor, y.z * factor, y.w * factor);
		ada_store_quad(row.y + at, ada_left(ne0, at), vec, x[i]);
	}
	if (next_y)
		norm_again<THREADS, QUADS>(a, next_y, x, next_w);
}

/* Rows of heads: a warp each, 8 to a block. */
ADA_KERNEL(rmsnorm_warp_1, struct ada_rmsnorm_args, 256, 4)
{
	norm_in_registers<32, 1>(a);
}

ADA_KERNEL(rmsnorm_warp_2, struct ada_rmsnorm_args, 256, 4)
{
	norm_in_registers<32, 2>(a);
}

ADA_KERNEL(rmsnorm_warp_4, struct ada_rmsnorm_args, 256, 2)
{
	norm_in_registers<32, 4>(a);
}

/* A block each. */
ADA_KERNEL(rmsnorm_256_1, struct ada_rmsnorm_args, 256, 4)
{
	norm_in_registers<256, 1>(a);
}

ADA_KERNEL(rmsnorm_512_1, struct ada_rmsnorm_args, 512, 2)
{
	norm_in_registers<512, 1>(a);
}

ADA_KERNEL(rmsnorm_512_2, struct ada_rmsnorm_args, 512, 2)
{
	norm_in_registers<512, 2>(a);
}

ADA_KERNEL(rmsnorm_512_3, struct ada_rmsnorm_args, 512, 1)
{
	norm_in_registers<512, 3>(a);
}

ADA_KERNEL(rmsnorm_512_4, struct ada_rmsnorm_args, 512, 1)
{
	norm_in_registers<512, 4>(a);
}

/* Rows of any length, and nothing after the norm: read twice, each thread what it read (or wrote) itself. */
ADA_KERNEL(rmsnorm_wide, struct ada_rmsnorm_args, 1024, 1)
{
	const uint32_t ne0 = a.rows.ne0;
	const bool vec = a.rows.vec;
	float s = 0.0f;

	ada_wait_inputs();
	ada_release_next();
	if (blockIdx.x >= ada_row_count(a.rows))
		return;
	struct norm_row row = norm_row_at(a, blockIdx.x);
	for (uint32_t at = 4 * threadIdx.x; at < ne0; at += 4096) {
		float4 x = ada_load_quad(row.x + at, ne0 - at, vec);

		if (row.residual) {
			x = add_quad(x, ada_load_quad(row.residual + at, ne0 - at, vec));
			ada_store_quad(row.sum + at, ne0 - at, vec, x);
		}
		s = sum_squares(x, s);
	}
	float inverse = inverse_rms(row_sum<1024>(s), ne0, a.eps);
	for (uint32_t at = 4 * threadIdx.x; at < ne0; at += 4096) {
		float4 x = ada_load_quad((row.sum ? row.sum : row.x) + at, ne0 - at, vec);
		float4 gate = make_float4(0.0f, 0.0f, 0.0f, 0.0f);

		if (row.gate)
			gate = ada_load_quad(row.gate + at, ne0 - at, vec);
		float4 w = weight_quad(a.weight, ne0, at, a.weight_vec);
		float4 y = norm_quad(x, inverse, w, row.gate, gate);
		if (row.after)
			y = add_quad(y, ada_load_quad(row.after + at, ne0 - at, vec));
		ada_store_quad(row.y + at, ne0 - at, vec, y);
	}
}
