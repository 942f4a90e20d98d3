/* weights16.cuh - a block of 32 weights of a packed row (layout.h) as F16 pairs,
 * for tensor cores: what the F16 tiles and the dequantising kernels share.
 *
 * A thread loads a block as it lies into registers, and unpacks four elements at
 * a time. Weights come out times ada_block<TYPE>::unit, which keeps the small ones
 * out of the subnormals of F16; F16 weights are taken as they are. */
#ifndef ADA_WEIGHTS16_CUH
#define ADA_WEIGHTS16_CUH

#include "ptx.cuh"
#include "unpack.cuh"

static constexpr float ADA_WEIGHT_UNIT = 16.0f;

template <uint32_t TYPE> struct ada_block {
	static constexpr bool plain = TYPE == ADA_F16 || TYPE == ADA_BF16;
	static constexpr uint32_t n_quants = plain                     ? 16
	                                     : TYPE == ADA_Q8_0        ? 8
	                                     : ada_packed<TYPE>::pairs ? 2
	                                                               : 4;
	static constexpr uint32_t n_high = ada_packed<TYPE>::high_pairs ? 2 : 1;
	static constexpr uint32_t n_scales = ada_packed<TYPE>::k4 ? 4 : 2;

	uint32_t quants[n_quants];
	uint32_t high[n_high];
	uint32_t scales[n_scales];
};

__device__ static __forceinline__ void ada_set4(uint32_t *to, const uint4 &v)
{
	to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
}

/* Constants in global memory. */
template <typename T> __device__ static __forceinline__ T ada_read(const uint8_t *p)
{
	return __ldg(reinterpret_cast<const T *>(p));
}

template <uint32_t TYPE>
__device__ static __forceinline__ void ada_load_quants(struct ada_block<TYPE> &w,
                                                       const uint8_t *row, uint32_t block)
{
	if constexpr (ada_packed<TYPE>::pairs) {
		uint2 v = ada_read<uint2>(row + 8ull * block);
		w.quants[0] = v.x, w.quants[1] = v.y;
	} else if constexpr (TYPE == ADA_Q8_0) {
		/* Through L1: each load takes halves of sectors. */
		ada_set4(w.quants, ada_read<uint4>(row + 32ull * block));
		ada_set4(w.quants + 4, ada_read<uint4>(row + 32ull * block + 16));
	} else {
		ada_set4(w.quants, ada_load_stream(row + 16ull * block));
	}
}

template <uint32_t TYPE>
__device__ static __forceinline__ void ada_load_scales(struct ada_block<TYPE> &w,
                                                       const uint8_t *scales,
                                                       const uint8_t *factors, uint32_t block)
{
	if constexpr (ada_packed<TYPE>::k4) {
		ada_set4(w.scales, ada_read<uint4>(scales + (block >> 3) * 16));
	} else if constexpr (TYPE == ADA_Q2_K) {
		w.scales[0] = ada_read<uint16_t>(scales + block * 2);
		w.scales[1] = ada_read<uint32_t>(factors + (block >> 3) * 4);
	} else if constexpr (ada_packed<TYPE>::halves) {
		w.scales[0] = ada_read<uint16_t>(scales + block * 2);
		w.scales[1] = ada_read<uint16_t>(factors + (block >> 3) * 2);
	} else if constexpr (TYPE == ADA_IQ4_XS) {
		w.scales[0] = ada_read<uint8_t>(scales + block);
		w.scales[1] = ada_read<uint16_t>(factors + (block >> 3) * 2);
	} else if constexpr (TYPE == ADA_MXFP4) {
		w.scales[0] = ada_read<uint8_t>(scales + block);
	} else if constexpr (ada_packed<TYPE>::min) {
		w.scales[0] = ada_read<uint32_t>(factors + block * 4);
	} else {
		w.scales[0] = ada_read<uint16_t>(factors + block * 2);
	}
}

template <uint32_t TYPE>
__device__ static __forceinline__ void ada_load_block(struct ada_block<TYPE> &w, const uint8_t *row,
                                                      const struct ada_row_layout &at,
                                                      uint32_t block)
{
	ada_load_quants(w, row, block);
	if constexpr (ada_packed<TYPE>::high_pairs) {
		uint2 v = ada_read<uint2>(row + at.high + block * 8);
		w.high[0] = v.x, w.high[1] = v.y;
	} else if constexpr (ada_packed<TYPE>::high_bits) {
		w.high[0] = ada_read<uint32_t>(row + at.high + block * 4);
	}
	ada_load_scales(w, row + at.scales, row + at.factors, block);
}

/* A block of zeros, past the end of a row. */
template <uint32_t TYPE>
__device__ static __forceinline__ void ada_clear_block(struct ada_block<TYPE> &w)
{
	for (uint32_t i = 0; i < w.n_quants; i++)
		w.quants[i] = 0;
	for (uint32_t i = 0; i < w.n_high; i++)
		w.high[i] = 0;
	for (uint32_t i = 0; i < w.n_scales; i++)
		w.scales[i] = 0;
}

