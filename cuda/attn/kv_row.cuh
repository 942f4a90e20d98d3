/* kv_row.cuh - one row of K or V into the paged cache, by a warp. */
#ifndef ADA_ATTN_KV_ROW_CUH
#define ADA_ATTN_KV_ROW_CUH

#include "attn/batch.cuh"

/* Loads that are under way together, in steps of the warp. */
enum { KV_BATCH = 4 };

__device__ static __forceinline__ void store_one(uint32_t dtype, uint64_t row, uint32_t i, float x)
{
	if (dtype == ATTN_F32)
		reinterpret_cast<float *>(row)[i] = x;
	else
		reinterpret_cast<uint16_t *>(row)[i] =
			dtype == ATTN_F16 ? ada_f32_to_f16(x) : ada_f32_to_bf16(x);
}

__device__ static __forceinline__ void store_four(uint32_t dtype, uint64_t row, uint32_t i,
                                                  float4 x)
{
	if (dtype == ATTN_F32) {
		reinterpret_cast<float4 *>(row)[i / 4] = x;
		return;
	}
	uint2 h = dtype == ATTN_F16 ? make_uint2(ada_f16x2(x.x, x.y), ada_f16x2(x.z, x.w))
	                            : make_uint2(ada_bf16x2(x.x, x.y), ada_bf16x2(x.z, x.w));
	reinterpret_cast<uint2 *>(row)[i / 4] = h;
}

__device__ static void write_by_four(uint32_t dtype, uint64_t row, const float *x, uint32_t n,
                                     uint32_t lane)
{
	for (uint32_t base = lane * 4; base < n; base += 128 * KV_BATCH) {
		float4 v[KV_BATCH];

#pragma unroll
		for (uint32_t j = 0; j < KV_BATCH; j++)
			if (base + j * 128 < n)
				v[j] = *reinterpret_cast<const float4 *>(x + base + j * 128);
#pragma unroll
		for (uint32_t j = 0; j < KV_BATCH; j++)
			if (base + j * 128 < n)
				store_four(dtype, row, base + j * 128, v[j]);
	}
}

__device__ static void write_by_one(uint32_t dtype, uint64_t row, const float *x, uint32_t n,
                                    uint32_t lane)
{
	for (uint32_t base = lane; base < n; base += 32 * KV_BATCH) {
		float v[KV_BATCH];

#pragma unroll
		for (uint32_t j = 0; j < KV_BATCH; j++)
			if (base + j * 32 < n)
				v[j] = x[base + j * 32];
#pragma unroll
		for (uint32_t j = 0; j < KV_BATCH; j++)
			if (base + j * 32 < n)
				store_one(dtype, row, base + j * 32, v[j]);
	}
}

/* The scale is amax / 127, but values are divided by the unrounded one. A block
 * with an infinity or a NaN becomes NaN as a whole. */
__device__ static void write_q8_0(uint64_t row, const float *x, uint32_t n, uint32_t lane)
{
#pragma unroll 4
	for (uint32_t b = 0; b < n / 32; b++) {
		float v = x[b * 32 + lane], amax = ada_warp_max(fabsf(v)), inverse = 0.0f;
		uint8_t *block = reinterpret_cast<uint8_t *>(row) + b * ATTN_Q8_BLOCK;
		/* The maximum passes over a NaN. */
		bool finite = __all_sync(ADA_FULL_WARP, fabsf(v) <= 3.4e38f);
		uint16_t d = finite ? ada_f32_to_f16(amax / 127.0f) : 0x7e00;

		if (finite && amax > 1e-30f)
			inverse = 127.0f / amax;
		if (!lane)
			*reinterpret_cast<uint16_t *>(block) = d;
		block[2 + lane] = inverse > 0.0f ? (uint8_t)(int8_t)__float2int_rn(v * inverse) : 0;
	}
}

/* Where a token's rows go. page -1: nowhere. */
struct kv_place {
	int32_t page;
	uint32_t slot;
};

__device__ static __forceinline__ struct kv_place kv_place_of(const struct ada_kv_write_args &a,
                                                              uint32_t n_pages, uint32_t token)
{
	int32_t pos = attn_table(a.batch.tok_pos, token);
	int32_t seq = attn_table(a.batch.tok_seq, token);
	struct kv_place p = {-1, (uint32_t)pos % ADA_KV_PAGE};

	if (pos >= 0 && seq >= 0)
		p.page = attn_page(a.batch, n_pages, (uint32_t)seq, (uint32_t)pos / ADA_KV_PAGE);
	return p;
}

/* Row `head` of V, or of K. */
__device__ static void kv_write_row(const struct ada_kv_write_args &a, bool is_v, uint32_t head,
                                    uint32_t token, const struct kv_place &at, uint32_t lane)
{
	const struct ada_view &x = is_v ? a.v : a.k, &cache = is_v ? a.v_cache : a.k_cache;
	uint32_t dtype = is_v ? a.dtype_v : a.dtype_k;

	if (at.page < 0)
		return;
	uint64_t row = attn_row(cache, (uint32_t)at.page, head, at.slot);
	const float *from = ada_at<const float>(x, 0, head, token);

	if (dtype == ATTN_Q8_0)
		write_q8_0(row, from, x.ne0, lane);
	else if (is_v ? a.vec_v : a.vec_k)
		write_by_four(dtype, row, from, x.ne0, lane);
	else
		write_by_one(dtype, row, from, x.ne0, lane);
}

#endif
