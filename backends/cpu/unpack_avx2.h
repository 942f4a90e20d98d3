/* unpack_avx2.h - the unpackers that AVX2 and AVX-512 share. */
#ifndef CPU_UNPACK_AVX2_H
#define CPU_UNPACK_AVX2_H

#include "quant.h"

quant_unpack_fn *unpack_avx2(uint32_t dtype);

quant_unpack_fn unpack_avx2_q8_0, unpack_avx2_q4_0, unpack_avx2_q4_1, unpack_avx2_q5_0,
	unpack_avx2_q5_1, unpack_avx2_iq4_nl, unpack_avx2_mxfp4;
quant_unpack_fn unpack_avx2_q2_k, unpack_avx2_q3_k, unpack_avx2_q4_k, unpack_avx2_q5_k,
	unpack_avx2_q6_k, unpack_avx2_iq4_xs;

#endif