/* The factors of half block `half` (0, 1) as F32. */
template <uint32_t TYPE>
__device__ static __forceinline__ float2 ada_block_factors(const struct ada_block<TYPE> &w,
                                                           uint32_t block, uint32_t half)
{
	uint32_t scale;
	float2 d;

	if constexpr (ada_packed<TYPE>::k4) {
		d = ada_k4_factors(w.scales[0], w.scales[1], w.scales[2], w.scales[3], block & 7);
		return make_float2(d.x, -d.y);
	} else if constexpr (TYPE == ADA_Q2_K) {
		scale = w.scales[0] >> 8 * half;
		d = ada_f16x2_to_f32(w.scales[1]);
		return make_float2(d.x * (float)(scale & 15), -d.y * (float)(scale >> 4 & 15));
	} else if constexpr (ada_packed<TYPE>::halves) {
		return make_float2(ada_f16_to_f32((uint16_t)w.scales[1]) *
		                           (float)(int8_t)(w.scales[0] >> 8 * half),
		                   0.0f);
	} else if constexpr (TYPE == ADA_IQ4_XS) {
		return make_float2(ada_f16_to_f32((uint16_t)w.scales[1]) *
		                           (float)(int8_t)w.scales[0],
		                   0.0f);
	} else if constexpr (TYPE == ADA_MXFP4) {
		return make_float2(ada_e8m0_half(w.scales[0]), 0.0f);
	} else if constexpr (ada_packed<TYPE>::min) {
		return ada_f16x2_to_f32(w.scales[0]);
	} else {
		return make_float2(ada_f16_to_f32((uint16_t)w.scales[0]), 0.0f);
	}
}

/* For the tiles, which have little time: scale, and centre * scale - min, in F16,
 * each twice in a pair. Integers are taken from their centre, so that what the
 * rounding of both does is no more than what that of the weight does. */
struct ada_factors16 {
	uint32_t scale, shift;
};

template <uint32_t TYPE>
__device__ static __forceinline__ struct ada_factors16
ada_block_factors16(const struct ada_block<TYPE> &w, uint32_t block, uint32_t half)
{
	float2 f = ada_block_factors(w, block, half);
	float s = f.x * ADA_WEIGHT_UNIT;
	float m = fmaf((float)ada_packed<TYPE>::centre, f.x, f.y) * ADA_WEIGHT_UNIT;

	return {ada_f16x2(s, s), ada_f16x2(m, m)};
}

/* Four bytes to their true integers, less CENTRE, in F16: 0x6400 | u is 1024 + u in
 * F16, and taking the offset away is exact. */
template <uint32_t TYPE, uint32_t CENTRE>
__device__ static __forceinline__ void ada_bytes_to_f16(uint32_t v, uint32_t to[2])
{
	constexpr float times = ada_packed<TYPE>::times;
	/* 1 / times and the offset / times, as bits: times is a power of two. */
	constexpr uint32_t down = times == 32.0f  ? 5u << 10
	                          : times == 16.0f ? 4u << 10
	                          : times == 8.0f  ? 3u << 10
	                          : times == 4.0f  ? 2u << 10
	                                           : 0u;
	constexpr bool is_unsigned = ada_packed<TYPE>::min;
	constexpr uint32_t one = (0x3c00u - down) * 0x10001u;
	constexpr uint32_t offset = ((is_unsigned ? 0xe400u + CENTRE : 0xe480u) - down) * 0x10001u;

	if (!is_unsigned)
		v ^= 0x80808080;
	to[0] = ada_f16x2_fma(__byte_perm(v, 0x64646464, 0x4140), one, offset);
	to[1] = ada_f16x2_fma(__byte_perm(v, 0x64646464, 0x4342), one, offset);
}

/* The signed bytes of elements 4 i .. 4 i + 3 of a quantised block, i < 8. */
template <uint32_t TYPE>
__device__ static __forceinline__ uint32_t ada_block_bytes(const struct ada_block<TYPE> &w,
                                                           uint32_t i)
{
	uint32_t t = i & 3, half = i >> 2;
	uint32_t q = w.quants[TYPE == ADA_Q8_0 ? i : ada_packed<TYPE>::pairs ? half : t];

	return ada_unpack_half<TYPE>(q, w.high[ada_packed<TYPE>::high_pairs ? half : 0], t, half);
}

/* Those elements of a block of 16-bit weights, as two pairs. */
template <uint32_t TYPE>
__device__ static __forceinline__ void ada_plain_f16(const struct ada_block<TYPE> &w, uint32_t i,
                                                     uint32_t to[2])
{
	for (uint32_t j = 0; j < 2; j++) {
		uint32_t v = w.quants[2 * i + j];

		to[j] = TYPE == ADA_F16 ? v
		                        : ada_f16x2(__uint_as_float(v << 16) * ADA_WEIGHT_UNIT,
		                                    __uint_as_float(v & 0xffff0000) *
		                                            ADA_WEIGHT_UNIT);
	}
}

template <uint32_t TYPE>
__device__ static __forceinline__ void ada_block_f16(const struct ada_block<TYPE> &w, uint32_t i,
                                                     const struct ada_factors16 &f, uint32_t to[2])
{
	if constexpr (ada_block<TYPE>::plain) {
		ada_plain_f16(w, i, to);
		return;
	}
	ada_bytes_to_f16<TYPE, ada_packed<TYPE>::centre>(ada_block_bytes(w, i), to);
	to[0] = ada_f16x2_fma(to[0], f.scale, f.shift);
	to[1] = ada_f16x2_fma(to[1], f.scale, f.shift);
}

__device__ static __forceinline__ uint32_t ada_scale16(uint32_t pair, float2 f)
{
	float2 v = ada_f16x2_to_f32(pair);

	return ada_f16x2(fmaf(v.x, f.x, f.y), fmaf(v.y, f.x, f.y));
}

/* The same with the factors of ada_block_factors() times the unit: rounded once. */
template <uint32_t TYPE>
__device__ static __forceinline__ void ada_block_f16_once(const struct ada_block<TYPE> &w,
                                                          uint32_t i, float2 f, uint32_t to[2])
{
	if constexpr (ada_block<TYPE>::plain) {
		ada_plain_f16(w, i, to);
		return;
	}
	ada_bytes_to_f16<TYPE, 0>(ada_block_bytes(w, i), to);
	to[0] = ada_scale16(to[0], f);
	to[1] = ada_scale16(to[1], f);
}

#endif
