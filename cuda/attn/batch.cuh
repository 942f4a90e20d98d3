/* batch.cuh - finding a token's keys: positions, pages, rows of the cache.
 *
 * The tables of a step (positions, sequences, pages, parameter slots) are written
 * by the host before a list starts and by no kernel, so they may be read before
 * ada_wait_inputs(). */
#ifndef ADA_ATTN_BATCH_CUH
#define ADA_ATTN_BATCH_CUH

#include "attn/args.h"
#include "common/kernel.cuh"
#include "common/num.cuh"

/* enum zinc_dtype, as far as caches have them. */
enum { ATTN_F32 = 0, ATTN_F16 = 1, ATTN_BF16 = 2, ATTN_Q8_0 = 16 };
enum { ATTN_Q8_BLOCK = 34 }; /* bytes: an F16 scale, 32 signed bytes */

__device__ static __forceinline__ int32_t attn_table(uint64_t table, uint32_t i)
{
	return reinterpret_cast<const int32_t *>(table)[i];
}

/* The page of block `block` of sequence seq; -1: it is not there. */
__device__ static __forceinline__ int32_t attn_page(const struct ada_batch &b, uint32_t n_pages,
                                                    uint32_t seq, uint32_t block)
{
	if (seq >= b.n_rows || block >= b.n_blocks)
		return -1;
	int32_t page = reinterpret_cast<const int32_t *>(b.blocks + seq * b.row_bytes)[block];
	return page >= 0 && (uint32_t)page < n_pages ? page : -1;
}

/* Slot `slot` of one head of a page. */
__device__ static __forceinline__ uint64_t attn_row(const struct ada_view &cache, uint32_t page,
                                                    uint32_t head, uint32_t slot)
{
	return cache.p + page * cache.nb3 + head * cache.nb2 + slot * cache.nb1;
}

/* Positions that a token sees: [first, end). */
struct attn_span {
	uint32_t first, end;
};

__device__ static __forceinline__ struct attn_span attn_visible(const struct ada_attn_args &a,
                                                                uint32_t token)
{
	int32_t pos = attn_table(a.batch.tok_pos, token);
	uint32_t max = a.batch.n_blocks * ADA_KV_PAGE;
	struct attn_span s = {0, pos < 0 ? 0 : (uint32_t)pos + 1};

	if (s.end > max)
		s.end = max;
	if (a.window && s.end > a.window)
		s.first = s.end - a.window;
	return s;
}

/* exp(x) as 2^(x * ATTN_LOG2E). */
static constexpr float ATTN_LOG2E = 1.44269504088896340736f;

/* A power of two that brings numbers up to amax below 2, and its inverse. */
struct attn_range {
	float down, up;
};

__device__ static __forceinline__ struct attn_range attn_range_of(float amax)
{
	uint32_t e = __float_as_uint(amax) >> 23 & 255;

	e = e < 1 ? 1 : e > 253 ? 253 : e;
	struct attn_range r = {__uint_as_float((254 - e) << 23), __uint_as_float(e << 23)};
	return r;
}

__device__ static __forceinline__ float attn_sigmoid(float x)
{
	return 1.0f / (1.0f + expf(-x));
}

/* One element of a result, gated. */
__device__ static __forceinline__ void attn_store(const struct ada_attn_args &a, uint32_t token,
                                                  uint32_t head, uint32_t d, float x)
{
	if (a.gate.p)
		x *= attn_sigmoid(*ada_at<const float>(a.gate, d, head, token));
	*ada_at<float>(a.out, d, head, token) = x;
}

#endif
